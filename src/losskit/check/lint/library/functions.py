"""Functions and containers of libraries of tensors."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable
from dataclasses import replace

from losskit.check.lint.choices import join, options
from losskit.check.lint.containers import Chain, Dictionary, Sequence
from losskit.check.lint.definitions import Class, Frame, Function, Instance
from losskit.check.lint.kinds import Flow, Kind
from losskit.check.lint.library import data, makers, shapes, tensors
from losskit.check.lint.library.activations import WITH_AXIS
from losskit.check.lint.library.filled import FILLING
from losskit.check.lint.library.flows import as_tensor, combined_flow, data_tensor
from losskit.check.lint.machine import Machine
from losskit.check.lint.names import MAKERS
from losskit.check.lint.values import (
    UNKNOWN,
    Arguments,
    Const,
    Library,
    Tensor,
    Trail,
    Unknown,
    Value,
)

__all__ = ["TENSORS", "chain", "ordered", "tensor_library"]

TENSORS = {
    "torch",
    "numpy",
    "jax",
    "tensorflow",
    "keras",
    "flax",
    "scipy",
    "losskit",
    "tf_keras",
    "haiku",
    "einops",
    "cupy",
    "torch_geometric",
    "dgl",
}
"""Libraries of tensors, by the names under which they are imported."""

_PRODUCTS = {"einsum", "dot", "norm"}


def tensor_library(
    machine: Machine, frame: Frame, callee: Library, given: Arguments, node: ast.AST
) -> Value | None:
    """Call something of a library of tensors; None where it is not known."""
    leaf = callee.leaf
    if leaf == "Sequential":
        keras = callee.root in {"keras", "tensorflow", "tf_keras"}
        return chain(_after_star(given, node) if given.open else given, keras=keras)
    stored = _stored(machine, callee, given)
    if stored is not None:
        return stored
    if leaf in data.PACKING:
        return data.PACKING[leaf](frame, given, node)
    number = 1e-7 if leaf == "epsilon" else given.const(0, "value")
    if leaf in {"epsilon", "constant"} and isinstance(number, (int, float)):
        return Const(number)
    if leaf in {"Variable", "get_variable"} and callee.root == "tensorflow":
        value = FILLING["placeholder"](given) if leaf[0] == "g" else given.get(0, "initial_value")
        first = as_tensor(value or UNKNOWN) or Tensor()
        return Tensor(Kind.LEARNT, Flow.MODEL, rank=first.rank, last=first.last)
    if leaf == "Variable":
        return makers.variable(frame, given, node)
    if leaf == "Parameter":
        first = as_tensor(given.get(0, "data") or UNKNOWN) or Tensor()
        return Tensor(Kind.LEARNT, Flow.MODEL, rank=first.rank, last=first.last)
    if leaf in MAKERS:
        return makers.made_tensor(frame, leaf, given, node)
    if leaf in _CONTAINERS and callee.name != "tensorflow.identity":
        return _CONTAINERS[leaf](given)
    if leaf in _JOINING:
        return shapes.of_rows(frame.unit, leaf, _together(leaf, given), node)
    if leaf == "where" and len(given.positional) == 3:
        return _chosen(given.positional)
    if leaf[:1].isupper():
        return UNKNOWN if leaf in {"Linear", "Dense"} and not given.values() else None
    return _function(machine, frame, callee, given, node)


def _stored(machine: Machine, callee: Library, given: Arguments) -> Value | None:
    """Save a model, or load the one that the code saved under the same path."""
    if callee.name not in {"torch.save", "torch.load"}:
        return None
    path = given.const(int(callee.leaf == "save"), "f")
    if not isinstance(path, str):
        return None
    if callee.leaf == "load":
        found: Value | None = machine.lent.data.get(("<saved>", path))
        return found
    model = given.get(0, "obj")
    if isinstance(model, (Chain, Instance)):
        machine.write(machine.lent, ("<saved>", path), model)
    return None


def _function(
    machine: Machine, frame: Frame, callee: Library, given: Arguments, node: ast.AST
) -> Value | None:
    """Call a function of tensors."""
    leaf = callee.leaf
    operand = given.get(0, "input", "x", "a", "logits", "self", "features")
    if isinstance(operand, Const) and (
        leaf == "einsum" or any(isinstance(one, Tensor) for one in given.positional)
    ):
        return _of_all(given)
    if operand is None or isinstance(operand, (Const, Function, Class)):
        return None
    if leaf in {"rearrange", "reduce"}:
        return tensors.apply(machine, frame, "rearrange", operand, Arguments(), node)
    if leaf in {"linear", "conv1d", "conv2d", "conv3d"} and len(given.values()) > 1:
        return _weighed(frame, leaf, given, node)
    if "linalg" in callee.name or leaf in _PRODUCTS:
        return _of_all(given)
    found = tensors.apply(machine, frame, leaf, operand, _rest(callee, given), node)
    if found is not None or leaf in {"load", "device"}:
        return UNKNOWN if found is None else found
    if isinstance(operand, Unknown):
        flow, _ = combined_flow(list(given.positional))
        return Unknown("", flow)
    return _of_all(given) if isinstance(operand, Tensor) else None


def _rest(callee: Library, given: Arguments) -> Arguments:
    """Return the arguments after the tensor."""
    skip = {"input", "x", "a", "self", "features"}
    if not given.positional:
        skip = skip | {"logits"}
    named = {key: value for key, value in given.named.items() if key not in skip}
    rest = Arguments(given.positional[1:], named, given.open)
    last = callee.leaf in WITH_AXIS and callee.root != "torch"
    if last and rest.get(0, "dim", "axis") is None:
        # Everywhere but in PyTorch a softmax goes over the last axis.
        rest.named["axis"] = Const(-1)
    return rest


def _of_all(given: Arguments) -> Tensor:
    """Return something that is computed from all arguments."""
    flow, trail = combined_flow(list(given.positional))
    return Tensor(flow=flow, cut=trail)


def _weighed(frame: Frame, leaf: str, given: Arguments, node: ast.AST) -> Tensor:
    flow, trail = combined_flow(list(given.values()))
    if flow in {Flow.DATA, Flow.CUT}:
        return Tensor(flow=flow, cut=trail)
    return Tensor(Kind.RAW, flow, Trail(frame.unit, node, f"{leaf} gives raw scores"))


def _listed(given: Arguments) -> Value:
    first = given.get(0, "modules")
    if isinstance(first, Sequence):
        return Sequence(first.items, first.each)
    return Sequence(() if first is None else None)


def chain(given: Arguments, *, keras: bool) -> Value:
    """``Sequential``: layers one after the other."""
    first = given.get(0, "layers")
    if isinstance(first, Dictionary):
        return Chain(dict(first.data), keras=keras)
    if keras and isinstance(first, Sequence):
        layers_given = first.items or ()
    elif given.open:
        return UNKNOWN
    else:
        layers_given = given.positional
    return Chain({str(at): layer for at, layer in enumerate(layers_given)}, keras=keras)


def _after_star(given: Arguments, node: ast.AST) -> Arguments:
    """Put one layer, of which nothing is known, in the place of a list and all before it."""
    nodes = node.args if isinstance(node, ast.Call) else []
    known = list(itertools.takewhile(lambda one: not isinstance(one, ast.Starred), nodes[::-1]))
    if not known or given.named:
        return given
    return Arguments((Unknown("layers", Flow.MODEL), *given.positional[-len(known) :]))


def ordered(given: Arguments) -> Value:
    """``OrderedDict`` and the like."""
    first = given.get(0)
    if isinstance(first, Dictionary):
        return Dictionary(dict(first.data), open=first.open)
    if isinstance(first, Sequence) and first.items is not None:
        made = Dictionary()
        for item in first.items:
            if isinstance(item, Sequence) and item.items is not None and len(item.items) == 2:
                key, value = item.items
                made.data[key.value if isinstance(key, Const) else f"<{len(made.data)}>"] = value
        return made
    return Dictionary()


def _together(name: str, given: Arguments) -> Value:
    """Tensors that are put together are what all of them are."""
    first = given.get(0, "tensors", "values", "arrays")
    items = first.items if isinstance(first, Sequence) else None
    if items is None and isinstance(first, Sequence):
        return join((_of_each(name, one, given), guards) for one, guards in options(first.each))
    if items is None:
        return UNKNOWN
    found = [one for item in items for one, _ in options(item)]
    # As where a loop begins with torch.tensor([]), and grows it.
    found = [one for one in found if not isinstance(one, Tensor) or one.last != 0] or found
    flow, cut = combined_flow(list(found))
    every = found
    if name == "cat":
        # As where outputs of all steps but the first follow zeros.
        found = [one for one in found if not _is_plain(one)] or found
    kinds = {one.kind for one in found if isinstance(one, Tensor)}
    whole = all(isinstance(one, Tensor) for one in found) and len(kinds) == 1
    trail = found[0].trail if whole and isinstance(found[0], Tensor) else None
    kind = kinds.pop() if whole else Kind.UNKNOWN
    sides = {one.complement for one in found if isinstance(one, Tensor)}
    if kind is Kind.SIGMOID and len(found) == len(sides) == 2:
        # Both labels of each row, as in cat((1 - p, p), dim=1).
        kind = Kind.SOFTMAX
    lost = tuple(term for one in found if isinstance(one, Tensor) for term in one.lost)
    rank, last = shapes.joined(name, every, given)
    return Tensor(kind, flow, trail, cut, rank, last, lost=lost)


def _of_each(name: str, each: Value, given: Arguments) -> Value:
    """Many of one kind are together what each of them is."""
    tensor = as_tensor(each)
    if tensor is None or not isinstance(each, Tensor):
        return UNKNOWN if tensor is None else data_tensor(tensor)
    rank, last = shapes.joined(name, [tensor], given)
    return Tensor(tensor.kind, tensor.flow, tensor.trail, tensor.cut, rank, last, lost=tensor.lost)


def _chosen(values: tuple[Value, ...]) -> Value:
    """``where(condition, a, b)``."""
    sides = values[1:]
    known = [one for one in sides if isinstance(one, Tensor) and one.kind is not Kind.UNKNOWN]
    if len(known) == 1 and all(one in known or _is_filling(one) for one in sides):
        # As of a mask, where what is left out gets a number of its own.
        found: Value = replace(known[0], ident=Tensor().ident)
    else:
        found = _together("where", Arguments((Sequence(sides),)))
    flow, cut = combined_flow(list(values))
    return replace(found, flow=flow, cut=cut) if isinstance(found, Tensor) else found


def _is_plain(value: Value) -> bool:
    """Whether a tensor is data of which nothing is known."""
    return isinstance(value, Tensor) and value.flow is Flow.DATA and value.kind is Kind.UNKNOWN


def _is_filling(value: Value) -> bool:
    """Whether a value is a number, or a tensor of which nothing is known but that it is data."""
    return isinstance(value, Const) or (isinstance(value, Tensor) and value.flow is Flow.DATA)


_JOINING = {"cat", "concat", "concatenate", "stack", "hstack", "vstack"}
_CONTAINERS: dict[str, Callable[[Arguments], Value]] = {
    "ModuleList": _listed,
    "ModuleDict": ordered,
    **FILLING,
}
