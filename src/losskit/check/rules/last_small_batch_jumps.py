"""LK308: last small batch jumps."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK308",
    name="last-small-batch-jumps",
    severity=Severity.SUSPICIOUS,
    summary="The loss jumps with the last, smaller batch of each epoch.",
    why=(
        "Few samples give a noisy mean and, with batch normalisation, noisy statistics; under "
        "a summed loss they also count less."
    ),
    bad="""\
from torch.utils.data import DataLoader


def loader(dataset):  # 1,025 samples
    return DataLoader(dataset, batch_size=128, shuffle=True)
""",
    good="""\
from torch.utils.data import DataLoader


def loader(dataset):  # 1,025 samples
    return DataLoader(dataset, batch_size=128, shuffle=True, drop_last=True)
""",
    mend="Say drop_last=True in training, or choose a batch size that leaves no small rest.",
    sources=(
        Source(
            "PyTorch, torch.utils.data.DataLoader",
            "https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.DataLoader",
        ),
    ),
    tools=(Tool.WATCH,),
    fixes=Fixes.NEVER,
)
