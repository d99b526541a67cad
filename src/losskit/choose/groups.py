"""Which examples belong together: a query's documents, a list's items."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from losskit.choose.errors import ChooseError
from losskit.choose.reading import Source, read

__all__ = ["Groups", "look_at_groups"]

VALUE, GROUP = "value", "group"


@dataclass(frozen=True)
class Groups:
    """How examples are grouped.

    Attributes
    ----------
    rows : int
        Examples.
    number : int
        Groups.
    smallest, largest : int
        Examples in a group.
    alone : int
        Groups whose examples all have the same target: nothing to order.
    """

    rows: int
    number: int
    smallest: int
    largest: int
    alone: int


def look_at_groups(groups: object, source: Source) -> Groups:
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
