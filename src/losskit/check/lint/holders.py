"""What holds a model: names, objects that it is put into, and models that are built of it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from losskit.check.lint.names import is_model, leaf_of

__all__ = ["SYNCS", "holders", "names_of", "related", "related_to"]

SYNCS = re.compile(r"(?:soft|hard|polyak)_?\w*(?:update|copy|sync)|(?:update|sync)_?\w*target")
"""What functions are called that copy weights from one model to another."""


def names_of(target: ast.expr) -> list[str]:
    """Return the names that an assignment gives values to."""
    if isinstance(target, (ast.Tuple, ast.List)):
        return [name for one in target.elts for name in names_of(one)]
    if isinstance(target, (ast.Starred, ast.Subscript)):
        return names_of(target.value)
    return [ast.unparse(target)]


def holders(tree: ast.Module, models: set[str], modules: set[str]) -> dict[str, set[str]]:
    """Return what models are put into: ``net.head = model``, ``Sequential(model)``, ``append``."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            names = [name for target in node.targets for name in names_of(target)]
            held = _handed(node.value, models)
            for name in _built_of(node.value) if models.issuperset(names) else ():
                # A model that is built of another one, as what learns how to train it.
                found.setdefault(name, set()).update(names)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if SYNCS.search(node.func.attr):
                continue
            names, held = [ast.unparse(node.func.value)], _handed(node, models)
        else:
            continue
        for name in names if held else ():
            # The whole object holds what is put into a part of it.
            parts = name.split(".")
            whole = ".".join(parts[: 2 if parts[0] == "self" else 1])
            if whole in modules or whole == "self":
                # A function of a module, or a method of the trainer's own: neither keeps it.
                continue
            found.setdefault(whole, set()).update(held - {whole})
    return found


def _built_of(node: ast.expr) -> set[str]:
    """Return what is called a model, of all that something is built of."""
    arguments = [*node.args, *node.keywords] if isinstance(node, ast.Call) else []
    values = [one.value if isinstance(one, ast.keyword) else one for one in arguments]
    names = {ast.unparse(one) for one in values if isinstance(one, (ast.Name, ast.Attribute))}
    return set(filter(is_model, names))


def _handed(node: ast.expr, models: set[str]) -> set[str]:
    """Return the models that an expression is, or that a call is handed."""
    if isinstance(node, (ast.Name, ast.Attribute)):
        return {ast.unparse(node)} & models
    if not isinstance(node, ast.Call) or leaf_of(node.func) == "deepcopy":
        return set()
    arguments = [*node.args, *(one.value for one in node.keywords)]
    for one in arguments[:]:
        arguments += one.elts if isinstance(one, (ast.List, ast.Tuple)) else []
    return {name for one in arguments for name in _handed(one, models)}


def related(model: str, name: str) -> bool:
    """Whether one is the other, or a part of it."""
    if _DOTTED.fullmatch(name) is None:
        return False
    return f"{model}.".startswith(f"{name}.") or f"{name}.".startswith(f"{model}.")


def related_to(model: str, names: Iterable[str]) -> bool:
    """Whether a model is one of several, or a part of it."""
    return any(related(model, one) for one in names)


_DOTTED = re.compile(r"[\w.]+")
