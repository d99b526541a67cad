"""LK209: gradient is zero."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK209",
    name="gradient-is-zero",
    severity=Severity.SUSPICIOUS,
    summary="The loss has no gradient in most samples, although it is not at its best.",
    why="A sample without a gradient teaches nothing, however wrong the model is there.",
    bad="""\
import torch


def loss_of(scores, target):
    return ((scores > 0).float() - target).abs().mean()
""",
    good="""\
import torch.nn.functional as F


def loss_of(scores, target):
    return F.binary_cross_entropy_with_logits(scores, target)
""",
    mend=(
        "Take the loss of raw scores, leave out roundings, comparisons and clamps before it, "
        "and look at saturated outputs."
    ),
    sources=(
        Source(
            "Stanford CS231n, Neural Networks Part 3: learning and evaluation",
            "https://cs231n.github.io/neural-networks-3/",
        ),
        Source(
            "PyTorch, torch.nn.BCEWithLogitsLoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.BCEWithLogitsLoss.html",
        ),
    ),
    tools=(Tool.CHECK, Tool.WATCH),
    fixes=Fixes.NEVER,
)
