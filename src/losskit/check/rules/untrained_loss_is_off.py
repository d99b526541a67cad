"""LK214: untrained loss is off."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK214",
    name="untrained-loss-is-off",
    severity=Severity.SUSPICIOUS,
    summary="Before training, the loss is far above that of a model that knows nothing.",
    why=(
        "An untrained model should be unsure. One that is confidently wrong spends its first "
        "steps on unlearning, with large gradients and a dent in the curve."
    ),
    bad="""\
from torch import nn

head = nn.Linear(64, 10)
nn.init.normal_(head.weight, std=5.0)
""",
    good="""\
from torch import nn

head = nn.Linear(64, 10)
nn.init.normal_(head.weight, std=0.01)
""",
    mend=(
        "Start the last layer with small weights, and its bias at what the report says; "
        "standardise inputs and real targets."
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
