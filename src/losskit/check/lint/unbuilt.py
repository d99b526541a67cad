"""Models and losses that none of a project's files builds, where a script is out of sight."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple, TypeGuard

from losskit.check.lint.names import called_loss
from losskit.check.lint.units import Project, Unit

__all__ = ["Unbuilt", "unbuilt"]


class Unbuilt(NamedTuple):
    """A class, and the path of its file."""

    path: str
    name: str


def unbuilt(project: Project, *, losses: bool) -> list[Unbuilt]:
    """Return the models, or the losses, of a project of few files that none of them uses.

    None of them where one is built: then nobody has left out what builds them.
    """
    units = [unit for path in project.few() if (unit := project.text(path)) is not None]
    used = frozenset[str]().union(*map(_used, units))
    built = frozenset[str]().union(*map(_built, units))
    defined = [
        Unbuilt(unit.path, node.name)
        for unit in units
        for node in unit.tree.body
        if _is_layer(node) and called_loss(node.name) is losses
    ]
    if any(one.name in built for one in defined):
        return []
    return [one for one in defined if one.name not in used]


def _is_layer(node: ast.AST) -> TypeGuard[ast.ClassDef]:
    """Whether a class is called as models, their layers and losses are, or inherits that."""
    if not isinstance(node, ast.ClassDef):
        return False
    methods = {one.name for one in node.body if isinstance(one, ast.FunctionDef)}
    inherits = any(_LAYER.search(ast.unparse(one)) for one in node.bases)
    return inherits or not methods.isdisjoint({"forward", "call"})


_LAYER = re.compile(r"(Module|Model|Layer|Net|Loss)\w*$")


def _used(unit: Unit) -> frozenset[str]:
    """Names that a file does something with, when others import it or it is the script."""
    return unit.recall("used", unit.tree, lambda: frozenset(_names_of(unit.tree, parts=True)))


def _built(unit: Unit) -> frozenset[str]:
    """Those of them that it does not only build parts of others with."""
    return unit.recall("built", unit.tree, lambda: frozenset(_names_of(unit.tree, parts=False)))


def _names_of(tree: ast.Module, *, parts: bool) -> Iterator[str]:
    own = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    for node in tree.body:
        if parts or not _is_layer(node):
            # What a file only tries of itself, others have to make.
            trial = isinstance(node, ast.If) and "__main__" in ast.unparse(node.test)
            yield from set(_names(node)) - (own if trial else set())


def _names(tree: ast.AST) -> Iterator[str]:
    """Yield the names that are read, but for annotations, bases and ``super(Name, self)``."""
    if isinstance(tree, ast.Name):
        yield tree.id
    elif isinstance(tree, ast.Attribute):
        yield tree.attr
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.func.id == "super":
        return
    for name, value in ast.iter_fields(tree):
        if name in {"annotation", "returns", "bases"}:
            continue
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, ast.AST):
                yield from _names(one)
