"""Operators: what computing and comparing leave of what tensors hold."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from losskit.check.lint.choices import Choice, join
from losskit.check.lint.definitions import Frame
from losskit.check.lint.facts import Averaged, Combined
from losskit.check.lint.kinds import PROBABLE, Flow, Kind
from losskit.check.lint.library.flows import as_tensor, combined_flow
from losskit.check.lint.library.lost import is_loss, named_lost, terms_lost
from losskit.check.lint.library.reductions import NUMBER_OF_ELEMENTS, learns_actions
from losskit.check.lint.library.shapes import INDICES, multiplied
from losskit.check.lint.machine import Machine
from losskit.check.lint.units import Unit
from losskit.check.lint.values import (
    UNKNOWN,
    Arguments,
    Const,
    Library,
    Tensor,
    Trail,
    Unknown,
    Value,
    flow_of,
)

__all__ = ["OPERATORS", "arithmetic", "compared", "negative"]

_WEIGHT = re.compile(
    r"(^|[._])(alpha|beta|gamma|delta|eta|lamb?da?|lmbda|weight|coef\w*|scale)_?\w*$|_(beta|lambda|weight|coeff?)$"
)
"""What numbers are called that terms of a loss are weighed with."""

_DISCOUNT = re.compile(r"(^|[._])(gamma|discount)(_factor)?$", re.IGNORECASE)
_EPSILON = re.compile(r"(^|[._])(eps|epsilon|smooth|tiny|EPS|EPSILON|SMOOTH)", re.IGNORECASE)


def arithmetic(
    machine: Machine,
    unit: Unit,
    node: ast.BinOp,
    left: Value,
    right: Value,
    *,
    surely: bool = True,
) -> Value:
    """Compute with operators."""
    left, right = _as_number(left), _as_number(right)
    if not isinstance(left, Tensor) and not isinstance(right, Tensor):
        flow, _ = combined_flow([left, right])
        scaled = isinstance(node.op, (ast.Mult, ast.Div)) and isinstance(right, Unknown)
        if isinstance(left, Unknown) and scaled and flow_of(right) is Flow.UNKNOWN:
            # A temperature or the like: what the tensor depends on stays.
            flow = left.flow
        if flow is Flow.UNKNOWN:
            # Counting on from an index.
            at = isinstance(left, Unknown) and left.name in INDICES
            return left if at and isinstance(node.op, (ast.Add, ast.Sub)) else UNKNOWN
        return Tensor(flow=flow)
    if isinstance(node.op, ast.MatMult):
        # What is not known of the one side does not hide that the other one is learnt.
        left, right = as_tensor(left) or left, as_tensor(right) or right
    if isinstance(left, Tensor) and isinstance(right, Tensor):
        if surely and isinstance(node.op, (ast.Add, ast.Sub, ast.Mult)):
            machine.tell(Combined(unit, node, left, right))
        return _of_two(unit, node, left, right)
    tensor, other = (left, right) if isinstance(left, Tensor) else (right, left)
    assert isinstance(tensor, Tensor)  # noqa: S101
    summed = tensor.call if tensor.reduction == "sum" else None
    if summed is not None and isinstance(node.op, ast.Div) and _is_count(other):
        machine.tell(Averaged(unit, node, summed, everything=True))
    kind, shifted, bounded, complement = _with_scalar(node, tensor, other, tensor is left)
    flow, trail = combined_flow([left, right])
    scales = isinstance(node.op, (ast.Mult, ast.Div, ast.Pow)) or tensor.flow is Flow.MODEL
    if tensor.flow is Flow.CUT and tensor.kind is not Kind.LOSS:
        # A weight without a gradient may well scale a loss that has one.
        weighs = isinstance(other, Unknown) and _WEIGHT.search(other.name) is not None
        scales = isinstance(node.op, ast.Div) and tensor is left
        weighs = weighs or is_loss(node.left if tensor is left else node.right)
        scales = scales or (tensor.rank == 0 and weighs and isinstance(node.op, ast.Mult))
    scales = _is_number(unit, other) or (scales and tensor.flow is not Flow.DATA)
    if isinstance(other, Unknown) and other.flow is Flow.UNKNOWN and scales:
        # A number, most likely: what the tensor depends on stays.
        flow, trail = tensor.flow, tensor.cut
    lost = tensor.lost
    if isinstance(other, Unknown) and flow is not Flow.CUT:
        lost += named_lost(node, left, right)
    known = kind is not Kind.UNKNOWN
    # A number and something unknown may well be more, as data and its mean.
    alone = tensor.rank == 0 and isinstance(other, Unknown) and tensor.flow is Flow.DATA
    return Tensor(
        kind,
        flow,
        tensor.trail if known else None,
        trail,
        None if alone else tensor.rank,
        tensor.last,
        tensor.units,
        tensor.axis if known else None,
        shifted=shifted,
        bounded=bounded,
        complement=complement,
        reduction=None
        if tensor.reduction == "sum" and not _weighs(node, left is tensor)
        else tensor.reduction,
        call=tensor.call if known else None,
        lost=lost,
    )


def _is_number(unit: Unit, value: Value) -> bool:
    """Whether something unknown is called an epsilon, or rewards to come are discounted by it."""
    if not isinstance(value, Unknown):
        return False
    discounts = _DISCOUNT.search(value.name) is not None and learns_actions(unit)
    return discounts or _EPSILON.search(value.name) is not None


def _weighs(node: ast.BinOp, first: bool) -> bool:
    """Whether an operand is multiplied, and not by a share of 1."""
    by = node.right if first else node.left
    divides = any(isinstance(one, ast.Div) for one in ast.walk(by))
    return isinstance(node.op, ast.Mult) and not divides


def _is_count(value: Value) -> bool:
    """Whether it is how many numbers a tensor holds."""
    return isinstance(value, Unknown) and value.name in NUMBER_OF_ELEMENTS


def _as_number(value: Value) -> Value:
    """Return what a module that is not seen holds as something unknown, such as a weight."""
    return Unknown(value.name) if isinstance(value, Library) else value


_SQUARED = {
    Kind.RAW: Kind.POSITIVE,
    Kind.POSITIVE: Kind.POSITIVE,
    Kind.DISTANCE: Kind.DISTANCE,
}
"""What the squares of numbers are."""


def _with_scalar(
    node: ast.BinOp, tensor: Tensor, other: Value, first: bool
) -> tuple[Kind, bool, bool, bool]:
    """What it is after computing with a number, if kept from 0, if from 1, and if 1 minus that."""
    kind = tensor.kind
    same = (kind, tensor.shifted, tensor.bounded, tensor.complement)
    lost = (Kind.UNKNOWN, False, False, False)
    number = other.value if isinstance(other, Const) else None
    if kind in {Kind.LOSS, Kind.LEAF, Kind.DENSITIES}:
        return kind, tensor.shifted, False, False
    if isinstance(node.op, (ast.Add, ast.Sub)):
        small = isinstance(number, (int, float)) and abs(number) < 0.01
        named = isinstance(other, Unknown) and _EPSILON.search(other.name)
        if kind in PROBABLE:
            if small or named:
                return kind, True, tensor.bounded, tensor.complement
            if isinstance(node.op, ast.Sub) and not first and number == 1:
                flipped = kind if kind is Kind.SIGMOID else Kind.PROBABILITY
                return flipped, tensor.bounded, tensor.shifted, not tensor.complement
            return lost
        if kind is Kind.RAW:
            turned = isinstance(node.op, ast.Sub) and not first and number == 1
            kept = tensor.complement if small or named else turned and not tensor.complement
            return kind, tensor.shifted, tensor.bounded, bool(kept)
        return same if kind is Kind.EXPONENTIAL and small else lost
    if isinstance(node.op, ast.Pow) and first and number == 2 and kind in _SQUARED:
        return _SQUARED[kind], False, False, False
    if isinstance(node.op, (ast.Mult, ast.Div)):
        if isinstance(node.op, ast.Div) and not first:
            return lost
        scaled = kind in {Kind.RAW, Kind.COUNTS, Kind.EXPONENTIAL, Kind.SCALED}
        if kind is Kind.SOFTMAX and number != 1:
            # By a temperature, most likely, before another softmax.
            return Kind.SCALED, False, False, False
        return same if scaled or number == 1 else lost
    return lost


def _of_two(unit: Unit, node: ast.BinOp, left: Tensor, right: Tensor) -> Tensor:
    flow, trail = combined_flow([left, right])
    if isinstance(node.op, ast.MatMult):
        made = Trail(unit, node, "a product with weights that are learnt gives raw scores")
        return replace(multiplied(left, right, made), flow=flow, cut=trail)
    if left.kind is right.kind is Kind.EXPONENTIAL and isinstance(node.op, ast.Div):
        return _normalised(left, right, flow, trail)
    lost = left.lost if isinstance(node.op, ast.Div) else (*left.lost, *right.lost)
    lost += terms_lost(node, left, right)
    for one in (left, right):
        if one.kind is Kind.LOSS:
            return replace(one, flow=flow, cut=trail, call=None, lost=lost, rank=0)
    for one in (left, right):
        if one.kind is Kind.DENSITIES:
            return replace(one, flow=flow, cut=trail, lost=lost, ident=Tensor().ident)
    if isinstance(node.op, ast.Mult) and {left.kind, right.kind} == _WEIGHED:
        # As the components of a mixture, each with its share.
        weighed = left if left.kind is Kind.EXPONENTIAL else right
        return replace(weighed, flow=flow, cut=trail, ident=Tensor().ident)
    if isinstance(node.op, ast.Mult) and {left.kind, right.kind} == _SELECTED:
        chosen = left if left.kind is Kind.SOFTMAX else right
        return Tensor(Kind.CHOSEN, flow, chosen.trail, trail, chosen.rank)
    if left.kind is Kind.COUNTS and isinstance(node.op, ast.Div):
        return left
    scores = left if left.kind is Kind.RAW else right
    if {left.kind, right.kind} == _BIASED and isinstance(node.op, (ast.Add, ast.Sub)):
        return replace(scores, flow=flow, cut=trail, lost=lost, ident=Tensor().ident)
    rank, last = _shape_of_two(unit, node, left, right)
    kind = _kind_of_two(node.op, left, right)
    both_raw = left.kind is Kind.RAW and right.kind is Kind.RAW
    return Tensor(
        kind,
        flow,
        None if kind is Kind.UNKNOWN else left.trail,
        trail,
        rank,
        units=left.units if both_raw and left.units == right.units else None,
        last=last,
        lost=lost,
    )


def _kind_of_two(op: ast.operator, left: Tensor, right: Tensor) -> Kind:
    kinds = {left.kind, right.kind}
    if kinds == {Kind.RAW} and isinstance(op, (ast.Add, ast.Sub, ast.Mult)):
        return Kind.RAW
    if kinds <= {Kind.RAW, Kind.POSITIVE} and isinstance(op, (ast.Add, ast.Sub)):
        return Kind.POSITIVE if Kind.RAW not in kinds and isinstance(op, ast.Add) else Kind.RAW
    if kinds <= _SHARES and isinstance(op, ast.Add):
        return Kind.SCALED
    if kinds <= _JUDGED and isinstance(op, ast.Sub) and Flow.DATA not in {left.flow, right.flow}:
        # As a relativistic critic compares its judgements.
        return Kind.DIFFERENCE
    return Kind.UNKNOWN


_JUDGED = {Kind.SIGMOID, Kind.PROBABILITY}
_BIASED = {Kind.RAW, Kind.LEARNT}
_SHARES = {Kind.SOFTMAX, Kind.SCALED}
_WEIGHED = {Kind.EXPONENTIAL, Kind.UNKNOWN}
_SELECTED = {Kind.SOFTMAX, Kind.ONE_HOT}


def _shape_of_two(
    unit: Unit, node: ast.BinOp, left: Tensor, right: Tensor
) -> tuple[int | None, int | None]:
    """Rank and last length of what two tensors are put together to."""
    sides = ((left, right), (right, left))
    kept = {Flow.MODEL, Flow.CUT}
    if learns_actions(unit):
        # Where actions are learnt from rewards, rows are numbers for each of them.
        kept = kept | {Flow.UNKNOWN}
        if isinstance(node.op, ast.Sub) and any(_for_steps(one, other) for one, other in sides):
            return 2, 1
    last = left.last if left.last == right.last else None
    if any(_for_examples(one, other, kept) for one, other in sides):
        return 1, last
    if last == 1 and 2 in {left.rank, right.rank}:
        return 2, last
    if left.rank is None or right.rank is None:
        return None, last
    return max(left.rank, right.rank), last


def _for_steps(one: Tensor, other: Tensor) -> bool:
    """Whether one is a column of returns, and the other most likely what was hoped for."""
    column = one.rank == 2 and one.last == 1 and one.flow is not Flow.MODEL
    return column and other.rank is None and other.last is None


def _for_examples(one: Tensor, other: Tensor, flows: set[Flow]) -> bool:
    """Whether one is a number for each example, and the other most likely the like."""
    blank = other.rank is None and other.kind is Kind.UNKNOWN and other.flow is not Flow.MODEL
    many = one.rank == 1 and one.last != 1 and one.kind is not Kind.LEARNT
    return many and blank and one.flow in flows


def _normalised(left: Tensor, right: Tensor, flow: Flow, cut: Trail | None) -> Tensor:
    """``e / e.sum()``, which is a softmax written out, or a ratio of other exponentials."""
    own = right.sum_of is not None and right.sum_of[0] == left.ident
    if not own or right.sum_of is None:
        return Tensor(Kind.RATIO, flow, left.trail, cut, left.rank, left.last)
    return Tensor(
        Kind.SOFTMAX, flow, left.trail, cut, left.rank, left.last, left.units, right.sum_of[1]
    )


def negative(value: Value) -> Value:
    """Change the sign."""
    if isinstance(value, Choice):
        return join((negative(one), guards) for one, guards in value.among)
    if not isinstance(value, Tensor):
        return Unknown("", value.flow) if isinstance(value, Unknown) else UNKNOWN
    if value.kind in {Kind.RAW, Kind.LOSS, Kind.DENSITIES}:
        return replace(value, ident=Tensor().ident)
    return Tensor(flow=value.flow, cut=value.cut, rank=value.rank, last=value.last)


def compared(value: Value, *, ordered: bool = False) -> Value:
    """Compare, element by element; by size, where ``ordered``."""
    tensor = as_tensor(value)
    if tensor is None:
        return UNKNOWN
    flow = Flow.CUT if tensor.flow is Flow.MODEL else tensor.flow
    kind = Kind.MULTI_HOT if ordered and tensor.kind is not Kind.LOSS else Kind.UNKNOWN
    return Tensor(kind, flow, None, tensor.cut, tensor.rank, tensor.last)


_NAMES: dict[type[ast.operator], tuple[str, ...]] = {
    ast.Add: ("add",),
    ast.Sub: ("sub", "subtract"),
    ast.Mult: ("mul", "multiply"),
    ast.Div: ("div", "divide", "true_divide"),
}


def _operated(
    operator: type[ast.operator],
    machine: Machine,
    frame: Frame,
    tensor: Tensor,
    given: Arguments,
    node: ast.AST,
) -> Value:
    """``y.sub(x)`` and ``torch.sub(y, x)``, which are ``y - x``."""
    other = given.get(0, "other", "y", "x2")
    if isinstance(other, Choice):
        rest = given.positional[1:]
        return join(
            (
                _operated(operator, machine, frame, tensor, Arguments((one, *rest)), node),
                guards,
            )
            for one, guards in other.among
        )
    if other is None or len(given.values()) > 1 or not isinstance(node, ast.Call):
        flow, gone = combined_flow([tensor, *given.values()])
        return Tensor(flow=flow, cut=gone, rank=tensor.rank)
    operands = [*node.args, *(one.value for one in node.keywords)]
    sides = operands if len(operands) > 1 else [node.func, *operands]
    made = ast.copy_location(ast.BinOp(sides[0], operator(), sides[1]), node)
    return arithmetic(machine, frame.unit, made, tensor, other)


OPERATORS: dict[str, Callable[[Machine, Frame, Tensor, Arguments, ast.AST], Value]] = {
    name: partial(_operated, made)
    for made, names in _NAMES.items()
    for name in (*names, *(f"{one}_" for one in names))
}
"""Functions and methods of tensors that are operators."""
