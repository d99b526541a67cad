"""Abstract values: what an expression may be when the code runs."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from losskit.check.lint.kinds import Flow, Kind

if TYPE_CHECKING:
    from losskit.check.lint.facts import LossCall
    from losskit.check.lint.losses import LossFace
    from losskit.check.lint.units import Unit

__all__ = [
    "ABSENT",
    "NONE",
    "NO_GUARDS",
    "UNKNOWN",
    "Absent",
    "Arguments",
    "Bound",
    "Chain",
    "Choice",
    "Class",
    "Const",
    "Container",
    "Deferred",
    "Dictionary",
    "Folder",
    "Frame",
    "Function",
    "Guard",
    "Instance",
    "Library",
    "Made",
    "Option",
    "Package",
    "Partial",
    "Pending",
    "Sequence",
    "Super",
    "Tensor",
    "Trail",
    "Unknown",
    "Value",
    "excluded",
    "join",
    "options",
]

_idents = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Guard:
    """One side of a branch that the linter cannot decide.

    ``builds`` tells that the sides build different objects, such as models, in contrast to
    computing different tensors. ``words`` are the names that its condition asks for.
    """

    branch: int
    side: int
    builds: bool = False
    words: frozenset[str] = field(default=frozenset(), compare=False)


SEVERAL = -1
"""A side of a branch that stands for more than one of them."""

NO_GUARDS: frozenset[Guard] = frozenset()


class Value:
    """Anything that an expression may be."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Unknown(Value):
    """Something of which nothing is known but perhaps a name and where it comes from."""

    name: str = ""
    flow: Flow = Flow.UNKNOWN


@dataclass(frozen=True, slots=True)
class Absent(Value):
    """An item that a list has only on the other side of a branch."""


@dataclass(frozen=True, slots=True)
class Const(Value):
    """A number, a string, a truth value or None."""

    value: Any


UNKNOWN = Unknown()
ABSENT = Absent()
NONE = Const(None)


@dataclass(frozen=True, slots=True, eq=False)
class Trail:
    """How a value came here: the last step, and those before it."""

    unit: Unit
    node: ast.AST
    text: str
    before: Trail | None = None

    def __iter__(self) -> Iterator[Trail]:
        """All steps, the first one first."""
        steps: list[Trail] = []
        step: Trail | None = self
        while step is not None:
            steps.append(step)
            step = step.before
        return reversed(steps)

    @property
    def origin(self) -> Trail:
        """The first step."""
        return next(iter(self))


@dataclass(frozen=True, slots=True, eq=False)
class Tensor(Value):
    """An array.

    Attributes
    ----------
    kind, flow : Kind, Flow
        What it holds, and where it comes from.
    trail : Trail, optional
        How it came here from what made it one of its kind.
    cut : Trail, optional
        What keeps a gradient from passing.
    rank : int, optional
        Number of axes.
    last : int, optional
        Length of the last axis.
    units : int, optional
        Number of outputs of the layer that made it, along the axis of classes.
    axis : int, optional
        The axis of a softmax.
    padding : Const, optional
        What sequences in it were filled up with.
    shifted : bool
        Whether it was kept away from 0, by a clamp or an added epsilon.
    complement : bool
        Whether it is 1 minus what ``kind`` says.
    reduction : str, optional
        How the values of a loss were reduced.
    call : LossCall, optional
        The loss that gave it.
    name : str
        What it was called where nothing else was known of it.
    lost : tuple of Tensor
        Terms of the sum that this is, which have no gradient.
    sum_of : tuple, optional
        Of exponentials that were summed: what identifies them, and along which axis.
    ident : int
        Equal where tensors hold the same numbers.
    """

    kind: Kind = Kind.UNKNOWN
    flow: Flow = Flow.UNKNOWN
    trail: Trail | None = None
    cut: Trail | None = None
    rank: int | None = None
    last: int | None = None
    units: int | None = None
    axis: int | None = None
    padding: Const | None = None
    shifted: bool = False
    complement: bool = False
    reduction: str | None = None
    call: LossCall | None = None
    name: str = ""
    lost: tuple[Tensor, ...] = ()
    sum_of: tuple[int, int | None] | None = None
    ident: int = field(default_factory=lambda: next(_idents))

    @property
    def facts(self) -> tuple[object, ...]:
        """All that tells it from others, but how it came here."""
        return (
            self.kind,
            self.flow,
            self.rank,
            self.last,
            self.units,
            self.axis,
            self.padding,
            self.shifted,
            self.complement,
            self.reduction,
            self.sum_of,
            id(self.call),
            tuple(id(one) for one in self.lost),
        )


class Container(Value):
    """Something that code changes: all changes go through the machine, which can undo them."""

    __slots__ = ("data",)

    def __init__(self, data: dict[Any, Any] | None = None) -> None:
        self.data: dict[Any, Any] = {} if data is None else data


class Sequence(Container):
    """A list or tuple; ``items`` is None where its length is not known, and ``each`` one item.

    ``filling`` is what it repeats, ``padding`` what it was filled up with.
    """

    __slots__ = ("each", "filling", "padding")

    def __init__(self, items: Iterable[Value] | None, each: Value = UNKNOWN) -> None:
        super().__init__({"items": None if items is None else tuple(items)})
        self.each = each
        self.filling: Const | None = None
        self.padding: Const | None = None

    @property
    def items(self) -> tuple[Value, ...] | None:
        """The items, in their order."""
        found: tuple[Value, ...] | None = self.data["items"]
        return found


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


class Frame(Container):
    """Names of a running function, or of a module."""

    __slots__ = ("function", "guards", "outer", "returns", "shared", "unit", "yields")

    def __init__(self, unit: Unit, outer: Frame | None, function: Function | None = None) -> None:
        super().__init__()
        self.unit = unit
        self.outer = outer
        self.function = function
        self.returns: list[Option] = []
        self.yields: list[Value] = []
        self.guards = NO_GUARDS
        self.shared: set[str] = set()


class Function(Value):
    """A function or lambda of the code."""

    __slots__ = ("defaults", "frame", "name", "node", "owner", "silent", "wrappers")

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
        self.silent = False


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


@dataclass(frozen=True, slots=True)
class Library(Value):
    """Something of a library, by its full name, such as ``torch.nn.functional``."""

    name: str

    @property
    def root(self) -> str:
        """The library."""
        return self.name.partition(".")[0]

    @property
    def leaf(self) -> str:
        """Last part of the name."""
        return self.name.rpartition(".")[2]


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


@dataclass(slots=True)
class Arguments:
    """Arguments of a call, evaluated; ``open`` where a star hides some."""

    positional: tuple[Value, ...] = ()
    named: dict[str, Value] = field(default_factory=dict)
    open: bool = False

    def get(self, position: int, *names: str) -> Value | None:
        """Return an argument by its names or its position."""
        for name in names:
            if name in self.named:
                return self.named[name]
        return self.positional[position] if 0 <= position < len(self.positional) else None

    def const(self, position: int, *names: str) -> Any:
        """Return the value of a constant argument, else None."""
        found = self.get(position, *names)
        return found.value if isinstance(found, Const) else None

    def values(self) -> tuple[Value, ...]:
        """All of them."""
        return (*self.positional, *self.named.values())


Option = tuple[Value, frozenset[Guard]]


@dataclass(frozen=True, slots=True, eq=False)
class Choice(Value):
    """One of several values; each with the sides of the branches that lead to it."""

    among: tuple[Option, ...]


def excluded(guards: frozenset[Guard], others: frozenset[Guard]) -> bool:
    """Whether two values cannot meet, since they are on different sides of one branch."""
    if not guards or not others:
        return False
    sides = {one.branch: one.side for one in others if one.side != SEVERAL}
    return any(
        one.side != SEVERAL and sides.get(one.branch, one.side) != one.side for one in guards
    )


def options(value: Value) -> tuple[Option, ...]:
    """Return what a value may be."""
    return value.among if isinstance(value, Choice) else ((value, NO_GUARDS),)


_MOST = 8


def join(found: Iterable[Option]) -> Value:
    """Return one value for several, without those that cannot be told apart."""
    kept: dict[object, Option] = {}
    for value, guards in found:
        for one, inner in options(value):
            key = _key(one)
            if key in kept:
                kept[key] = (kept[key][0], _either(kept[key][1], inner | guards))
            else:
                kept[key] = (one, inner | guards)
    if not kept:
        return UNKNOWN
    if len(kept) == 1:
        return next(iter(kept.values()))[0]
    if len(kept) > _MOST:
        return UNKNOWN
    return Choice(tuple(kept.values()))


def _either(one: frozenset[Guard], other: frozenset[Guard]) -> frozenset[Guard]:
    """What both depend on: the same side of a branch, or some of the models that it chooses."""
    sides = {guard.branch: guard for guard in other if guard.builds}
    several = {
        Guard(guard.branch, SEVERAL, True, guard.words)
        for guard in one
        if guard.builds and guard.branch in sides and sides[guard.branch].side != guard.side
    }
    return (one & other) | several


def _key(value: Value) -> object:
    if isinstance(value, Tensor):
        return ("tensor", *value.facts)
    if isinstance(value, Unknown):
        return "unknown"
    if isinstance(value, Const):
        return ("const", type(value.value), repr(value.value))
    if isinstance(value, Library):
        return ("library", value.name)
    return id(value)
