"""Tables of pandas and data sets of scikit-learn: how many axes their parts have."""

from __future__ import annotations

from dataclasses import replace

from losskit.check.lint.containers import Made, Sequence
from losskit.check.lint.kinds import Flow
from losskit.check.lint.values import Arguments, Const, Tensor, Value

__all__ = [
    "column",
    "inputs_and_targets",
    "is_table",
    "located",
    "numbers",
    "part",
    "stays",
    "transformed",
]

_READING = frozenset(
    [
        "DataFrame",
        "get_dummies",
        "read_csv",
        "read_excel",
        "read_json",
        "read_parquet",
        "read_table",
    ]
)
_KEEPING = frozenset(
    [
        "astype",
        "copy",
        "drop",
        "drop_duplicates",
        "dropna",
        "fillna",
        "head",
        "replace",
        "reset_index",
        "sample",
        "set_index",
        "sort_index",
        "sort_values",
    ]
)


def is_table(value: Value) -> bool:
    """Whether a value is a table that was read or made."""
    return isinstance(value, Made) and value.leaf in _READING


def stays(value: Value, method: str) -> bool:
    """Whether a method of a table gives a table."""
    return is_table(value) and method in _KEEPING


def column(key: Value) -> Tensor:
    """A column of a table, or several of them."""
    if isinstance(key, Sequence):
        alone = key.items is not None and len(key.items) == 1
        return Tensor(flow=Flow.DATA, rank=2, last=1 if alone else None)
    name = isinstance(key, Const) and isinstance(key.value, str)
    return Tensor(flow=Flow.DATA, rank=1 if name else None)


def located(key: Value) -> Tensor | None:
    """What ``iloc`` and ``loc`` give for rows and columns; None for rows alone."""
    parts = key.items if isinstance(key, Sequence) else None
    if parts is None or len(parts) != 2:
        return None
    rows, columns = parts
    whole = isinstance(rows, Const) and isinstance(rows.value, slice)
    if not whole or not isinstance(columns, (Const, Sequence)):
        return Tensor(flow=Flow.DATA)
    several = isinstance(columns, Sequence) or isinstance(columns.value, slice)
    return Tensor(flow=Flow.DATA, rank=2 if several else 1)


def numbers() -> Tensor:
    """The numbers of a whole table."""
    return Tensor(flow=Flow.DATA, rank=2)


def inputs_and_targets(name: str, given: Arguments) -> Sequence | None:
    """What a function of scikit-learn gives that makes or loads data, if it gives both apart."""
    leaf = name.rpartition(".")[2]
    apart = leaf.startswith("make_") or given.const(-1, "return_X_y") is True
    if not apart or not _is_set(name):
        return None
    return Sequence([numbers(), Tensor(flow=Flow.DATA, rank=1)])


def transformed(owner: Value, method: str, given: Arguments) -> Tensor | None:
    """What a scaler of scikit-learn gives: a table of numbers with the columns that it got."""
    if not isinstance(owner, Made) or not owner.name.startswith("sklearn."):
        return None
    if not owner.leaf.endswith("Scaler") or not method.endswith("transform"):
        return None
    first = given.get(0, "X")
    return replace(numbers(), last=first.last if isinstance(first, Tensor) else None)


def _is_set(name: str) -> bool:
    """Whether a name is that of a function of scikit-learn that makes or loads data."""
    return name.startswith("sklearn.datasets.")


def part(owner: Made, name: str) -> Value | None:
    """A part of a data set of scikit-learn or of the UCI repository, by its name."""
    if owner.leaf == "fetch_ucirepo":
        # Inputs and targets are tables, also where there is one target only.
        table = Made("pandas.DataFrame", Arguments(), owner.node, owner.unit, None)
        return {"data": owner, "features": table, "targets": table}.get(name)
    if not _is_set(owner.name):
        return None
    return {"data": numbers(), "target": Tensor(flow=Flow.DATA, rank=1)}.get(name)
