"""LK401: stuck at knowing nothing."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK401",
    name="stuck-at-knowing-nothing",
    severity=Severity.SUSPICIOUS,
    summary="The loss stays at the value of a model that knows nothing of its input.",
    why=(
        "ln K of K classes means that all are held for equally likely; 0.6931 is 0.5 for "
        "every binary label; the entropy of the labels, or the variance of a real target, "
        "means that only the frequencies or the mean were learnt."
    ),
    bad="""\
from torch import nn, optim

model = nn.Linear(8, 10)
optimizer = optim.SGD(model.parameters(), lr=1e-9)
""",
    good="""\
from torch import nn, optim

model = nn.Linear(8, 10)
optimizer = optim.SGD(model.parameters(), lr=0.1)
""",
    mend=(
        "See whether labels belong to their inputs, whether gradients reach the first layers, "
        "and whether one batch can be learnt by heart (losskit.torch.preflight); then try "
        "learning rates 10 times higher and lower."
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
