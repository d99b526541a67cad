"""LK151: gradient cut before the loss."""

from __future__ import annotations

from collections.abc import Iterator

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool
from losskit.check.lint.facts import Backward
from losskit.check.lint.kinds import Flow, Kind
from losskit.check.lint.seen import Seen

__all__ = ["RULE"]

RULE = Rule(
    code="LK151",
    name="gradient-cut-before-the-loss",
    severity=Severity.BUG,
    summary="No gradient can pass from the loss to the model.",
    why=(
        "argmax, round, comparisons, .item(), .data, .detach(), NumPy and torch.tensor(...) "
        "have no gradient. backward() raises, or, where requires_grad was set by hand, runs "
        "and teaches the model nothing."
    ),
    bad="""\
import torch
import torch.nn.functional as F


def step(model, optimizer, inputs, targets):
    predictions = model(inputs).argmax(dim=1)
    loss = F.mse_loss(predictions.float(), targets)
    loss.requires_grad = True
    loss.backward()
    optimizer.step()
""",
    good="""\
import torch
import torch.nn.functional as F


def step(model, optimizer, inputs, targets):
    loss = F.cross_entropy(model(inputs), targets)
    loss.backward()
    optimizer.step()
""",
    mend="Compute the loss from the model's output itself, and detach only what is logged.",
    sources=(
        Source(
            "PyTorch, Tensor.detach",
            "https://docs.pytorch.org/docs/stable/generated/torch.Tensor.detach.html",
        ),
    ),
    tools=(Tool.LINT, Tool.WATCH),
    fixes=Fixes.NEVER,
)


def on_backward(backward: Backward) -> Iterator[Seen]:
    """Look at what backward() is called on."""
    value = backward.value
    if value.flow is not Flow.CUT or value.cut is None:
        return
    call = value.call
    why = value.cut.text
    if call is not None and value.kind is Kind.LOSS:
        yield Seen(
            f"no gradient gets from {call.face.name} to the model: {why}",
            value.cut,
            "the loss is computed from it",
            node=call.node,
            unit=call.unit,
        )
    else:
        yield Seen(
            f"no gradient gets from here to the model: {why}",
            value.cut,
            "backward() is called",
            node=value.cut.node,
            unit=value.cut.unit,
        )
