"""What changes of shape leave of what is known of a tensor."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

from losskit.check.lint.containers import Made, Sequence
from losskit.check.lint.kinds import ACTIVATED, Kind
from losskit.check.lint.library.filled import is_size
from losskit.check.lint.library.reductions import learns_actions
from losskit.check.lint.slices import is_one_wide, is_slice
from losskit.check.lint.units import Unit
from losskit.check.lint.values import UNKNOWN, Arguments, Const, Tensor, Trail, Unknown, Value

__all__ = ["INDICES", "SHAPING", "joined", "multiplied", "of_rows", "picked", "shaped", "stacked"]

SHAPING = frozenset(
    [
        "view",
        "reshape",
        "squeeze",
        "squeeze_",
        "unsqueeze",
        "unsqueeze_",
        "flatten",
        "ravel",
        "permute",
        "transpose",
        "t",
        "swapaxes",
        "swapaxis",
        "movedim",
        "moveaxis",
        "view_as",
        "reshape_as",
        "expand_dims",
        "unflatten",
        "rearrange",
        "resize",
        "resize_",
        "expand",
        "expand_as",
        "broadcast_to",
    ]
)


INDICES = frozenset(["index", "i", "idx", "j", "item"])
"""What numbers are called that count items."""


def shaped(name: str, tensor: Tensor, given: Arguments) -> Tensor:
    """Return a tensor in another shape; it holds the same numbers."""
    rank: int | None = None
    last: int | None = None
    units: int | None = None
    if name in {"view", "reshape", "resize_"}:
        rank, last = _named_shape(given)
        if last == -1 or (last is None and rank is not None and rank > 1):
            last = None
        if rank == 1:
            last = None
        # As in view(-1, classes): the classes stay last.
        units = tensor.units if rank is not None and rank > 1 and last == tensor.units else None
    elif name in {"squeeze", "squeeze_"}:
        axis = given.const(0, "dim", "axis")
        if tensor.last == 1 and tensor.rank in {None, 2} and axis in {None, 1, -1}:
            # The one output of a model, for each example of a batch.
            rank = 1
        elif tensor.rank is not None and axis is not None:
            at_end = axis in {-1, tensor.rank - 1}
            gone = at_end and tensor.last == 1
            rank = tensor.rank - 1 if gone else None
            last = tensor.last if not at_end else None
        elif axis == 0 and tensor.last != 1:
            last = tensor.last
    elif name in {"unsqueeze", "unsqueeze_", "expand_dims"}:
        axis = given.const(0, "dim", "axis")
        rank = None if tensor.rank is None else tensor.rank + 1
        if isinstance(axis, int):
            at_end = axis in {-1, 1 if tensor.rank is None else tensor.rank}
            last = 1 if at_end else tensor.last
    elif name in {"flatten", "ravel"}:
        rank = 2 if given.const(0, "start_dim") == 1 else 1 if not given.positional else None
    elif name in {"expand", "expand_as", "broadcast_to"}:
        rank, last = _expanded(tensor, given)
        units = tensor.units if last == tensor.last else None
    else:
        # To resize is the old way to reshape a tensor, and gives pictures another size.
        rank = None if name == "resize" else tensor.rank
    axis = tensor.axis if tensor.axis == -1 else None
    bare = name in {"squeeze", "squeeze_"} and not given.values()
    return replace(tensor, rank=rank, last=last, units=units, axis=axis, squeezed=bare)


def _expanded(tensor: Tensor, given: Arguments) -> tuple[int | None, int | None]:
    """Rank and last length of a tensor that is repeated along axes of length 1, and new ones."""
    first = given.get(0)
    if isinstance(first, Tensor):
        return first.rank, first.last
    sizes = (first.items if isinstance(first, Sequence) else given.positional) or ()
    if given.open or not sizes or (len(sizes) == 1 and not is_size(sizes[0])):
        return None, None
    final = sizes[-1].value if isinstance(sizes[-1], Const) else None
    last = tensor.last if final == -1 else final
    return len(sizes), last if type(last) is int else None


def stacked(rows: Sequence) -> tuple[int | None, int | None]:
    """Rank and last length of what tensors are put into as rows."""
    items = rows.items if rows.items is not None else (rows.each,)
    ranks = {one.rank if isinstance(one, Tensor) else None for one in items}
    rank = ranks.pop() if len(ranks) == 1 else None
    if rank is None:
        return None, None
    lasts = {one.last for one in items if isinstance(one, Tensor)}
    if rank == 0:
        return 1, len(items) if rows.items is not None and not rows.grown else None
    return rank + 1, lasts.pop() if len(lasts) == 1 else None


def joined(name: str, items: list[Value], given: Arguments) -> tuple[int | None, int | None]:
    """Rank and last length of tensors that are put together, along an axis or a new one."""
    ranks = {one.rank if isinstance(one, Tensor) else None for one in items}
    lasts = {one.last for one in items if isinstance(one, Tensor)}
    rank = ranks.pop() if len(ranks) == 1 else None
    last = lasts.pop() if len(lasts) == 1 else None
    axis = given.get(1, "dim", "axis")
    along = axis.value if isinstance(axis, Const) else 0 if axis is None else None
    if (
        rank is None
        or type(along) is not int
        or name not in {"cat", "concat", "concatenate", "stack"}
    ):
        return None, None
    if name == "stack":
        return rank + 1, last if rank and along not in {-1, rank} else None
    return rank, last if along not in {-1, rank - 1} else None


def of_rows(unit: Unit, name: str, made: Value, node: ast.AST) -> Value:
    """Return what ``vstack`` makes of steps of games: a row for each, of one number or several."""
    first = node.args[0] if isinstance(node, ast.Call) and node.args else None
    if name != "vstack" or not learns_actions(unit):
        return made
    if isinstance(made, Unknown):
        made = Tensor(flow=made.flow)
    if not isinstance(first, ast.ListComp) or not isinstance(made, Tensor) or made.rank is not None:
        return made
    return replace(made, rank=2, last=1 if _OF_ONE.search(ast.unparse(first.elt)) else None)


_OF_ONE = re.compile(r"\b(?:rewards?|dones?|terminals?)$")
"""Parts of a step of a game that are one number."""


def multiplied(left: Tensor, right: Tensor, made: Trail) -> Tensor:
    """The product of matrices or vectors, as far as its shape and kind go."""
    rank, last = None, right.last if right.rank == 2 else None
    if left.rank is not None and right.rank is not None and max(left.rank, right.rank) <= 2:
        rank = left.rank if right.rank == 2 else max(left.rank + right.rank - 2, 0)
    kinds = {left.kind, right.kind}
    if kinds == {Kind.RAW}:
        return Tensor(Kind.RAW, trail=left.trail, rank=rank, last=last)
    learnt = Kind.LEARNT in kinds and kinds <= {Kind.LEARNT, Kind.UNKNOWN, Kind.RAW}
    layer = right.kind is Kind.LEARNT and left.kind in _HIDDEN
    if (learnt and kinds != {Kind.LEARNT}) or layer:
        return Tensor(Kind.RAW, trail=made, rank=rank, last=last)
    return Tensor(rank=rank, last=last)


_HIDDEN = ACTIVATED | {Kind.SIGMOID}
"""What hidden layers give; an attention's weights are not among it."""


def _named_shape(given: Arguments) -> tuple[int | None, int | None]:
    """Rank and last length of the shape that is asked for."""
    named = given.named.get("shape")
    sizes = (named,) if named is not None and not given.positional else given.positional
    if len(sizes) == 1 and isinstance(sizes[0], Sequence):
        if sizes[0].items is None:
            return None, None
        sizes = sizes[0].items
    elif given.open or not sizes or (len(sizes) == 1 and not is_size(sizes[0])):
        return None, None
    final = sizes[-1] if sizes else UNKNOWN
    value = final.value if isinstance(final, Const) and type(final.value) is int else None
    return len(sizes), value


def _is_number(part: Value) -> bool:
    """Whether an index is a number, as far as its name tells."""
    if isinstance(part, Unknown):
        return part.name in INDICES
    return isinstance(part, Const) and type(part.value) is int


def _is_drawn(part: Value) -> bool:
    """Whether an index holds many indices that were drawn."""
    return isinstance(part, Made) and part.leaf in _DRAWING


_DRAWING = {"choice", "randint", "permutation", "sample"}


def picked(tensor: Tensor, key: Value) -> Tensor:
    """Return a part of a tensor."""
    parts: tuple[Value, ...] = (key,)
    if isinstance(key, Sequence):
        parts = key.items or ()
    numbers = [_is_number(part) for part in parts]
    added = sum(isinstance(part, Const) and part.value is None for part in parts)
    ellipsis = any(isinstance(part, Const) and part.value is ... for part in parts)
    last_is_number = len(parts) > 1 and numbers[-1]
    rank = tensor.rank
    known = not ellipsis and all(
        isinstance(part, Const) or number or is_slice(part) or (at == 0 and _is_drawn(part))
        for at, (part, number) in enumerate(zip(parts, numbers, strict=True))
    )
    # Before PyTorch 0.4 a loss had one axis, of which [0] was taken.
    rank = max(rank - sum(numbers) + added, 0) if rank is not None and known else None
    kind = tensor.kind
    if last_is_number and kind in {Kind.SOFTMAX, Kind.LOG_SOFTMAX, Kind.ONE_HOT}:
        kind = {
            Kind.SOFTMAX: Kind.PROBABILITY,
            Kind.LOG_SOFTMAX: Kind.LOG_PROBABILITY,
        }.get(kind, Kind.UNKNOWN)
    whole = len(parts) == 1 and not numbers[0] and not added
    # As the last step of a sequence, x[:, -1, :], of which all outputs are taken.
    to_end = len(parts) > 1 and not added and isinstance(parts[-1], Const)
    to_end = to_end and parts[-1] == Const(slice(None))
    last = tensor.last if to_end or (len(parts) == 1 and not added) else None
    if len(parts) > 1 and (ellipsis or len(parts) == tensor.rank):
        # As a column of a table, x[:, 3:4].
        last = 1 if is_one_wide(parts[-1]) else last
    if kind is Kind.IDENTITY:
        # Rows that are chosen by classes.
        kind = Kind.ONE_HOT if whole and not isinstance(key, Const) else Kind.UNKNOWN
    return replace(
        tensor,
        kind=kind,
        rank=rank if not whole or known else tensor.rank,
        last=last,
        units=tensor.units if whole or (to_end and tensor.units == tensor.last) else None,
        squeezed=False,
        padding=tensor.padding if all(map(_takes_padding, parts)) else None,
        ident=Tensor().ident,
    )


def _takes_padding(part: Value) -> bool:
    """Whether an index is not one that may leave out what sequences are filled up with."""
    if isinstance(part, Unknown) and not _is_number(part):
        return not is_slice(part) and _CHOOSING.search(part.name) is None
    return isinstance(part, (Const, Unknown))


_CHOOSING = re.compile(r"mask|keep|valid|active|non|sel|ind|idx|pos|order|perm|sort", re.IGNORECASE)
"""Names of indices of many items, of which some may be left out."""
