"""Huber loss."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from losskit.core import targets
from losskit.core.arrays import Array
from losskit.core.cards import Card, Family, Outliers, Source, TorchTwin, WeightRole, given, output
from losskit.core.contracts import REAL_VALUES
from losskit.core.elementwise import Residual
from losskit.core.parameters import parameter
from losskit.core.uses import Estimate, Goal, Sign, Transform, Use

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
            "scikit-learn": 'linear_model.SGDRegressor(loss="huber")',
            "XGBoost": "reg:pseudohubererror (a smooth relative)",
            "LightGBM": "huber",
        },
        torch=(TorchTwin("HuberLoss", "huber_loss", WeightRole.SCALE),),
        settings_there={
            "Keras": {"delta": "delta"},
            "scikit-learn": {"delta": "epsilon"},
            "XGBoost": {"delta": "huber_slope"},
            "LightGBM": {"delta": "alpha"},
        },
        uses=(
            Use(
                targets.REAL,
                2,
                "Small errors count as squares, large ones as their size: a few wild targets "
                "pull only so far.",
                settings={"delta": Estimate.ROBUST_THRESHOLD},
                better_with=(Sign.OUTLIERS, Goal.ROBUST),
                worse_with=(Goal.MEAN,),
            ),
            Use(
                targets.AMOUNT,
                3,
                "On the logarithm, with a limit to the pull of amounts that are far off even "
                "there.",
                settings={"delta": Estimate.ROBUST_THRESHOLD},
                better_with=(Sign.OUTLIERS, Goal.ROBUST),
                worse_with=(Goal.MEAN,),
                transform=Transform.LOG,
            ),
            Use(
                targets.AMOUNT_WITH_ZEROS,
                4,
                "On log(1 + y), with a limit to the pull of wild amounts.",
                settings={"delta": Estimate.ROBUST_THRESHOLD},
                better_with=(Goal.ROBUST,),
                worse_with=(Goal.MEAN,),
                transform=Transform.LOG1P,
            ),
            Use(
                targets.COUNT,
                4,
                "On log(1 + y) a few huge counts pull only so far.",
                settings={"delta": Estimate.ROBUST_THRESHOLD},
                better_with=(Goal.ROBUST,),
                worse_with=(Goal.MEAN,),
                transform=Transform.LOG1P,
            ),
            Use(
                targets.SHARE,
                4,
                "A few shares that are far off pull only so far.",
                settings={"delta": Estimate.ROBUST_THRESHOLD},
                better_with=(Goal.ROBUST,),
            ),
            Use(
                targets.ORDINAL,
                5,
                "It uses the order, and a grade that is far off pulls only so far.",
                settings={"delta": 1.0},
                better_with=(Goal.ROBUST,),
                worse_with=(Goal.CALIBRATED,),
            ),
            Use(
                targets.SEVERAL,
                2,
                "On standardised columns a few wild values pull only so far.",
                settings={"delta": Estimate.ROBUST_THRESHOLD},
                better_with=(Sign.OUTLIERS, Goal.ROBUST),
            ),
            Use(
                targets.VALUE,
                1,
                "Targets are noisy estimates themselves; the gradient is held to delta.",
            ),
        ),
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
