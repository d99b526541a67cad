"""Words that name modules and classes: constants, options with a default, and what is made of them.

A word that an option brings stays unknown, since somebody may give another: it is what names
mean where nothing else tells.
"""

from __future__ import annotations

import ast

from losskit.check.lint.branches import any_of
from losskit.check.lint.containers import Sequence
from losskit.check.lint.definitions import Frame, Package
from losskit.check.lint.imports import module_of
from losskit.check.lint.machine import Machine
from losskit.check.lint.scopes import lookup
from losskit.check.lint.values import UNKNOWN, Arguments, Const, Unknown, Value

__all__ = ["imported", "joined", "meant", "part_of", "put_together", "text_method", "word_of"]

_METHODS = frozenset(
    [
        "capitalize",
        "find",
        "index",
        "lower",
        "lstrip",
        "partition",
        "removeprefix",
        "removesuffix",
        "replace",
        "rfind",
        "rindex",
        "rpartition",
        "rsplit",
        "rstrip",
        "split",
        "strip",
        "title",
        "upper",
    ]
)


def word_of(value: Value | None) -> str:
    """Return the text that a value is, or is by default; nothing, where that is not known."""
    if isinstance(value, Unknown):
        return value.word
    return value.value if isinstance(value, Const) and isinstance(value.value, str) else ""


def put_together(op: ast.operator, left: Value, right: Value) -> Value | None:
    """Return what ``+`` or ``%`` makes of two texts; None where none of them is known."""
    first, second, sure = word_of(left), word_of(right), _are_constants(left, right)
    if not _is_text(left) or not _is_text(right):
        return _partly(op, left, right)
    if isinstance(op, ast.Add):
        return _word(first + second, sure)
    if isinstance(op, ast.Mod) and first.count("%") == first.count("%s") == 1:
        return _word(first.replace("%s", second), sure)
    return None


def _partly(op: ast.operator, left: Value, right: Value) -> Value | None:
    """Return a text of which one part is not known."""
    if isinstance(op, ast.Add) and isinstance(left, (Const, Unknown)) and _is_open(left, right):
        return _like(_pattern(left) + _pattern(right))
    first = word_of(left) if isinstance(op, ast.Mod) and isinstance(right, Unknown) else ""
    whole = first.count("%") == first.count("%s") == 1
    return _like(first.replace("%s", "*")) if whole else None


def _is_open(*parts: Value) -> bool:
    """Whether a part is a text, and others are not known."""
    texts = [isinstance(one, Unknown) or _is_text(one) for one in parts]
    return all(texts) and any(_is_text(one) or _pattern(one) != "*" for one in parts)


def _pattern(value: Value) -> str:
    known = value.like if isinstance(value, Unknown) else ""
    return word_of(value) or known or "*"


def _like(pattern: str) -> Value:
    return Unknown(like=pattern) if len(pattern) <= _LONGEST else UNKNOWN


def text_method(owner: Value, name: str, given: Arguments) -> Value | None:
    """Call a method of a text; None where the text or an argument is not known."""
    text, sure = word_of(owner), _are_constants(owner, *given.positional)
    parts = [one.value if isinstance(one, Const) else word_of(one) for one in given.positional]
    if name == "format" and text and "" in parts and text.count("{") == text.count("{}"):
        return _like(text.replace("{}", "*"))
    if not text or given.named or "" in parts:
        return None
    if name == "format" and text.count("{") == text.count("{}") == len(parts):
        return _word(text.replace("{}", "%s") % tuple(parts), sure) if "%" not in text else None
    if name not in _METHODS:
        return None
    try:
        found = getattr(text, name)(*parts)
    except (TypeError, ValueError):
        return None
    if isinstance(found, (list, tuple)):
        return Sequence(_word(one, sure) for one in found)
    return _word(found, sure) if isinstance(found, str) else Const(found)


def joined(parts: list[Value]) -> Value:
    """Return the text that an f-string makes of its parts."""
    words = [word_of(one) for one in parts]
    known = all(_is_text(one) for one in parts)
    if not known and _is_open(*parts):
        return _like("".join(map(_pattern, parts)))
    return _word("".join(words), _are_constants(*parts)) if known else UNKNOWN


def _is_text(value: Value) -> bool:
    return bool(word_of(value)) or value == Const("")


def _are_constants(*values: Value) -> bool:
    return all(isinstance(one, Const) for one in values)


_LONGEST = 1_000
"""Letters up to which a text may name something; a loop could double it again and again."""


def _word(text: str, sure: bool) -> Value:
    if len(text) > _LONGEST:
        return UNKNOWN
    return Const(text) if sure else Unknown(word=text)


def part_of(value: Unknown, index: object) -> Value | None:
    """Return a part of a text."""
    if not value.word or not isinstance(index, (int, slice)):
        return None
    try:
        return Unknown(word=value.word[index])
    except IndexError:
        return None


def meant(machine: Machine, frame: Frame, value: Value | None) -> Value:
    """Return what a text means as an expression, as in ``eval("Net")`` and ``globals()["Net"]``."""
    word, unit = word_of(value), frame.unit
    if word.isidentifier():
        return lookup(machine, frame, word)
    parsed = unit.recall(f"expression {word}", unit.tree, lambda: _parsed(word))
    return UNKNOWN if parsed is None else machine.evaluate(frame, parsed)


def _parsed(word: str) -> ast.expr | None:
    """Read an expression that names something, or calls it; no text that is read in turn."""
    if len(word) > _LONGEST or "eval" in word:
        return None
    try:
        found = ast.parse(word, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return found if isinstance(found, (ast.Attribute, ast.Call)) else None


def imported(machine: Machine, frame: Frame, given: Arguments, node: ast.AST) -> Value:
    """Return the module that ``import_module`` gives for a text, or one of those it may be."""
    name = given.get(0, "name")
    word = word_of(name)
    if word:
        return module_of(machine, frame, word.lstrip("."))
    pattern = name.like.lstrip(".") if isinstance(name, Unknown) else ""
    found = machine.project.matching(frame.unit.path, pattern)
    return any_of([Package(path) for path in found], node)
