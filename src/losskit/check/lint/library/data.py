"""Data sets and loaders: what a batch is."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import replace

from losskit.check.lint.choices import Choice, join
from losskit.check.lint.containers import Dictionary, Made, Record, Sequence
from losskit.check.lint.definitions import Bound, Frame, Function, Instance
from losskit.check.lint.kinds import Flow, Kind
from losskit.check.lint.library.flows import as_tensor
from losskit.check.lint.machine import Machine
from losskit.check.lint.objects import find_in_class
from losskit.check.lint.padding import filling
from losskit.check.lint.values import (
    UNKNOWN,
    Arguments,
    Const,
    Library,
    Tensor,
    Trail,
    Unknown,
    Value,
    flow_of,
)

__all__ = [
    "PACKING",
    "batch_of",
    "batch_of_unknown",
    "is_data",
    "is_packed",
    "packed",
    "part_of_dataset",
]

_LOADER = re.compile(r"(loader|loaders|batches|dataset|data_iter|dataiter|dl|iterator)$", re.I)


def is_data(name: str) -> bool:
    """Whether something is called like a source of batches."""
    return bool(_LOADER.search(name))


def batch_of(machine: Machine, frame: Frame, made: Made, node: ast.AST) -> Value:
    """Return what a loader gives in one step."""
    if made.leaf == "TensorDataset":
        return Sequence([_row(one) for one in made.arguments.positional])
    if made.leaf != "DataLoader":
        if made.root in {"torch", "torchvision", "datasets", "torchtext"}:
            return Unknown("", Flow.DATA)
        return batch_of_unknown(Unknown(made.leaf))
    collate = made.arguments.get(-1, "collate_fn")
    if isinstance(collate, (Function, Bound, Instance)):
        given = Arguments((Sequence(None, Unknown("", Flow.DATA)),))
        return machine.call(frame, collate, given, node)
    dataset = made.arguments.get(0, "dataset")
    if isinstance(dataset, Instance):
        found = find_in_class(dataset.kind, "__getitem__")
        if isinstance(found, Function):
            item = machine.call(frame, Bound(dataset, found), Arguments((Unknown("index"),)), node)
            return _collated(item)
    if isinstance(dataset, Made) and dataset.leaf == "TensorDataset":
        # Batches have the axes that the whole has.
        return Sequence([_data(one) for one in dataset.arguments.positional])
    if isinstance(dataset, Made) and _has_classes(dataset):
        return Sequence([Unknown("", Flow.DATA), Tensor(flow=Flow.DATA, rank=1)])
    return Unknown("", Flow.DATA)


def part_of_dataset(callee: Library, given: Arguments) -> Value | None:
    """Return what gives the items of a part of a data set: the whole gives the same ones."""
    if callee.root != "torch":
        return None
    if callee.leaf == "random_split":
        return Sequence(None, given.get(0, "dataset") or UNKNOWN)
    if callee.leaf == "ConcatDataset":
        several = given.get(0, "datasets")
        return several.items[0] if isinstance(several, Sequence) and several.items else None
    return given.get(0, "dataset") if callee.leaf == "Subset" else None


_OF_CLASSES = re.compile(r"(MNIST|CIFAR\d+|SVHN|STL10|USPS|ImageFolder|ImageNet)$")
"""Data sets of pictures with a class each."""


def _has_classes(dataset: Made) -> bool:
    if dataset.root != "torchvision" or "target_transform" in dataset.arguments.named:
        return False
    return _OF_CLASSES.search(dataset.leaf) is not None


def _collated(value: Value) -> Value:
    """Return a batch of items: each tensor has an axis more."""
    if isinstance(value, Choice):
        return join((_collated(one), guards) for one, guards in value.among)
    if isinstance(value, Sequence) and value.items is not None and value.padding is None:
        return Sequence([_collated(one) for one in value.items])
    if isinstance(value, Dictionary):
        return Dictionary(
            {key: _collated(item) for key, item in value.data.items()}, open=value.open
        )
    if isinstance(value, Tensor):
        rank = None if value.rank is None else value.rank + 1
        return replace(value, flow=Flow.DATA, rank=rank, units=None, squeezed=False, cut=None)
    return Unknown("", Flow.DATA)


def _data(value: Value) -> Value:
    if isinstance(value, Tensor):
        return replace(value, flow=Flow.DATA, units=None)
    return Unknown("", Flow.DATA)


def _row(value: Value) -> Value:
    if isinstance(value, Tensor):
        rank = value.rank - 1 if value.rank else None
        return replace(value, flow=Flow.DATA, rank=rank)
    return Unknown("", Flow.DATA)


def batch_of_unknown(value: Unknown) -> Value:
    """Return an item of something unknown; of data, where it is called so."""
    if value.flow is Flow.DATA or is_data(value.name):
        return Unknown("", Flow.DATA)
    return Unknown("", value.flow)


def _padded(frame: Frame, given: Arguments, node: ast.AST) -> Value:
    """Return what ``pad_sequence`` gives."""
    value = given.get(2, "padding_value")
    return Tensor(
        Kind.UNKNOWN,
        Flow.DATA,
        Trail(frame.unit, node, "sequences are padded"),
        rank=None,
        padding=Const(0) if value is None else filling(value, _third(node)),
    )


def _third(node: ast.AST) -> ast.expr | None:
    """Return how the value that pads is written."""
    if not isinstance(node, ast.Call):
        return None
    named = (one.value for one in node.keywords if one.arg == "padding_value")
    return next(iter(node.args[2:]), None) or next(named, None)


def packed(tensor: Tensor) -> Record:
    """Return a ``PackedSequence``, whose ``data`` keeps its gradient."""
    steps = replace(tensor, rank=None, axis=None, padding=None, ident=Tensor().ident)
    return Record((steps, *[Unknown("", Flow.DATA)] * 3), _FIELDS)


def _packed(frame: Frame, given: Arguments, node: ast.AST) -> Value:
    return packed(as_tensor(given.get(0, "input", "sequences") or UNKNOWN) or Tensor())


_FIELDS = ("data", "batch_sizes", "sorted_indices", "unsorted_indices")


def is_packed(value: Value) -> bool:
    """Whether a value is a ``PackedSequence``."""
    return isinstance(value, Record) and value.names == _FIELDS


def _unpacked(frame: Frame, given: Arguments, node: ast.AST) -> Value:
    """Return what was packed, and how long each sequence is."""
    first = given.get(0, "sequence") or UNKNOWN
    if isinstance(first, Record) and is_packed(first):
        first = first.named["data"]
    return Sequence((Tensor(flow=flow_of(first)), Unknown("", Flow.DATA)))


PACKING: dict[str, Callable[[Frame, Arguments, ast.AST], Value]] = {
    "pad_sequence": _padded,
    "pack_sequence": _packed,
    "pack_padded_sequence": _packed,
    "pad_packed_sequence": _unpacked,
}
"""Functions that put sequences of several lengths together."""
