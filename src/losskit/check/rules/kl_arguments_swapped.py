"""LK123: kl arguments swapped."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK123",
    name="kl-arguments-swapped",
    severity=Severity.BUG,
    summary="Input and target of a KL divergence are exchanged.",
    why=(
        "kl_div(input, target) takes the model's log-probabilities first and the truth, as "
        "probabilities, second. Exchanged, logarithms are taken of what is in log space "
        "already, or the gradient flows through the wrong argument."
    ),
    bad="""\
import torch.nn.functional as F


def step(student, teacher, inputs):
    p = F.log_softmax(student(inputs), dim=1)
    q = F.softmax(teacher(inputs).detach(), dim=1)
    return F.kl_div(q, p, reduction="batchmean")
""",
    good="""\
import torch.nn.functional as F


def step(student, teacher, inputs):
    p = F.log_softmax(student(inputs), dim=1)
    q = F.softmax(teacher(inputs).detach(), dim=1)
    return F.kl_div(p, q, reduction="batchmean")
""",
    mend="Give the model's log-probabilities first, then the probabilities of the truth.",
    sources=(
        Source(
            "PyTorch, torch.nn.KLDivLoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.KLDivLoss.html",
        ),
    ),
    tools=(Tool.LINT, Tool.CHECK, Tool.WATCH),
    fixes=Fixes.UNSAFE,
)
