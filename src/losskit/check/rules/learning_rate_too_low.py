"""LK404: learning rate too low."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK404",
    name="learning-rate-too-low",
    severity=Severity.SUSPICIOUS,
    summary="The training loss falls evenly and slowly to the very end.",
    why=(
        "Nothing levels off, so the training was ended long before it was done; a higher "
        "learning rate gets there in a fraction of the steps."
    ),
    bad="""\
from torch import nn, optim

model = nn.Linear(8, 1)
optimizer = optim.SGD(model.parameters(), lr=1e-6)
""",
    good="""\
from torch import nn, optim

model = nn.Linear(8, 1)
optimizer = optim.SGD(model.parameters(), lr=0.05)
""",
    mend=(
        "Raise the learning rate by 3 to 10 times until the loss becomes unstable, and go "
        "back one step; or train longer."
    ),
    sources=(
        Source(
            "Stanford CS231n, Neural Networks Part 3: learning and evaluation",
            "https://cs231n.github.io/neural-networks-3/",
        ),
        Source(
            "L. N. Smith, Cyclical learning rates for training neural networks",
            "https://arxiv.org/abs/1506.01186",
        ),
    ),
    tools=(Tool.WATCH, Tool.DIAGNOSE),
    fixes=Fixes.NEVER,
)
