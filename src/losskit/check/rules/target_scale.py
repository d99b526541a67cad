"""LK215: target scale."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK215",
    name="target-scale",
    severity=Severity.SUSPICIOUS,
    summary="Real targets are far from the scale of a network's outputs.",
    why=(
        "Outputs start near 0 with a spread of about 1. The whole first part of a training "
        "goes to reach the scale, squared errors explode, and a learning rate that fits one "
        "unit does not fit another."
    ),
    bad="""\
from torch import nn, tensor

prices = tensor([310_000.0, 455_000.0, 289_000.0])
criterion = nn.MSELoss()
""",
    good="""\
from torch import nn, tensor

prices = tensor([310_000.0, 455_000.0, 289_000.0])
scaled = (prices - prices.mean()) / prices.std()
criterion = nn.MSELoss()
""",
    mend=(
        "Standardise the target with the mean and deviation of the training data, and undo it "
        "when predicting."
    ),
    sources=(
        Source(
            "Stanford CS231n, Neural Networks Part 3: learning and evaluation",
            "https://cs231n.github.io/neural-networks-3/",
        ),
        Source(
            "A. Karpathy, A Recipe for Training Neural Networks",
            "https://karpathy.github.io/2019/04/25/recipe/",
        ),
    ),
    tools=(Tool.CHECK, Tool.WATCH),
    fixes=Fixes.NEVER,
)
