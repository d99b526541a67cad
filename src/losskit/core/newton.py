"""What a Newton step divides by: curvature that is kept positive."""

from __future__ import annotations

import math
from typing import NamedTuple

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
