"""LK104: bce on non probabilities."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK104",
    name="bce-on-non-probabilities",
    severity=Severity.BUG,
    summary="A binary cross-entropy on probabilities gets what is no probability.",
    why=(
        "BCELoss takes the logarithm of its input and of 1 minus it. Raw scores leave [0, 1]: "
        "PyTorch raises on the CPU, asserts in a kernel on a GPU, and where no score happens "
        "to leave the interval the loss is of no meaning. Of log-probabilities it is the "
        "same."
    ),
    bad="""\
from torch import nn

model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
criterion = nn.BCELoss()


def step(inputs, labels):
    return criterion(model(inputs), labels)
""",
    good="""\
from torch import nn

model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
criterion = nn.BCEWithLogitsLoss()


def step(inputs, labels):
    return criterion(model(inputs), labels)
""",
    mend="Take BCEWithLogitsLoss, which applies the sigmoid itself.",
    sources=(
        Source(
            "PyTorch, torch.nn.BCELoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.BCELoss.html",
        ),
        Source(
            "PyTorch, torch.nn.BCEWithLogitsLoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.BCEWithLogitsLoss.html",
        ),
    ),
    tools=(Tool.LINT, Tool.CHECK, Tool.WATCH),
    fixes=Fixes.UNSAFE,
)
