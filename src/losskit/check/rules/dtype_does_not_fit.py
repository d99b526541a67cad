"""LK204: dtype does not fit."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK204",
    name="dtype-does-not-fit",
    severity=Severity.BUG,
    summary="An argument has a dtype that the loss does not take.",
    why=(
        "Integers where floats belong, or the reverse, are refused by PyTorch with a message "
        "about kernels, or rounded away before the loss sees them."
    ),
    bad="""\
from torch import nn


def loss_of(logits, labels):
    return nn.CrossEntropyLoss()(logits, labels.float())
""",
    good="""\
from torch import nn


def loss_of(logits, labels):
    return nn.CrossEntropyLoss()(logits, labels.long())
""",
    mend=(
        "Class indices are int64; binary labels, signs, counts and real targets are floats "
        "like the input."
    ),
    sources=(
        Source(
            "PyTorch, torch.nn.CrossEntropyLoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html",
        ),
        Source(
            "PyTorch, torch.nn.BCEWithLogitsLoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.BCEWithLogitsLoss.html",
        ),
    ),
    tools=(Tool.CHECK, Tool.WATCH),
    fixes=Fixes.NEVER,
)
