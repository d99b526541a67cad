"""Distances between the rows of two arrays, with their derivatives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from losskit.core.arrays import Array, absolute, constant, largest, sign
from losskit.core.parameters import Parameter

__all__ = [
    "EPS",
    "NORM",
    "SETTINGS",
    "Cosine",
    "Distance",
    "P",
    "checked_distance",
    "direction",
    "distance_from",
    "length",
]

NORM = "norm"
"""Word for the p-norm, the only distance that has settings."""

P, EPS = 2.0, 1e-6
"""Settings of the norm in ``torch.nn.PairwiseDistance``."""

TINY = 1e-12
"""What ``torch.nn.CosineEmbeddingLoss`` adds to squared lengths, so that none is 0."""


class Distance(ABC):
    """A distance of each row of x, along the last axis, to the same row of y."""

    @abstractmethod
    def between(self, x: Array, y: Array, xp: ModuleType) -> Array:
        """Distance of each pair of rows."""

    @abstractmethod
    def slopes(self, x: Array, y: Array, xp: ModuleType) -> tuple[Array, Array]:
        """Derivative of each pair's distance in x and in y."""


@dataclass(frozen=True)
class Norm(Distance):
    """p-norm of x - y + eps."""

    p: float = P
    eps: float = EPS

    def between(self, x: Array, y: Array, xp: ModuleType) -> Array:
        """Length of the difference."""
        return length(x - y + self.eps, self.p, xp)

    def slopes(self, x: Array, y: Array, xp: ModuleType) -> tuple[Array, Array]:
        """Direction of the difference; 0 where there is none."""
        slope = direction(x - y + self.eps, self.p, xp)
        return slope, -slope


@dataclass(frozen=True)
class SquaredEuclidean(Distance):
    """Σ (x - y)²."""

    def between(self, x: Array, y: Array, xp: ModuleType) -> Array:
        """Sum of squares."""
        return xp.sum((x - y) ** 2, axis=-1)

    def slopes(self, x: Array, y: Array, xp: ModuleType) -> tuple[Array, Array]:
        """Twice the difference."""
        slope = 2 * (x - y)
        return slope, -slope


@dataclass(frozen=True)
class Cosine(Distance):
    """1 - x·y / (|x| |y|), where a zero vector is like nothing: its similarity is 0."""

    def between(self, x: Array, y: Array, xp: ModuleType) -> Array:
        """1 - cosine."""
        return self.similarity(x, y, xp)[1]

    def slopes(self, x: Array, y: Array, xp: ModuleType) -> tuple[Array, Array]:
        """What of each unit vector is across the other one, by the other one's length."""
        one, two = _Scaled.of(x, xp), _Scaled.of(y, xp)
        x, y, xx, yy = one.rows, two.rows, one.squared, two.squared
        product, lengths = xp.sum(x * y, axis=-1, keepdims=True), xp.sqrt(xx * yy)
        return (
            (product / xx * x - y) / lengths / one.unit,
            (product / yy * y - x) / lengths / two.unit,
        )

    def similarity(self, x: Array, y: Array, xp: ModuleType) -> tuple[Array, Array]:
        """Return the cosine, and 1 - cosine with digits of its own."""
        one, two = _Scaled.of(x, xp), _Scaled.of(y, xp)
        x, y, xx, yy = one.rows, two.rows, one.squared, two.squared
        cosine = xp.sum(x * y, axis=-1) / xp.sqrt(xx * yy)[..., 0]
        # Near 1 the difference has no digits left: there, half the squared distance of the unit
        # vectors, whose own squares fall short of 1 by what was added to those of the lengths.
        across = x / xp.sqrt(xx) - y / xp.sqrt(yy)
        short = (one.tiny / xx + two.tiny / yy)[..., 0]
        near = (xp.sum(across * across, axis=-1) + short) / 2
        return cosine, xp.where(cosine > 0.5, near, 1 - cosine)


@dataclass(frozen=True)
class OneOfYourOwn(Distance):
    """A function of two arrays (…, D) that gives (…), without a derivative that is known here."""

    owner: str
    function: Callable[[Array, Array], Array]

    def between(self, x: Array, y: Array, xp: ModuleType) -> Array:
        """What the function gives, if there is one number for each row."""
        distances = self.function(x, y)
        found, wanted = getattr(distances, "shape", None), tuple(x.shape[:-1])
        if found is None or tuple(found) != wanted:
            got = type(distances).__name__ if found is None else f"shape {tuple(found)}"
            raise ValueError(
                f"{self.owner}: distance must give one number for each pair of rows, in shape "
                f"{wanted}, got {got}"
            )
        return distances

    def slopes(self, x: Array, y: Array, xp: ModuleType) -> tuple[Array, Array]:
        """Unknown."""
        raise ValueError(f"{self.owner}: the derivative of a distance of one's own is not known")


_BY_NAME: dict[str, Distance] = {"squared_euclidean": SquaredEuclidean(), "cosine": Cosine()}

SETTINGS = {
    "p": Parameter("degree of the norm", at_least=1),
    "eps": Parameter("added to each difference in the norm", at_least=0),
    "distance": Parameter(
        "distance of two embeddings; None is the norm",
        kind="function",
        optional=True,
        choices=(NORM, *_BY_NAME),
    ),
}
"""What says which distance is meant."""


def distance_from(owner: str, distance: Any, p: float = P, eps: float = EPS) -> Distance:
    """Return the distance that checked `SETTINGS` mean: of a name, or a function of one's own."""
    if distance == NORM:
        return Norm(p, eps)
    if (p, eps) != (P, EPS):
        raise ValueError(
            f"{owner}: p and eps belong to distance='norm', got distance={distance!r} with "
            f"p={p:g} and eps={eps:g}; leave them out"
        )
    return OneOfYourOwn(owner, distance) if callable(distance) else _BY_NAME[distance]


def checked_distance(owner: str, distance: Any, p: float, eps: float) -> Distance:
    """Return the distance that settings mean, after checking them; None is the norm."""
    chosen = SETTINGS["distance"].checked(owner, "distance", distance)
    return distance_from(
        owner,
        NORM if chosen is None else chosen,
        SETTINGS["p"].checked(owner, "p", p),
        SETTINGS["eps"].checked(owner, "eps", eps),
    )


@dataclass(frozen=True)
class _Scaled:
    """Rows in a unit in which products of squared lengths are numbers: 1 if that will do.

    It has no part in the derivative, since it does not change a cosine.

    Attributes
    ----------
    rows, squared : array
        In the unit; squared lengths are columns, and none is 0.
    tiny : array
        What was added to each of them.
    unit : array
        A column.
    """

    rows: Array
    squared: Array
    tiny: Array
    unit: Array

    @classmethod
    def of(cls, rows: Array, xp: ModuleType) -> _Scaled:
        """Divide long rows by their largest element."""
        size = largest(abs(constant(rows)), xp)
        limit = float(xp.finfo(rows.dtype).max) ** (1 / 8)
        unit = xp.where((size > limit) & (size < xp.inf), size, 1.0)
        rows, tiny = rows / unit, TINY / unit / unit
        return cls(rows, xp.sum(rows * rows, axis=-1, keepdims=True) + tiny, tiny, unit)


def length(rows: Array, p: float, xp: ModuleType) -> Array:
    """p-norm of each row, with a derivative of 0 at the zero vector, and without overflow."""
    if p == 1:
        return xp.sum(absolute(rows, xp), axis=-1)
    unit = _unit(rows, p, xp)
    # At an odd power, abs() decides the sign; at 2 it only costs.
    parts = rows / unit if p == 2 else abs(rows / unit)
    total = xp.sum(parts**p, axis=-1)
    zero = total == 0
    total = xp.where(zero, 1.0, total)
    root = xp.sqrt(total) if p == 2 else total ** (1 / p)
    return unit[..., 0] * xp.where(zero, 0.0, root)


def direction(rows: Array, p: float, xp: ModuleType) -> Array:
    """Derivative of each row's p-norm; 0 at the zero vector."""
    if p == 1:
        return sign(rows, xp)
    norm = length(rows, p, xp)[..., None]
    share = rows / xp.where(norm == 0, 1.0, norm)
    if p == 2:
        return share
    # For p < 2 the slope of a power at 0 is infinite.
    zero = share == 0
    size = xp.where(zero, 1.0, abs(share)) ** (p - 1)
    return xp.where(zero, 0 * share, sign(share, xp) * size)


def _unit(rows: Array, p: float, xp: ModuleType) -> Array:
    """Unit in which powers of a row's elements neither overflow nor vanish: 1 if that will do.

    It has no part in the derivative, since it does not change the result.
    """
    rows = constant(rows)
    if rows.shape[-1] == 0:
        return xp.ones_like(xp.sum(rows, axis=-1, keepdims=True))
    largest = xp.max(abs(rows), axis=-1, keepdims=True)
    limit = float(xp.finfo(rows.dtype).max) ** (1 / (2 * p))
    within = (largest >= 1 / limit) & (largest <= limit)
    usable = (largest > 0) & (largest < xp.inf) & ~within
    return xp.where(usable, largest, 1.0)
