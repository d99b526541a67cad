"""Looking at what users have: a target, what groups it, and a model's output for it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from losskit.choose.column import Column
from losskit.choose.columns import look
from losskit.choose.errors import ChooseError
from losskit.choose.matrix import Matrix
from losskit.choose.output import Output
from losskit.choose.profile import Groups, Profile
from losskit.choose.reading import Source, blocks, read
from losskit.choose.rows import look_at_array, look_at_columns
from losskit.core.contracts import (
    LOG_PROBABILITIES,
    LOGITS,
    PROBABILITIES,
    PROBABILITY_ROWS,
    REAL_VALUES,
    Contract,
)

__all__ = ["profile"]

VALUE, GROUP = "value", "group"
SURE = 0.95
"""Probability from which on a model is sure."""
PROBABLE = (PROBABILITIES, PROBABILITY_ROWS)
ROUNDING = 2.0**-8
"""How far rows of probabilities may be from 1, as rounding to bfloat16 leaves them."""


def profile(
    target: object,
    columns: Sequence[str] = (),
    *,
    groups: object = None,
    output: object = None,
) -> Profile:
    """Look at a target, at what groups it and at a model's output for it.

    Raises
    ------
    ChooseError
        If something cannot be read, or their rows do not fit together.
    """
    source = read(target, columns)
    if isinstance(groups, str) and not os.path.exists(groups):
        groups = _named_groups(target, groups)
    looked = _columns(source)
    matrix = _matrix(source, looked)
    found = Profile(
        source.name,
        looked,
        matrix,
        None if groups is None else _look_at_groups(groups, source),
        None if output is None else _look_at_output(output, source, looked),
        source.notes,
    )
    if found.rows == 0:
        raise ChooseError(f"{source.name} has no rows: there is nothing to learn")
    for name, rows in (
        ("groups", found.groups.rows if found.groups else None),
        ("output", found.output.shape[0] if found.output else None),
    ):
        if rows is not None and rows != found.rows:
            raise ChooseError(
                f"{name} has {rows:,} rows, but the target has {found.rows:,}; give one per example"
            )
    return found


def _named_groups(target: object, name: str) -> object:
    try:
        return read(target, (name,)).frame
    except ChooseError as error:
        raise ChooseError(f"groups {name!r}: {str(error).rpartition(': ')[2]}") from error


def _columns(source: Source) -> tuple[Column, ...]:
    if source.frame is None:
        return ()
    return tuple(look(source.frame, name) for name in source.names)


def _matrix(source: Source, columns: tuple[Column, ...]) -> Matrix | None:
    """Look at rows where all columns hold numbers or flags."""
    if source.array is not None:
        if 0 in source.array.shape or not np.prod(source.array.shape[1:]):
            raise ChooseError(f"{source.name} has the shape {source.array.shape}: it is empty")
        return look_at_array(source.array, source.names)
    if (
        source.frame is None
        or len(columns) < 2
        or any(one.form != "numbers" and not one.boolean for one in columns)
    ):
        return None
    return look_at_columns(source.frame, columns)


def _look_at_groups(groups: object, source: Source) -> Groups:
    """Count groups, and those in which there is nothing to order.

    ``groups`` is the name of a column of the target's table, or one label per example.

    Raises
    ------
    ChooseError
        If there is not one label per example.
    """
    if source.frame is None or len(source.names) != 1:
        raise ChooseError("groups go with one target per example; give a single column")
    target = source.frame.select(pl.col(source.names[0]).alias(VALUE)).collect(engine="streaming")
    labels = read(groups)
    if labels.frame is None or len(labels.names) != 1:
        raise ChooseError("groups must be one label per example")
    column = labels.frame.collect(engine="streaming").to_series().rename(GROUP)
    if len(column) != target.height:
        raise ChooseError(
            f"groups has {len(column):,} rows, but the target has {target.height:,}; "
            "give one label per example"
        )
    if column.null_count():
        raise ChooseError(f"groups has {column.null_count():,} rows without a label")
    sizes = (
        target.with_columns(column)
        .group_by(GROUP)
        .agg(size=pl.len(), grades=pl.col(VALUE).n_unique())
    )
    return Groups(
        len(column),
        sizes.height,
        int(sizes["size"].min() or 0),  # type: ignore[arg-type]
        int(sizes["size"].max() or 0),  # type: ignore[arg-type]
        int((sizes["grades"] == 1).sum()),
    )


def _look_at_output(output: object, source: Source, columns: tuple[Column, ...]) -> Output:
    """Look at a model's output, all of it, a part of the rows at a time.

    Raises
    ------
    ChooseError
        If it cannot be read, or has no numbers.
    """
    given = read(output)
    if given.array is not None:
        array = given.array
    elif given.frame is not None and len(given.names) == 1:
        frame = given.frame.collect()
        if not frame.dtypes[0].is_numeric():
            raise ChooseError("output must hold numbers")
        array = frame.to_series().to_numpy()
    else:
        raise ChooseError("output must be an array")
    if not array.size:
        raise ChooseError("output is empty")
    seen = _seen(array, given.shape or tuple(array.shape))
    if len(array) != (columns[0].rows if columns else len(array)):
        return seen  # which is refused
    return replace(seen, doubted=_doubted(array, seen, source, columns))


def _seen(array: Any, shape: tuple[int, ...]) -> Output:
    low, high, broken = np.inf, -np.inf, 0
    sums = logs = True
    for block in blocks(array):
        part = block.astype(np.float64, copy=False)
        finite = np.isfinite(part)
        broken += int((~finite).sum())
        if finite.any():
            low, high = min(low, part[finite].min()), max(high, part[finite].max())
        if part.ndim > 1 and part.shape[1] > 1 and finite.all():
            sums &= bool((np.abs(part.sum(axis=1) - 1) <= ROUNDING).all())
            logs &= high <= ROUNDING and bool(
                (np.abs(np.exp(np.minimum(part, 1)).sum(axis=1) - 1) <= 4 * ROUNDING).all()
            )
        else:
            sums = logs = False
    return Output(shape, float(low), float(high), broken, _contract(low, high, sums, logs))


def _doubted(array: Any, seen: Output, source: Source, columns: tuple[Column, ...]) -> float | None:
    """Return the share of labels that the model is sure are others.

    They are wrong more often than the rest (Northcutt, Jiang and Chuang, 2021). None where the
    output is no probability, or log-probability or logit, of each label.
    """
    labels = columns[0].labels if len(columns) == 1 else []
    if source.frame is None or seen.broken or not len(labels) >= 2 or columns[0].missing:
        return None
    width = array.shape[1] if array.ndim == 2 else 1
    if array.ndim > 2 or width not in ({1, 2} if len(labels) == 2 else {len(labels)}):
        return None
    values = source.frame.collect(engine="streaming").to_series()
    if columns[0].form == "numbers":
        values = values.cast(pl.Float64, strict=False)
    elif columns[0].boolean and values.dtype == pl.String:
        values = values.str.strip_chars().str.to_lowercase() == "true"
    codes = np.searchsorted(np.asarray(labels), values.to_numpy())
    doubted = rows = 0
    for block in blocks(array):
        shares = _shares(block.astype(np.float64, copy=False), seen.contract)
        given = codes[rows : rows + len(shares)]
        sure = shares.max(axis=1) > SURE
        doubted += int((sure & (shares[np.arange(len(shares)), given] < 1 - SURE)).sum())
        rows += len(shares)
    return doubted / rows


def _shares(part: Any, contract: Contract) -> Any:
    """Return probabilities of each label."""
    if part.ndim == 1:
        ones = part if contract in PROBABLE else 1 / (1 + np.exp(-np.clip(part, -700, 700)))
        return np.stack([1 - ones, ones], axis=1)
    if contract in PROBABLE:
        return part / np.maximum(part.sum(axis=1, keepdims=True), 1e-300)
    powers = np.exp(part - part.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _contract(low: float, high: float, sums: bool, logs: bool) -> Contract:
    if low >= 0 and high <= 1:
        return PROBABILITY_ROWS if sums else PROBABILITIES
    if logs:
        return LOG_PROBABILITIES
    return LOGITS if low < 0 < high else REAL_VALUES
