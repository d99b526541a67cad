"""What the code itself defines: modules, functions, classes, their objects and their names."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from losskit.check.lint.choices import NO_GUARDS, Option
from losskit.check.lint.containers import Container
from losskit.check.lint.values import Arguments, Value

if TYPE_CHECKING:
    from losskit.check.lint.units import Unit

__all__ = [
    "Bound",
    "Class",
    "Deferred",
    "Folder",
    "Frame",
    "Function",
    "Instance",
    "Package",
    "Partial",
    "Pending",
    "Super",
]


class Frame(Container):
    """Names of a running function, or of a module.

    ``stars`` are the paths of modules whose names ``from module import *`` brings, where these
    are looked for only once they are asked for.
    """

    __slots__ = ("function", "guards", "outer", "returns", "shared", "stars", "unit", "yields")

    def __init__(self, unit: Unit, outer: Frame | None, function: Function | None = None) -> None:
        super().__init__()
        self.unit = unit
        self.outer = outer
        self.function = function
        self.returns: list[Option] = []
        self.yields: list[Value] = []
        self.guards = NO_GUARDS
        self.shared: set[str] = set()
        self.stars: list[str] = []

    def empty(self) -> None:
        """Let go of what it gives as well, such as functions, which know it."""
        super().empty()
        self.returns.clear()
        self.yields.clear()


class Function(Value):
    """A function or lambda of the code."""

    __slots__ = ("defaults", "frame", "name", "node", "owner", "wrappers")

    def __init__(
        self,
        node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda,
        frame: Frame,
        defaults: dict[str, Value],
        owner: Class | None = None,
        wrappers: frozenset[str] = frozenset(),
    ) -> None:
        self.node = node
        self.frame = frame
        self.defaults = defaults
        self.owner = owner
        self.wrappers = wrappers
        self.name = getattr(node, "name", "<lambda>")

    @property
    def positional(self) -> tuple[str, ...]:
        """Names of the parameters that need not be named."""
        return tuple(one.arg for one in (*self.node.args.posonlyargs, *self.node.args.args))

    @property
    def text(self) -> str:
        """Its source."""
        node = self.node
        return "\n".join(self.frame.unit.lines[node.lineno - 1 : node.end_lineno])


class Class(Container):
    """A class of the code: its attributes, and its bases in their order."""

    __slots__ = ("bases", "name", "node", "unit")

    def __init__(self, name: str, node: ast.ClassDef, unit: Unit, bases: tuple[Value, ...]) -> None:
        super().__init__()
        self.name = name
        self.node = node
        self.unit = unit
        self.bases = bases


class Instance(Container):
    """An object of a class of the code."""

    __slots__ = ("kind",)

    def __init__(self, kind: Class) -> None:
        super().__init__()
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Package(Value):
    """A module of the project, by the path of its file."""

    path: str


@dataclass(frozen=True, slots=True)
class Pending(Value):
    """A name of a module of the project that nobody has asked for yet."""

    path: str
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Deferred(Value):
    """A definition of an imported module that nobody has asked for yet."""

    frame: Frame
    node: ast.stmt


@dataclass(frozen=True, slots=True)
class Folder(Value):
    """A folder of modules that has no ``__init__.py``."""

    path: str


@dataclass(frozen=True, slots=True, eq=False)
class Bound(Value):
    """A function with its object, or the name of a method of something that is no instance."""

    owner: Value
    function: Function | str


@dataclass(frozen=True, slots=True, eq=False)
class Super(Value):
    """``super()`` within a method of ``kind``."""

    owner: Instance
    kind: Class


@dataclass(frozen=True, slots=True, eq=False)
class Partial(Value):
    """A callable with arguments given before."""

    callee: Value
    arguments: Arguments
