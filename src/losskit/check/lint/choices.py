"""Choices: values that depend on which side of a branch the code takes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from losskit.check.lint.values import UNKNOWN, Const, Library, Tensor, Unknown, Value

__all__ = ["NO_GUARDS", "Choice", "Guard", "Option", "excluded", "join", "options"]


@dataclass(frozen=True, slots=True)
class Guard:
    """One side of a branch that the linter cannot decide.

    ``builds`` tells that the sides build different objects, such as models, in contrast to
    computing different tensors. ``words`` are the names that its condition asks for. ``supposed``
    is a side that the settings of the code leave out, or one of several that nothing in sight
    chooses; ``default`` the one that is taken where nobody gives an option on the command line.
    """

    branch: int
    side: int
    builds: bool = False
    words: frozenset[str] = field(default=frozenset(), compare=False)
    supposed: bool = field(default=False, compare=False)
    default: bool = field(default=False, compare=False)


SEVERAL = -1
"""A side of a branch that stands for more than one of them."""

_OF_EACH = -1
"""No branch, but some branch in each of several models."""


NO_GUARDS: frozenset[Guard] = frozenset()


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


_MOST, _MOST_OBJECTS = 8, 24
"""Alternatives that are kept apart: of tensors and numbers, and of what a factory builds."""


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
    plain = sum(isinstance(one, (Tensor, Unknown, Const)) for one, _ in kept.values())
    if plain > _MOST or len(kept) > _MOST_OBJECTS:
        return UNKNOWN
    return Choice(tuple(kept.values()))


def _either(one: frozenset[Guard], other: frozenset[Guard]) -> frozenset[Guard]:
    """What both depend on: the same side of a branch, or some of the models that it chooses."""
    sides = {guard.branch: guard for guard in other if guard.builds}
    several = {
        Guard(guard.branch, SEVERAL, True, guard.words, guard.supposed)
        for guard in one
        if guard.builds and guard.branch in sides and sides[guard.branch].side != guard.side
    }
    own = [{guard.branch for guard in side if not guard.builds} for side in (one, other)]
    if several and all(own) and own[0].isdisjoint(own[1]):
        # Each of these models gives it on one side of a branch of its own.
        several.add(Guard(_OF_EACH, SEVERAL))
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
