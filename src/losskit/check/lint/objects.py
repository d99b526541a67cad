"""Classes, their objects, and attributes of anything."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from losskit.check.lint.choices import Choice, join, options
from losskit.check.lint.containers import Chain, Dictionary, Made, Record, Sequence
from losskit.check.lint.definitions import (
    Bound,
    Class,
    Folder,
    Frame,
    Function,
    Instance,
    Package,
    Partial,
    Super,
)
from losskit.check.lint.imports import defined, member, within
from losskit.check.lint.kinds import Flow
from losskit.check.lint.machine import Machine
from losskit.check.lint.names import leaf_of
from losskit.check.lint.tables import column, is_table, numbers, part
from losskit.check.lint.tensor_attributes import attribute_of
from losskit.check.lint.values import UNKNOWN, Arguments, Const, Library, Tensor, Unknown, Value

__all__ = [
    "decorated",
    "find_in_class",
    "function_of",
    "get_attribute",
    "library_bases",
    "lineage",
    "set_attribute",
    "set_unknown_item",
    "ungrades",
]

_HEADS = {"fc", "head", "heads", "classifier", "last_linear", "linear", "logits", "output_layer"}
"""Attributes of library models that hold their last layer."""


_UNGRADED = {"torch.no_grad", "torch.inference_mode", "torch.autograd.no_grad"}


def ungrades(manager: Value) -> bool:
    """Whether a context manager, or a decorator, switches gradients off."""
    if isinstance(manager, Library):
        return manager.name in _UNGRADED
    if isinstance(manager, Made):
        if manager.name in _UNGRADED:
            return True
        if manager.name.endswith("set_grad_enabled"):
            return manager.arguments.const(0, "mode") is False
    return False


def lineage(kind: Class) -> Iterator[Value]:
    """A class and its bases: classes of the code, and libraries' by their names."""
    waiting: list[Value] = [kind]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, Choice):
            one = one.among[0][0]
        if id(one) in seen or len(seen) > 40:
            continue
        seen.add(id(one))
        yield one
        if isinstance(one, Class):
            waiting = [*one.bases, *waiting]


def library_bases(kind: Class) -> list[Library]:
    """Classes of libraries that a class is derived from, but for the one that all are."""
    bases = [one for one in lineage(kind) if isinstance(one, Library)]
    return [one for one in bases if one.leaf != "object"]


def find_in_class(kind: Class, name: str, after: Class | None = None) -> Value | None:
    """Return an attribute of a class or its bases; with ``after``, of those behind that one."""
    waiting = after is not None
    for one in lineage(kind):
        if waiting:
            waiting = one is not after
            continue
        if isinstance(one, Class) and name in one.data:
            found: Value = one.data[name]
            return found
    return None


def function_of(
    machine: Machine,
    frame: Frame,
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda,
    owner: Class | None,
) -> Function:
    """Make a function of its definition; its defaults are evaluated now."""
    given = node.args
    defaults: dict[str, Value] = {}
    positional = [*given.posonlyargs, *given.args]
    for one, default in zip(reversed(positional), reversed(given.defaults), strict=False):
        defaults[one.arg] = machine.evaluate(frame, default)
    for one, maybe in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        if maybe is not None:
            defaults[one.arg] = machine.evaluate(frame, maybe)
    return Function(node, frame, defaults, owner)


def decorated(
    machine: Machine,
    frame: Frame,
    node: ast.FunctionDef | ast.AsyncFunctionDef,
    function: Function,
) -> Value:
    """Note what decorators do to a function; most leave it what it is."""
    wrappers = set()
    for decorator in node.decorator_list:
        found = _wrapper(machine, frame, decorator)
        if ungrades(found):
            wrappers.add("no_grad")
        elif isinstance(found, Library):
            wrappers.add(found.leaf)
        elif isinstance(decorator, ast.Attribute):
            wrappers.add(decorator.attr)
    function.wrappers = frozenset(wrappers)
    return function


def _wrapper(machine: Machine, frame: Frame, decorator: ast.expr) -> Value:
    """Return what a decorator is; what the code's own functions make of it is never asked for."""
    if isinstance(decorator, ast.Call):
        callee = machine.evaluate(frame, decorator.func)
        if isinstance(callee, (Function, Class, Unknown)):
            return callee
    return machine.evaluate(frame, decorator)


def get_attribute(machine: Machine, frame: Frame, owner: Value, name: str, node: ast.AST) -> Value:
    """Return an attribute of a value."""
    if isinstance(owner, Choice):
        return join(
            (get_attribute(machine, frame, one, name, node), guards)
            for one, guards in owner.among
            if not (isinstance(one, Const) and one.value is None)
        )
    if isinstance(owner, Instance):
        return _of_object(machine, frame, owner, name, node)
    if isinstance(owner, Tensor):
        return attribute_of(frame.unit, owner, name, node)
    if isinstance(owner, Package):
        if name == "__dict__":
            models = defined(machine, owner.path)
            named = [one for one in models if isinstance(one, _NAMED)]
            # Where functions build the models, the classes are their parts.
            building = [one for one in named if isinstance(one, Function)]
            return Dictionary({one.name: one for one in building or named})
        return member(machine, owner.path, name)
    if isinstance(owner, Folder):
        return within(machine, owner, name)
    if isinstance(owner, Unknown) and (owner.name, name) in machine.lent.data:
        lent: Value = machine.lent.data[owner.name, name]
        return lent
    option = machine.questions.options.get(name)
    if isinstance(owner, Unknown) and option is not None and _is_parsed(node):
        return _optional(owner, name, option)
    if isinstance(owner, Unknown) and owner.word:
        return Bound(owner, name)
    if name == "data" and isinstance(owner, Unknown) and owner.flow is Flow.MODEL:
        return attribute_of(frame.unit, Tensor(flow=owner.flow), name, node)
    found = _plain_attribute(owner, name)
    return UNKNOWN if found is None else found


def _optional(owner: Unknown, name: str, default: Value) -> Value:
    """Return an option of the command line: what it brings, or the word that is its default."""
    if not isinstance(default, Const):
        return default
    word = default.value if isinstance(default.value, str) else ""
    return Unknown(f"{owner.name}.{name}", owner.flow, word)


def _is_parsed(node: ast.AST) -> bool:
    """Whether an attribute is one of what is called as the arguments of a command line are."""
    return isinstance(node, ast.Attribute) and _PARSED.match(leaf_of(node.value)) is not None


_PARSED = re.compile(r"(args?|opts?|options?|params|hparams|flags|cfg|config)$", re.IGNORECASE)


def _plain_attribute(owner: Value, name: str) -> Value | None:
    """Return an attribute that nothing has to be run for."""
    if isinstance(owner, Library):
        return Library(f"{owner.name}.{name}")
    if isinstance(owner, Unknown):
        return Unknown(f"{owner.name}.{name}", owner.flow)
    if isinstance(owner, Class):
        return _of_class(owner, name)
    if isinstance(owner, Super):
        inherited = find_in_class(owner.owner.kind, name, owner.kind)
        if isinstance(inherited, Function):
            return Bound(owner.owner, inherited)
        return Bound(owner, name)
    if isinstance(owner, Made):
        return _of_made(owner, name)
    if isinstance(owner, Record) and name in owner.named:
        return owner.named[name]
    if isinstance(owner, (Dictionary, Chain)) and name in owner.data:
        item: Value = owner.data[name]
        return item
    if isinstance(owner, (Dictionary, Chain, Sequence, Const, Function, Partial)):
        return owner if name == "module" else Bound(owner, name)
    return None


def _of_class(owner: Class, name: str) -> Value:
    found = find_in_class(owner, name)
    if isinstance(found, Function) and "classmethod" in found.wrappers:
        return Bound(owner, found)
    return Bound(owner, name) if found is None else found


def _of_object(machine: Machine, frame: Frame, owner: Instance, name: str, node: ast.AST) -> Value:
    """Return an attribute of an object, of its class, or of a library's base."""
    own: Value | None = owner.data.get(name)
    if own is not None:
        return own
    found = find_in_class(owner.kind, name)
    if found is None:
        return _of_instance(owner, name)
    if not isinstance(found, Function) or "staticmethod" in found.wrappers:
        return found
    if "property" in found.wrappers or "cached_property" in found.wrappers:
        return machine.invoke(frame, found, Arguments((owner,)), node)
    return Bound(owner, found)


def _of_instance(owner: Instance, name: str) -> Value:
    """Attributes that come from a library's base class."""
    if name == "training":
        # What counts is the training, also of a model that is switched for a moment.
        return Const(True)
    if name == "module":
        return owner
    if name.startswith("__") and name != "__call__":
        return UNKNOWN
    return Bound(owner, name)


def _of_made(owner: Made, name: str) -> Value:
    if name in owner.data:
        found: Value = owner.data[name]
        return found
    if name in owner.arguments.named:
        return owner.arguments.named[name]
    if name == "module" and owner.arguments.positional:
        return owner.arguments.positional[0]
    if is_table(owner) and (name == "values" or (name[:1].isupper() and name != "T")):
        # What pandas calls itself begins with a small letter: the others are columns.
        return numbers() if name == "values" else column(Const(name))
    if name in {"eps", "tiny"} and owner.leaf == "finfo":
        return Const(1e-7)
    return part(owner, name) or Bound(owner, name)


def set_attribute(machine: Machine, owner: Value, name: str, value: Value) -> None:
    """Set an attribute of whatever an expression may be."""
    if isinstance(owner, Choice):
        for one, _ in owner.among:
            set_attribute(machine, one, name, value)
    elif isinstance(owner, (Instance, Made, Class)):
        machine.write(owner, name, value)
        if isinstance(owner, Made) and name in _HEADS:
            machine.write(owner, "<head>", value)
    elif isinstance(owner, (Chain, Dictionary)):
        machine.write(owner, name, value)
    elif isinstance(owner, Unknown) and owner.name and _is_lent(value):
        # As where a callback hangs a network on the module of a trainer.
        machine.write(machine.lent, (owner.name, name), value)


def _is_lent(value: Value) -> bool:
    return all(isinstance(one, (Instance, Made, Chain)) for one, _ in options(value))


_NAMED = (Class, Function)


def set_unknown_item(machine: Machine, frame: Frame, node: ast.expr, value: Value) -> None:
    """Set an item of what a library's model holds, such as ``model.classifier[6]``."""
    if isinstance(node, ast.Attribute) and node.attr in _HEADS:
        owner = machine.evaluate(frame, node.value)
        if isinstance(owner, Made):
            machine.write(owner, "<head>", value)
