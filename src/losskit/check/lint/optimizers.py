"""Optimizers that a file builds, and whose parameters they were built with."""

from __future__ import annotations

import ast
import re

from losskit.check.lint.blocks import statements
from losskit.check.lint.names import leaf_of
from losskit.check.lint.units import Unit

__all__ = ["optimized", "optimized_models", "sole_models"]

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


def sole_models(unit: Unit) -> dict[str, str]:
    """Return the model of each optimizer that is built with all of one model's parameters only."""
    found: dict[str, set[str]] = {}
    for one in statements(unit.tree.body):
        if isinstance(one, ast.Assign) and isinstance(one.value, ast.Call):
            whole = _SOLE.fullmatch(_parameters(one.value))
            for target in one.targets:
                name = ast.unparse(target)
                found.setdefault(name, set()).add("" if whole is None else whole[1])
    return {name: min(models) for name, models in found.items() if len(models) == 1 and min(models)}


def _parameters(call: ast.Call) -> str:
    """How what an optimizer is built with is written."""
    if "optim" not in ast.unparse(call.func) and leaf_of(call.func) not in _OPTIMIZERS:
        return ""
    named = (one.value for one in call.keywords if one.arg == "params")
    given = next(iter(call.args), None) or next(named, None)
    return "" if given is None else ast.unparse(given)
