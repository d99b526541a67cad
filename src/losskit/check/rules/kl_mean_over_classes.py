"""LK122: kl mean over classes."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK122",
    name="kl-mean-over-classes",
    severity=Severity.SUSPICIOUS,
    summary="A KL divergence is divided by the number of classes too.",
    why=(
        'The default reduction "mean" divides by all elements, so that the loss is the '
        "divergence divided by the number of classes: beside another loss it hardly counts. "
        "The divergence per row is the sum over the classes."
    ),
    bad="""\
import torch.nn.functional as F


def step(student, teacher, inputs):
    p = F.log_softmax(student(inputs), dim=1)
    q = F.softmax(teacher(inputs).detach(), dim=1)
    return F.kl_div(p, q)
""",
    good="""\
import torch.nn.functional as F


def step(student, teacher, inputs):
    p = F.log_softmax(student(inputs), dim=1)
    q = F.softmax(teacher(inputs).detach(), dim=1)
    return F.kl_div(p, q, reduction="batchmean")
""",
    mend='Say reduction="batchmean", or sum over the classes before the mean.',
    sources=(
        Source(
            "PyTorch, torch.nn.KLDivLoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.KLDivLoss.html",
        ),
        Source(
            "KLDivLoss averages over classes (pytorch#6622)",
            "https://github.com/pytorch/pytorch/issues/6622",
        ),
    ),
    tools=(Tool.LINT, Tool.CHECK, Tool.WATCH),
    fixes=Fixes.UNSAFE,
)
