"""LK403: oscillates."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK403",
    name="oscillates",
    severity=Severity.SUSPICIOUS,
    summary="The training loss leaps up and down by more than it falls.",
    why=(
        "Steps are too long: each leaps over the valley. What the last one left is a matter "
        "of chance."
    ),
    bad="""\
from torch import nn, optim

model = nn.Linear(8, 1)
optimizer = optim.SGD(model.parameters(), lr=1.0, momentum=0.99)
""",
    good="""\
from torch import nn, optim

model = nn.Linear(8, 1)
optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
""",
    mend="Lower the learning rate, let it decay, or take larger batches.",
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
