"""LK183: weight for pos weight."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK183",
    name="weight-for-pos-weight",
    severity=Severity.SUSPICIOUS,
    summary=(
        "A weight that was meant for the positives weighs all examples, or class weights grow "
        "with frequency."
    ),
    why=(
        "BCE's weight multiplies both labels' costs alike, so that an imbalance stays as it "
        "was: pos_weight is what weighs positives. Class weights that grow with the count of "
        "a class make the imbalance worse."
    ),
    bad="""\
import torch
from torch import nn

pos_weight = torch.tensor([9.0])
criterion = nn.BCEWithLogitsLoss(pos_weight)
""",
    good="""\
import torch
from torch import nn

pos_weight = torch.tensor([9.0])
criterion = nn.BCEWithLogitsLoss(pos_weight=pos_weight)
""",
    mend=(
        "Name it: pos_weight = negatives / positives. Class weights fall with the count of a class."
    ),
    sources=(
        Source(
            "PyTorch, torch.nn.BCEWithLogitsLoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.BCEWithLogitsLoss.html",
        ),
    ),
    tools=(Tool.LINT, Tool.CHECK),
    fixes=Fixes.UNSAFE,
)
