"""Which functions of a file are worth running: those in which rules can see something.

They are found by their text, which is much quicker than by their trees.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from losskit.check.lint.losses import loss_words
from losskit.check.lint.units import Unit

__all__ = ["Interest", "builds_losses", "is_test", "look", "trains"]

Definition = ast.FunctionDef | ast.AsyncFunctionDef

_CALLED = re.compile(r"\b(\w++)\s*+\(")
_LOSS = re.compile(r"loss|entropy|criteri|objective|kl_div|nll|bce", re.IGNORECASE)
_TRAINS = {"backward", "manual_backward", "GradientTape", "compile", "fit", "minimize"}
_BEFORE_LOG = {"softmax", "Softmax", "sigmoid", "Sigmoid"}
_NO_AXIS = re.compile(
    r"\b(?:log_)?softmax\(\s*(?:[^(),=]|\((?:[^()]|\([^()]*\))*\))*\)|\b(?:Log)?Softmax\(\s*\)|"
    r"[sS]oftmax\((?:[^()]|\([^()]*\))*(?:dim|axis)\s*=\s*(?:0|-2)|"
    r"\bsoftmax_(?:dim|axis)\s*(?::\s*int\s*)?=\s*(?:0|-2)"
)
_LENDING = re.compile(r"^\s+(?!self\b)\w+\.\w+ = [\w.]*[A-Z]\w+\(", re.M)
"""Where an object is set as an attribute of something that is not the function's own."""

_BUILDING = re.compile(r"^\s+self\.(\w+) = (?:\w+\.)*[A-Z]\w*\(", re.M)
"""Where an object gets a model outside its constructor."""

_LISTED = re.compile(r"\.\w*[tT]ensor\(\s*\w*loss\w*\s*[,)]")
"""Losses that become a new tensor."""

_METHODS = {"__init__", "forward", "__call__"}

_TESTS = re.compile(
    r"^\s*(?:import|from)\s+(?:unittest|pytest)\b|"
    r"^class Test\w*(?:\(.*\))?:\n(?:.*\n){0,9}?\s+def test_",
    re.M,
)
"""What files of tests import or define; in this field, ``test.py`` is mostly a script."""


@dataclass(frozen=True)
class Interest:
    """What a rule may see something in.

    Attributes
    ----------
    functions : frozenset of int
        Lines at which the functions begin.
    losses : frozenset of int
        Those of them in which a loss seems to be called.
    names : frozenset of str
        Names of those to which it matters who calls them, and those of their classes.
    """

    functions: frozenset[int]
    losses: frozenset[int]
    names: frozenset[str]


def look(unit: Unit, also: frozenset[str] = frozenset()) -> Interest:
    """Find the functions of a file in which a rule may see something.

    Also those that call such a function of the same file, by its name, or one of ``also``.
    """
    if also:
        return _looked(unit, also)
    return unit.recall("interest", unit.tree, lambda: _looked(unit, also))


def _looked(unit: Unit, also: frozenset[str]) -> Interest:
    kept = {*_kept_losses(unit.source), *also}
    called: dict[int, set[str]] = {}
    names: dict[int, str] = {}
    owners: dict[int, str] = {}
    losses, joins, alone, wrong = set(), set(), set(), set()
    texts: dict[int, str] = {}
    builders: dict[int, list[str]] = {}
    for node, owner in _definitions(unit.tree.body, ""):
        texts[node.lineno] = text = "\n".join(unit.lines[node.lineno - 1 : node.end_lineno])
        leaves = set(_CALLED.findall(text.partition("\n")[2] or text))
        called[node.lineno], names[node.lineno], owners[node.lineno] = leaves, node.name, owner
        if any(_LOSS.search(leaf) for leaf in leaves) or kept & leaves:
            losses.add(node.lineno)
        if node.lineno in losses or "loss" in node.name.lower() or _trains(leaves):
            joins.add(node.lineno)
        elif _sees(leaves, text) or (node.name in _METHODS and "loss" in owner.lower()):
            alone.add(node.lineno)
        elif owner and node.name not in _METHODS and (built := _BUILDING.findall(text)):
            builders[node.lineno] = built
        if node.name == "__init__" and _NO_AXIS.search(text) is not None:
            wrong.add(owner)
    alone |= {one for one, name in names.items() if name in _METHODS and owners[one] in wrong}
    squashing = {names[one] for one, leaves in called.items() if leaves & _BEFORE_LOG} - _METHODS
    alone |= {one for one, leaves in called.items() if "log" in leaves and leaves & squashing}
    found = joins
    while found:
        known = {names[one] for one in joins} - _METHODS
        found = {one for one, leaves in called.items() if one not in joins and leaves & known}
        joins = joins | found
    for line, built in builders.items():
        training = [texts[one] for one in joins if owners[one] == owners[line]]
        if any(f"self.{name}" in text for name in built for text in training):
            alone.add(line)
    return Interest(
        frozenset(joins | alone),
        frozenset(losses),
        frozenset({names[one] for one in joins} - _METHODS | {owners[one] for one in joins}) - {""},
    )


def _definitions(body: list[ast.stmt], owner: str) -> Iterator[tuple[Definition, str]]:
    """Yield the functions of a block, with the names of their classes."""
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node, owner
        elif isinstance(node, ast.ClassDef):
            yield from _definitions(node.body, node.name)
        else:
            for inner in ("body", "orelse", "handlers", "finalbody"):
                block = getattr(node, inner, None)
                if isinstance(block, list):
                    yield from _definitions(block, owner)


def is_test(source: str) -> bool:
    """Whether a file tests code: what it hands to functions is no training's."""
    return _TESTS.search(source) is not None


@cache
def _built() -> re.Pattern[str]:
    words = sorted((word for word in loss_words() if word[0].isupper()), key=len, reverse=True)
    # Names are looked for at capital letters only, which makes this several times as quick.
    return re.compile(rf"\b(?=[A-Z])(?:{'|'.join(map(re.escape, words))})\b")


_TARGET = re.compile(r"(\w+)\s*(?::[^=]*)?=(?!=)")


def builds_losses(source: str) -> bool:
    """Whether a source names the class of a loss."""
    return _built().search(source) is not None


def _kept_losses(source: str) -> Iterator[str]:
    """Yield the names under which the file keeps losses that it builds."""
    for found in _built().finditer(source):
        start = source.rfind("\n", 0, found.start()) + 1
        targets = _TARGET.findall(source[start : found.start()])
        if targets:
            yield targets[-1]


def trains(text: str) -> bool:
    """Whether a function seems to call a loss, or takes a gradient, as far as its text shows."""
    leaves = set(_CALLED.findall(text.partition("\n")[2] or text))
    return any(_LOSS.search(leaf) for leaf in leaves) or _trains(leaves)


def _trains(leaves: set[str]) -> bool:
    return bool(leaves & _TRAINS) or not leaves.isdisjoint(loss_words())


def _sees(leaves: set[str], text: str) -> bool:
    """Whether a function matters by itself, whoever calls it."""
    if ("log" in leaves and leaves & _BEFORE_LOG) or _LENDING.search(text):
        return True
    if "ensor(" in text and _LISTED.search(text) is not None:
        return True
    return "oftmax" in text and _NO_AXIS.search(text) is not None
