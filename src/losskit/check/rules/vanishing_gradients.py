"""LK302: vanishing gradients."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK302",
    name="vanishing-gradients",
    severity=Severity.SUSPICIOUS,
    summary=(
        "The first layers get gradients that are smaller by orders of magnitude than the last "
        "ones'."
    ),
    why=(
        "Each sigmoid or tanh shrinks the gradient that passes it. The first layers stay as "
        "they were initialised, and the last ones work on random features."
    ),
    bad="""\
from torch import nn

layers = [layer for _ in range(10) for layer in (nn.Linear(32, 32), nn.Sigmoid())]
model = nn.Sequential(*layers, nn.Linear(32, 1))
""",
    good="""\
from torch import nn

layers = [layer for _ in range(10) for layer in (nn.Linear(32, 32), nn.LayerNorm(32), nn.ReLU())]
model = nn.Sequential(*layers, nn.Linear(32, 1))
""",
    mend=(
        "Take ReLU or GELU, normalisation layers, residual connections, and an initialisation "
        "that fits the activation."
    ),
    sources=(
        Source(
            (
                "X. Glorot and Y. Bengio, Understanding the difficulty of training deep "
                "feedforward neural networks"
            ),
            "https://proceedings.mlr.press/v9/glorot10a.html",
        ),
        Source(
            "Stanford CS231n, Neural Networks Part 3: learning and evaluation",
            "https://cs231n.github.io/neural-networks-3/",
        ),
    ),
    tools=(Tool.WATCH,),
    fixes=Fixes.NEVER,
)
