"""What a rule sees, before it is a finding."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from losskit.check.findings import Edit, Fix, Severity
from losskit.check.lint.facts import LossCall
from losskit.check.lint.names import leaf_of
from losskit.check.lint.units import Unit
from losskit.check.lint.values import Trail

__all__ = ["Seen", "inner", "logged", "replacing", "stripped"]


@dataclass(frozen=True, eq=False)
class Seen:
    """What a rule sees.

    Attributes
    ----------
    text : str
        In one line.
    trail : Trail, optional
        How the value came to the loss.
    end : str
        The last step of the evidence, at the place of the finding.
    severity : Severity, optional
        Where it is milder than the rule's.
    node : ast.AST, optional
        Where it is, if not where the fact is; in ``unit``, if not in the fact's file.
    fix : Fix, optional
        How it is mended.
    """

    text: str
    trail: Trail | None = None
    end: str = ""
    severity: Severity | None = None
    node: ast.AST | None = None
    unit: Unit | None = None
    fix: Fix | None = None


def replacing(unit: Unit, *edits: tuple[ast.AST, str], safe: bool) -> Fix:
    """Return a fix that replaces nodes by texts."""
    return Fix(tuple(Edit(unit.place(node), text) for node, text in edits), safe)


_MODULES = {"F", "torch", "nn", "functional", "tf", "jax", "np", "keras"}


def stripped(unit: Unit, node: ast.AST | None, names: set[str], *, safe: bool) -> Fix | None:
    """Return a fix that takes an activation off, where it stands right in the call of the loss."""
    operand = inner(node, names)
    if node is None or operand is None:
        return None
    text = unit.text(operand)
    if not text:
        return None
    if isinstance(operand, (ast.Starred, ast.Lambda, ast.IfExp, ast.NamedExpr)):
        return None
    return replacing(unit, (node, text), safe=safe)


def inner(node: ast.AST | None, names: set[str]) -> ast.expr | None:
    """Return what one of some functions is applied to, if a node is such a call."""
    if not isinstance(node, ast.Call):
        return None
    function = node.func
    if isinstance(function, ast.Call):
        # As in nn.Softmax(dim=1)(x).
        leaf = leaf_of(function.func)
        return node.args[0] if leaf in names and node.args else None
    if leaf_of(function) not in names:
        return None
    if isinstance(function, ast.Attribute) and not _is_module(function.value):
        return (
            None
            if isinstance(function.value, ast.Name) and function.value.id == "self"
            else (function.value)
        )
    return node.args[0] if node.args else None


def _is_module(node: ast.expr) -> bool:
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and node.id in _MODULES


def logged(call: LossCall) -> Fix | None:
    """Return a fix that puts log_softmax where a softmax stands right in the call of the loss."""
    node = call.nodes.get(call.input)
    if inner(node, {"softmax"}) is None or not isinstance(node, ast.Call):
        return None
    function = node.func
    if not isinstance(function, ast.Attribute):
        return None
    text = call.unit.text(node)
    owner = call.unit.text(function.value)
    rest = text[len(owner) :].lstrip()
    if not owner or not rest.startswith(".softmax"):
        return None
    changed = f"{owner}.log_softmax{rest.removeprefix('.softmax')}"
    return replacing(call.unit, (node, changed), safe=False)
