"""LK132: criterion never used."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK132",
    name="criterion-never-used",
    severity=Severity.SUSPICIOUS,
    summary="A criterion is built, and another loss takes its place.",
    why=(
        "Readers and configuration files believe in the criterion that is built. Often its "
        "settings, such as class weights, were meant for the loss that is computed."
    ),
    bad="""\
import torch
import torch.nn.functional as F
from torch import nn


def train(model, optimizer, batches):
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    for inputs, labels in batches:
        loss = F.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
""",
    good="""\
import torch
from torch import nn


def train(model, optimizer, batches):
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    for inputs, labels in batches:
        loss = criterion(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
""",
    mend="Call the criterion, or drop it.",
    sources=(
        Source(
            "PyTorch, torch.nn.CrossEntropyLoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html",
        ),
    ),
    tools=(Tool.LINT,),
    fixes=Fixes.NEVER,
)
