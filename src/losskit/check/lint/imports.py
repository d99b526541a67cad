"""Imports: files of the project, and libraries by their names."""

from __future__ import annotations

import ast
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
            for name, value in _brought(machine, frame, node.module or "", node.level, None):
                known = name in frame.data and isinstance(value, Library)
                if not known:
                    machine.write(frame, name, value)
        else:
            [(_, value)] = _brought(machine, frame, node.module or "", node.level, alias.name)
            machine.write(frame, alias.asname or alias.name, value)
    return End.NEXT


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
        with machine.apart():
            if is_entry:
                machine.run_block(unit.frame, unit.tree.body)
            else:
                _prepare(machine, unit.frame, unit.tree.body)
    return unit.frame


def _prepare(machine: Machine, frame: Frame, body: list[ast.stmt]) -> None:
    """Run a module as far as it has to be; its definitions wait until they are asked for."""
    for node, name in frame.unit.recall("plan", frame.unit.tree, lambda: _planned(body)):
        if name:
            frame.data[name] = Deferred(frame, node)
        else:
            machine.run_block(frame, [node])


def _planned(body: list[ast.stmt]) -> list[tuple[ast.stmt, str]]:
    """Statements of a module that matter, with the name that can wait, if there is one."""
    bound = Counter(name for node in body if (name := _bound(node)))
    return [
        (node, name if bound[name] == 1 else "")
        for node in body
        if (name := _bound(node)) or not isinstance(node, _IDLE)
    ]


_IDLE = (ast.Expr, ast.For, ast.While, ast.Assert, ast.Delete)


def _bound(node: ast.stmt) -> str:
    """Return the one name that a definition binds."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return node.name
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target = node.targets[0]
        return target.id if isinstance(target, ast.Name) else ""
    return ""


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
    with machine.apart():
        machine.run_block(value.frame, [value.node])
    found: Value = value.frame.data.get(name, UNKNOWN)
    return found


def _brought(
    machine: Machine, frame: Frame, module: str, level: int, name: str | None
) -> list[tuple[str, Value]]:
    """Return what ``from module import name`` binds; all public names without one."""
    importer = frame.unit.path
    path = machine.project.find(importer, module, level)
    if name is None:
        return _all_of_library(module) if path is None else _public(machine, path)
    if path is not None:
        return [(name, Pending(path, name))]
    inner = machine.project.find(importer, f"{module}.{name}" if module else name, level)
    if inner is not None:
        return [(name, Package(inner))]
    if level or not module or machine.project.package(importer, module, level):
        return [(name, UNKNOWN)]
    return [(name, Library(f"{module}.{name}"))]


def _public(machine: Machine, path: str) -> list[tuple[str, Value]]:
    """What a star import of a file brings."""
    names = _names(machine, path)
    if names is None:
        return []
    bound = [
        (key, Pending(path, key) if isinstance(value, Deferred) else value)
        for key, value in names.data.items()
        if not key.startswith("_")
    ]
    listed = member(machine, path, "__all__")
    words = listed.items or () if isinstance(listed, Sequence) else ()
    modules = [one.value for one in words if isinstance(one, Const) and isinstance(one.value, str)]
    return bound + [(one, member(machine, path, one)) for one in modules if one not in names.data]


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
            return Package(inner)
    return UNKNOWN


_MOST_MODELS = 12
"""Public names of a module, up to which one that is asked for by an unknown word is one of them."""


def defined(machine: Machine, path: str) -> list[Value]:
    """Return the models that a module defines, or else the functions, which may make them."""
    names = _names(machine, path)
    public = [name for name in (() if names is None else names.data) if not name.startswith("_")]
    found: list[Class | Function] = []
    for name in public:
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
