"""Functions of each element: logarithms, exponentials, clamps, powers and factors."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from losskit.check.lint.definitions import Frame
from losskit.check.lint.facts import Logarithm
from losskit.check.lint.kinds import IN_LOGS, PROBABLE, Kind
from losskit.check.lint.values import NONE, Arguments, Const, Tensor, Trail, Value

if TYPE_CHECKING:
    from losskit.check.lint.machine import Machine

__all__ = [
    "chosen",
    "clamp",
    "clamp_max",
    "clamp_min",
    "exp",
    "log",
    "log_of_base",
    "power",
    "unsigned",
]


_CHOSEN = "one of them is taken from each row"


def chosen(tensor: Tensor, frame: Frame, node: ast.AST) -> Tensor:
    """Remember of raw scores that only one of each row is taken."""
    if tensor.kind is not Kind.RAW:
        return tensor
    return replace(tensor, trail=Trail(frame.unit, node, _CHOSEN, tensor.trail))


def log(machine: Machine, frame: Frame, tensor: Tensor, given: Arguments, node: ast.AST) -> Value:
    """A probability becomes its logarithm, which is told of where nothing keeps it away from 0."""
    machine.reached.add(id(node))
    scores = tensor.kind is Kind.RAW and any(one.text == _CHOSEN for one in tensor.trail or ())
    known = scores or tensor.kind in {Kind.SOFTMAX, Kind.SIGMOID, Kind.RATIO}
    if (known and not tensor.shifted) or (tensor.kind is Kind.RAW and tensor.complement):
        machine.tell(Logarithm(frame.unit, node, tensor, "log"))
    kinds = {
        Kind.SOFTMAX: Kind.LOG_SOFTMAX,
        Kind.SIGMOID: Kind.LOG_PROBABILITY,
        Kind.PROBABILITY: Kind.LOG_PROBABILITY,
        Kind.RATIO: Kind.LOG_PROBABILITY,
    }
    blank = Kind.LOGARITHM if tensor.kind is Kind.UNKNOWN else Kind.UNKNOWN
    kind = kinds.get(tensor.kind, blank)
    if tensor.complement and kind is Kind.LOG_SOFTMAX:
        kind = Kind.LOG_PROBABILITY
    trail = Trail(frame.unit, node, "log is applied", tensor.trail)
    return replace(
        tensor,
        kind=kind,
        trail=trail if kind is not Kind.UNKNOWN else None,
        complement=False,
        ident=Tensor().ident,
    )


def log_of_base(
    machine: Machine, frame: Frame, tensor: Tensor, given: Arguments, node: ast.AST
) -> Value:
    """Logarithms to another base than that of log-probabilities."""
    found = log(machine, frame, tensor, given, node)
    if isinstance(found, Tensor) and found.kind in IN_LOGS:
        return replace(found, kind=Kind.LOGARITHM)
    return found


def exp(machine: Machine, frame: Frame, tensor: Tensor, given: Arguments, node: ast.AST) -> Value:
    """A log-probability becomes a probability; what may be anything becomes an exponential."""
    kinds = {Kind.LOG_SOFTMAX: Kind.SOFTMAX, Kind.LOG_PROBABILITY: Kind.PROBABILITY}
    kind = kinds.get(tensor.kind, Kind.EXPONENTIAL)
    if kind is Kind.EXPONENTIAL and "max" in ast.unparse(node):
        # As in exp(x - x.max()), which cannot overflow.
        kind = Kind.UNKNOWN
    trail = Trail(frame.unit, node, "exp is applied", tensor.trail)
    return replace(tensor, kind=kind, trail=trail, ident=Tensor().ident)


def clamp(machine: Machine, frame: Frame, tensor: Tensor, given: Arguments, node: ast.AST) -> Value:
    """Bounds keep probabilities away from 0 and 1; what is put within [0, 1] becomes one."""
    return _clamped(frame, tensor, _least(given, 0), _most(given, 1), node)


def clamp_min(
    machine: Machine, frame: Frame, tensor: Tensor, given: Arguments, node: ast.AST
) -> Value:
    """A bound from below."""
    return _clamped(frame, tensor, _least(given, 0), None, node)


def clamp_max(
    machine: Machine, frame: Frame, tensor: Tensor, given: Arguments, node: ast.AST
) -> Value:
    """A bound from above."""
    return _clamped(frame, tensor, None, _most(given, 0), node)


def _least(given: Arguments, at: int) -> Value | None:
    return given.get(at, "min", "a_min", "min_value", "clip_value_min")


def _most(given: Arguments, at: int) -> Value | None:
    return given.get(at, "max", "a_max", "max_value", "clip_value_max")


def _clamped(
    frame: Frame, tensor: Tensor, least: Value | None, most: Value | None, node: ast.AST
) -> Value:
    low = least.value if isinstance(least, Const) else None
    high = most.value if isinstance(most, Const) else None
    if tensor.kind is Kind.LOSS:
        return replace(
            tensor, shifted=True, trail=Trail(frame.unit, node, "the loss is clamped", tensor.trail)
        )
    if tensor.kind in PROBABLE:
        # What is closer to 1 is rounded to it in float32.
        near = isinstance(high, (int, float)) and high > 1 - 2**-25
        above = least not in {None, NONE} and low != 0
        below = most not in {None, NONE} and not near
        return replace(tensor, shifted=tensor.shifted or above, bounded=tensor.bounded or below)
    if isinstance(low, (int, float)) and isinstance(high, (int, float)) and 0 <= low < high <= 1:
        trail = Trail(frame.unit, node, "it is clamped into [0, 1]")
        return replace(tensor, kind=Kind.PROBABILITY, shifted=True, trail=trail)
    kind = tensor.kind if tensor.kind is Kind.RAW and low is None else Kind.UNKNOWN
    return replace(tensor, kind=kind)


def unsigned(
    machine: Machine, frame: Frame, tensor: Tensor, given: Arguments, node: ast.AST
) -> Value:
    """Absolute values and squares: raw scores have no upper bound, with a sign or without."""
    if tensor.kind not in {Kind.RAW, Kind.POSITIVE}:
        return power(machine, frame, tensor, given, node)
    trail = Trail(frame.unit, node, "the sign is dropped", tensor.trail)
    return replace(tensor, kind=Kind.POSITIVE, trail=trail, ident=Tensor().ident)


def power(machine: Machine, frame: Frame, tensor: Tensor, given: Arguments, node: ast.AST) -> Value:
    """Powers: a loss stays one; what else holds is no longer known."""
    if tensor.kind is Kind.LOSS:
        return tensor
    if tensor.kind is Kind.DISTANCE:
        return replace(tensor, ident=Tensor().ident)
    return Tensor(Kind.UNKNOWN, tensor.flow, None, tensor.cut, tensor.rank, tensor.last)
