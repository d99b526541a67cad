"""What is learnt instead of the target, and the way back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from losskit.choose.profile import Profile
from losskit.core import targets
from losskit.core.contracts import REAL_VALUES
from losskit.core.loss import Loss
from losskit.core.uses import Transform, Use
from losskit.reporting.wording import number

__all__ = ["Applied", "transform_of"]

WIDE, FAR = 3.0, 3.0
"""A scale that differs from 1 by the first factor, or a mean the second in deviations off 0."""


@dataclass(frozen=True)
class Applied:
    """A transform of the target, with its numbers.

    Attributes
    ----------
    transform : Transform
        Which.
    mean, scale : float
        What is subtracted, and what it is then divided by; of a target with wild values, its
        median and its robust standard deviation.
    why : str
        The reason.
    per_column : bool
        Whether each column has its own.
    """

    transform: Transform
    mean: float = 0.0
    scale: float = 1.0
    why: str = ""
    per_column: bool = False

    def forward(self, values: Any) -> Any:
        """Return what is learnt."""
        if self.transform is Transform.LOG:
            return np.log(values[values > 0])
        if self.transform is Transform.LOG1P:
            return np.log1p(values)
        return (values - self.mean) / self.scale

    def code(self, library: str) -> tuple[str, str]:
        """Return expressions over ``target`` and over ``output``, there and back."""
        if self.transform is Transform.LOG:
            return f"{library}.log(target)", f"{library}.exp(output)"
        if self.transform is Transform.LOG1P:
            return f"{library}.log1p(target)", f"{library}.expm1(output)"
        if self.per_column:
            return "(target - mean) / scale", "output * scale + mean"
        return (
            f"(target - {self.mean:g}) / {self.scale:g}",
            f"output * {self.scale:g} + {self.mean:g}",
        )

    def __str__(self) -> str:
        if self.transform is Transform.STANDARDISE:
            if self.per_column:
                return "standardise each column: subtract its mean, divide by its deviation"
            return f"standardise: (y - {self.mean:g}) / {self.scale:g}"
        return {
            Transform.LOG: "learn log(y), predict with exp",
            Transform.LOG1P: "learn log(1 + y), predict with exp(.) - 1",
        }[self.transform]


_WHY = {
    Transform.LOG: "errors become relative; exp of the prediction lies below the mean, at the "
    "median where the errors of the logarithm are symmetric",
    Transform.LOG1P: "zeros stay zeros; what is predicted lies below the mean, rather at the "
    "median",
}


def transform_of(use: Use, loss: type[Loss], profile: Profile) -> Applied | None:
    """Return the transform that a use asks for, or standardising where the scale needs it."""
    if use.transform is not None:
        return Applied(use.transform, why=_WHY.get(use.transform, ""))
    if loss.card.input != REAL_VALUES:
        return None
    if use.target is targets.SEVERAL and profile.matrix is not None:
        return Applied(
            Transform.STANDARDISE, why="else the widest column rules the fit", per_column=True
        )
    column = profile.column
    if column is None or column.form != "numbers" or use.target not in targets.NUMBERS:
        return None
    # Wild values would rule a mean and a standard deviation.
    wild = column.deviation > WIDE * column.spread > 0
    centre = column.median if wild else column.mean
    scale = column.spread if wild else column.deviation
    if use.target is targets.SHARE or not scale > 0 or not math.isfinite(scale):
        return None
    if 1 / WIDE <= scale <= WIDE and abs(centre) <= FAR * scale:
        return None
    return Applied(
        Transform.STANDARDISE,
        _rounded(centre),
        _rounded(scale),
        "networks start with outputs near 0 of size 1, and the target has "
        + (f"median {number(centre)} and robust" if wild else f"mean {number(centre)} and")
        + f" standard deviation {number(scale)}",
    )


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
