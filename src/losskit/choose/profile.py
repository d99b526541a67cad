"""A target's profile: everything that is known of it before it is decided what it is."""

from __future__ import annotations

from dataclasses import dataclass

from losskit.choose.column import Column
from losskit.choose.matrix import Matrix
from losskit.choose.output import Output

__all__ = ["Groups", "Profile"]


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
