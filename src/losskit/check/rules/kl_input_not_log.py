"""LK121: kl input not log."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK121",
    name="kl-input-not-log",
    severity=Severity.BUG,
    summary="The input of a KL divergence is not in log space.",
    why=(
        "kl_div takes the model's log-probabilities. Of probabilities the value is no "
        "divergence and may be negative; with raw scores it falls without limit."
    ),
    bad="""\
import torch.nn.functional as F


def step(student, teacher, inputs):
    p = F.softmax(student(inputs), dim=1)
    q = F.softmax(teacher(inputs).detach(), dim=1)
    return F.kl_div(p, q, reduction="batchmean")
""",
    good="""\
import torch.nn.functional as F


def step(student, teacher, inputs):
    p = F.log_softmax(student(inputs), dim=1)
    q = F.softmax(teacher(inputs).detach(), dim=1)
    return F.kl_div(p, q, reduction="batchmean")
""",
    mend="Apply log_softmax to the model's logits.",
    sources=(
        Source(
            "PyTorch, torch.nn.KLDivLoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.KLDivLoss.html",
        ),
        Source(
            "KLDivLoss gives negative values (pytorch#69230)",
            "https://github.com/pytorch/pytorch/issues/69230",
        ),
    ),
    tools=(Tool.LINT, Tool.CHECK, Tool.WATCH),
    fixes=Fixes.UNSAFE,
)
