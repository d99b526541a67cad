"""Containers: lists, dictionaries, chains of layers, and objects that libraries make."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from losskit.check.lint.values import UNKNOWN, Arguments, Const, Value

if TYPE_CHECKING:
    from losskit.check.lint.losses import LossFace
    from losskit.check.lint.units import Unit

__all__ = ["Chain", "Container", "Dictionary", "Made", "Record", "Sequence", "births", "release"]


class Container(Value):
    """Something that code changes: all changes go through the machine, which can undo them.

    ``born`` is higher, the later it was made.
    """

    __slots__ = ("born", "data")

    def __init__(self, data: dict[Any, Any] | None = None) -> None:
        self.data: dict[Any, Any] = {} if data is None else data
        self.born = next(births)
        _made.append(self)

    def empty(self) -> None:
        """Let go of all that it holds."""
        self.data.clear()


births = itertools.count()
_made: list[Container] = []


def release() -> None:
    """Empty all containers of analyses that are over.

    They hold one another in circles, which the garbage collector would take long to find.
    """
    for one in _made:
        one.empty()
    _made.clear()


class Sequence(Container):
    """A list or tuple; ``items`` is None where its length is not known, and ``each`` one item.

    ``filling`` is what it repeats, ``padding`` what it was filled up with; ``grown`` tells that a
    loop of unknown length put items into it.
    """

    __slots__ = ("each", "filling", "grown", "padding")

    def __init__(self, items: Iterable[Value] | None, each: Value = UNKNOWN) -> None:
        super().__init__({"items": None if items is None else tuple(items)})
        self.each = each
        self.filling: Const | None = None
        self.padding: Const | None = None
        self.grown = False

    @property
    def items(self) -> tuple[Value, ...] | None:
        """The items, in their order."""
        found: tuple[Value, ...] | None = self.data["items"]
        return found


class Record(Sequence):
    """Items that have names as well, such as values and indices."""

    __slots__ = ("names",)

    def __init__(self, items: Iterable[Value], names: Iterable[str]) -> None:
        super().__init__(items)
        self.names = tuple(names)

    @property
    def named(self) -> dict[str, Value]:
        """The items by their names."""
        return dict(zip(self.names, self.items or (), strict=False))


class Dictionary(Container):
    """A dictionary with constant keys; others are not kept."""

    __slots__ = ("open",)

    def __init__(self, data: dict[Any, Any] | None = None, *, open: bool = False) -> None:  # noqa: A002
        super().__init__(data)
        self.open = open


class Chain(Container):
    """A sequence of layers that hand on their output: name → layer."""

    __slots__ = ("keras",)

    def __init__(self, data: dict[Any, Any] | None = None, *, keras: bool = False) -> None:
        super().__init__(data)
        self.keras = keras


class Made(Container):
    """An object that a library made: ``name`` of what was called, and what with.

    ``data`` holds attributes that the code sets afterwards.
    """

    __slots__ = ("arguments", "face", "name", "node", "unit")

    def __init__(
        self, name: str, arguments: Arguments, node: ast.AST, unit: Unit, face: LossFace | None
    ) -> None:
        super().__init__()
        self.name = name
        self.arguments = arguments
        self.node = node
        self.unit = unit
        self.face = face

    @property
    def leaf(self) -> str:
        """Last part of the name."""
        return self.name.rpartition(".")[2]

    @property
    def root(self) -> str:
        """The library."""
        return self.name.partition(".")[0]
