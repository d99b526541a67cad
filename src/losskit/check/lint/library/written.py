"""Losses that are written out as formulas, which take what the losses of libraries take."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from typing import NamedTuple

from losskit.check.lint.blocks import mentioning
from losskit.check.lint.definitions import Frame
from losskit.check.lint.library.losses import take
from losskit.check.lint.losses import face_of
from losskit.check.lint.machine import Machine
from losskit.check.lint.names import leaf_of
from losskit.check.lint.units import Unit
from losskit.check.lint.values import Const, Value

__all__ = ["written_out"]


class Formula(NamedTuple):
    """A binary cross-entropy with logits, such as ``x - x * y + log(1 + exp(-x))``."""

    logits: ast.expr
    labels: ast.expr


def written_out(machine: Machine, frame: Frame, node: ast.BinOp) -> Value | None:
    """Return what a formula gives that is known to be a loss; None where it is none."""
    unit = frame.unit
    formula = unit.recall("formulas", unit.tree, lambda: _formulas(unit)).get(id(node))
    face = face_of("torch.binary_cross_entropy_with_logits", {})
    if formula is None or face is None:
        return None
    roles = [one.name for one in face.card.arguments]
    nodes: dict[str, ast.AST] = dict(zip(roles, formula, strict=False))
    values = {role: machine.evaluate(frame, one) for role, one in zip(roles, formula, strict=False)}
    face = replace(face, name=f"{face.name}, written out,")
    return take(machine, frame, face, values, nodes, {"reduction": Const("none")}, node)


def _formulas(unit: Unit) -> dict[int, Formula]:
    """Find the formulas of a file."""
    sums = (
        one
        for one in mentioning(unit, _WORDS)
        if isinstance(one, ast.BinOp) and isinstance(one.op, (ast.Add, ast.Sub))
    )
    return {id(one): found for one in sums if (found := _formula(one)) is not None}


_SMOOTH = ("softplus", "logaddexp")
_WORDS = re.compile("|".join([r"exp\(", *_SMOOTH]))


def _formula(node: ast.BinOp) -> Formula | None:
    """Read a sum: a softplus of the logits, and their product with the labels taken off."""
    terms = _terms(node)
    smooth = [one for sign, one in terms if sign > 0 and _is_softplus(one)]
    if len(smooth) != 1:
        return None
    for sign, term in terms:
        pair = _factors(term)
        if pair is None or term is smooth[0]:
            continue
        if sign > 0:
            # As in x * (1 - y) + log(1 + exp(-x)).
            pair = next(((one, rest) for one, other in _both(pair) if (rest := _less(other))), None)
        others = " ".join(ast.unparse(one) for _, one in terms if one is not term)
        for logits, labels in () if pair is None else _both(pair):
            if _is_plain(logits) and _mentions(others, logits) and not _mentions(others, labels):
                return Formula(logits, labels)
    return None


def _terms(node: ast.expr) -> list[tuple[int, ast.expr]]:
    """Return the terms of a sum, each with its sign; none, if there are more than a loss has."""
    found: list[tuple[int, ast.expr]] = []
    waiting = [(1, node)]
    while waiting:
        if len(found) + len(waiting) > _MOST_TERMS:
            return []
        sign, one = waiting.pop()
        if isinstance(one, ast.BinOp) and isinstance(one.op, (ast.Add, ast.Sub)):
            waiting.append((sign if isinstance(one.op, ast.Add) else -sign, one.right))
            waiting.append((sign, one.left))
        elif isinstance(one, ast.UnaryOp) and isinstance(one.op, ast.USub):
            waiting.append((-sign, one.operand))
        else:
            found.append((sign, one))
    return found


_MOST_TERMS = 12


def _is_softplus(node: ast.expr) -> bool:
    """Whether a term has ``log(1 + exp(...))`` in it, by whatever name."""
    for one in ast.walk(node):
        if isinstance(one, ast.Call):
            name = leaf_of(one.func)
            if name in _SMOOTH or (name in {"log", "log1p"} and "exp(" in ast.unparse(one)):
                return True
    return False


def _factors(node: ast.expr) -> tuple[ast.expr, ast.expr] | None:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return node.left, node.right
    product = isinstance(node, ast.Call) and leaf_of(node.func) in {"mul", "multiply"}
    if isinstance(node, ast.Call) and product and len(node.args) == 2:
        return node.args[0], node.args[1]
    return None


def _both(pair: tuple[ast.expr, ast.expr]) -> tuple[tuple[ast.expr, ast.expr], ...]:
    return pair, (pair[1], pair[0])


def _less(node: ast.expr) -> ast.expr | None:
    """Return ``y`` of ``1 - y``."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
        first = node.left
        return node.right if isinstance(first, ast.Constant) and first.value == 1 else None
    return None


def _is_plain(node: ast.expr) -> bool:
    return isinstance(node, (ast.Name, ast.Attribute, ast.Subscript))


def _mentions(text: str, node: ast.expr) -> bool:
    return re.search(rf"(?<![\w.]){re.escape(ast.unparse(node))}(?![\w(])", text) is not None
