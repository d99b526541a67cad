"""Reductions: means, sums, and the largest elements with their indices."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from losskit.check.lint.containers import Record
from losskit.check.lint.definitions import Frame
from losskit.check.lint.facts import Averaged
from losskit.check.lint.kinds import PROBABLE, Flow, Kind
from losskit.check.lint.library.flows import combined_flow
from losskit.check.lint.tensor_attributes import cut
from losskit.check.lint.units import Unit
from losskit.check.lint.values import Arguments, Const, Tensor, Trail, Value

if TYPE_CHECKING:
    from losskit.check.lint.machine import Machine

__all__ = ["NUMBER_OF_ELEMENTS", "largest", "learns_actions", "mean", "ordered", "spread", "total"]


NUMBER_OF_ELEMENTS = frozenset(["numel", "nelement"])
"""Methods that say how many numbers a tensor holds."""


def learns_actions(unit: Unit) -> bool:
    """Whether a file speaks of rewards, from which actions are learnt."""
    return unit.recall("rewards", unit.tree, lambda: bool(_REWARDS.search(unit.source)))


_REWARDS = re.compile(r"\brew(ard)?s?(_|\b)")


def mean(machine: Machine, frame: Frame, tensor: Tensor, given: Arguments, node: ast.AST) -> Value:
    """The mean, of a loss over its elements as well."""
    axis = given.get(0, "dim", "axis")
    if tensor.kind is Kind.LOSS:
        if tensor.reduction == "none" and tensor.call is not None:
            machine.tell(Averaged(frame.unit, node, tensor.call, axis is None))
        return replace(tensor, rank=None, last=None, reduction="mean")
    rank = _reduced_rank(tensor, axis, given)
    kind = Kind.PROBABILITY if tensor.kind in PROBABLE else Kind.UNKNOWN
    if tensor.kind is Kind.SOFTMAX and axis is not None:
        # An average of distributions is one: an ensemble, or pooling over time.
        at = axis.value if isinstance(axis, Const) else None
        kind = Kind.SOFTMAX if at is not None and at != tensor.axis else Kind.UNKNOWN
    if tensor.kind in {Kind.RAW, Kind.POSITIVE, Kind.DISTANCE}:
        kind = tensor.kind
    return replace(_reduced(tensor, kind, rank), last=_last_left(tensor, axis))


def spread(
    machine: Machine, frame: Frame, tensor: Tensor, given: Arguments, node: ast.AST
) -> Value:
    """The standard deviation or the variance."""
    axis = given.get(0, "dim", "axis")
    rank = _reduced_rank(tensor, axis, given)
    return Tensor(Kind.UNKNOWN, tensor.flow, None, tensor.cut, rank, _last_left(tensor, axis))


def _reduced(tensor: Tensor, kind: Kind, rank: int | None) -> Tensor:
    """Other numbers of the same source, of which only the number of axes is known."""
    return replace(
        tensor,
        kind=kind,
        rank=rank,
        last=None,
        units=None,
        squeezed=False,
        ident=Tensor().ident,
    )


def total(machine: Machine, frame: Frame, tensor: Tensor, given: Arguments, node: ast.AST) -> Value:
    """The sum."""
    axis = given.get(0, "dim", "axis")
    rank = _reduced_rank(tensor, axis, given)
    if tensor.kind is Kind.LOSS:
        return replace(tensor, rank=rank, last=None, reduction="sum")
    kind = Kind.UNKNOWN
    if tensor.kind is Kind.ONE_HOT and axis is not None:
        kind = Kind.MULTI_HOT
    if tensor.kind in {Kind.RAW, Kind.EXPONENTIAL}:
        kind = tensor.kind
    if tensor.kind is Kind.CHOSEN and axis is not None:
        # As by gather: the probability of the class, for each example.
        kind = Kind.SOFTMAX
    along = axis.value if isinstance(axis, Const) and type(axis.value) is int else None
    of = (tensor.ident, along) if kind is Kind.EXPONENTIAL else None
    last = _last_left(tensor, axis)
    if given.const(1, "keepdim", "keepdims") and along is not None:
        if tensor.kind is Kind.DENSITIES and along == 1:
            rank = 2
        last = 1 if along in {-1, None if rank is None else rank - 1} else None
    return Tensor(
        kind, tensor.flow, tensor.trail, tensor.cut, rank, last, lost=tensor.lost, sum_of=of
    )


def _reduced_rank(tensor: Tensor, axis: Value | None, given: Arguments) -> int | None:
    if axis is None:
        return 0
    along = axis.value if isinstance(axis, Const) else None
    if tensor.rank and type(along) is int and along >= tensor.rank:
        # It has more axes than it was taken to have.
        return None
    if given.const(1, "keepdim", "keepdims") or not tensor.rank:
        return tensor.rank
    return tensor.rank - 1


def _last_left(tensor: Tensor, axis: Value | None) -> int | None:
    """Return the length of the last axis, which stays what it is where another one goes."""
    along = axis.value if isinstance(axis, Const) else None
    inner = type(along) is int and tensor.rank is not None and along not in {-1, tensor.rank - 1}
    return tensor.last if inner else None


def largest(
    machine: Machine, frame: Frame, tensor: Tensor, given: Arguments, node: ast.AST
) -> Value:
    """Return what max and min give: of all, of two tensors, or values and indices along an axis."""
    axis = given.get(0, "dim", "axis")
    if axis is None:
        return Tensor(tensor.kind, tensor.flow, tensor.trail, tensor.cut, 0)
    if isinstance(axis, Tensor):
        flow, trail = combined_flow([tensor, axis])
        return Tensor(flow=flow, cut=trail)
    rank = _reduced_rank(tensor, axis, given)
    # Where actions are learnt from rewards, the outputs are those of the actions.
    outputs = tensor.units not in {None, 1} or (
        tensor.flow is not Flow.DATA and learns_actions(frame.unit)
    )
    if tensor.rank is None and outputs and axis == Const(1):
        # Of the outputs for each example of a batch.
        rank = None if given.const(1, "keepdim", "keepdims") else 1
    return _pair(frame, tensor, rank, node)


def ordered(
    machine: Machine, frame: Frame, tensor: Tensor, given: Arguments, node: ast.AST
) -> Value:
    """Return what topk and sort give: values and indices."""
    return _pair(frame, tensor, None, node)


def _pair(frame: Frame, tensor: Tensor, rank: int | None, node: ast.AST) -> Value:
    kind = Kind.PROBABILITY if tensor.kind is Kind.SOFTMAX else tensor.kind
    values = _reduced(tensor, kind, rank)
    trail = Trail(frame.unit, node, "indices of the largest are taken")
    indices = Tensor(Kind.INDICES, tensor.flow, trail, rank=rank)
    indices = cut(indices, frame.unit, node, "indices have no gradient")
    return Record((values, indices), ("values", "indices"))
