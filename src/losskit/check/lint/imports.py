"""Imports: files of the project, and libraries by their names."""

from __future__ import annotations

import ast
import builtins
from collections import Counter

from losskit.check.lint.choices import Choice, join
from losskit.check.lint.containers import Sequence
from losskit.check.lint.definitions import (
    Class,
    Deferred,
    Folder,
    Frame,
    Function,
    Package,
    Pending,
)
from losskit.check.lint.machine import Machine
from losskit.check.lint.names import is_part, starred
from losskit.check.lint.parts import End
from losskit.check.lint.units import Unit
from losskit.check.lint.values import UNKNOWN, Const, Library, Value

__all__ = [
    "by_star",
    "defined",
    "forced",
    "loaded",
    "member",
    "module_of",
    "run_import",
    "run_import_from",
    "within",
]


_MOST_MODULES = 40
"""Other files that one analysis looks into."""


def run_import(machine: Machine, frame: Frame, node: ast.Import) -> End:
    """Bind the modules of ``import a.b as c``."""
    for alias in node.names:
        whole = module_of(machine, frame, alias.name)
        if alias.asname:
            machine.write(frame, alias.asname, whole)
        else:
            first = alias.name.partition(".")[0]
            machine.write(frame, first, module_of(machine, frame, first))
    return End.NEXT


def run_import_from(machine: Machine, frame: Frame, node: ast.ImportFrom) -> End:
    """Bind the names of ``from a import b``."""
    for alias in node.names:
        if alias.name == "*":
            _run_star(machine, frame, node.module or "", node.level)
        else:
            value = _brought(machine, frame, node.module or "", node.level, alias.name)
            machine.write(frame, alias.asname or alias.name, value)
    return End.NEXT


def _run_star(machine: Machine, frame: Frame, module: str, level: int) -> None:
    """Bind the public names of a module; in modules that are imported, once they are asked for."""
    path = machine.project.find(frame.unit.path, module, level)
    if path is not None and machine.away and frame.outer is None:
        frame.stars.append(path)
        return
    for name, value in _all_of_library(module) if path is None else _public(machine, path):
        if name not in frame.data or not isinstance(value, Library):
            machine.write(frame, name, value)


def module_of(machine: Machine, frame: Frame, name: str) -> Value:
    """Return a module by its name."""
    path = machine.project.find(frame.unit.path, name, 0)
    if path is not None:
        return Package(path)
    folder = machine.project.package(frame.unit.path, name, 0)
    return Library(name) if folder is None else Folder(folder)


def loaded(machine: Machine, unit: Unit) -> Frame:
    """Return the names of a file, which runs when it is needed first."""
    if unit.frame is None:
        unit.frame = Frame(unit, None)
        is_entry = unit.path == machine.entry
        unit.frame.data["__name__"] = Const("__main__" if is_entry else "imported")
        with machine.apart(unit):
            if is_entry:
                machine.run_block(unit.frame, unit.tree.body)
            else:
                _prepare(machine, unit.frame, unit.tree.body)
    return unit.frame


def _prepare(machine: Machine, frame: Frame, body: list[ast.stmt]) -> None:
    """Run a module as far as it has to be; definitions wait until their names are asked for."""
    for node, names in frame.unit.recall("plan", frame.unit.tree, lambda: _planned(body)):
        if names:
            frame.data.update((name, Deferred(frame, node)) for name in names)
        else:
            machine.run_block(frame, [node])


def _planned(body: list[ast.stmt]) -> list[tuple[ast.stmt, list[str]]]:
    """Statements of a module that matter, with the names that can wait, if there are some."""
    bound = Counter(name for node in body for name in _bound(node))
    return [
        (node, names if all(bound[name] == 1 for name in names) else [])
        for node in body
        if (names := _bound(node)) or not isinstance(node, _IDLE)
    ]


_IDLE = (ast.Expr, ast.For, ast.While, ast.Assert, ast.Delete)


def _bound(node: ast.stmt) -> list[str]:
    """Return the names that a definition or an import binds, and does nothing else."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target = node.targets[0]
        return [target.id] if isinstance(target, ast.Name) else []
    if isinstance(node, ast.ImportFrom) and node.names[0].name != "*":
        return [alias.asname or alias.name for alias in node.names]
    return []


def forced(machine: Machine, value: Value, name: str) -> Value:
    """Return what a name stands for that was not asked for before."""
    if isinstance(value, Choice):
        if not any(isinstance(one, (Pending, Deferred)) for one, _ in value.among):
            return value
        return join((forced(machine, one, name), guards) for one, guards in value.among)
    if isinstance(value, Pending):
        return member(machine, value.path, value.name)
    if not isinstance(value, Deferred):
        return value
    value.frame.data[name] = UNKNOWN
    with machine.apart(value.frame.unit):
        machine.run_block(value.frame, [value.node])
    found: Value = value.frame.data.get(name, UNKNOWN)
    return forced(machine, found, name) if isinstance(found, Pending) else found


def _brought(machine: Machine, frame: Frame, module: str, level: int, name: str) -> Value:
    """Return what ``from module import name`` binds."""
    importer = frame.unit.path
    path = machine.project.find(importer, module, level)
    if path is not None:
        return Pending(path, name)
    inner = machine.project.find(importer, f"{module}.{name}" if module else name, level)
    if inner is not None:
        return Package(inner)
    if level or not module or machine.project.package(importer, module, level):
        return UNKNOWN
    return Library(f"{module}.{name}")


def _public(machine: Machine, path: str) -> list[tuple[str, Value]]:
    """Return the public names of a file, also those that it has from others."""
    names = _names(machine, path)
    if names is None:
        return []
    stars, names.stars = names.stars, []
    found = dict(pair for star in stars for pair in _public(machine, star))
    names.stars = stars
    for key, value in names.data.items():
        if not key.startswith("_"):
            found[key] = Pending(path, key) if isinstance(value, Deferred) else value
    listed = member(machine, path, "__all__")
    words = listed.items or () if isinstance(listed, Sequence) else ()
    modules = [one.value for one in words if isinstance(one, Const) and isinstance(one.value, str)]
    found |= {one: member(machine, path, one) for one in modules if one not in found}
    return list(found.items())


def by_star(machine: Machine, names: Frame, name: str) -> Value | None:
    """Return what a module has under a name from the modules of which it imports all names."""
    if not names.stars or name.startswith("_") or hasattr(builtins, name):
        return None
    # Modules that import one another in this way must not be looked into for ever.
    stars, names.stars = names.stars, []
    found = (_of_star(machine, star, name) for star in reversed(stars))
    value = next((one for one in found if one is not None), None)
    names.stars = stars
    if value is not None:
        names.data[name] = value
    return value


def _of_star(machine: Machine, path: str, name: str) -> Value | None:
    if not machine.project.mentions(path, name, "import *"):
        return None
    names = _names(machine, path)
    if names is None:
        return None
    return member(machine, path, name) if name in names.data else by_star(machine, names, name)


def _names(machine: Machine, path: str) -> Frame | None:
    """Return the names of a file; None where it cannot be read, or too many were read."""
    if path not in machine.modules and (machine.alone or len(machine.modules) >= _MOST_MODULES):
        return None
    machine.modules.add(path)
    unit = machine.project.unit(path)
    return None if unit is None else loaded(machine, unit)


def member(machine: Machine, path: str, name: str) -> Value:
    """Return a name of a module: what it binds, or a module below it."""
    names = _names(machine, path)
    if names is None:
        return UNKNOWN
    if name in names.data:
        found: Value = names.data[name]
        if isinstance(found, (Pending, Deferred)) and found != Pending(path, name):
            found = names.data[name] = forced(machine, found, name)
        return UNKNOWN if isinstance(found, Pending) else found
    if path.endswith("__init__.py"):
        inner = machine.project.find(path, name, 1)
        if inner is not None and inner != path:
            # As in torchvision, where models.alexnet is the function of the module of that name.
            brought = _of_star(machine, inner, name) if inner in names.stars else None
            return Package(inner) if brought is None else brought
    return by_star(machine, names, name) or UNKNOWN


_MOST_MODELS = 12
"""Public names of a module, up to which one that is asked for by an unknown word is one of them."""


def defined(machine: Machine, path: str) -> list[Value]:
    """Return the models that a module defines, or else the functions, which may make them."""
    found: list[Class | Function] = []
    for name, _ in _public(machine, path):
        value = member(machine, path, name) if len(found) <= _MOST_MODELS else UNKNOWN
        if isinstance(value, (Class, Function)):
            found.append(value)
    models = [one for one in found if isinstance(one, Class) and _runs(one)]
    whole = [one for one in models if not is_part(one.name)]
    chosen: list[Value] = list(whole or models or found)
    return chosen if len(chosen) <= _MOST_MODELS else []


def _runs(kind: Class) -> bool:
    return any("forward" in one.data for one in (kind, *kind.bases) if isinstance(one, Class))


def within(machine: Machine, folder: Folder, name: str) -> Value:
    """Return a module of a folder."""
    path = machine.project.at(folder.path, [name])
    if path is not None:
        return Package(path)
    inner = f"{folder.path}/{name}"
    return Folder(inner) if machine.project.holds(inner) else UNKNOWN


def _all_of_library(module: str) -> list[tuple[str, Value]]:
    """What a star import of a library brings, as far as losses go."""
    found: dict[str, Value] = {name: Library(f"{module}.{name}") for name in starred(module)}
    if module.partition(".")[0] not in {"torch", "keras", "tensorflow", "jax", "flax"}:
        found |= _HANDED_ON
    return list(found.items())


_HANDED_ON: dict[str, Value] = {
    name: Library(full)
    for name, full in (("torch", "torch"), ("nn", "torch.nn"), ("F", "torch.nn.functional"))
}
"""What libraries hand on under the names that everybody uses."""
