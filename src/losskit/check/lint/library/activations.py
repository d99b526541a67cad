"""Activations: what they make of a tensor, and over which axis."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from losskit.check.lint.choices import Choice, join
from losskit.check.lint.containers import Made
from losskit.check.lint.facts import Activation
from losskit.check.lint.kinds import ACTIVATIONS, IN_LOGS, PROBABLE, Flow, Kind
from losskit.check.lint.library.flows import as_tensor
from losskit.check.lint.values import NONE, UNKNOWN, Arguments, Const, Tensor, Trail, Value

if TYPE_CHECKING:
    from losskit.check.lint.machine import Machine
    from losskit.check.lint.units import Unit

__all__ = ["WITH_AXIS", "activated"]


_ACTIVATED = PROBABLE | IN_LOGS | {Kind.SCALED}
WITH_AXIS = {"softmax", "log_softmax", "softmin"}
"""Activations that are told their axis."""


def activated(
    machine: Machine,
    unit: Unit,
    node: ast.AST,
    name: str,
    value: Value,
    given: Arguments,
    built: Made | None = None,
    others: tuple[Value, ...] = (),
) -> Value:
    """Apply an activation."""
    if isinstance(value, Choice):
        return join(
            (activated(machine, unit, node, name, one, given, built, _beside(one, value)), guards)
            for one, guards in value.among
            if not isinstance(one, Const)
        )
    tensor = as_tensor(value)
    if tensor is None:
        return UNKNOWN
    machine.lively += 1
    kind = ACTIVATIONS[name]
    step = None if built is None else Trail(built.unit, built.node, f"a layer of {name} is built")
    dim = given.get(0, "dim", "axis") if name in WITH_AXIS else NONE
    machine.tell(Activation(unit, node, name, tensor, dim, step, others))
    flow = tensor.flow
    if machine.ungraded and flow is not Flow.DATA:
        flow = Flow.CUT
    axis = dim.value if isinstance(dim, Const) and type(dim.value) is int else None
    text = f"{name} is applied"
    keeps = kind in PROBABLE | IN_LOGS
    if kind is Kind.RAW and tensor.kind is not Kind.RAW:
        kind = Kind.UNKNOWN
    before = tensor.trail if tensor.kind in _ACTIVATED and keeps else step
    if (
        axis is not None
        and tensor.axis is not None
        and axis != tensor.axis
        and min(axis, tensor.axis) >= 0
    ):
        # Over rows and over columns, as for a matching: none of them is done twice.
        before = step
    return Tensor(
        kind,
        flow,
        Trail(unit, node, text, before),
        tensor.cut,
        tensor.rank,
        tensor.last,
        tensor.units,
        axis,
    )


def _beside(value: Value, choice: Choice) -> tuple[Value, ...]:
    """Return what else there may be, unless it comes of another model."""
    guards = next(guards for one, guards in choice.among if one is value)
    if guards and all(one.builds for one in guards):
        return ()
    return tuple(one for one, _ in choice.among if one is not value and not isinstance(one, Const))
