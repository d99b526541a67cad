"""LK105: cross entropy on one logit."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK105",
    name="cross-entropy-on-one-logit",
    severity=Severity.BUG,
    summary="A cross-entropy over classes gets a single logit, or the output of a sigmoid.",
    why=(
        "The softmax of one logit is 1, so that the loss is 0 whatever the model says and "
        "nothing is learnt. After a sigmoid, the scores of two classes differ by less than 1, "
        "and the loss cannot fall below 0.31."
    ),
    bad="""\
from torch import nn

model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
criterion = nn.CrossEntropyLoss()


def step(inputs, labels):
    return criterion(model(inputs), labels)
""",
    good="""\
from torch import nn

model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
criterion = nn.CrossEntropyLoss()


def step(inputs, labels):
    return criterion(model(inputs), labels)
""",
    mend=(
        "For one logit take BCEWithLogitsLoss; for K classes give one logit for each, without "
        "an activation."
    ),
    sources=(
        Source(
            "PyTorch, torch.nn.CrossEntropyLoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html",
        ),
        Source(
            "PyTorch, torch.nn.BCEWithLogitsLoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.BCEWithLogitsLoss.html",
        ),
    ),
    tools=(Tool.LINT, Tool.CHECK, Tool.WATCH),
    fixes=Fixes.NEVER,
)
