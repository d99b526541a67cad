"""LK304: parameters do not move."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK304",
    name="parameters-do-not-move",
    severity=Severity.BUG,
    summary="Parameters that get a gradient do not change.",
    why=(
        "The optimiser does not hold them (it was made before the model, or for another one), "
        "its learning rate is 0, or step() is never called."
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
        "Make the optimiser after the model, with model.parameters(), and call step() after "
        "backward()."
    ),
    sources=(
        Source(
            "PyTorch, torch.optim",
            "https://docs.pytorch.org/docs/stable/optim.html",
        ),
    ),
    tools=(Tool.WATCH,),
    fixes=Fixes.NEVER,
)
