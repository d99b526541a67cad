"""Terms of sums that have no gradient, where the others have one."""

from __future__ import annotations

import ast
import re

from losskit.check.lint.kinds import Flow, Kind
from losskit.check.lint.library.flows import combined_flow
from losskit.check.lint.names import about_loss, leaf_of
from losskit.check.lint.values import Tensor, Value

__all__ = ["is_loss", "named_lost", "terms_lost"]


def terms_lost(node: ast.BinOp, left: Tensor, right: Tensor) -> tuple[Tensor, ...]:
    """Return the terms of a sum of two that have no gradient, and should have one."""
    pairs = ((left, right), (right, left))
    found = tuple(one for one, other in pairs if _is_lost(one, other))
    if isinstance(node.op, ast.Add) and found:
        return found
    flow, _ = combined_flow([left, right])
    return named_lost(node, left, right) if flow is not Flow.CUT else ()


def named_lost(node: ast.BinOp, left: Value, right: Value) -> tuple[Tensor, ...]:
    """Terms that are called losses or entropies, and can have no gradient by what they are."""
    if not isinstance(node.op, (ast.Add, ast.Sub)):
        return ()
    sides = ((left, node.left, right), (right, node.right, left))
    cut = [
        (one, side, other)
        for one, side, other in sides
        if isinstance(one, Tensor) and one.flow is Flow.CUT and one.cut is not None
    ]
    return tuple(
        one
        for one, side, other in cut
        if (isinstance(node.op, ast.Add) and is_loss(side) and _can_have_none(one, side))
        or (_is_entropy(side) and isinstance(other, Tensor) and other.flow is Flow.MODEL)
    )


def _can_have_none(one: Tensor, side: ast.expr) -> bool:
    detached = _is_detached(side)
    return detached or (
        one.rank == 0 and one.cut is not None and one.cut.text.endswith("no gradient")
    )


def _is_entropy(side: ast.expr) -> bool:
    """Whether an operand is the entropy of what a model gives, with its weight."""
    if isinstance(side, ast.BinOp):
        weighs = isinstance(side.op, (ast.Mult, ast.Div))
        return weighs and (_is_entropy(side.left) or _is_entropy(side.right))
    while isinstance(side, (ast.Call, ast.Attribute)):
        if isinstance(side, ast.Attribute) and _ENTROPY.search(side.attr):
            return True
        side = side.func if isinstance(side, ast.Call) else side.value
    return isinstance(side, ast.Name) and _ENTROPY.search(side.id) is not None


_ENTROPY = re.compile(r"^(?!.*(?:cross|target|beta|coef|weight)).*entrop", re.IGNORECASE)


def is_loss(node: ast.expr) -> bool:
    """Whether an operand is called a loss."""
    return any(isinstance(one, ast.Name) and about_loss(one.id) for one in ast.walk(node))


def _is_detached(side: ast.expr) -> bool:
    """Whether an operand is detached as it is added: ``loss + other_loss.detach()``."""
    return isinstance(side, ast.Call) and leaf_of(side.func) == "detach" and not side.args


def _is_lost(one: Tensor, other: Tensor) -> bool:
    """Whether a term of a sum of losses has no gradient, while the other has one."""
    reduced = one.rank == 0 and (other.kind is Kind.LOSS or other.rank == 0)
    if one.cut is not None and one.cut.text.startswith("detach") and one.kind is not Kind.LOSS:
        # A term that is kept out on purpose, as of a control variate.
        return False
    return reduced and one.flow is Flow.CUT and other.flow is not Flow.CUT
