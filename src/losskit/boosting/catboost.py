"""The objects that CatBoost takes as ``loss_function``.

CatBoost maximises, so both derivatives change sign.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from losskit.boosting.checks import as_labels
from losskit.boosting.objectives import BoostingObjective

__all__ = ["CatBoostMulticlass", "CatBoostObjective"]


@dataclass  # not frozen: CatBoost writes to it
class _Shared:
    objective: BoostingObjective

    def __deepcopy__(self, memo: object) -> Self:
        # CatBoost copies its parameters whenever it tells them, which scikit-learn's clone takes
        # for a change.
        return self


@dataclass
class CatBoostObjective(_Shared):
    """An objective of one raw score for each example."""

    def calc_ders_range(
        self, approxes: Any, targets: Any, weights: Any
    ) -> list[tuple[float, float]]:
        """Return both derivatives of minus the loss for each example."""
        gradient, hessian = self.objective.derivatives(approxes, targets, weights)
        return list(zip((-gradient).tolist(), (-hessian).tolist(), strict=True))


@dataclass
class CatBoostMulticlass(_Shared):
    """An objective of one raw score for each class, asked for example by example."""

    def calc_ders_multi(
        self, approxes: Any, target: float, weight: float | None
    ) -> tuple[list[float], list[list[float]]]:
        """Return the derivatives of minus the loss of one example, the second as a diagonal."""
        # Called for each example in each round: the formulas alone, without the checks of a call.
        loss: Any = self.objective.loss
        raw, labels = np.asarray(approxes, np.float64)[None], as_labels(loss, [target])
        if not 0 <= labels[0] < raw.size and labels[0] != loss.ignore_index:
            raise ValueError(
                f"{loss.name}: target is {target:g}, but must be a class index in [0, {raw.size})"
            )
        if labels[0] == loss.ignore_index:
            weight, labels = 0.0, np.zeros_like(labels)
        gradient, hessian = self.objective.scaled(
            loss.gradient_at(raw, labels, np),
            loss.curvature_at(raw, labels, np) if self.objective.bends else None,
        )
        share = -1.0 if weight is None else -weight
        return (share * gradient[0]).tolist(), np.diag(share * hessian[0]).tolist()
