"""LK402: diverges."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK402",
    name="diverges",
    severity=Severity.SUSPICIOUS,
    summary="The training loss rises far above where it was.",
    why=(
        "The learning rate is too high for the curvature that the weights have come to, or "
        "the data changed."
    ),
    bad="""\
from torch import nn, optim

model = nn.Linear(8, 1)
optimizer = optim.SGD(model.parameters(), lr=10.0)
""",
    good="""\
from torch import nn, optim

model = nn.Linear(8, 1)
optimizer = optim.SGD(model.parameters(), lr=0.01)
""",
    mend=(
        "Lower the learning rate to a third or a tenth, warm it up, or clip the norm of the "
        "gradients; go back to the last good checkpoint."
    ),
    sources=(
        Source(
            "Stanford CS231n, Neural Networks Part 3: learning and evaluation",
            "https://cs231n.github.io/neural-networks-3/",
        ),
        Source(
            "V. Godbole et al., Deep Learning Tuning Playbook",
            "https://github.com/google-research/tuning_playbook",
        ),
    ),
    tools=(Tool.WATCH, Tool.DIAGNOSE),
    fixes=Fixes.NEVER,
)
