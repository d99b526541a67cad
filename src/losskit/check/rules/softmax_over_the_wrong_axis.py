"""LK191: softmax over the wrong axis."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool
from losskit.check.lint.blocks import statements
from losskit.check.lint.facts import Activation, LossCall, Taken
from losskit.check.lint.kinds import Flow, Kind
from losskit.check.lint.seen import Seen
from losskit.check.lint.values import Const, Tensor

__all__ = ["RULE"]

RULE = Rule(
    code="LK191",
    name="softmax-over-the-wrong-axis",
    severity=Severity.SUSPICIOUS,
    summary="A softmax has no dim, or goes over the batch.",
    why=(
        "Without dim the axis follows from the number of axes: 0 for one or three of them, "
        "else 1, with a warning. Over the batch, the probabilities of one example depend on "
        "the others."
    ),
    bad="""\
import torch.nn.functional as F


def predict(model, inputs):
    return F.softmax(model(inputs))
""",
    good="""\
import torch.nn.functional as F


def predict(model, inputs):
    return F.softmax(model(inputs), dim=1)
""",
    mend="Say dim: 1 for (N, C) and (N, C, H, W), -1 for (N, T, C).",
    sources=(
        Source(
            "PyTorch, torch.nn.functional.softmax",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.softmax.html",
        ),
    ),
    tools=(Tool.LINT, Tool.CHECK, Tool.WATCH),
    fixes=Fixes.UNSAFE,
)


def on_activation(activation: Activation) -> Iterator[Seen]:
    """Look at the axis of a softmax."""
    built = activation.built
    node = None if built is None else built.node
    unit = None if built is None else built.unit
    if activation.dim is None or activation.dim == Const(None):
        if activation.name in {"softmax", "log_softmax", "softmin"}:
            yield Seen(
                f"{activation.name} has no dim: the axis follows from the number of axes",
                node=node,
                unit=unit,
            )
        return
    value = activation.value
    first = {0, -value.rank} if value.rank is not None and value.rank > 1 else set()
    over_batch = isinstance(activation.dim, Const) and activation.dim.value in first
    raw = value.kind is Kind.RAW
    learnt = (raw or value.flow is Flow.MODEL) and value.units not in {None, 1}
    if over_batch and learnt and not _asked_for_one(activation):
        yield Seen(
            f"{activation.name} goes over axis 0, which is the batch",
            value.trail,
            f"{activation.name} is applied over axis 0",
            Severity.BUG if raw else None,
            node=node,
            unit=unit,
        )


def _asked_for_one(activation: Activation) -> bool:
    """Whether it is a prediction's, which mostly is of one row."""
    line = getattr(activation.node, "lineno", 0)
    return any(
        isinstance(one, ast.FunctionDef)
        and _PREDICTION.match(one.name)
        and one.lineno <= line <= (one.end_lineno or 0)
        for one in statements(activation.unit.tree.body)
    )


_PREDICTION = re.compile(
    r"(?!\w*loss)_*(predict|infer|classify|sample|generate|(get|choose|select)_action)"
)


def on_taken(taken: Taken) -> Iterator[Seen]:
    """Look at what is taken from a softmax over axis 0: a class of each row."""
    yield from _over_rows(taken.value)


def on_loss_call(call: LossCall) -> Iterator[Seen]:
    """Look at the axis of a softmax that goes into a loss of classes."""
    if call.face.of_classes:
        found = call.seen(call.input, lambda tensor: tensor.axis == 0)
        if found is not None:
            yield from _over_rows(found)


def _over_rows(value: Tensor) -> Iterator[Seen]:
    if value.kind not in {Kind.SOFTMAX, Kind.LOG_SOFTMAX} or value.trail is None:
        return
    steps = [step for step in value.trail if step.text.endswith(("is built", "is applied"))]
    steps = [step for step in steps if "softmax" in step.text]
    if steps:
        yield Seen(
            "a softmax over axis 0 goes over the batch, and not over the classes",
            value.trail,
            node=steps[0].node,
            unit=steps[0].unit,
        )
