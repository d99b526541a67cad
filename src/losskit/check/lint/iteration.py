"""Iteration: what loops and comprehensions run over."""

from __future__ import annotations

import ast

from losskit.check.lint.choices import Choice, join
from losskit.check.lint.containers import Chain, Dictionary, Made, Sequence
from losskit.check.lint.definitions import Frame
from losskit.check.lint.library.data import batch_of, batch_of_unknown
from losskit.check.lint.library.indexing import indexed
from losskit.check.lint.machine import Machine
from losskit.check.lint.values import UNKNOWN, Absent, Const, Tensor, Unknown, Value

__all__ = ["element_of", "unrolled"]

_UNROLLED = 12
"""Items of a list that a loop runs through one by one."""


def unrolled(value: Value) -> tuple[Value, ...] | None:
    """Return the items of a list that is short enough, and whose length is known."""
    if isinstance(value, Chain):
        items: tuple[Value, ...] | None = tuple(value.data.values())
    elif isinstance(value, Dictionary) and not value.open:
        items = tuple(Const(key) for key in value.data)
    elif isinstance(value, Sequence) and not value.grown:
        items = value.items
    else:
        return None
    if items is None or not 0 < len(items) <= _UNROLLED:
        return None
    return tuple(item for item in items if not isinstance(item, Absent))


def element_of(machine: Machine, frame: Frame, value: Value, node: ast.expr) -> Value:
    """Return one item of what a loop runs over."""
    if isinstance(value, Choice):
        return join((element_of(machine, frame, one, node), guards) for one, guards in value.among)
    if isinstance(value, Sequence):
        if value.items is None:
            return value.each
        return join((item, frozenset()) for item in value.items if not isinstance(item, Absent))
    if isinstance(value, Chain):
        return join((item, frozenset()) for item in value.data.values())
    if isinstance(value, Tensor):
        return indexed(machine, frame, value, Const(0), node)
    if isinstance(value, Made):
        return batch_of(machine, frame, value, node)
    if isinstance(value, Unknown):
        return batch_of_unknown(value)
    return UNKNOWN
