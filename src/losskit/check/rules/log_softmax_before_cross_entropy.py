"""LK102: log softmax before cross entropy."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK102",
    name="log-softmax-before-cross-entropy",
    severity=Severity.REDUNDANT,
    summary="A log-softmax is applied before a cross-entropy that applies its own.",
    why=(
        "Log-softmax of log-probabilities gives them back, so that the value and the gradient "
        "are right. The work is done twice, and whoever changes the loss or reads the output "
        "as logits is misled."
    ),
    bad="""\
import torch.nn.functional as F


def step(model, inputs, labels):
    return F.cross_entropy(F.log_softmax(model(inputs), dim=1), labels)
""",
    good="""\
import torch.nn.functional as F


def step(model, inputs, labels):
    return F.cross_entropy(model(inputs), labels)
""",
    mend="Drop the log-softmax, or keep it and take NLLLoss.",
    sources=(
        Source(
            "PyTorch, torch.nn.CrossEntropyLoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html",
        ),
        Source(
            "PyTorch, torch.nn.NLLLoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.NLLLoss.html",
        ),
    ),
    tools=(Tool.LINT, Tool.CHECK, Tool.WATCH),
    fixes=Fixes.SAFE,
)
