"""What functions and methods of tensors do to what a tensor holds."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from losskit.check.lint.choices import Choice, join
from losskit.check.lint.containers import Made, Sequence
from losskit.check.lint.definitions import Frame
from losskit.check.lint.facts import Activation, Averaged, Backward, Logarithm, Taken
from losskit.check.lint.kinds import ACTIVATIONS, IN_LOGS, PROBABLE, Flow, Kind
from losskit.check.lint.library import shapes
from losskit.check.lint.tensor_attributes import cut
from losskit.check.lint.values import (
    NONE,
    UNKNOWN,
    Absent,
    Arguments,
    Const,
    Tensor,
    Trail,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from losskit.check.lint.machine import Machine
    from losskit.check.lint.units import Unit

__all__ = [
    "WITH_AXIS",
    "Pair",
    "activated",
    "apply",
    "as_tensor",
    "combined_flow",
    "data_tensor",
]

WITH_AXIS = {"softmax", "log_softmax", "softmin"}

_SAME = frozenset(
    [
        "to",
        "float",
        "double",
        "half",
        "bfloat16",
        "type",
        "type_as",
        "cuda",
        "cpu",
        "contiguous",
        "clone",
        "requires_grad_",
        "as_tensor",
        "asarray",
        "array",
        "from_numpy",
        "tensor",
        "masked_select",
        "index_select",
        "narrow",
        "select",
        "gather",
        "take_along_dim",
        "masked_fill",
        "roll",
        "flip",
        "fliplr",
        "dropout",
        "dropout1d",
        "dropout2d",
        "dropout3d",
        "alpha_dropout",
        "Dropout",
        "interpolate",
        "upsample",
        "pad",
        "identity",
        "Identity",
        "cast",
        "astype",
        "copy",
        "stop_gradient",
        "convert_to_tensor",
        "expand",
        "expand_as",
        "repeat",
        "repeat_interleave",
        "tile",
        "broadcast_to",
        "pin_memory",
        "retain_grad",
        "unfold",
        "chunk_cat",
        "all_gather",
        "gather_for_metrics",
    ]
)
_CUTTING = frozenset(
    ["detach", "detach_", "data", "numpy", "item", "tolist", "stop_gradient", "stop_grad"]
)
_COUNTING = frozenset(
    [
        "argmax",
        "argmin",
        "argsort",
        "round",
        "floor",
        "ceil",
        "sign",
        "sgn",
        "eq",
        "ne",
        "gt",
        "lt",
        "ge",
        "le",
        "bool",
        "long",
        "int",
        "logical_not",
        "logical_and",
        "multinomial",
        "bincount",
        "nonzero",
        "histc",
    ]
)
_TAKING = {"gather", "argmax", "max", "topk", "index_select"}
_POOLING = re.compile(r"(max|avg|mean|adaptive).*_?pool", re.IGNORECASE)


def as_tensor(value: Value) -> Tensor | None:
    """Return a value as a tensor, as far as it may be one."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, Unknown):
        return Tensor(flow=value.flow, name=value.name)
    return None


def data_tensor(value: Tensor) -> Tensor:
    """Return something of which only its source is known."""
    return Tensor(flow=value.flow, cut=value.cut)


def combined_flow(values: list[Value]) -> tuple[Flow, Trail | None]:
    """Where what is made of several values comes from, and what cuts the gradient."""
    flows = []
    trail: Trail | None = None
    for value in values:
        if isinstance(value, Const):
            continue
        flow = value.flow if isinstance(value, (Tensor, Unknown)) else Flow.UNKNOWN
        flows.append(flow)
        if isinstance(value, Tensor) and value.cut is not None:
            trail = trail or value.cut
    for flow in (Flow.MODEL, Flow.UNKNOWN, Flow.CUT):
        if flow in flows:
            return flow, trail if flow is Flow.CUT else None
    return (Flow.DATA if flows else Flow.UNKNOWN), None


def activated(
    machine: Machine,
    unit: Unit,
    node: ast.AST,
    name: str,
    value: Value,
    given: Arguments,
    built: Made | None = None,
) -> Value:
    """Apply an activation."""
    if isinstance(value, Choice):
        return join(
            (activated(machine, unit, node, name, one, given, built), guards)
            for one, guards in value.among
            if not isinstance(one, Const)
        )
    tensor = as_tensor(value)
    if tensor is None:
        return UNKNOWN
    kind = ACTIVATIONS[name]
    step = None if built is None else Trail(built.unit, built.node, f"a layer of {name} is built")
    dim = given.get(0, "dim", "axis") if name in WITH_AXIS else NONE
    machine.tell(Activation(unit, node, name, tensor, dim, step))
    flow = tensor.flow
    if machine.ungraded and flow is not Flow.DATA:
        flow = Flow.CUT
    axis = dim.value if isinstance(dim, Const) and type(dim.value) is int else None
    text = f"{name} is applied"
    keeps = kind in PROBABLE | IN_LOGS
    if kind is Kind.RAW and tensor.kind is not Kind.RAW:
        kind = Kind.UNKNOWN
    before = tensor.trail if tensor.kind in PROBABLE | IN_LOGS and keeps else step
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


def apply(
    machine: Machine,
    frame: Frame,
    name: str,
    value: Value,
    given: Arguments,
    node: ast.AST,
) -> Value | None:
    """Apply a function or method of tensors; None where it is not known.

    ``given`` holds the arguments after the tensor.
    """
    if isinstance(value, Choice):
        found = [
            (apply(machine, frame, name, one, given, node), guards)
            for one, guards in value.among
            if not isinstance(one, (Const, Absent))
        ]
        if any(one is None for one, _ in found):
            return None
        return join((one, guards) for one, guards in found if one is not None)
    tensor = as_tensor(value)
    if tensor is None:
        return None
    unit = frame.unit
    if tensor.axis == 0 and given.const(0, "dim", "axis") == 1 and name in _TAKING:
        machine.tell(Taken(unit, node, tensor))
    if name in ACTIVATIONS:
        return activated(machine, unit, node, name, tensor, given)
    if name in shapes.SHAPING:
        return shapes.shaped(name, tensor, given)
    special = _SPECIAL.get(name)
    if special is not None:
        return special(machine, frame, tensor, given, node)
    if name in _CUTTING:
        kept = cut(tensor, unit, node, f"{name} cuts the gradient")
        return replace(kept, rank=0) if name == "item" else kept
    if name in _COUNTING:
        return _counted(tensor, name, unit, node)
    if name in _SAME:
        return tensor
    if _POOLING.search(name):
        kind = Kind.PROBABILITY if tensor.kind is Kind.SOFTMAX else tensor.kind
        return replace(tensor, kind=kind, rank=None, last=None)
    return None


def _counted(tensor: Tensor, name: str, unit: Unit, node: ast.AST) -> Tensor:
    kind = {
        "argmax": Kind.INDICES,
        "argmin": Kind.INDICES,
        "bincount": Kind.COUNTS,
    }.get(name, Kind.UNKNOWN)
    if name in {"long", "int"}:
        # A truth value becomes the index of one of two classes.
        kind = Kind.INDICES if tensor.kind is Kind.MULTI_HOT else tensor.kind
        if kind not in {Kind.INDICES, Kind.ONE_HOT}:
            kind = Kind.UNKNOWN
    if name in {"gt", "lt", "ge", "le"}:
        kind = Kind.MULTI_HOT
    made = Tensor(kind, tensor.flow, None, tensor.cut, tensor.rank, tensor.last)
    if kind is not Kind.UNKNOWN:
        made = replace(made, trail=Trail(unit, node, f"{name} is taken"))
    return cut(made, unit, node, f"{name} has no gradient")


def _log(machine: Machine, frame: Frame, tensor: Tensor, given: Arguments, node: ast.AST) -> Value:

    if tensor.kind in {Kind.SOFTMAX, Kind.SIGMOID, Kind.RATIO} and not tensor.shifted:
        machine.tell(Logarithm(frame.unit, node, tensor, "log"))
    kinds = {
        Kind.SOFTMAX: Kind.LOG_SOFTMAX,
        Kind.SIGMOID: Kind.LOG_PROBABILITY,
        Kind.PROBABILITY: Kind.LOG_PROBABILITY,
        Kind.RATIO: Kind.LOG_PROBABILITY,
    }
    kind = kinds.get(tensor.kind, Kind.UNKNOWN)
    if tensor.complement and kind is Kind.LOG_SOFTMAX:
        kind = Kind.LOG_PROBABILITY
    trail = Trail(frame.unit, node, "the logarithm is taken", tensor.trail)
    return replace(
        tensor,
        kind=kind,
        trail=trail if kind is not Kind.UNKNOWN else None,
        complement=False,
        ident=Tensor().ident,
    )


def _exp(machine: Machine, frame: Frame, tensor: Tensor, given: Arguments, node: ast.AST) -> Value:
    kinds = {Kind.LOG_SOFTMAX: Kind.SOFTMAX, Kind.LOG_PROBABILITY: Kind.PROBABILITY}
    kind = kinds.get(tensor.kind, Kind.EXPONENTIAL)
    if kind is Kind.EXPONENTIAL and "max" in ast.unparse(node):
        # As in exp(x - x.max()), which cannot overflow.
        kind = Kind.UNKNOWN
    trail = Trail(frame.unit, node, "exp is applied", tensor.trail)
    return replace(tensor, kind=kind, trail=trail, ident=Tensor().ident)


def _clamp(
    machine: Machine, frame: Frame, tensor: Tensor, given: Arguments, node: ast.AST
) -> Value:
    low = given.const(0, "min", "a_min", "min_value", "clip_value_min")
    high = given.const(1, "max", "a_max", "max_value", "clip_value_max")
    if tensor.kind in PROBABLE or tensor.kind is Kind.LOSS:
        trail = tensor.trail
        if tensor.kind is Kind.LOSS:
            trail = Trail(frame.unit, node, "the loss is clamped", trail)
        return replace(tensor, shifted=True, trail=trail)
    if isinstance(low, (int, float)) and isinstance(high, (int, float)) and 0 <= low < high <= 1:
        trail = Trail(frame.unit, node, "it is clamped into [0, 1]")
        return replace(tensor, kind=Kind.PROBABILITY, shifted=True, trail=trail)
    kind = tensor.kind if tensor.kind is Kind.RAW and low is None else Kind.UNKNOWN
    return replace(tensor, kind=kind)


def _mean(machine: Machine, frame: Frame, tensor: Tensor, given: Arguments, node: ast.AST) -> Value:

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
    if tensor.kind is Kind.RAW:
        kind = Kind.RAW
    return replace(tensor, kind=kind, rank=rank, last=None, units=None, ident=Tensor().ident)


def _sum(machine: Machine, frame: Frame, tensor: Tensor, given: Arguments, node: ast.AST) -> Value:
    axis = given.get(0, "dim", "axis")
    rank = _reduced_rank(tensor, axis, given)
    if tensor.kind is Kind.LOSS:
        return replace(tensor, rank=rank, last=None, reduction="sum")
    kind = Kind.UNKNOWN
    if tensor.kind is Kind.ONE_HOT and axis is not None:
        kind = Kind.MULTI_HOT
    if tensor.kind in {Kind.RAW, Kind.EXPONENTIAL}:
        kind = tensor.kind
    along = axis.value if isinstance(axis, Const) and type(axis.value) is int else None
    of = (tensor.ident, along) if kind is Kind.EXPONENTIAL else None
    return Tensor(kind, tensor.flow, tensor.trail, tensor.cut, rank, lost=tensor.lost, sum_of=of)


def _reduced_rank(tensor: Tensor, axis: Value | None, given: Arguments) -> int | None:
    if axis is None:
        return 0
    if given.const(1, "keepdim", "keepdims") or not tensor.rank:
        return tensor.rank
    return tensor.rank - 1


def _largest(
    machine: Machine, frame: Frame, tensor: Tensor, given: Arguments, node: ast.AST
) -> Value:
    """max, min, topk, sort: values and indices."""
    axis = given.get(0, "dim", "axis", "k")
    if axis is None:
        return Tensor(tensor.kind, tensor.flow, tensor.trail, tensor.cut, 0)
    if isinstance(axis, Tensor):
        flow, trail = combined_flow([tensor, axis])
        return Tensor(flow=flow, cut=trail)
    kind = Kind.PROBABILITY if tensor.kind is Kind.SOFTMAX else tensor.kind
    values = replace(tensor, kind=kind, rank=None, last=None, units=None, ident=Tensor().ident)
    indices = Tensor(
        Kind.INDICES, tensor.flow, Trail(frame.unit, node, "indices of the largest are taken")
    )
    return Pair((values, cut(indices, frame.unit, node, "indices have no gradient")))


class Pair(Sequence):
    """Values and indices, which have names as well."""

    __slots__ = ()

    @property
    def named(self) -> dict[str, Value]:
        """The items by their names."""
        items = self.items or (UNKNOWN, UNKNOWN)
        return {"values": items[0], "indices": items[1]}


def _one_hot(
    machine: Machine, frame: Frame, tensor: Tensor, given: Arguments, node: ast.AST
) -> Value:
    trail = Trail(frame.unit, node, "one-hot rows are made")
    return Tensor(Kind.ONE_HOT, tensor.flow, trail, tensor.cut)


def _backward(
    machine: Machine, frame: Frame, tensor: Tensor, given: Arguments, node: ast.AST
) -> Value:

    if not machine.ungraded:
        machine.tell(Backward(frame.unit, node, tensor))
    return NONE


def _learnt(
    machine: Machine, frame: Frame, tensor: Tensor, given: Arguments, node: ast.AST
) -> Value:
    """What is optimised itself, as an image, or whose gradient is handed on by hand."""
    begins = tensor.flow is Flow.DATA or (tensor.flow is Flow.CUT and tensor.kind is not Kind.LOSS)
    return replace(tensor, flow=Flow.UNKNOWN, cut=None) if begins else tensor


def _matmul(
    machine: Machine, frame: Frame, tensor: Tensor, given: Arguments, node: ast.AST
) -> Value:
    other = given.get(0, "mat2", "other")
    flow, trail = combined_flow([tensor, UNKNOWN if other is None else other])
    one_hot = isinstance(other, Tensor) and other.kind is Kind.ONE_HOT
    one_hot = one_hot or (isinstance(other, Unknown) and "one_hot" in other.name.lower())
    if one_hot and tensor.kind is Kind.SOFTMAX:
        # Probabilities of examples, gathered by their classes.
        return replace(tensor, flow=flow, cut=trail, ident=Tensor().ident)
    return Tensor(flow=flow, cut=trail)


def _power(
    machine: Machine, frame: Frame, tensor: Tensor, given: Arguments, node: ast.AST
) -> Value:
    if tensor.kind is Kind.LOSS:
        return tensor
    return Tensor(Kind.UNKNOWN, tensor.flow, None, tensor.cut, tensor.rank, tensor.last)


def _divided(
    machine: Machine, frame: Frame, tensor: Tensor, given: Arguments, node: ast.AST
) -> Value:
    if tensor.kind in {Kind.RAW, Kind.LOSS}:
        return tensor
    return _power(machine, frame, tensor, given, node)


def _split(
    machine: Machine, frame: Frame, tensor: Tensor, given: Arguments, node: ast.AST
) -> Value:
    kind = Kind.PROBABILITY if tensor.kind is Kind.SOFTMAX else tensor.kind
    return Sequence(None, replace(tensor, kind=kind, last=None, units=None, ident=Tensor().ident))


_SPECIAL: dict[str, Callable[[Machine, Frame, Tensor, Arguments, ast.AST], Value]] = {
    "log": _log,
    "log_": _log,
    "exp": _exp,
    "clamp": _clamp,
    "clamp_": _clamp,
    "clip": _clamp,
    "clip_by_value": _clamp,
    "clamp_min": _clamp,
    "clamp_max": _clamp,
    "mean": _mean,
    "sum": _sum,
    "reduce_mean": _mean,
    "reduce_sum": _sum,
    "max": _largest,
    "min": _largest,
    "topk": _largest,
    "sort": _largest,
    "one_hot": _one_hot,
    "backward": _backward,
    "requires_grad_": _learnt,
    "bmm": _matmul,
    "matmul": _matmul,
    "pow": _power,
    "abs": _power,
    "sqrt": _power,
    "square": _power,
    "div": _divided,
    "mul": _divided,
    "chunk": _split,
    "split": _split,
    "unbind": _split,
    "tensor_split": _split,
}
