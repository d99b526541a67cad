"""LK161: one output for two contracts."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK161",
    name="one-output-for-two-contracts",
    severity=Severity.BUG,
    summary="Losses that want different activations get the same tensor.",
    why=(
        "One of them takes logits and the other probabilities, so that one of them is wrong "
        "whatever the tensor holds."
    ),
    bad="""\
from torch import nn

on_probabilities = nn.BCELoss()
on_logits = nn.BCEWithLogitsLoss()


def step(model, inputs, labels, others):
    outputs = model(inputs)
    return on_probabilities(outputs, labels) + on_logits(outputs, others)
""",
    good="""\
import torch
from torch import nn

on_probabilities = nn.BCELoss()
on_logits = nn.BCEWithLogitsLoss()


def step(model, inputs, labels, others):
    outputs = model(inputs)
    return on_probabilities(torch.sigmoid(outputs), labels) + on_logits(outputs, others)
""",
    mend="Keep the logits, and give each loss what it takes.",
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
    tools=(Tool.LINT,),
    fixes=Fixes.NEVER,
)
