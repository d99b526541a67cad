"""Functions and containers of libraries of tensors."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable
from dataclasses import replace

from losskit.check.lint.choices import Choice, join, options
from losskit.check.lint.containers import Chain, Dictionary, Sequence
from losskit.check.lint.definitions import Class, Frame, Function
from losskit.check.lint.kinds import Flow, Kind
from losskit.check.lint.library import data, shapes, tensors
from losskit.check.lint.library.activations import WITH_AXIS
from losskit.check.lint.library.filled import FILLING
from losskit.check.lint.library.flows import as_tensor, combined_flow, data_tensor
from losskit.check.lint.machine import Machine
from losskit.check.lint.names import MAKERS
from losskit.check.lint.tensor_attributes import cut
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

_PRODUCTS = {"matmul", "bmm", "einsum", "mm", "dot", "norm"}


def tensor_library(
    machine: Machine, frame: Frame, callee: Library, given: Arguments, node: ast.AST
) -> Value | None:
    """Call something of a library of tensors; None where it is not known."""
    leaf = callee.leaf
    if leaf == "Sequential":
        keras = callee.root in {"keras", "tensorflow", "tf_keras"}
        return chain(_after_star(given, node) if given.open else given, keras=keras)
    if leaf == "pad_sequence":
        return data.padded(frame, given, node)
    if leaf == "epsilon":
        return Const(1e-7)
    if leaf == "Variable":
        return _variable(frame, given, node)
    if leaf == "Parameter":
        first = as_tensor(given.get(0, "data") or UNKNOWN) or Tensor()
        return Tensor(flow=Flow.MODEL, rank=first.rank, last=first.last)
    if leaf in MAKERS:
        return _made_tensor(frame, leaf, given, node)
    if leaf in _CONTAINERS:
        return _CONTAINERS[leaf](given)
    if leaf == "where" and len(given.positional) == 3:
        return _chosen(given.positional)
    if leaf[:1].isupper():
        return UNKNOWN if leaf in {"Linear", "Dense"} and not given.values() else None
    return _function(machine, frame, callee, given, node)


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
    if "linalg" in callee.name or (leaf in _PRODUCTS and leaf not in {"matmul", "bmm"}):
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


def _variable(frame: Frame, given: Arguments, node: ast.AST) -> Value:
    """``Variable(...)``: what it is given, or a leaf where it is to have a gradient of its own."""
    first = given.get(0, "data")
    if isinstance(first, (Tensor, Unknown)) and given.const(1, "requires_grad") is True:
        return _leaf(frame, "Variable", node)
    return UNKNOWN if first is None else first


def _leaf(frame: Frame, name: str, node: ast.AST) -> Tensor:
    """What was computed becomes data with a gradient of its own."""
    return Tensor(Kind.LEAF, trail=Trail(frame.unit, node, f"{name}() makes a new tensor"))


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


def _together(given: Arguments) -> Value:
    """Tensors that are put together are what all of them are."""
    first = given.get(0, "tensors", "values", "arrays")
    items = first.items if isinstance(first, Sequence) else None
    if items is None:
        if isinstance(first, Sequence):
            each = as_tensor(first.each)
            return (
                UNKNOWN
                if each is None
                else data_tensor(each)
                if not isinstance(first.each, Tensor)
                else Tensor(each.kind, each.flow, each.trail, each.cut)
            )
        return UNKNOWN
    found = [one for item in items for one, _ in options(item)]
    flow, cut = combined_flow(list(found))
    kinds = {one.kind for one in found if isinstance(one, Tensor)}
    whole = all(isinstance(one, Tensor) for one in found) and len(kinds) == 1
    trail = found[0].trail if whole and isinstance(found[0], Tensor) else None
    kind = kinds.pop() if whole else Kind.UNKNOWN
    sides = {one.complement for one in found if isinstance(one, Tensor)}
    if kind is Kind.SIGMOID and len(found) == len(sides) == 2:
        # Both labels of each row, as in cat((1 - p, p), dim=1).
        kind = Kind.SOFTMAX
    return Tensor(kind, flow, trail, cut)


def _chosen(values: tuple[Value, ...]) -> Value:
    """``where(condition, a, b)``."""
    found = _together(Arguments((Sequence(values[1:]),)))
    flow, cut = combined_flow(list(values))
    return replace(found, flow=flow, cut=cut) if isinstance(found, Tensor) else found


def _made_tensor(frame: Frame, leaf: str, given: Arguments, node: ast.AST) -> Value:
    """``torch.tensor(...)`` makes a tensor that remembers nothing."""
    first = given.get(0, "data")
    if isinstance(first, Choice):
        return join(
            (
                _made_tensor(
                    frame, leaf, Arguments((one, *given.positional[1:]), given.named), node
                ),
                guards,
            )
            for one, guards in first.among
        )
    tensor = as_tensor(first) if first is not None else None
    if isinstance(first, Sequence) and first.padding is not None:
        trail = Trail(frame.unit, node, "a list that was filled up becomes a tensor")
        return Tensor(flow=Flow.DATA, trail=trail, padding=first.padding)
    if isinstance(first, (Sequence, Const)):
        inner = first.items if isinstance(first, Sequence) else ()
        if isinstance(first, Sequence) and inner is None and isinstance(first.each, Tensor):
            inner = (first.each,) if first.each.kind is Kind.LOSS else None
        if any(isinstance(one, Tensor) for one in inner or ()):
            flow, _ = combined_flow(list(inner or ()))
            losses = all(isinstance(one, Tensor) and one.kind is Kind.LOSS for one in inner or ())
            rank, last = shapes.stacked(first) if isinstance(first, Sequence) else (None, None)
            made = Tensor(Kind.LOSS if losses else Kind.UNKNOWN, flow, rank=rank, last=last)
            return cut(made, frame.unit, node, f"torch.{leaf}() makes a new tensor")
        grown = isinstance(first, Sequence) and first.grown
        if inner and len(inner) == 1 and not grown and not isinstance(inner[0], Sequence):
            return Tensor(flow=Flow.DATA, rank=1, last=1)
        if inner and all(isinstance(one, Const) for one in inner):
            return Tensor(flow=Flow.DATA, rank=1)
        return Tensor(flow=Flow.DATA)
    if tensor is None:
        return UNKNOWN
    if leaf in {"as_tensor", "asarray", "array"}:
        return tensor if leaf != "array" else data_tensor(tensor)
    if given.const(-1, "requires_grad") is True and tensor.flow is not Flow.MODEL:
        return _leaf(frame, f"torch.{leaf}", node)
    if tensor.flow is Flow.UNKNOWN and not isinstance(first, Tensor):
        return UNKNOWN
    if tensor.flow is Flow.UNKNOWN and tensor.kind is not Kind.LOSS:
        # What it is made of may well be data.
        return replace(tensor, flow=Flow.UNKNOWN)
    return cut(tensor, frame.unit, node, f"torch.{leaf}() makes a new tensor")


_CONTAINERS: dict[str, Callable[[Arguments], Value]] = {
    "ModuleList": _listed,
    "ModuleDict": ordered,
    **dict.fromkeys(("cat", "concat", "concatenate", "stack", "hstack", "vstack"), _together),
    **FILLING,
}
