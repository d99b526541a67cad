"""LK131: loss class called with tensors."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK131",
    name="loss-class-called-with-tensors",
    severity=Severity.BUG,
    summary="The class of a loss is called with tensors, as if it were its function.",
    why=(
        "The call builds a module with the tensors as its settings; no loss is computed. "
        "Depending on the class it raises at once, or at backward()."
    ),
    bad="""\
from torch import nn


def step(model, inputs, labels):
    loss = nn.MSELoss(model(inputs), labels)
    loss.backward()
""",
    good="""\
from torch import nn


def step(model, inputs, labels):
    loss = nn.MSELoss()(model(inputs), labels)
    loss.backward()
""",
    mend="Build the loss first and then call it, or take its function in torch.nn.functional.",
    sources=(
        Source(
            "PyTorch, torch.nn.MSELoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.MSELoss.html",
        ),
    ),
    tools=(Tool.LINT,),
    fixes=Fixes.SAFE,
)
