"""LK218: negative loss."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK218",
    name="negative-loss",
    severity=Severity.BUG,
    summary="A loss that cannot be negative is.",
    why=(
        "Its arguments are not what it takes: probabilities where their logarithms belong, "
        "labels outside [0, 1], or targets that are no distribution. Such a loss has no "
        "lowest value."
    ),
    bad="""\
import torch.nn.functional as F


def loss_of(logits, labels):  # labels are -1 and 1
    return F.binary_cross_entropy_with_logits(logits, labels)
""",
    good="""\
import torch.nn.functional as F


def loss_of(logits, labels):  # labels are -1 and 1
    return F.binary_cross_entropy_with_logits(logits, (labels + 1) / 2)
""",
    mend="Check a batch with losskit.check, which says what is wrong with which argument.",
    sources=(
        Source(
            "KLDivLoss returns a negative value (pytorch#69230)",
            "https://github.com/pytorch/pytorch/issues/69230",
        ),
        Source(
            "PyTorch, torch.nn.KLDivLoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.KLDivLoss.html",
        ),
    ),
    tools=(Tool.CHECK, Tool.WATCH, Tool.DIAGNOSE),
    fixes=Fixes.NEVER,
)
