"""LK142: target before input."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK142",
    name="target-before-input",
    severity=Severity.BUG,
    summary="A loss gets the target first and the model's output second.",
    why=(
        "Losses take (input, target). Cross-entropy of exchanged arguments raises or reads "
        "labels as logits; BCE takes logarithms of labels, clipped to -100, and has no useful "
        "gradient."
    ),
    bad="""\
import torch
import torch.nn.functional as F


def step(model, inputs, labels):
    probabilities = torch.sigmoid(model(inputs))
    return F.binary_cross_entropy(labels.float(), probabilities)
""",
    good="""\
import torch
import torch.nn.functional as F


def step(model, inputs, labels):
    probabilities = torch.sigmoid(model(inputs))
    return F.binary_cross_entropy(probabilities, labels.float())
""",
    mend="Exchange them.",
    sources=(
        Source(
            "PyTorch, torch.nn.functional.binary_cross_entropy",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.binary_cross_entropy.html",
        ),
    ),
    tools=(Tool.LINT, Tool.CHECK, Tool.WATCH),
    fixes=Fixes.UNSAFE,
)
