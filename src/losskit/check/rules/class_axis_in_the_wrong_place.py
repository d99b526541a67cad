"""LK203: class axis in the wrong place."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK203",
    name="class-axis-in-the-wrong-place",
    severity=Severity.BUG,
    summary="The classes are not on the axis where the loss looks for them.",
    why=(
        "Losses of torch.nn take (N, C, ...): of (N, T, C), as sequence models give it, they "
        "take the steps for classes. Where T equals C, or the target is small enough, nothing "
        "is refused."
    ),
    bad="""\
from torch import nn


def loss_of(logits, tokens):  # (N, T, C) and (N, T)
    return nn.CrossEntropyLoss()(logits, tokens)
""",
    good="""\
from torch import nn


def loss_of(logits, tokens):  # (N, T, C) and (N, T)
    return nn.CrossEntropyLoss()(logits.transpose(1, 2), tokens)
""",
    mend="Move the classes to axis 1, or flatten to (N * T, C) and (N * T,).",
    sources=(
        Source(
            "PyTorch, torch.nn.CrossEntropyLoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html",
        ),
        Source(
            "CrossEntropyLoss takes the wrong axis silently (pytorch#29754)",
            "https://github.com/pytorch/pytorch/issues/29754",
        ),
    ),
    tools=(Tool.CHECK, Tool.WATCH),
    fixes=Fixes.NEVER,
)
