"""Mean squared error."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from losskit.core import targets
from losskit.core.arrays import Array
from losskit.core.cards import Card, Family, Outliers, Source, TorchTwin, WeightRole, given, output
from losskit.core.contracts import REAL_VALUES
from losskit.core.elementwise import Residual
from losskit.core.uses import Goal, Sign, Transform, Use

__all__ = ["MSE"]


@dataclass(frozen=True)
class MSE(Residual):
    """Squared error, (x - y)².

    Its minimiser is the mean of the target given the features, so a single wild target pulls on
    the fit in proportion to how wild it is.

    References
    ----------
    Gauss, C. F. (1809). *Theoria motus corporum coelestium*.

    Examples
    --------
    >>> import losskit
    >>> float(losskit.MSE()([90.0, 110.0, 200.0], [100.0, 100.0, 100.0]))
    3400.0
    """

    card = Card(
        title="mean squared error",
        summary="Squared difference; its best constant is the mean.",
        family=Family.REGRESSION,
        formula="(x - y)²",
        gradient="2 (x - y)",
        curvature="2",
        arguments=(output("input", REAL_VALUES), given("target", REAL_VALUES)),
        output_layer="linear",
        outliers=Outliers.SENSITIVE,
        use_when=(
            "The target is a real number and the conditional mean is wanted.",
            "Errors are roughly symmetric and large errors deserve more than their share.",
        ),
        avoid_when=(
            "Some targets are corrupted or heavy-tailed: use Huber or MAE.",
            "The target is a class: use a cross-entropy, whose gradient does not vanish when the "
            "model is confidently wrong.",
        ),
        pitfalls=(
            "(N, 1) against (N,) broadcasts to (N, N) elsewhere; here it is refused.",
            "The value is in squared units; report RMSE or MAE.",
        ),
        metrics=("RMSE", "MAE", "R²"),
        sources=(Source("Gauss, C. F.", 1809, "Theoria motus corporum coelestium"),),
        aliases=("l2", "squared error", "quadratic loss"),
        equivalents={
            "Keras": "MeanSquaredError",
            "optax": "squared_error",
            "scikit-learn": 'ensemble.HistGradientBoostingRegressor(loss="squared_error")',
            "XGBoost": "reg:squarederror",
            "LightGBM": "regression",
        },
        torch=(TorchTwin("MSELoss", "mse_loss", WeightRole.AVERAGE),),
        uses=(
            Use(
                targets.REAL,
                1,
                "Nothing speaks against the mean: squared errors estimate it, with the least "
                "noise.",
                better_with=(Goal.MEAN,),
                worse_with=(Sign.OUTLIERS, Goal.ROBUST, Goal.MEDIAN),
            ),
            Use(
                targets.AMOUNT,
                1,
                "On the logarithm errors are relative, and the few large amounts do not rule "
                "the fit.",
                better_with=(Sign.LOG_SYMMETRIC,),
                worse_with=(Goal.MEAN, Goal.ROBUST, Goal.MEDIAN),
                transform=Transform.LOG,
            ),
            Use(
                targets.AMOUNT_WITH_ZEROS,
                2,
                "log(1 + y) takes zeros as well, and tames the large amounts.",
                worse_with=(Goal.MEAN, Goal.ROBUST, Goal.MEDIAN),
                transform=Transform.LOG1P,
            ),
            Use(
                targets.COUNT,
                2,
                "Squared errors still estimate the mean count; only the noise of large "
                "counts weighs more.",
                worse_with=(Goal.ROBUST, Goal.MEDIAN, Sign.OUTLIERS),
            ),
            Use(
                targets.SHARE,
                2,
                "A share that stays away from its ends behaves as any real number.",
                better_with=(Goal.MEAN,),
                worse_with=(Goal.ROBUST, Goal.MEDIAN),
            ),
            Use(
                targets.ORDINAL,
                3,
                "It uses the order, and takes the steps between the grades as equal.",
                worse_with=(Goal.CALIBRATED, Goal.ROBUST),
            ),
            Use(
                targets.SEVERAL,
                1,
                "Squared errors of standardised columns weigh every column the same.",
                better_with=(Goal.MEAN,),
                worse_with=(Sign.OUTLIERS, Goal.ROBUST),
            ),
            Use(
                targets.VALUE,
                2,
                "It is right where targets are not noisy; a single wild one moves it far.",
            ),
        ),
    )

    def value_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """(x - y)²."""
        return (input - target) ** 2

    def gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """2 (x - y)."""
        return 2 * (input - target)

    def curvature_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """2."""
        return xp.full_like(input, 2.0)
