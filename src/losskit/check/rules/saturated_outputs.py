"""LK208: saturated outputs."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK208",
    name="saturated-outputs",
    severity=Severity.SUSPICIOUS,
    summary="Outputs are so far out that softmax, sigmoid or tanh is flat there.",
    why=(
        "Where a probability is 0 or 1 to the last digit, gradients are 0 or as large as they "
        "get: wrong examples are stuck or throw the weights about."
    ),
    bad="""\
import torch


def scores(features, weight):
    return 1000 * features @ weight
""",
    good="""\
import torch


def scores(features, weight):
    return features @ weight / weight.shape[0] ** 0.5
""",
    mend=(
        "Standardise the inputs, take the default initialisation, and leave scales and "
        "temperatures near 1."
    ),
    sources=(
        Source(
            "Stanford CS231n, Neural Networks Part 3: learning and evaluation",
            "https://cs231n.github.io/neural-networks-3/",
        ),
        Source(
            "PyTorch, torch.nn.init",
            "https://docs.pytorch.org/docs/stable/nn.init.html",
        ),
    ),
    tools=(Tool.CHECK, Tool.WATCH),
    fixes=Fixes.NEVER,
)
