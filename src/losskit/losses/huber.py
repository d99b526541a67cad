"""Huber loss."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from losskit.core.arrays import Array
from losskit.core.cards import Card, Family, Outliers, Source, TorchTwin, WeightRole, given, output
from losskit.core.contracts import REAL_VALUES
from losskit.core.elementwise import Residual
from losskit.core.parameters import parameter

__all__ = ["Huber"]


@dataclass(frozen=True)
class Huber(Residual):
    """Squared error near zero, absolute error beyond ``delta``.

    With e = x - y: e²/2 where abs(e) <= delta, else delta (abs(e) - delta/2).

    Parameters
    ----------
    delta : float, default 1.0
        Where the parabola turns into a line, in the target's unit; > 0.

    References
    ----------
    Huber, P. J. (1964). Robust Estimation of a Location Parameter.

    Examples
    --------
    >>> import losskit
    >>> float(losskit.Huber(delta=1.0)([2.5, 0.0, 2.0, 8.0], [3.0, -0.5, 2.0, 7.0]))
    0.1875
    """

    delta: float = parameter(
        1.0, "error where the parabola turns into a line", unit="target", above=0
    )

    card = Card(
        title="Huber loss",
        summary="Squared error for small errors, absolute error for large ones.",
        family=Family.REGRESSION,
        formula="e = x - y: e²/2 where |e| <= delta, else delta (|e| - delta/2)",
        gradient="e, held to [-delta, delta]",
        curvature="1 where |e| <= delta, else 0",
        arguments=(output("input", REAL_VALUES), given("target", REAL_VALUES)),
        output_layer="linear",
        outliers=Outliers.PARTLY,
        use_when=(
            "A real target has some outliers, and most of it behaves.",
            "Targets are noisy estimates themselves, as the TD targets of Q-learning.",
        ),
        avoid_when=("Outliers are what must be predicted.",),
        pitfalls=(
            "delta is in the target's unit: 1.0 suits a standardised target. 1.345 times the "
            "errors' robust deviation keeps 95 % efficiency on Gaussian errors.",
        ),
        metrics=("MAE", "RMSE", "median absolute error"),
        sources=(Source("Huber, P. J.", 1964, "Robust Estimation of a Location Parameter"),),
        aliases=("huber loss",),
        equivalents={
            "Keras": "Huber",
            "optax": "huber_loss",
            "scikit-learn": 'loss="huber"',
            "XGBoost": "reg:pseudohubererror (a smooth relative)",
            "LightGBM": "huber",
        },
        torch=(TorchTwin("HuberLoss", "huber_loss", WeightRole.SCALE),),
    )

    def value_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """Parabola within delta, its tangent beyond."""
        error = abs(input - target)
        return xp.where(error <= self.delta, error**2 / 2, self.delta * (error - self.delta / 2))

    def gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """Error, held to [-delta, delta]."""
        return xp.clip(input - target, -self.delta, self.delta)

    def curvature_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """1 within delta, 0 beyond."""
        return xp.astype(abs(input - target) <= self.delta, input.dtype)
