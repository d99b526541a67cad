"""LK191: softmax over the wrong axis."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK191",
    name="softmax-over-the-wrong-axis",
    severity=Severity.SUSPICIOUS,
    summary="A softmax has no dim, or goes over the batch.",
    why=(
        "Without dim the axis follows from the number of axes: 0 for one or three of them, "
        "else 1, with a warning. Over the batch, the probabilities of one example depend on "
        "the others."
    ),
    bad="""\
import torch.nn.functional as F


def predict(model, inputs):
    return F.softmax(model(inputs))
""",
    good="""\
import torch.nn.functional as F


def predict(model, inputs):
    return F.softmax(model(inputs), dim=1)
""",
    mend="Say dim: 1 for (N, C) and (N, C, H, W), -1 for (N, T, C).",
    sources=(
        Source(
            "PyTorch, torch.nn.functional.softmax",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.softmax.html",
        ),
    ),
    tools=(Tool.LINT, Tool.CHECK, Tool.WATCH),
    fixes=Fixes.UNSAFE,
)
