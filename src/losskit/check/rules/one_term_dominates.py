"""LK212: one term dominates."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK212",
    name="one-term-dominates",
    severity=Severity.SUSPICIOUS,
    summary="One term of a sum of losses gives nearly all of the gradient.",
    why=(
        "The others are there in name only: the weights of the sum do not make up for the "
        "terms' different scales."
    ),
    bad="""\
def total(reconstruction, regulariser):
    return 1000 * reconstruction + regulariser
""",
    good="""\
def total(reconstruction, regulariser):
    return reconstruction + 0.5 * regulariser
""",
    mend=(
        "Choose weights so that the gradients of the terms are of one order of magnitude, and "
        "log the terms."
    ),
    sources=(
        Source(
            "Z. Chen et al., GradNorm: gradient normalization for adaptive loss balancing",
            "https://arxiv.org/abs/1711.02257",
        ),
    ),
    tools=(Tool.CHECK, Tool.WATCH),
    fixes=Fixes.NEVER,
)
