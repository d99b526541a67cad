"""LK303: dead relus."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK303",
    name="dead-relus",
    severity=Severity.SUSPICIOUS,
    summary="Most units of a ReLU layer are 0 for every sample.",
    why=(
        "A unit that is 0 everywhere has no gradient and never comes back: the layer is "
        "narrower than it was made, or passes nothing."
    ),
    bad="""\
from torch import nn, optim

model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 1))
optimizer = optim.SGD(model.parameters(), lr=10.0)
""",
    good="""\
from torch import nn, optim

model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 1))
optimizer = optim.SGD(model.parameters(), lr=0.01)
""",
    mend=(
        "Lower the learning rate, begin again, standardise the inputs, or take LeakyReLU or GELU."
    ),
    sources=(
        Source(
            "Stanford CS231n, Neural Networks Part 3: learning and evaluation",
            "https://cs231n.github.io/neural-networks-3/",
        ),
        Source(
            "PyTorch, torch.nn.LeakyReLU",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.LeakyReLU.html",
        ),
    ),
    tools=(Tool.WATCH,),
    fixes=Fixes.NEVER,
)
