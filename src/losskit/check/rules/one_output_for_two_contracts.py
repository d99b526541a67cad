"""LK161: one output for two contracts."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool
from losskit.check.lint.facts import LossCall
from losskit.check.lint.kinds import Flow, Kind
from losskit.check.lint.overlaps import overlap_beside
from losskit.check.lint.seen import Seen
from losskit.check.lint.values import Tensor, Trail, Value
from losskit.core.contracts import LOG_PROBABILITIES, LOGITS, PROBABILITIES

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


_APART = (LOGITS, PROBABILITIES, LOG_PROBABILITIES)


def on_loss_call(call: LossCall) -> Iterator[Seen]:
    """Look at other losses that took the same tensor."""
    value = call.values.get(call.input)
    yield from _overlaps(call, value)
    if isinstance(value, Tensor) and (value.kind is not Kind.UNKNOWN or value.flow is Flow.DATA):
        return
    if call.face.contract not in _APART:
        return
    for name, other in call.rivals:
        wanted = other.face.contract
        if name != call.input or wanted not in _APART or wanted is call.face.contract:
            continue
        if other.values.get(other.input) is not value:
            continue
        yield Seen(
            f"{call.face.name} takes {call.face.contract.title}, and {other.face.name} got the "
            f"same tensor as {wanted.title}",
            Trail(other.unit, other.node, f"{other.face.name} takes the tensor"),
            f"{call.face.name} takes it too",
        )
        return


def _overlaps(call: LossCall, value: Value | None) -> Iterator[Seen]:
    """Look for an overlap of masks that takes the same scores as if they were probabilities."""
    node = call.nodes.get(call.input)
    likely = isinstance(value, Tensor) and value.kind not in {Kind.UNKNOWN, Kind.RAW}
    if call.face.contract is not LOGITS or node is None or likely:
        return
    other = overlap_beside(call.unit, call.node, ast.unparse(node))
    if other is not None:
        yield Seen(
            f"{call.face.name} takes {LOGITS.title}, and an overlap that sums products of "
            f"probabilities got the same tensor",
            Trail(call.unit, other, "the overlap takes the tensor"),
            f"{call.face.name} takes it too",
        )
