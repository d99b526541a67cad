"""Optimizers that a file builds, and whose parameters they were built with."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from losskit.check.lint.blocks import statements
from losskit.check.lint.names import leaf_of
from losskit.check.lint.units import Unit

__all__ = ["mistaken", "optimized", "optimized_models", "whole_models"]

_OPTIMIZERS = {"SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "NAdam", "RAdam"}
_SOLE = re.compile(r"([\w.]+)\.parameters\(\)")


def optimized_models(unit: Unit) -> dict[str, set[str]]:
    """Return the models of each optimizer of a file, by how both are written."""
    lists: dict[str, str] = {}
    found: dict[str, set[str]] = {}
    for one in statements(unit.tree.body):
        if not isinstance(one, (ast.Assign, ast.AugAssign)):
            continue
        name = ast.unparse(one.target if isinstance(one, ast.AugAssign) else one.targets[0])
        if isinstance(one.value, ast.Call) and _parameters(one.value):
            given = _parameters(one.value)
            # A list may have been put together before.
            found[name] = set(_SOLE.findall(lists.get(given, given)))
        elif ".parameters()" in (text := ast.unparse(one.value)):
            lists[name] = f"{lists.get(name, '')} {text}"
    return {name: models for name, models in found.items() if models}


def optimized(call: ast.Call) -> set[str]:
    """Return the models whose parameters an optimizer of PyTorch is built with."""
    return set(_SOLE.findall(_parameters(call)))


def whole_models(unit: Unit) -> dict[str, frozenset[str]]:
    """Return the models of each optimizer that is built with all of their parameters only."""
    found: dict[str, set[frozenset[str]]] = {}
    for one in statements(unit.tree.body):
        if isinstance(one, ast.Assign) and isinstance(one.value, ast.Call):
            given = _given(one.value)
            whole = frozenset[str]() if given is None else _whole(given)
            for target in one.targets:
                found.setdefault(ast.unparse(target), set()).add(whole or frozenset())
    return {name: min(sets) for name, sets in found.items() if len(sets) == 1 and min(sets)}


def _whole(node: ast.expr) -> frozenset[str] | None:
    """Return the models whose parameters an expression is; None where it may be something else."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _all_of([node.left, node.right])
    if isinstance(node, (ast.List, ast.Tuple)):
        return _all_of(node.elts)
    if isinstance(node, ast.Starred):
        return _whole(node.value)
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        groups = [one for key, one in pairs if key is not None and ast.unparse(key) == "'params'"]
        return _all_of(groups)
    if isinstance(node, ast.Call) and leaf_of(node.func) in {"list", "tuple", "chain"}:
        return _all_of(node.args)
    sole = _SOLE.fullmatch(ast.unparse(node))
    return None if sole is None else frozenset(sole.groups())


def _all_of(nodes: list[ast.expr]) -> frozenset[str] | None:
    found = [_whole(one) for one in nodes]
    every = [one for one in found if one is not None]
    return frozenset().union(*every) if every and len(every) == len(found) else None


def mistaken(unit: Unit) -> Iterator[tuple[ast.stmt, str, str]]:
    """Yield optimizers that are called after one model, and get those of its counterpart.

    As a discriminator's with the generator's parameters, though that has one of its own.
    """
    built = [
        (one, ast.unparse(one.targets[0]), optimized(one.value))
        for one in statements(unit.tree.body)
        if isinstance(one, ast.Assign) and isinstance(one.value, ast.Call)
    ]
    roles = {name: _role(name) for _, name, models in built if models}
    for node, name, models in built:
        given = {_role(model) for model in models}
        others = {role for other, role in roles.items() if other != name}
        if {roles.get(name, ""), *given} in _COUNTERPARTS and len(given) == 1 and given & others:
            yield node, name, min(models)


def _role(name: str) -> str:
    """Return what part a model or an optimizer has in a training, as far as its name says."""
    words = {word.lower() for word in _WORD.findall(name.rpartition(".")[2])}
    found = {role for role, names in _ROLES.items() if words & names}
    return min(found) if len(found) == 1 else ""


_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_ROLES = {
    "generator": {"g", "gen", "generator"},
    "discriminator": {"d", "dis", "disc", "discriminator"},
    "actor": {"actor"},
    "critic": {"critic"},
    "encoder": {"enc", "encoder"},
    "decoder": {"dec", "decoder"},
}
_COUNTERPARTS = ({"generator", "discriminator"}, {"actor", "critic"}, {"encoder", "decoder"})


def _parameters(call: ast.Call) -> str:
    """How what an optimizer is built with is written."""
    given = _given(call)
    return "" if given is None else ast.unparse(given)


def _given(call: ast.Call) -> ast.expr | None:
    """Return what an optimizer is built with."""
    if "optim" not in ast.unparse(call.func) and leaf_of(call.func) not in _OPTIMIZERS:
        return None
    named = (one.value for one in call.keywords if one.arg == "params")
    return next(iter(call.args), None) or next(named, None)
