"""LK213: sum reduction."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK213",
    name="sum-reduction",
    severity=Severity.SUSPICIOUS,
    summary="The loss is summed over the batch, not averaged.",
    why=(
        "The gradient grows with the batch: the learning rate that fits depends on the batch "
        "size, the last small batch counts less, and losses cannot be compared between batch "
        "sizes."
    ),
    bad="""\
from torch import nn

criterion = nn.MSELoss(reduction="sum")
""",
    good="""\
from torch import nn

criterion = nn.MSELoss(reduction="mean")
""",
    mend=(
        "Average, or divide the sum by the number of samples; under gradient accumulation by "
        "that of all of the batches."
    ),
    sources=(
        Source(
            "PyTorch, torch.nn.MSELoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.MSELoss.html",
        ),
        Source(
            "V. Godbole et al., Deep Learning Tuning Playbook",
            "https://github.com/google-research/tuning_playbook",
        ),
    ),
    tools=(Tool.CHECK, Tool.WATCH),
    fixes=Fixes.NEVER,
)
