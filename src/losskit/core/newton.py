"""What a Newton step divides by: curvature that is kept positive."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from losskit.core.arrays import Array

__all__ = ["Newton"]


class Newton(NamedTuple):
    """How gradient and curvature become those of a step; by default they stay as they are.

    Attributes
    ----------
    slope : float
        What multiplies the gradient.
    bend : float
        What multiplies the curvature.
    least : float
        The curvature is at least this,
    share : float
        and at least this times the absolute gradient, which bounds the step.
    """

    slope: float = 1.0
    bend: float = 1.0
    least: float = -math.inf
    share: float = -math.inf

    def apply(self, gradient: Array, curvature: Array) -> tuple[Array, Array]:
        """Work on NumPy's arrays in place."""
        if self.slope != 1:
            gradient *= self.slope
        if self.bend != 1:
            curvature *= self.bend
        np.maximum(curvature, self.least, out=curvature)
        if self.share > 0:
            np.maximum(curvature, self.share * np.abs(gradient), out=curvature)
        return gradient, curvature
