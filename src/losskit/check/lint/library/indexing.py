"""Items of lists, dictionaries, chains of layers and tensors."""

from __future__ import annotations

import ast

from losskit.check.lint.branches import MOST, any_of, chosen
from losskit.check.lint.choices import Choice, Guard, join
from losskit.check.lint.containers import Chain, Dictionary, Sequence
from losskit.check.lint.definitions import Bound, Frame, Function, Instance
from losskit.check.lint.library import shapes
from losskit.check.lint.library.words import part_of, word_of
from losskit.check.lint.machine import Machine
from losskit.check.lint.objects import find_in_class
from losskit.check.lint.tables import column, is_table, located
from losskit.check.lint.truth import question
from losskit.check.lint.values import (
    LENGTH,
    UNKNOWN,
    Arguments,
    Const,
    Library,
    Tensor,
    Unknown,
    Value,
)

__all__ = ["indexed"]


def indexed(machine: Machine, frame: Frame, owner: Value, key: Value, node: ast.AST) -> Value:
    """Return ``owner[key]``."""
    if isinstance(owner, Choice):
        return join(
            (indexed(machine, frame, one, key, node), guards)
            for one, guards in owner.among
            if not isinstance(one, Const)
        )
    index = key.value if isinstance(key, Const) else None
    if isinstance(owner, Sequence):
        return _of_sequence(owner, index, known=isinstance(key, Const), node=node)
    if isinstance(owner, Dictionary):
        if isinstance(key, Const):
            item: Value | None = owner.data.get(key.value) if _hashable(key.value) else None
            return UNKNOWN if item is None else item
        return UNKNOWN if owner.open else _by_word(machine, frame, owner, word_of(key), node)
    if isinstance(owner, Chain):
        layers = list(owner.data.values())
        if type(index) is int and -len(layers) <= index < len(layers):
            layer: Value = layers[index]
            return layer
        if isinstance(index, slice):
            names = list(owner.data)[index]
            return Chain({name: owner.data[name] for name in names})
        return any_of(layers, node)
    if isinstance(owner, Tensor):
        return shapes.picked(owner, key)
    if isinstance(owner, Unknown):
        name = index if isinstance(index, str) else ""
        if owner.name.rpartition(".")[2] in {"shape", "size"} and isinstance(index, (int, slice)):
            return LENGTH if isinstance(index, int) else owner
        return part_of(owner, index) or Unknown(name, owner.flow)
    if isinstance(owner, Instance):
        found = find_in_class(owner.kind, "__getitem__")
        if isinstance(found, Function):
            return machine.call(frame, Bound(owner, found), Arguments((key,)), node)
    return _of_library(owner, key)


def _by_word(machine: Machine, frame: Frame, owner: Dictionary, word: str, node: ast.AST) -> Value:
    """Return one of the values of a dictionary, and what its word must have been."""
    values, asked = list(owner.data.values()), list[str]()
    if isinstance(node, ast.Subscript) and 0 < len(values) <= MOST:
        tests = [ast.Compare(node.slice, [ast.Eq()], [ast.Constant(word)]) for word in owner.data]
        asked = [one[0] for test in tests if (one := question(test, frame.function)) is not None]
    if len(asked) < len(values):
        return any_of(values, node, list(owner.data).index(word) if word in owner.data else None)
    machine.questions.ask(asked)
    sides = [
        Guard(id(node), at, default=machine.questions.is_default(one, 0))
        for at, one in enumerate(asked)
    ]
    return chosen(
        (value, machine.questions.told(asked[at]) | {sides[at]}) for at, value in enumerate(values)
    )


_LOCATING = {"iloc", "ix", "loc"}


def _of_library(owner: Value, key: Value) -> Value:
    """An item of what a library gives: a column of a table, or something of a module."""
    if is_table(owner):
        return column(key)
    if isinstance(owner, Bound) and owner.function in _LOCATING and is_table(owner.owner):
        return located(key) or owner.owner
    if isinstance(owner, Bound) and owner.function == "shape" and isinstance(owner.owner, Tensor):
        return LENGTH
    if isinstance(owner, Library) and owner.leaf == "__dict__":
        word = isinstance(key, Const) and isinstance(key.value, str)
        return Library(f"{owner.name}.{key.value if word and isinstance(key, Const) else 'any'}")
    return UNKNOWN


def _hashable(value: object) -> bool:
    return value is None or isinstance(value, (str, int, float, bool, bytes))


def _of_sequence(owner: Sequence, index: object, *, known: bool, node: ast.AST) -> Value:
    if owner.items is None:
        return owner if isinstance(index, slice) else owner.each
    if type(index) is int:
        return owner.items[index] if -len(owner.items) <= index < len(owner.items) else UNKNOWN
    if isinstance(index, slice):
        part = Sequence(owner.items[index])
        part.grown = owner.grown
        return part
    return UNKNOWN if known else any_of(list(owner.items), node)
