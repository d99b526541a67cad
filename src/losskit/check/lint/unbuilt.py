"""Classes that none of a project's files makes objects of, where a script is out of sight."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from losskit.check.lint.units import Project, Unit

__all__ = ["Unbuilt", "unbuilt"]


class Unbuilt(NamedTuple):
    """A class, and the path of its file."""

    path: str
    name: str


def unbuilt(project: Project) -> list[Unbuilt]:
    """Return the classes of a project of few files that none of them uses."""
    units = [unit for path in project.few() if (unit := project.text(path)) is not None]
    used = frozenset().union(*map(_used, units))
    return [
        Unbuilt(unit.path, node.name)
        for unit in units
        for node in unit.tree.body
        if isinstance(node, ast.ClassDef) and node.name not in used
    ]


def _used(unit: Unit) -> frozenset[str]:
    """Names that a file does something with, when others import it or it is the script."""
    return unit.recall("used", unit.tree, lambda: frozenset(_names_of(unit.tree)))


def _names_of(tree: ast.Module) -> Iterator[str]:
    own = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    for node in tree.body:
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
