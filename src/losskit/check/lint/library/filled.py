"""Tensors that are filled: zeros, random numbers, ranges, and what is read from text files."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from losskit.check.lint.containers import Sequence
from losskit.check.lint.kinds import Flow, Kind
from losskit.check.lint.values import LENGTH, UNKNOWN, Arguments, Const, Tensor, Unknown, Value

__all__ = ["FILLING", "is_size"]


def _filled(given: Arguments) -> Value:
    """``full`` and the like: data, unless they are learnt."""
    return UNKNOWN if _is_learnt(given) else Tensor(flow=Flow.DATA)


def _is_learnt(given: Arguments) -> bool:
    return given.named.get("requires_grad") == Const(True)


def _identity(given: Arguments) -> Value:
    made = _filled(given)
    return replace(made, kind=Kind.IDENTITY) if isinstance(made, Tensor) else made


def _of_size(given: Arguments) -> Value:
    """``zeros`` and the like, of as many axes as lengths are named."""
    learnt = _is_learnt(given)
    made = Tensor(Kind.LEARNT, Flow.MODEL) if learnt else Tensor(flow=Flow.DATA)
    size = given.get(0, "size", "shape")
    lengths: tuple[Value, ...] | None = (size,) if size is not None else None
    if isinstance(size, Sequence):
        lengths = size.items
    elif len(given.positional) > 1:
        lengths = given.positional
    named = isinstance(size, Sequence) and len(size.items or ()) > 1 and not learnt
    if not lengths or not all(_is_length(one) or (named and _is_one(one)) for one in lengths):
        # Of an unknown shape is more than weights: noise that is added to what a model gets.
        return UNKNOWN if learnt else made
    final = lengths[-1]
    return replace(made, rank=len(lengths), last=final.value if isinstance(final, Const) else None)


def _is_one(value: Value) -> bool:
    """Whether an item of a shape may be the length of one axis."""
    if isinstance(value, Tensor):
        # What is computed from the length of an axis.
        return not value.rank
    return isinstance(value, Unknown) or (isinstance(value, Const) and type(value.value) is int)


def _is_length(value: Value) -> bool:
    """Whether a number is given, and not a shape, as far as its name tells."""
    if isinstance(value, Unknown):
        return _COUNT.search(value.name) is not None
    return isinstance(value, Const) and type(value.value) is int


_COUNT = re.compile(
    r"(^|[._])(n|num|nb|len|k)_?\w*$|classes$|labels$|"
    r"(?i:(batch|mem|memory|max|buffer|replay|mini_?batch)_?(size|sz|len|length)|bsz?|capacity)$"
)


def is_size(value: Value) -> bool:
    """Whether a number is given where a list or a shape may be as well, which have other names."""
    if isinstance(value, Unknown):
        return value == LENGTH or _SIZE.search(value.name) is not None
    return isinstance(value, Const) and type(value.value) is int


_SIZE = re.compile(r"(^|[._])((?i:(mini_?)?batch_?(size|sz)|bsz)|num_\w+)$")


def _fed(given: Arguments) -> Value:
    """What TensorFlow 1 is fed with, whose axes may be said."""
    shape = given.get(1, "shape")
    axes = shape.items if isinstance(shape, Sequence) else None
    if not axes:
        return Tensor()
    final = axes[-1].value if isinstance(axes[-1], Const) else None
    return Tensor(rank=len(axes), last=final if len(axes) > 1 and type(final) is int else None)


def _row(given: Arguments) -> Value:
    """``linspace`` and the like: one axis."""
    made = _filled(given)
    return replace(made, rank=1) if isinstance(made, Tensor) else made


def _read(given: Arguments) -> Value:
    """Columns of a text file, where something parts them."""
    apart = given.get(2, "delimiter") is not None
    return Tensor(flow=Flow.DATA, rank=2 if apart and "unpack" not in given.named else None)


FILLING: dict[str, Callable[[Arguments], Value]] = {
    **dict.fromkeys(("zeros_like", "ones_like", "full", "full_like", "randint"), _filled),
    **dict.fromkeys(("zeros", "ones", "empty", "rand", "randn"), _of_size),
    **dict.fromkeys(("random_normal", "random_uniform", "truncated_normal"), _of_size),
    "placeholder": _fed,
    **dict.fromkeys(("linspace", "logspace", "arange"), _row),
    **dict.fromkeys(("loadtxt", "genfromtxt"), _read),
    **dict.fromkeys(("eye", "identity"), _identity),
}
"""Function → what it makes."""
