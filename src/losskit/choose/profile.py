"""A target's profile: everything that is known of it before it is decided what it is."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from losskit.choose.columns import Column, look
from losskit.choose.errors import ChooseError
from losskit.choose.groups import Groups, look_at_groups
from losskit.choose.matrix import Matrix, look_at_array, look_at_columns
from losskit.choose.output import Output, look_at_output
from losskit.choose.reading import Source, read

__all__ = ["Profile", "profile"]


@dataclass(frozen=True)
class Profile:
    """What is known of a target.

    Attributes
    ----------
    name : str
        Where it comes from.
    columns : tuple of Column
        Its columns; none for an array with several axes.
    matrix : Matrix, optional
        Its rows, where an example has several numbers.
    groups : Groups, optional
        Which examples belong together.
    output : Output, optional
        What the model gives.
    notes : tuple of str
        What was assumed in reading it.
    """

    name: str
    columns: tuple[Column, ...] = ()
    matrix: Matrix | None = None
    groups: Groups | None = None
    output: Output | None = None
    notes: tuple[str, ...] = ()

    @property
    def column(self) -> Column | None:
        """The only column; None where there are more, or none."""
        return self.columns[0] if len(self.columns) == 1 else None

    @property
    def rows(self) -> int:
        """Examples."""
        return self.matrix.rows if self.matrix is not None else self.columns[0].rows


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
        groups = read(target, (groups,)).frame
    looked = _columns(source)
    matrix = _matrix(source, looked)
    found = Profile(
        source.name,
        looked,
        matrix,
        None if groups is None else look_at_groups(groups, source),
        None if output is None else look_at_output(output),
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
