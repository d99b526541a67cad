"""LK124: log target not said."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK124",
    name="log-target-not-said",
    severity=Severity.BUG,
    summary="The target of a KL divergence is in log space, and the loss is not told.",
    why=(
        "Without log_target=True the target is taken for probabilities: logarithms of "
        "negative numbers become NaN or, where the loss guards against them, 0."
    ),
    bad="""\
import torch.nn.functional as F


def step(student, teacher, inputs):
    p = F.log_softmax(student(inputs), dim=1)
    q = F.log_softmax(teacher(inputs).detach(), dim=1)
    return F.kl_div(p, q, reduction="batchmean")
""",
    good="""\
import torch.nn.functional as F


def step(student, teacher, inputs):
    p = F.log_softmax(student(inputs), dim=1)
    q = F.log_softmax(teacher(inputs).detach(), dim=1)
    return F.kl_div(p, q, reduction="batchmean", log_target=True)
""",
    mend="Say log_target=True, or give probabilities.",
    sources=(
        Source(
            "PyTorch, torch.nn.KLDivLoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.KLDivLoss.html",
        ),
    ),
    tools=(Tool.LINT, Tool.CHECK, Tool.WATCH),
    fixes=Fixes.UNSAFE,
)
