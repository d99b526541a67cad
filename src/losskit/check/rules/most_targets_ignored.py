"""LK206: most targets ignored."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK206",
    name="most-targets-ignored",
    severity=Severity.SUSPICIOUS,
    summary="Most positions take no part in the loss, or none does.",
    why=(
        "What takes part carries the whole gradient: the mean is noisy, differs from batch to "
        "batch, and is NaN in torch.nn where nothing is left."
    ),
    bad="""\
from torch import nn, full

target = full((8, 128), -100)
target[:, 0] = 1
criterion = nn.CrossEntropyLoss(ignore_index=-100)
""",
    good="""\
from torch import nn, randint

target = randint(0, 50, (8, 128))
target[:, 120:] = -100
criterion = nn.CrossEntropyLoss(ignore_index=-100)
""",
    mend=(
        "See whether the labels are masked as they should be; average over what takes part in "
        "all of the batches that make up a step."
    ),
    sources=(
        Source(
            "PyTorch, torch.nn.CrossEntropyLoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html",
        ),
        Source(
            "CrossEntropyLoss is NaN where all targets are ignored (pytorch#75181)",
            "https://github.com/pytorch/pytorch/issues/75181",
        ),
    ),
    tools=(Tool.CHECK, Tool.WATCH),
    fixes=Fixes.NEVER,
)
