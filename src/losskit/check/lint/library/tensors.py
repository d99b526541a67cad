"""What functions and methods of tensors do to what a tensor holds."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from losskit.check.lint.choices import Choice, join
from losskit.check.lint.containers import Sequence
from losskit.check.lint.definitions import Frame
from losskit.check.lint.facts import Asked, Backward, Taken
from losskit.check.lint.kinds import ACTIVATIONS, Flow, Kind
from losskit.check.lint.library import elementwise, reductions, shapes
from losskit.check.lint.library.activations import activated
from losskit.check.lint.library.arithmetic import OPERATORS
from losskit.check.lint.library.filled import FILLING
from losskit.check.lint.library.flows import as_tensor, combined_flow
from losskit.check.lint.library.kept import kept
from losskit.check.lint.tensor_attributes import cut, learnt
from losskit.check.lint.values import (
    LENGTH,
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

__all__ = ["apply"]


_CUTTING = frozenset(
    ["detach", "detach_", "data", "numpy", "item", "tolist", "stop_gradient", "stop_grad"]
)
_ORDERS = ("gt", "lt", "ge", "le")
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
        *_ORDERS,
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
    unit = frame.unit
    if name in ACTIVATIONS:
        return activated(machine, unit, node, name, value, given)
    if isinstance(value, Choice):
        return _of_choice(machine, frame, name, value, given, node)
    tensor = as_tensor(value)
    if tensor is None:
        return None
    if tensor.axis == 0 and given.const(0, "dim", "axis") == 1 and name in _TAKING:
        machine.tell(Taken(unit, node, tensor))
    if name in shapes.SHAPING:
        made = shapes.shaped(name, tensor, given)
        column = made.last == 1 and made.rank is None and given.const(0, "dim") == 1
        if column and reductions.learns_actions(unit):
            # Numbers for each step, such as rewards, become a column.
            return replace(made, rank=2)
        return made
    special = _SPECIAL.get(name)
    if special is not None:
        return special(machine, frame, tensor, given, node)
    if name in _CUTTING:
        left = cut(tensor, unit, node, f"{name} cuts the gradient")
        return replace(left, rank=0) if name == "item" else left
    if name in _COUNTING:
        return _counted(tensor, name, unit, node)
    if name in reductions.NUMBER_OF_ELEMENTS:
        return Unknown(name)
    return kept(name, tensor)


def _of_choice(
    machine: Machine, frame: Frame, name: str, value: Choice, given: Arguments, node: ast.AST
) -> Value | None:
    found = [
        (apply(machine, frame, name, one, given, node), guards)
        for one, guards in value.among
        if not isinstance(one, (Const, Absent))
    ]
    if any(one is None for one, _ in found):
        return None
    return join((one, guards) for one, guards in found if one is not None)


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
    if name in _ORDERS:
        kind = Kind.MULTI_HOT
    made = Tensor(kind, tensor.flow, None, tensor.cut, tensor.rank, tensor.last)
    if kind is not Kind.UNKNOWN:
        made = replace(made, trail=Trail(unit, node, f"{name} is taken"))
    if name in _ORDERS and tensor.flow is not Flow.MODEL:
        # As where an operator compares: most likely a mask.
        return made
    return cut(made, unit, node, f"{name} has no gradient")


def _one_hot(
    machine: Machine, frame: Frame, tensor: Tensor, given: Arguments, node: ast.AST
) -> Value:
    trail = Trail(frame.unit, node, "one-hot rows are made")
    # Classes are whole numbers, which have no gradient.
    flow = Flow.DATA if tensor.flow is Flow.UNKNOWN else tensor.flow
    return Tensor(Kind.ONE_HOT, flow, trail, tensor.cut)


def _backward(
    machine: Machine, frame: Frame, tensor: Tensor, given: Arguments, node: ast.AST
) -> Value:
    # Of what is handed a gradient nobody says that it is a loss.
    handed = given.get(0, "gradient") not in {None, NONE}
    if not machine.ungraded and not (handed and tensor.kind is Kind.LEAF):
        machine.tell(Backward(frame.unit, node, tensor))
    return NONE


def _learnt(
    machine: Machine, frame: Frame, tensor: Tensor, given: Arguments, node: ast.AST
) -> Value:
    wanted = given.get(0, "requires_grad") in (None, Const(True))
    if not wanted:
        return tensor
    machine.tell(Asked(frame.unit, node, tensor))
    return learnt(tensor, frame.unit, node)


def _new(machine: Machine, frame: Frame, tensor: Tensor, given: Arguments, node: ast.AST) -> Value:
    """Make a tensor of the type of another one, from whose numbers it has none."""
    return FILLING["zeros"](given)


def _distance(
    machine: Machine, frame: Frame, tensor: Tensor, given: Arguments, node: ast.AST
) -> Value:
    other = given.get(0, "x2") or UNKNOWN
    flow, gone = combined_flow([tensor, other])
    trail = Trail(frame.unit, node, "a distance is computed")
    rank = tensor.rank if isinstance(other, Tensor) and other.rank == tensor.rank else None
    if given.const(3, "keepdim") is True:
        return Tensor(Kind.DISTANCE, flow, trail, gone, rank, 1)
    made = Tensor(Kind.DISTANCE, flow, trail, gone)
    if not rank or given.open or given.get(3, "keepdim") not in {None, Const(False)}:
        return made
    return replace(made, rank=rank - 1)


def _distances(
    machine: Machine, frame: Frame, tensor: Tensor, given: Arguments, node: ast.AST
) -> Value:
    """Those of every row of one table to every row of another."""
    flow, gone = combined_flow([tensor, given.get(0, "x2") or UNKNOWN])
    return Tensor(Kind.DISTANCE, flow, Trail(frame.unit, node, "distances are computed"), gone)


def _scattered(
    machine: Machine, frame: Frame, tensor: Tensor, given: Arguments, node: ast.AST
) -> Value:
    """Ones that are put into zeros, at the classes."""
    flow, gone = combined_flow([tensor, given.get(2, "src", "value") or UNKNOWN])
    blank = tensor.kind in {Kind.UNKNOWN, Kind.ONE_HOT} and tensor.flow is Flow.DATA
    if blank and given.const(2, "src", "value") == 1:
        trail = Trail(frame.unit, node, "ones are put in at the classes")
        index = given.get(1, "index")
        if isinstance(index, Tensor) and index.flow is Flow.CUT:
            return Tensor(Kind.ONE_HOT, Flow.CUT, trail, index.cut, rank=tensor.rank)
        return Tensor(Kind.ONE_HOT, Flow.DATA, trail, rank=tensor.rank)
    return Tensor(flow=flow, cut=gone, rank=tensor.rank)


def _gathered(
    machine: Machine, frame: Frame, tensor: Tensor, given: Arguments, node: ast.AST
) -> Value:
    """What is taken has the shape of the indices."""
    index = given.get(1, "index")
    rank, last = (index.rank, index.last) if isinstance(index, Tensor) else (None, None)
    shapeless = isinstance(index, Unknown) or (
        isinstance(index, Tensor) and index.rank in {None, 2} and index.last is None
    )
    named = ast.unparse(node.args[-1]) if isinstance(node, ast.Call) and node.args else ""
    actions = shapeless and "action" in named.lower()
    if (tensor.units is not None or actions) and given.const(0, "dim") == 1:
        # Of the outputs for each example of a batch, one is chosen.
        rank, last = rank or 2, last or 1
    taken = replace(tensor, rank=rank, last=last, units=None, squeezed=False, ident=Tensor().ident)
    return elementwise.chosen(taken, frame, node)


def _gathered_by_places(
    machine: Machine, frame: Frame, tensor: Tensor, given: Arguments, node: ast.AST
) -> Value:
    """``gather_nd``: the same numbers, each by its whole place."""
    return replace(tensor, rank=None, last=None, units=None, ident=Tensor().ident)


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
    other = None if other is None else as_tensor(other)
    if other is None:
        return Tensor(flow=flow, cut=trail)
    made = Trail(frame.unit, node, "a product with weights that are learnt gives raw scores")
    return replace(shapes.multiplied(tensor, other, made), flow=flow, cut=trail)


def _standardised(
    machine: Machine, frame: Frame, tensor: Tensor, given: Arguments, node: ast.AST
) -> Value:
    trail = Trail(frame.unit, node, "a normalisation is applied")
    kind = Kind.RAW if tensor.flow is Flow.MODEL else Kind.UNKNOWN
    return Tensor(kind, tensor.flow, trail, tensor.cut, tensor.rank, tensor.last)


def _size(machine: Machine, frame: Frame, tensor: Tensor, given: Arguments, node: ast.AST) -> Value:
    return LENGTH if given.values() else Unknown("size", tensor.flow)


def _refilled(
    machine: Machine, frame: Frame, tensor: Tensor, given: Arguments, node: ast.AST
) -> Value:
    return Tensor(flow=tensor.flow, cut=tensor.cut, rank=tensor.rank, last=tensor.last)


def _split(
    machine: Machine, frame: Frame, tensor: Tensor, given: Arguments, node: ast.AST
) -> Value:
    kind = Kind.PROBABILITY if tensor.kind is Kind.SOFTMAX else tensor.kind
    return Sequence(None, replace(tensor, kind=kind, last=None, units=None, ident=Tensor().ident))


_SPECIAL: dict[str, Callable[[Machine, Frame, Tensor, Arguments, ast.AST], Value]] = {
    "log": elementwise.log,
    "log2": elementwise.log_of_base,
    "log10": elementwise.log_of_base,
    "log_": elementwise.log,
    "exp": elementwise.exp,
    "clamp": elementwise.clamp,
    "clamp_": elementwise.clamp,
    "clip": elementwise.clamp,
    "clip_by_value": elementwise.clamp,
    "clamp_min": elementwise.clamp_min,
    "clamp_max": elementwise.clamp_max,
    **dict.fromkeys(("fill_", "zero_", "normal_", "uniform_", "random_"), _refilled),
    "mean": reductions.mean,
    "sum": reductions.total,
    "reduce_mean": reductions.mean,
    "reduce_sum": reductions.total,
    **dict.fromkeys(("std", "var"), reductions.spread),
    "max": reductions.largest,
    "min": reductions.largest,
    "topk": reductions.ordered,
    "sort": reductions.ordered,
    "gather": _gathered,
    "gather_nd": _gathered_by_places,
    "one_hot": _one_hot,
    "backward": _backward,
    "requires_grad_": _learnt,
    "size": _size,
    **dict.fromkeys(("new", "new_zeros", "new_ones", "new_empty", "new_full"), _new),
    "bmm": _matmul,
    "matmul": _matmul,
    "mm": _matmul,
    **dict.fromkeys(("batch_normalization", "batch_norm", "layer_norm"), _standardised),
    **dict.fromkeys(("pow", "power"), elementwise.power),
    "abs": elementwise.unsigned,
    "abs_": elementwise.unsigned,
    "absolute": elementwise.unsigned,
    "sqrt": elementwise.power,
    **dict.fromkeys(("sin", "cos", "tan", "atan", "sinh", "cosh", "erf"), elementwise.power),
    "square": elementwise.unsigned,
    **OPERATORS,
    "pairwise_distance": _distance,
    "cdist": _distances,
    "scatter": _scattered,
    "scatter_": _scattered,
    "chunk": _split,
    "split": _split,
    "unbind": _split,
    "tensor_split": _split,
}
