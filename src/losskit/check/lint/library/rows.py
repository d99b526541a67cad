"""Rows: what is put together of several lists, or drawn from one, as from a memory of games."""

from __future__ import annotations

import ast

from losskit.check.lint.choices import join, options
from losskit.check.lint.containers import Chain, Sequence
from losskit.check.lint.definitions import Frame
from losskit.check.lint.machine import Machine
from losskit.check.lint.values import UNKNOWN, Arguments, Library, Value

__all__ = ["items_of", "memory", "zipped"]

_DRAWING = {"random.sample", "random.choices"}


def memory(machine: Machine, frame: Frame, callee: Library, given: Arguments) -> Value | None:
    """Make a deque, or draw items; None where something else is called."""
    if callee.name == "collections.deque":
        first = given.get(0, "iterable")
        made = Sequence((first.items or ()) if isinstance(first, Sequence) else ())
        # Rounds that are not seen put more into it, and old items leave it.
        made.grown = True
        return made
    if callee.name in _DRAWING and given.positional:
        return Sequence(None, machine.element_of(frame, given.positional[0], ast.Constant(None)))
    return None


def items_of(value: Value) -> tuple[Value, ...] | None:
    """Return the items of a list or a chain, if all are known."""
    if isinstance(value, Sequence):
        return value.items
    if isinstance(value, Chain):
        return tuple(value.data.values())
    return None


def zipped(machine: Machine, frame: Frame, given: Arguments, node: ast.AST) -> Value:
    """``zip``: columns of rows, or rows of columns."""
    lists = [items_of(one) for one in given.positional]
    if given.open and not lists:
        return _columns(machine, frame, node) or Sequence(None)
    if lists and all(one is not None for one in lists):
        known = (one for one in lists if one is not None)
        rows = [Sequence(row) for row in zip(*known, strict=False)]
        grown = _spreads(machine, frame, node)
        for row in rows:
            row.grown = grown
        return Sequence(rows)
    place = ast.Constant(None)
    return Sequence(
        None, Sequence([machine.element_of(frame, one, place) for one in given.positional])
    )


def _spreads(machine: Machine, frame: Frame, node: ast.AST) -> bool:
    """Whether a call spreads what may hold any number of items, as ``zip(*memory)``."""
    spread = [one.value for one in getattr(node, "args", ()) if isinstance(one, ast.Starred)]
    return any(
        not isinstance(one, (ast.Name, ast.Attribute))
        or not isinstance(held := machine.evaluate(frame, one), Sequence)
        or held.grown
        for one in spread
    )


def _columns(machine: Machine, frame: Frame, node: ast.AST) -> Sequence | None:
    """Return what ``zip(*rows)`` gives of any number of rows that are all of one length."""
    spread = [one.value for one in getattr(node, "args", ()) if isinstance(one, ast.Starred)]
    rows = machine.evaluate(frame, spread[0]) if len(spread) == 1 else UNKNOWN
    if not isinstance(rows, Sequence) or rows.items is not None:
        return None
    found = [(one.items, guards) for one, guards in options(rows.each) if isinstance(one, Sequence)]
    lengths = {None if items is None else len(items) for items, _ in found}
    if len(found) < len(options(rows.each)) or len(lengths) != 1 or None in lengths:
        return None
    [length] = lengths
    return Sequence(
        Sequence(None, join((items[at], guards) for items, guards in found if items is not None))
        for at in range(length or 0)
    )
