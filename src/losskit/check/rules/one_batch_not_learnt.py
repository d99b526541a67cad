"""LK306: one batch not learnt."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK306",
    name="one-batch-not-learnt",
    severity=Severity.SUSPICIOUS,
    summary="The model cannot learn a single small batch by heart.",
    why=(
        "Any network with enough weights can. Where it does not, something between input and "
        "loss is broken, or the learning rate does not fit; hours of training will not help."
    ),
    bad="""\
from torch import nn

model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 3), nn.Softmax(dim=1))
criterion = nn.CrossEntropyLoss()
""",
    good="""\
from torch import nn

model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 3))
criterion = nn.CrossEntropyLoss()
""",
    mend=(
        "Look at the other findings, at the labels of that batch, and at which parameters get "
        "a gradient."
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
    tools=(Tool.WATCH,),
    fixes=Fixes.NEVER,
)
