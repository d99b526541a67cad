"""LK102: log softmax before cross entropy."""

from __future__ import annotations

from collections.abc import Iterator

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool
from losskit.check.lint.facts import LossCall
from losskit.check.lint.kinds import Kind
from losskit.check.lint.seen import Seen, stripped
from losskit.check.rules.softmax_before_cross_entropy import softmaxed_twice
from losskit.core.contracts import LOGITS

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


def on_loss_call(call: LossCall) -> Iterator[Seen]:
    """Look at what a cross-entropy of classes takes."""
    if call.face.contract is not LOGITS or not call.face.of_classes:
        return
    found = call.seen(
        call.input,
        lambda tensor: tensor.kind is Kind.LOG_SOFTMAX and not softmaxed_twice(tensor),
    )
    if found is not None:
        names = {"log_softmax", "LogSoftmax"}
        yield Seen(
            f"{call.face.name} applies log-softmax itself, and gets {found.kind}",
            found.trail,
            f"{call.face.name} takes it, and applies log-softmax again",
            fix=stripped(call.unit, call.nodes.get(call.input), names, safe=True),
        )
