"""LK207: constant outputs."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK207",
    name="constant-outputs",
    severity=Severity.SUSPICIOUS,
    summary="The model gives the same output whatever its input is.",
    why=(
        "Nothing of the input reaches the loss: units are dead or saturated, weights were "
        "zero from the start, or a layer in between throws the differences away."
    ),
    bad="""\
from torch import nn

model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
nn.init.constant_(model[0].bias, -100.0)
""",
    good="""\
from torch import nn

model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
""",
    mend=(
        "Look for the first layer whose output does not vary over the batch; begin from the "
        "default initialisation and a smaller learning rate."
    ),
    sources=(
        Source(
            "A. Karpathy, A Recipe for Training Neural Networks",
            "https://karpathy.github.io/2019/04/25/recipe/",
        ),
        Source(
            "Stanford CS231n, Neural Networks Part 3: learning and evaluation",
            "https://cs231n.github.io/neural-networks-3/",
        ),
    ),
    tools=(Tool.CHECK, Tool.WATCH),
    fixes=Fixes.NEVER,
)
