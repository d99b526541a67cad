"""LK205: one hot where indices do."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK205",
    name="one-hot-where-indices-do",
    severity=Severity.REDUNDANT,
    summary="Targets are one-hot rows where class indices say the same.",
    why=(
        "The loss is the same, but the rows take K times the memory and most of the time of "
        "the loss."
    ),
    bad="""\
import torch.nn.functional as F


def loss_of(logits, labels):
    return F.cross_entropy(logits, F.one_hot(labels, logits.shape[1]).float())
""",
    good="""\
import torch.nn.functional as F


def loss_of(logits, labels):
    return F.cross_entropy(logits, labels)
""",
    mend="Pass the indices: target.argmax(1).",
    sources=(
        Source(
            "PyTorch, torch.nn.CrossEntropyLoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html",
        ),
    ),
    tools=(Tool.CHECK,),
    fixes=Fixes.NEVER,
)
