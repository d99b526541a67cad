"""Branches that cannot be decided: what they ask for, and what their sides leave behind."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from losskit.check.lint.choices import Guard, Option, join, options
from losskit.check.lint.containers import Chain, Container, Dictionary, Made, Sequence
from losskit.check.lint.definitions import Bound, Class, Function, Instance, Package, Partial
from losskit.check.lint.values import ABSENT, UNKNOWN, Const, Library, Unknown, Value

__all__ = ["MISSING", "MOST", "any_of", "chosen", "guarded", "merged", "words_of"]

MISSING: Any = object()
"""What a container holds at a place where it holds nothing."""


_COMMON = frozenset(
    [
        "",
        "self",
        "args",
        "opt",
        "cfg",
        "config",
        "len",
        "isinstance",
        "hparams",
        "params",
        "not",
        "use",
        "is",
        "has",
        "with",
        "type",
        "name",
        "mode",
        "n",
        "num",
        "flag",
        "the",
    ]
)


_SECTIONS = frozenset(["model", "models", "train", "training", "trainer", "data", "experiment"])
"""Parts of a configuration, as in ``config.model.loss``, which is about the loss."""

_TEXT_METHODS = frozenset(["lower", "upper", "strip", "startswith", "endswith", "get"])


def words_of(node: ast.AST) -> frozenset[str]:
    """Return the names that the condition of a branch asks for."""
    test = getattr(node, "test", None)
    if test is None:
        return frozenset()
    called = {id(one.func) for one in ast.walk(test) if isinstance(one, ast.Call)}
    sections = {
        id(one.value)
        for one in ast.walk(test)
        if isinstance(one, ast.Attribute) and id(one) not in called and _tokens({one.attr})
    }
    words = set()
    for one in ast.walk(test):
        if isinstance(one, ast.Name):
            words.add(one.id)
        elif isinstance(one, ast.Attribute):
            section = one.attr in _SECTIONS and id(one) in sections
            if not section and not (one.attr in _TEXT_METHODS and id(one) in called):
                words.add(one.attr)
        elif isinstance(one, ast.Subscript) and isinstance(one.slice, ast.Constant):
            words.add(str(one.slice.value))
    return _tokens(words)


def _tokens(words: Iterable[str]) -> frozenset[str]:
    """Return the parts of names that tell something."""
    parts = {part for word in words for part in re.split(r"[_\W]+", word.lower())}
    return frozenset(parts - _COMMON)


def merged(container: Container, found: list[tuple[Any, Guard]]) -> Any:
    """Join what the sides of a branch left at one place of a container."""
    first = found[0][0]
    if all(value is first for value, _ in found):
        return first
    if isinstance(container, Sequence):
        return _items(found)
    there = [(value, guard) for value, guard in found if value is not MISSING]
    if isinstance(container, Chain) and len(there) < len(found):
        there = [(ABSENT if value is MISSING else value, guard) for value, guard in found]
    return guarded(there)


def _items(found: list[tuple[Any, Guard]]) -> tuple[Value, ...] | None:
    lists = [(items, guard) for items, guard in found if items is not MISSING]
    if any(items is None for items, _ in lists):
        return None
    longest = max(len(items) for items, _ in lists)
    return tuple(
        guarded([(items[at] if at < len(items) else ABSENT, guard) for items, guard in lists])
        for at in range(longest)
    )


def guarded(found: list[tuple[Value, Guard]]) -> Value:
    """Join values of the sides of a branch; each keeps its side."""
    return chosen((value, frozenset({guard})) for value, guard in found)


def chosen(among: Iterable[Option]) -> Value:
    """Join values of which one is chosen; each keeps what that depends on."""
    found = list(among)
    every = [one for value, _ in found for one, _ in options(value)]
    builds = all(_is_whole(one) for one in every) and not all(
        isinstance(one, (Unknown, Const)) for one in every
    )
    return join((value, _of_builders(guards, builds)) for value, guards in found)


MOST = 8
"""Objects up to which one that nobody names is one of them."""


def any_of(values: list[Value], node: ast.AST, default: int | None = None) -> Value:
    """Return one of several objects, nobody knows which; ``default``, if nobody chooses."""
    if not values or len(values) > MOST:
        return UNKNOWN if default is None else values[default]
    return guarded(
        [(value, Guard(id(node), at, default=at == default)) for at, value in enumerate(values)]
    )


def _of_builders(guards: frozenset[Guard], builds: bool) -> frozenset[Guard]:
    if all(guard.builds is builds for guard in guards):
        return guards
    return frozenset(replace(guard, builds=builds) for guard in guards)


def _is_whole(value: Value) -> bool:
    """Whether a value may be a model or a loss by itself, and not a part of one."""
    if isinstance(value, Made):
        return value.face is not None or value.root not in {"torch", "keras", "tensorflow", "flax"}
    if isinstance(value, Library):
        return value.name != "torch.Tensor"
    if isinstance(value, Dictionary):
        # As a configuration that names a class and its settings.
        return any(isinstance(one, (Class, Function)) for one in value.data.values())
    return isinstance(value, (Instance, Function, Class, Package, Partial, Unknown, Const, Bound))
