"""The data that studies draw: the same for a seed, whatever was drawn before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from losskit.reporting.arrays import Floats, Ints

__all__ = ["blobs", "circle", "draws", "stacked"]


def draws(seed: int, *what: int) -> np.random.Generator:
    """Return the random numbers of a seed for one purpose, independent of those for others."""
    return np.random.default_rng([seed, *what])


def circle(rows: int, seed: int) -> tuple[Floats, Floats]:
    """Draw points from [-2, 2]², labelled 1 where x² + y² < 1.5."""
    x = draws(seed, 1).uniform(-2, 2, (rows, 2))
    return x, (np.square(x).sum(axis=1) < 1.5).astype(np.float64)


def blobs(
    rows: int,
    shares: Sequence[float],
    separation: float,
    seed: int,
    *,
    dimensions: int = 2,
    part: int = 0,
) -> tuple[Floats, Ints]:
    """Draw normal clouds, one for each class.

    Parameters
    ----------
    rows
        How many points.
    shares
        Each class's part of them; counts are rounded, so that every seed has the same.
    separation
        Distance of the classes' centres from each other, in deviations of a cloud.
    seed
        Of the points.
    dimensions
        Of the space.
    part
        Tells training and test rows apart.
    """
    counts = np.floor(np.cumsum([0.0, *shares]) / np.sum(shares) * rows + 0.5).astype(int)
    labels = np.repeat(np.arange(len(shares)), np.diff(counts))
    centres = _corners(len(shares), dimensions) * separation
    random = draws(seed, 2, part)
    x = centres[labels] + random.standard_normal((rows, dimensions))
    order = random.permutation(rows)
    return x[order], labels[order]


def _corners(classes: int, dimensions: int) -> Floats:
    """Return corners of a simplex or, where the space is too small, of a polygon of side 1."""
    if classes <= dimensions:
        return np.asarray(np.eye(classes, dimensions) / np.sqrt(2))
    angles = 2 * np.pi * np.arange(classes) / classes
    polygon = np.zeros((classes, dimensions))
    polygon[:, 0], polygon[:, 1] = np.cos(angles), np.sin(angles)
    return np.asarray(polygon / (2 * np.sin(np.pi / classes)))


def stacked(arrays: Sequence[Floats | Ints]) -> Tensor:
    """Stack one array for each seed; numbers in single precision."""
    together = torch.as_tensor(np.stack(arrays))
    return together.float() if together.is_floating_point() else together
