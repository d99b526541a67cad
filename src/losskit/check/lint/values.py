"""Abstract values: what an expression may be when the code runs."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from losskit.check.lint.kinds import Flow, Kind

if TYPE_CHECKING:
    from losskit.check.lint.facts import LossCall
    from losskit.check.lint.units import Unit

__all__ = [
    "ABSENT",
    "LENGTH",
    "NONE",
    "UNKNOWN",
    "Absent",
    "Arguments",
    "Const",
    "Library",
    "Tensor",
    "Trail",
    "Unknown",
    "Value",
    "flow_of",
]

_idents = itertools.count(1)


class Value:
    """Anything that an expression may be."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Unknown(Value):
    """Something of which nothing is known but perhaps a name and where it comes from.

    ``word`` is the text that it is where nobody says otherwise, as the default of an option;
    ``like`` a text of which only some is known, with ``*`` for the rest.
    """

    name: str = ""
    flow: Flow = Flow.UNKNOWN
    word: str = ""
    like: str = ""


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
LENGTH = Unknown("len", Flow.DATA)
"""The length of an axis: a number, which has no gradient, whatever it counts."""


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

    def applied(self) -> list[str]:
        """Names of the activations, logarithms and exponentials on the way."""
        ending = " is applied"
        return [step.text.removesuffix(ending) for step in self if step.text.endswith(ending)]


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
    squeezed : bool
        Whether no axis of length 1 is left.
    padding : Const, optional
        What sequences in it were filled up with.
    shifted : bool
        Whether it was kept away from 0, by a clamp or an added epsilon.
    bounded : bool
        Whether it was kept away from 1, by a clamp.
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
    squeezed: bool = False
    padding: Const | None = None
    shifted: bool = False
    bounded: bool = False
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
            self.squeezed,
            self.padding,
            self.shifted,
            self.bounded,
            self.complement,
            self.reduction,
            self.sum_of,
            id(self.call),
            tuple(id(one) for one in self.lost),
        )


def flow_of(value: Value) -> Flow:
    """Where a value comes from, as far as it may be an array."""
    return value.flow if isinstance(value, (Tensor, Unknown)) else Flow.UNKNOWN


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
