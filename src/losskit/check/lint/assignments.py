"""Assignments: what a name, an attribute, an item, or several of them hold afterwards."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

from losskit.check.lint import objects
from losskit.check.lint.choices import Choice, join, options
from losskit.check.lint.containers import Chain, Dictionary, Sequence
from losskit.check.lint.definitions import Bound, Frame
from losskit.check.lint.expressions import evaluate
from losskit.check.lint.facts import Asked
from losskit.check.lint.kinds import Flow, Kind
from losskit.check.lint.library.flows import as_tensor, combined_flow, data_tensor
from losskit.check.lint.machine import Machine
from losskit.check.lint.tensor_attributes import learnt
from losskit.check.lint.values import LENGTH, UNKNOWN, Const, Tensor, Trail, Unknown, Value

__all__ = ["assign"]


def assign(machine: Machine, frame: Frame, target: ast.expr, value: Value) -> None:
    """Give a value to a name, an attribute, an item, or several of them."""
    if isinstance(target, ast.Name):
        where = frame
        if target.id in frame.shared:
            where = frame.unit.frame or frame
        if isinstance(value, Dictionary) and frame.outer is None and _rebound(frame, target.id):
            value.open = True
        value = machine.step(value, frame.unit, target, f"is called {target.id}")
        if isinstance(value, Tensor) and _is_nameless(value):
            value = replace(value, name=target.id)
        machine.write(where, target.id, value)
    elif isinstance(target, ast.Attribute):
        owner = evaluate(machine, frame, target.value)
        if target.attr == "requires_grad" and isinstance(target.value, (ast.Name, ast.Attribute)):
            begun = as_tensor(owner)
            if begun is not None and value == Const(True):
                machine.tell(Asked(frame.unit, target, begun))
                assign(machine, frame, target.value, learnt(begun, frame.unit, target))
        value = Unknown(target.attr) if _counts(frame, target.attr, value) else value
        objects.set_attribute(machine, owner, target.attr, value)
    elif isinstance(target, (ast.Tuple, ast.List)):
        _unpack(machine, frame, target.elts, value)
    elif isinstance(target, ast.Starred):
        assign(machine, frame, target.value, UNKNOWN)
    elif isinstance(target, ast.Subscript):
        _set_item(machine, frame, target, value)


def _counts(frame: Frame, name: str, value: Value) -> bool:
    """Whether a method counts its calls, so that no number is the only one that it may have."""
    if not isinstance(value, Const) or type(value.value) is not int or frame.function is None:
        return False
    return frame.function.name != "__init__" and _COUNTER.search(name) is not None


_COUNTER = re.compile(
    r"(?:step|count|iter|tick|turn|episode|epoch|frame)(?:s|er|ations?)?$|^[tni]$"
)
"""What attributes are called that go up with every call."""


def _is_nameless(value: Tensor) -> bool:
    """Whether nothing is known of data but where they come from, so that a name may tell more."""
    return value.kind is Kind.UNKNOWN and value.flow is Flow.DATA and not value.name


def _rebound(frame: Frame, name: str) -> bool:
    """Whether a function of the module puts something else in the place of a global name."""
    unit = frame.unit
    if "global " not in unit.source:
        return False
    lines = unit.recall("globals", unit.tree, lambda: _GLOBALS.findall(unit.source))
    return any(name in line.replace(",", " ").split() for line in lines)


_GLOBALS = re.compile(r"^[ \t]+global ([\w, ]+)", re.MULTILINE)


def _unpack(machine: Machine, frame: Frame, targets: list[ast.expr], value: Value) -> None:
    starred = next((at for at, one in enumerate(targets) if isinstance(one, ast.Starred)), None)
    for at, target in enumerate(targets):
        if starred is None:
            part = _item_at(value, at, len(targets))
        elif at < starred:
            part = _item_at(value, at, None)
        else:
            part = LENGTH if _is_shape(value) else UNKNOWN
        assign(machine, frame, target, part if part == LENGTH else _named(part, target))


def _named(part: Value, target: ast.expr) -> Value:
    """Let an unknown value take its name from the target, unless it is known to count."""
    if isinstance(part, Unknown) and isinstance(target, ast.Name) and not _is_shape(part):
        return replace(part, name=target.id)
    return part


def _item_at(value: Value, at: int, count: int | None) -> Value:
    """Return an item of what is unpacked."""
    if isinstance(value, Choice):
        found = [
            (_item_at(one, at, count), guards)
            for one, guards in value.among
            if not (isinstance(one, Const) and one.value is None)
        ]
        fitting = [
            (item, guards)
            for (item, guards), (one, _) in zip(found, value.among, strict=False)
            if not _misfits(one, count)
        ]
        return join(fitting or found)
    if isinstance(value, Sequence):
        if value.items is None:
            return value.each
        return value.items[at] if at < len(value.items) else UNKNOWN
    if isinstance(value, Tensor):
        return data_tensor(value)
    if _is_shape(value):
        return LENGTH
    return Unknown("", value.flow) if isinstance(value, Unknown) else UNKNOWN


def _is_shape(value: Value) -> bool:
    """Whether the lengths of the axes of a tensor are asked for."""
    if isinstance(value, Unknown):
        return value.name.rpartition(".")[2] in {"shape", "size"}
    return isinstance(value, Bound) and value.function == "shape"


def _misfits(value: Value, count: int | None) -> bool:
    """Whether something has another length than what is unpacked."""
    if isinstance(value, Sequence) and value.items is not None and count is not None:
        return len(value.items) != count
    return isinstance(value, Tensor)


def _set_item(machine: Machine, frame: Frame, target: ast.Subscript, value: Value) -> None:
    owner = evaluate(machine, frame, target.value)
    key = evaluate(machine, frame, target.slice)
    for one, _ in options(owner):
        if isinstance(one, Dictionary) and isinstance(key, Const):
            machine.write(one, key.value, value)
        elif isinstance(one, Sequence) and one.items is not None and isinstance(key, Const):
            items = list(one.items)
            if isinstance(key.value, int) and -len(items) <= key.value < len(items):
                items[key.value] = value
                machine.write(one, "items", tuple(items))
        elif isinstance(one, Chain) and isinstance(key, Const) and isinstance(key.value, int):
            names = list(one.data)
            if -len(names) <= key.value < len(names):
                machine.write(one, names[key.value], value)
        elif isinstance(one, Tensor) and isinstance(target.value, ast.Name):
            written = _written(one, value)
            if _marks(one, key, value):
                several = machine.looping or one.kind is not Kind.UNKNOWN
                kind = Kind.MULTI_HOT if several else Kind.ONE_HOT
                trail = Trail(frame.unit, target, "entries of a row are set to 1")
                written = Tensor(kind, Flow.DATA, trail, rank=one.rank)
            if machine.ungraded and written.flow is not Flow.DATA:
                written = replace(written, flow=Flow.CUT)
            machine.write(frame, target.value.id, written)
        elif isinstance(one, Tensor):
            _set_within(machine, frame, target.value, value)
        elif isinstance(one, Unknown):
            objects.set_unknown_item(machine, frame, target.value, value)


def _set_within(machine: Machine, frame: Frame, target: ast.expr, value: Value) -> None:
    """Write something into a part of a tensor, which does not hold the same numbers any more."""
    while isinstance(target, ast.Subscript):
        target = target.value
    held = frame.data.get(target.id) if isinstance(target, ast.Name) else None
    if isinstance(target, ast.Name) and isinstance(held, Tensor):
        machine.write(frame, target.id, _written(held, value))


def _marks(tensor: Tensor, key: Value, value: Value) -> bool:
    """Whether an entry of a row of zeros is set to 1."""
    kinds = {Kind.UNKNOWN, Kind.ONE_HOT, Kind.MULTI_HOT}
    row = tensor.flow is Flow.DATA and tensor.kind in kinds
    one = isinstance(value, Const) and value.value == 1 and type(value.value) in {int, float}
    return row and tensor.rank == 1 and one and isinstance(key, (Unknown, Tensor))


def _written(tensor: Tensor, value: Value) -> Tensor:
    """Return a tensor into which something was written."""
    flow, cut = combined_flow([tensor, value])
    if tensor.kind is Kind.UNKNOWN and tensor.flow is Flow.DATA and isinstance(value, Tensor):
        # As where a decoder's outputs are put into zeros, one after the other.
        kept = Tensor(value.kind, flow, value.trail, cut, tensor.rank, axis=value.axis)
        return replace(kept, last=tensor.last)
    return Tensor(flow=flow, cut=cut, rank=tensor.rank, last=tensor.last)
