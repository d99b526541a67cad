"""Bringing what users have into one of two forms: columns that are scanned, or an array."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from losskit.choose.bundled import BUNDLED, bundled
from losskit.choose.errors import ChooseError
from losskit.choose.files import ARRAYS, one_line, open_array, scan

__all__ = ["BLOCK", "Source", "blocks", "read"]

BLOCK = 1 << 22
"""Numbers that are looked at at a time."""
DOUBLE = 8
"""Bytes of the widest numbers that Polars has."""
TARGET = "target"


@dataclass(frozen=True)
class Source:
    """A target before it is looked at.

    Attributes
    ----------
    name : str
        Where it comes from, in words.
    frame : polars.LazyFrame, optional
        Its columns.
    array : array, optional
        Where it has several axes, instead; perhaps on disk.
    names : tuple of str
        The columns' names; empty where there are none.
    notes : tuple of str
        What was assumed in reading.
    shape : tuple of int
        Of an array, as it came: (N, 1) is read as (N,).
    """

    name: str
    frame: pl.LazyFrame | None = None
    array: Any = None
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    shape: tuple[int, ...] = ()


def read(target: object, columns: Sequence[str] = ()) -> Source:
    """Open a file or take an object, without copying what is large.

    Parameters
    ----------
    target
        A path; an array of NumPy or PyTorch; a frame or series of Polars, pandas or whatever
        exports Arrow; a list.
    columns
        Which columns of a table, or which array of an .npz file.

    Raises
    ------
    ChooseError
        If it cannot be read.
    """
    columns = tuple(columns)
    if len(set(columns)) < len(columns):
        raise ChooseError(f"target {', '.join(columns)} names a column twice")
    if isinstance(target, str) and target.startswith(BUNDLED):
        found = bundled(target.removeprefix(BUNDLED))
        return _table(found.source, found.frame.lazy(), columns or found.targets)
    if isinstance(target, (str, os.PathLike)):
        return _file(Path(target), columns)
    if isinstance(target, (pl.LazyFrame, pl.DataFrame)):
        return _table("the Polars frame", target.lazy(), columns)
    if isinstance(target, pl.Series):
        return _series("the Polars series", target)
    if hasattr(target, "iloc") and hasattr(target, "to_numpy"):
        return _pandas(target, columns)
    if hasattr(target, "detach") and hasattr(target, "cpu"):
        return _array("the tensor", _numpy(target))
    if hasattr(target, "__arrow_c_stream__"):
        return _arrow(target, columns)
    if isinstance(target, np.ndarray):
        return _array("the array", target)
    if hasattr(target, "__array__"):
        return _array("the array", np.asarray(target))
    if isinstance(target, Mapping):
        return _table("the columns", _from_columns(target).lazy(), columns)
    if isinstance(target, Sequence) or hasattr(target, "__iter__"):
        return _list(list(target))
    raise ChooseError(
        f"target is {type(target).__name__}; give an array, a column, a list or a file's path"
    )


def blocks(array: Any) -> Iterator[Any]:
    """Go through an array, which may be on disk, a part of the rows at a time."""
    step = max(1, BLOCK // max(1, int(np.prod(array.shape[1:]))))
    for start in range(0, len(array), step):
        yield np.asarray(array[start : start + step])
        release(array)


def release(array: Any) -> None:
    """Give back the pages of a mapped file that were read; they stay in the system's cache."""
    pages = getattr(array, "_mmap", None)
    if pages is not None and hasattr(mmap, "MADV_DONTNEED"):
        pages.madvise(mmap.MADV_DONTNEED)


def _file(path: Path, columns: tuple[str, ...]) -> Source:
    if path.is_dir():
        raise ChooseError(f"DATA {str(path)!r} is a folder; name one file in it")
    if not path.exists():
        raise ChooseError(f"DATA {str(path)!r}: no such file")
    if path.stat().st_size == 0:
        raise ChooseError(f"DATA {str(path)!r} is empty (0 bytes)")
    if path.suffix.lower() in ARRAYS:
        return _array(path.name, open_array(path, columns))
    frame, notes = scan(path, columns)
    return _table(path.name, frame, (), notes)


def _table(
    name: str, frame: pl.LazyFrame, columns: tuple[str, ...], notes: tuple[str, ...] = ()
) -> Source:
    names = frame.collect_schema().names()
    for column in columns:
        if column not in names:
            raise ChooseError(f"target {column!r}: no such column in {name}")
    names = list(columns) or names
    if not names:
        raise ChooseError(f"{name} has no columns")
    return Source(name, frame.select(names), None, tuple(names), notes)


def _series(name: str, series: pl.Series) -> Source:
    label = series.name or TARGET
    if isinstance(series.dtype, (pl.List, pl.Array)):
        return _ragged(name, series)
    return Source(name, series.rename(label).to_frame().lazy(), None, (label,))


def _ragged(name: str, series: pl.Series) -> Source:
    """Take lists of one length as an array, and others as rows with padding."""
    rows = series.drop_nulls().to_list()
    return _list(rows, name)


def _pandas(target: Any, columns: tuple[str, ...]) -> Source:
    """Convert column by column, since pandas exports Arrow only with another package."""
    if not hasattr(target, "columns"):
        return _series("the pandas series", _from_pandas(target))
    wanted = columns or tuple(target.columns)
    for column in columns:
        if column not in target.columns:
            raise ChooseError(f"target {column!r}: no such column in the pandas frame")
    names = [str(name) for name in target.columns]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ChooseError(f"target {twice!r}: the pandas frame has two columns of this name")
    frame = pl.DataFrame([_from_pandas(target[name]).rename(str(name)) for name in wanted])
    return _table("the pandas frame", frame.lazy(), ())


def _from_pandas(series: Any) -> pl.Series:
    name = str(series.name) if series.name is not None else TARGET
    categories = getattr(series.dtype, "categories", None)
    if categories is not None:
        codes, labels = series.cat.codes.to_numpy(), [str(one) for one in categories]
        values = [labels[code] if code >= 0 else None for code in codes]
        kind = pl.Enum(labels) if series.cat.ordered else pl.String()
        return pl.Series(name, values, dtype=kind)
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "iufbmM":
        return pl.Series(name, series.to_numpy())
    missing = series.isna().to_numpy()
    values = [None if gone else one for one, gone in zip(series.tolist(), missing, strict=True)]
    return _of_values(name, values)


def _of_values(name: str, values: list[Any]) -> pl.Series:
    try:
        return pl.Series(name, values)
    except (TypeError, pl.exceptions.PolarsError, OverflowError):
        mixed = all(one is None or isinstance(one, (bool, int, float)) for one in values)
        if mixed and any(isinstance(one, bool) for one in values):
            return pl.Series(name, [None if one is None else float(one) for one in values])
        # Numbers and text side by side, as in object columns: what they hold is seen as text.
        return pl.Series(name, [None if one is None else str(one) for one in values], pl.String)


def _arrow(target: Any, columns: tuple[str, ...]) -> Source:
    try:
        frame = pl.DataFrame(target)
    except (TypeError, ValueError, pl.exceptions.PolarsError):
        return _series("the column", pl.Series(target))
    return _table("the table", frame.lazy(), columns)


def _from_columns(target: Mapping[Any, Any]) -> pl.DataFrame:
    try:
        return pl.DataFrame([_of_values(str(name), list(one)) for name, one in target.items()])
    except (TypeError, pl.exceptions.PolarsError) as error:
        raise ChooseError(f"the columns cannot be read as a table: {one_line(error)}") from error


def _numpy(tensor: Any) -> Any:
    if str(getattr(tensor, "layout", "torch.strided")) != "torch.strided":
        raise ChooseError("the tensor is sparse; give tensor.to_dense()")
    tensor = tensor.detach().cpu()
    try:
        return tensor.numpy()
    except TypeError:  # NumPy has no bfloat16
        return tensor.float().numpy()


def _array(name: str, array: Any) -> Source:
    if array.dtype.kind in "OUSMm" or array.dtype.names:
        if array.ndim == 1 and not array.dtype.names:
            return _list(array.tolist(), name)
        raise ChooseError(
            f"{name} holds {array.dtype} in {array.ndim} axes; give numbers, or one column of "
            "labels"
        )
    if array.dtype.kind == "c":
        raise ChooseError(f"{name} holds complex numbers; give real ones")
    if array.ndim == 0:
        raise ChooseError(f"{name} is a single number; give one value per example")
    if array.dtype == np.float16:
        array = array.astype(np.float32)
    elif array.dtype.kind == "f" and array.dtype.itemsize > DOUBLE:
        array = array.astype(np.float64)
    shape = tuple(array.shape)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim > 1:
        return Source(name, None, array)
    if not isinstance(array, np.memmap):
        return Source(name, pl.DataFrame({TARGET: array}).lazy(), None, (TARGET,), (), shape)
    return Source(name, _mapped(array), None, (TARGET,), (), shape)


def _mapped(array: Any) -> pl.LazyFrame:
    """Scan an array on disk part by part."""
    schema = {TARGET: pl.Series(TARGET, np.asarray(array[:0])).dtype}

    def parts(
        with_columns: list[str] | None,
        predicate: pl.Expr | None,
        n_rows: int | None,
        batch_size: int | None,
    ) -> Iterator[pl.DataFrame]:
        rows = len(array) if n_rows is None else min(n_rows, len(array))
        for start in range(0, rows, BLOCK):
            part = pl.DataFrame({TARGET: np.array(array[start : min(start + BLOCK, rows)])})
            release(array)
            yield part if predicate is None else part.filter(predicate)

    from polars.io.plugins import register_io_source  # noqa: PLC0415 - where a file is mapped

    return register_io_source(parts, schema=schema)


def _list(values: list[Any], name: str = "the list") -> Source:
    if any(isinstance(one, (list, tuple, set, frozenset, np.ndarray)) for one in values):
        return _rows(values, name)
    return _series(name, _of_values(TARGET, values))


def _rows(values: list[Any], name: str) -> Source:
    """Stack rows of one length; others are sequences if a value repeats in one, or sets."""
    rows = [list(one) if one is not None else [] for one in values]
    cells = {cell for row in rows for cell in row}
    numbers = all(isinstance(cell, (int, float, bool, np.generic)) for cell in cells)
    if len({len(row) for row in rows}) == 1 and numbers:
        return _array(name, np.asarray(rows))
    longest = max(map(len, rows))
    if numbers and any(len(set(row)) < len(row) for row in rows):
        padded = [row + [PADDING] * (longest - len(row)) for row in rows]
        note = f"The rows have 0 to {longest} numbers; they were filled up with {PADDING}."
        return Source(name, None, np.asarray(padded), (), (note,))
    labels = sorted(cells, key=str)
    if len(labels) > MOST_LABELS:
        raise ChooseError(
            f"{name} holds sets of {len(labels):,} labels; give 0/1 columns of at most "
            f"{MOST_LABELS:,}"
        )
    places = {label: at for at, label in enumerate(labels)}
    flags = np.zeros((len(rows), len(labels)), np.int8)
    for at, row in enumerate(rows):
        flags[at, [places[label] for label in row]] = 1
    note = f"Each row is a set of labels; it was made 0/1 columns of the {len(labels)} labels."
    return Source(name, None, flags, tuple(map(str, labels)), (note,))


PADDING = -100
"""What PyTorch's losses leave out by default."""
MOST_LABELS = 10_000
