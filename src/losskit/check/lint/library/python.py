"""Python's own functions and containers."""

from __future__ import annotations

import ast

from losskit.check.lint import objects
from losskit.check.lint.kinds import Flow
from losskit.check.lint.library.indexing import indexed
from losskit.check.lint.library.tensors import combined_flow, cut
from losskit.check.lint.machine import Machine, guarded
from losskit.check.lint.values import (
    NONE,
    UNKNOWN,
    Absent,
    Arguments,
    Chain,
    Choice,
    Class,
    Const,
    Dictionary,
    Frame,
    Function,
    Guard,
    Instance,
    Library,
    Made,
    Partial,
    Sequence,
    Super,
    Tensor,
    Unknown,
    Value,
)

__all__ = ["builtin", "container_method"]


def builtin(machine: Machine, frame: Frame, name: str, given: Arguments, node: ast.AST) -> Value:
    """Call one of Python's functions."""
    first = given.get(0)
    expression = node.args[0] if isinstance(node, ast.Call) and node.args else ast.Constant(None)
    if name == "super":
        return _super(frame)
    if first is None:
        return {"dict": Dictionary(dict(given.named)), "list": Sequence(())}.get(name, UNKNOWN)
    if name in {"list", "tuple", "reversed", "sorted", "iter", "set", "tqdm", "trange"}:
        return _listed(first, backwards=name == "reversed")
    if name == "enumerate":
        items = _items(first)
        if items is not None:
            return Sequence(Sequence((Const(at), one)) for at, one in enumerate(items))
        each = machine.element_of(frame, first, expression)
        return Sequence(None, Sequence((Unknown("index"), each)))
    if name == "zip":
        return _zipped(machine, frame, given, node)
    if name == "next":
        return machine.element_of(frame, first, expression)
    if name == "dict":
        if isinstance(first, Dictionary):
            return Dictionary(dict(first.data), open=first.open)
        return Dictionary(dict(given.named), open=True)
    if name == "len":
        items = _items(first)
        return UNKNOWN if items is None else Const(len(items))
    if name == "range":
        return Sequence(None, Unknown("index"))
    if name == "getattr":
        return _getattr(machine, frame, given, node)
    if name == "setattr":
        key = given.const(1)
        value = given.get(2)
        if isinstance(key, str) and value is not None:
            objects.set_attribute(machine, first, key, value)
        return NONE
    if name == "hasattr":
        return _hasattr(first, given.const(1))
    if name == "isinstance":
        return _isinstance(first, given.get(1))
    if name in {"sum", "max", "min"}:
        return _reduced(first, given)
    if name in {"float", "int", "round"}:
        if isinstance(first, Tensor):
            return cut(first, frame.unit, node, f"{name}() has no gradient")
        return first if isinstance(first, Const) else UNKNOWN
    if name == "abs":
        return first if isinstance(first, Tensor) else UNKNOWN
    if name == "map":
        return Sequence(None)
    return UNKNOWN


def _super(frame: Frame) -> Value:
    scope: Frame | None = frame
    while scope is not None:
        function = scope.function
        if function is not None and function.owner is not None:
            arguments = function.node.args
            names = [*arguments.posonlyargs, *arguments.args]
            this = scope.data.get(names[0].arg) if names else None
            if isinstance(this, Instance):
                return Super(this, function.owner)
            return UNKNOWN
        scope = scope.outer
    return UNKNOWN


def _items(value: Value) -> tuple[Value, ...] | None:
    if isinstance(value, Sequence):
        return value.items
    if isinstance(value, Chain):
        return tuple(value.data.values())
    return None


def _listed(value: Value, *, backwards: bool) -> Value:
    if isinstance(value, Chain):
        return Sequence(value.data.values())
    if isinstance(value, Sequence) and value.items is not None:
        return Sequence(reversed(value.items) if backwards else value.items)
    return value


def _zipped(machine: Machine, frame: Frame, given: Arguments, node: ast.AST) -> Value:
    lists = [_items(one) for one in given.positional]
    if lists and all(one is not None for one in lists):
        rows = zip(*(one for one in lists if one is not None), strict=False)
        return Sequence(Sequence(row) for row in rows)
    place = ast.Constant(None)
    return Sequence(
        None, Sequence([machine.element_of(frame, one, place) for one in given.positional])
    )


def _getattr(machine: Machine, frame: Frame, given: Arguments, node: ast.AST) -> Value:
    owner, key = given.get(0), given.const(1)
    if owner is None:
        return UNKNOWN
    if isinstance(key, str):
        if isinstance(owner, Instance) and len(given.positional) > 2:
            known = key in owner.data or objects.find_in_class(owner.kind, key) is not None
            if not known:
                return given.positional[2]
        return objects.get_attribute(machine, frame, owner, key, node)
    return UNKNOWN


def _hasattr(owner: Value, key: object) -> Value:
    if isinstance(owner, Instance) and isinstance(key, str):
        if key in owner.data or objects.find_in_class(owner.kind, key) is not None:
            return Const(True)
        return UNKNOWN if objects.library_bases(owner.kind) else Const(False)
    return UNKNOWN


def _isinstance(value: Value, kind: Value | None) -> Value:
    if isinstance(kind, Sequence) and kind.items is not None:
        found = [_isinstance(value, one) for one in kind.items]
        if Const(True) in found:
            return Const(True)
        return Const(False) if all(one == Const(False) for one in found) else UNKNOWN
    if isinstance(kind, Library):
        if isinstance(value, Tensor) and kind.root == "builtins":
            return Const(False)
        if isinstance(value, Tensor) and kind.leaf == "Tensor":
            return Const(True)
        if isinstance(value, Sequence) and kind.leaf in {"list", "tuple"}:
            return Const(True)
        if isinstance(value, Sequence) and kind.leaf in {"Tensor", "dict", "str", "int"}:
            return Const(False)
        if isinstance(value, Dictionary) and kind.leaf in {"dict", "list", "tuple", "Tensor"}:
            return Const(kind.leaf == "dict")
        if isinstance(value, Made) and value.name == kind.name:
            return Const(True)
        if (
            isinstance(value, Made)
            and value.root == kind.root == "torch"
            and kind.leaf not in {"Module"}
        ):
            return Const(False)
        if isinstance(value, Chain):
            return Const(kind.leaf in {"Sequential", "Module"})
        if isinstance(value, Const) and kind.root == "builtins":
            return Const(type(value.value).__name__ == kind.leaf)
    if isinstance(kind, Class) and isinstance(value, Instance):
        return Const(any(one is kind for one in objects.lineage(value.kind)))
    return UNKNOWN


def _reduced(first: Value, given: Arguments) -> Value:
    """Sum of losses, and the like."""
    items = _items(first)
    tensors = [one for one in items or () if isinstance(one, Tensor)]
    if tensors:
        flow, trail = combined_flow(list(items or ()))
        return Tensor(tensors[0].kind, flow, tensors[0].trail, trail)
    if isinstance(first, Sequence) and isinstance(first.each, Tensor):
        return first.each
    if isinstance(first, Unknown) and first.flow is not Flow.UNKNOWN:
        return Tensor(flow=first.flow)
    return UNKNOWN


_LIST_METHODS = {"append", "extend", "insert", "pop", "copy", "clear", "add"}


def container_method(
    machine: Machine, frame: Frame, owner: Value, name: str, given: Arguments, node: ast.AST
) -> Value | None:
    """Call a method of a list, a dictionary, a string or a chain of layers."""
    if isinstance(owner, Sequence):
        return _list_method(machine, owner, name, given)
    if isinstance(owner, Dictionary):
        return _dictionary_method(machine, frame, owner, name, given, node)
    if isinstance(owner, Chain):
        return _chain_method(machine, frame, owner, name, given, node)
    if isinstance(owner, Const) and isinstance(owner.value, str):
        if name in {"lower", "upper", "strip"} and not given.positional:
            return Const(getattr(owner.value, name)())
        return UNKNOWN
    return None


def _list_method(machine: Machine, owner: Sequence, name: str, given: Arguments) -> Value | None:
    items = owner.items
    first = given.get(0)
    if name == "append" and first is not None:
        if items is not None and len(items) < 256:
            machine.write(owner, "items", (*items, first))
        return NONE
    if name in {"extend", "__iadd__"} and first is not None:
        more = _items(first)
        both = items is not None and more is not None
        machine.write(owner, "items", (*items, *more) if both else None)  # type: ignore[misc]
        return NONE
    if name == "insert" and items is not None and len(given.positional) == 2:
        at = given.const(0)
        if type(at) is int:
            changed = list(items)
            changed.insert(at, given.positional[1])
            machine.write(owner, "items", tuple(changed))
        return NONE
    if name == "pop" and items:
        machine.write(owner, "items", items[:-1])
        return items[-1]
    if name == "copy":
        return Sequence(items, owner.each)
    return None


def _dictionary_method(
    machine: Machine,
    frame: Frame,
    owner: Dictionary,
    name: str,
    given: Arguments,
    node: ast.AST,
) -> Value | None:
    if name in {"get", "pop", "setdefault"}:
        key = given.const(0)
        if isinstance(key, (str, int)) and key in owner.data:
            found: Value = owner.data[key]
            return found
        if isinstance(given.get(0), Const) and not owner.open:
            default = given.get(1)
            return NONE if default is None else default
        first = given.get(0)
        return UNKNOWN if first is None else indexed(machine, frame, owner, first, node)
    if name == "items" and not owner.open:
        return Sequence(Sequence((Const(key), value)) for key, value in owner.data.items())
    if name == "values":
        return Sequence(owner.data.values()) if not owner.open else Sequence(None)
    if name == "keys" and not owner.open:
        return Sequence(Const(key) for key in owner.data)
    if name == "update":
        first = given.get(0)
        if isinstance(first, Dictionary):
            for key, value in first.data.items():
                machine.write(owner, key, value)
        for key, value in given.named.items():
            machine.write(owner, key, value)
        return NONE
    return None


def _chain_method(
    machine: Machine, frame: Frame, owner: Chain, name: str, given: Arguments, node: ast.AST
) -> Value | None:
    first, second = given.get(0), given.get(1)
    if name in {"add_module", "register_module"} and second is not None:
        key = given.const(0)
        machine.write(owner, key if isinstance(key, str) else f"<{len(owner.data)}>", second)
        return NONE
    if name in {"append", "add"} and first is not None:
        machine.write(owner, str(len(owner.data)), first)
        return owner if name == "append" else NONE
    if name == "extend" and first is not None:
        for one in _items(first) or ():
            machine.write(owner, str(len(owner.data)), one)
        return owner
    if name == "pop":
        if owner.data:
            machine.write(owner, next(reversed(owner.data)), Absent())
        return UNKNOWN
    if name in {"forward", "__call__"}:
        return machine.through(frame, owner, UNKNOWN if first is None else first, node)
    if name == "children":
        return Sequence(owner.data.values())
    if name == "named_children":
        return Sequence(Sequence((Const(k), v)) for k, v in owner.data.items())
    return None


_ = (Choice, Function, Guard, Partial, guarded)
