"""LK405: does not learn."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK405",
    name="does-not-learn",
    severity=Severity.SUSPICIOUS,
    summary="The training loss is where it began.",
    why=(
        "No trend is to be seen in it: gradients do not reach the weights, or the optimiser "
        "does not move them."
    ),
    bad="""\
from torch import nn, optim

model = nn.Linear(8, 1)
optimizer = optim.SGD(nn.Linear(8, 1).parameters(), lr=0.1)
""",
    good="""\
from torch import nn, optim

model = nn.Linear(8, 1)
optimizer = optim.SGD(model.parameters(), lr=0.1)
""",
    mend=(
        "Watch the training with losskit.torch.watch, which sees gradients and weights; try a "
        "learning rate 10 times higher."
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
    tools=(Tool.WATCH, Tool.DIAGNOSE),
    fixes=Fixes.NEVER,
)
