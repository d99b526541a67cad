"""Python's own functions and containers."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from dataclasses import replace

from losskit.check.lint import objects
from losskit.check.lint.branches import any_of
from losskit.check.lint.choices import Choice, join
from losskit.check.lint.containers import Chain, Dictionary, Made, Record, Sequence
from losskit.check.lint.definitions import Class, Frame, Instance, Package, Super
from losskit.check.lint.imports import defined
from losskit.check.lint.kinds import Flow, Kind
from losskit.check.lint.library.flows import combined_flow
from losskit.check.lint.library.indexing import indexed
from losskit.check.lint.library.rows import items_of, zipped
from losskit.check.lint.library.words import meant, text_method, word_of
from losskit.check.lint.machine import Machine
from losskit.check.lint.tensor_attributes import cut
from losskit.check.lint.values import (
    LENGTH,
    NONE,
    UNKNOWN,
    Absent,
    Arguments,
    Const,
    Library,
    Tensor,
    Unknown,
    Value,
)

__all__ = ["builtin", "container_method", "record"]


def builtin(machine: Machine, frame: Frame, name: str, given: Arguments, node: ast.AST) -> Value:
    """Call one of Python's functions."""
    first = given.get(0)
    if name == "super":
        return _super(frame)
    if name in _LOOPING and (first is not None or name == "zip"):
        return _LOOPING[name](machine, frame, given, node)
    if first is None:
        return {"dict": Dictionary(dict(given.named)), "list": Sequence(())}.get(name, UNKNOWN)
    if name == "eval":
        return meant(machine, frame, first)
    if name in {"list", "tuple", "reversed", "sorted", "iter", "set"}:
        return _listed(first, backwards=name == "reversed")
    if name == "dict":
        inner = first if isinstance(first, Dictionary) else None
        return Dictionary(dict(inner.data), open=inner.open) if inner else Dictionary(open=True)
    if name == "len":
        items = items_of(first)
        counted = items is not None and not (isinstance(first, Sequence) and first.grown)
        return Const(len(items or ())) if counted else LENGTH
    if name in {"sum", "max", "min"}:
        return _reduced(first, given)
    if name in {"float", "int", "round"} and isinstance(first, Tensor):
        if (
            name != "round"
            and first.flow in {Flow.UNKNOWN, Flow.DATA}
            and first.kind is not Kind.LOSS
        ):
            return Tensor(flow=Flow.DATA, rank=0)
        number = first if name == "round" else replace(first, rank=0, last=None)
        return cut(number, frame.unit, node, f"{name}() has no gradient")
    if name == "int" and isinstance(first, Const) and isinstance(first.value, float):
        return Const(int(first.value)) if math.isfinite(first.value) else UNKNOWN
    if name in {"float", "int", "round", "abs"}:
        return first if isinstance(first, (Const, Tensor)) else UNKNOWN
    return _asked(first, name, given)


def record(declared: Arguments, given: Arguments) -> Value:
    """Make a record of a ``namedtuple``: its items in their order, with their names."""
    fields = declared.get(1, "field_names")
    if isinstance(fields, Sequence):
        names = [one.value for one in fields.items or () if isinstance(one, Const)]
    else:
        names = word_of(fields).replace(",", " ").split()
    items = [given.get(at, name) or UNKNOWN for at, name in enumerate(names)]
    return Record(items, names) if names and not given.open else UNKNOWN


def _asked(first: Value, name: str, given: Arguments) -> Value:
    """Call a function that tells what an object is."""
    if name == "hasattr":
        return _hasattr(first, given.const(1))
    if name == "isinstance":
        return _isinstance(first, given.get(1))
    return UNKNOWN


def _mapped(machine: Machine, frame: Frame, given: Arguments, node: ast.AST) -> Value:
    """``map``: what a function gives for each item."""
    function, rows = given.get(0), given.get(1)
    if function is None or rows is None or len(given.positional) != 2:
        return Sequence(None)
    items = items_of(rows)
    if items is not None and len(items) <= _MOST_CALLS:
        return Sequence(machine.call(frame, function, Arguments((one,)), node) for one in items)
    each = machine.element_of(frame, rows, ast.Constant(None))
    return Sequence(None, machine.call(frame, function, Arguments((each,)), node))


_MOST_CALLS = 12
"""Items up to which each of them is looked at."""


def _enumerated(machine: Machine, frame: Frame, given: Arguments, node: ast.AST) -> Value:
    items = items_of(given.positional[0]) if given.positional else None
    if items is not None:
        return Sequence(Sequence((Const(at), one)) for at, one in enumerate(items))
    return Sequence(None, Sequence((Unknown("index"), _element(machine, frame, given, node))))


def _element(machine: Machine, frame: Frame, given: Arguments, node: ast.AST) -> Value:
    expression = node.args[0] if isinstance(node, ast.Call) and node.args else ast.Constant(None)
    first = given.get(0)
    return machine.element_of(frame, UNKNOWN if first is None else first, expression)


def _range(machine: Machine, frame: Frame, given: Arguments, node: ast.AST) -> Value:
    return Sequence(None, Unknown("index"))


def _setattr(machine: Machine, frame: Frame, given: Arguments, node: ast.AST) -> Value:
    owner, key, value = given.get(0), given.const(1), given.get(2)
    if isinstance(key, str) and owner is not None and value is not None:
        objects.set_attribute(machine, owner, key, value)
    return NONE


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


def _listed(value: Value, *, backwards: bool) -> Value:
    if isinstance(value, Chain):
        return Sequence(value.data.values())
    if isinstance(value, Sequence) and value.items is not None:
        made = Sequence(reversed(value.items) if backwards else value.items, value.each)
        made.grown = value.grown
        return made
    return value


def _getattr(machine: Machine, frame: Frame, given: Arguments, node: ast.AST) -> Value:
    owner, key = given.get(0), given.const(1)
    if owner is None:
        return UNKNOWN
    if isinstance(owner, Choice):
        rest = given.positional[1:]
        each = ((Arguments((one, *rest)), guards) for one, guards in owner.among)
        return join((_getattr(machine, frame, one, node), guards) for one, guards in each)
    word = word_of(given.get(1))
    if isinstance(owner, Package) and not isinstance(key, str):
        # A model that a configuration names.
        models = defined(machine, owner.path)
        names = [getattr(one, "name", "") for one in models]
        return any_of(models, node, names.index(word) if word in names else None)
    if isinstance(owner, Library):
        return Library(f"{owner.name}.{word or 'any'}")
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
    if isinstance(value, Choice):
        return join((_isinstance(one, kind), guards) for one, guards in value.among)
    if isinstance(kind, Sequence) and kind.items is not None:
        found = [_isinstance(value, one) for one in kind.items]
        if Const(True) in found:
            return Const(True)
        return Const(False) if all(one == Const(False) for one in found) else UNKNOWN
    if isinstance(kind, Class) and isinstance(value, Instance):
        return Const(any(one is kind for one in objects.lineage(value.kind)))
    found_out = _is_of_library(value, kind) if isinstance(kind, Library) else None
    return UNKNOWN if found_out is None else Const(found_out)


def _is_of_library(value: Value, kind: Library) -> bool | None:
    """Whether a value is of a type of Python or a library; None where that cannot be told."""
    leaf = kind.leaf
    if isinstance(value, Tensor):
        return False if kind.root == "builtins" else (leaf in {"Tensor", "Variable"} or None)
    if isinstance(value, (Sequence, Dictionary)):
        mine = {"dict"} if isinstance(value, Dictionary) else {"list", "tuple"}
        others = {"list", "tuple", "dict", "Tensor", "str", "int"} - mine
        return True if leaf in mine else (False if leaf in others else None)
    if isinstance(value, Made) and leaf not in _BASES and value.root == kind.root == "torch":
        return value.leaf == leaf  # torch.nn and torch.nn.modules.loss have the same classes
    if isinstance(value, Chain):
        return leaf in {"Sequential", "Module"}
    if isinstance(value, Const) and kind.root == "builtins":
        return type(value.value).__name__ == leaf
    return None


_BASES = {"Module", "_Loss", "_WeightedLoss"}
"""What layers and losses of torch.nn may derive from."""


def _summed(kind: Kind) -> Kind:
    return Kind.SCALED if kind is Kind.SOFTMAX else kind


def _reduced(first: Value, given: Arguments) -> Value:
    """Sum of losses, and the like."""
    items = items_of(first)
    tensors = [one for one in items or () if isinstance(one, Tensor)]
    if tensors:
        flow, trail = combined_flow(list(items or ()))
        return Tensor(_summed(tensors[0].kind), flow, tensors[0].trail, trail)
    if isinstance(first, Sequence) and isinstance(first.each, Tensor):
        return replace(first.each, kind=_summed(first.each.kind))
    if isinstance(first, Unknown) and first.flow is not Flow.UNKNOWN:
        return Tensor(flow=first.flow)
    return UNKNOWN


_LOOPING: dict[str, Callable[[Machine, Frame, Arguments, ast.AST], Value]] = {
    "enumerate": _enumerated,
    "zip": zipped,
    "next": _element,
    "range": _range,
    "map": _mapped,
    "getattr": _getattr,
    "setattr": _setattr,
}


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
    if word_of(owner):
        return text_method(owner, name, given) or UNKNOWN
    return None


def _list_method(machine: Machine, owner: Sequence, name: str, given: Arguments) -> Value | None:
    items = owner.items
    first = given.get(0)
    owner.grown = owner.grown or (machine.looping > 0 and name in {"append", "extend", "insert"})
    if name == "append" and first is not None:
        if items is not None and len(items) < 256:
            machine.write(owner, "items", (*items, first))
        return NONE
    if name in {"extend", "__iadd__"} and first is not None:
        more = items_of(first)
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
    first, added = given.get(0), given.get(1, "module")
    if name in {"add_module", "register_module"} and added is not None:
        key = given.const(0, "name")
        # One that is there already is that of another round, and this round may be the last.
        new = isinstance(key, str) and key not in owner.data
        machine.write(owner, key if new else f"<{len(owner.data)}>", added)
        return NONE
    if name in {"append", "add"} and first is not None:
        machine.write(owner, str(len(owner.data)), first)
        return owner if name == "append" else NONE
    if name == "extend" and first is not None:
        for one in items_of(first) or ():
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
