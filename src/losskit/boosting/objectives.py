"""A loss as gradient, Hessian, output transform and first score of boosted trees."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from losskit.boosting.checks import as_labels, as_numbers, check_finite, check_loss
from losskit.boosting.curvature import Rule, rule_for, unit_scale
from losskit.boosting.start import best_constant, best_constants
from losskit.core.arrays import Array, sigmoid, softmax
from losskit.core.classwise import Classification
from losskit.core.contracts import LOG_MEANS, LOGITS
from losskit.core.engine import engine_for
from losskit.core.loss import Loss
from losskit.core.newton import Newton
from losskit.core.options import Options
from losskit.core.shapes import misfit

if TYPE_CHECKING:
    from losskit.boosting.catboost import CatBoostMulticlass, CatBoostObjective

__all__ = ["BoostingObjective", "objective"]

SMALLEST_HESSIAN = 1e-16
"""A leaf's score is divided by a sum of Hessians, which a saturated sigmoid would make 0."""


def objective(
    loss: Loss, *, hessian: Literal["auto"] | float = "auto", scale: float | None = None
) -> BoostingObjective:
    """Make a loss the objective of XGBoost, LightGBM or CatBoost.

    Parameters
    ----------
    loss : Loss
        A loss of raw scores against targets, element by element or class by class.
    hessian : "auto" or float, default "auto"
        A positive number stands for the Hessian of every example. "auto" takes, by the loss:

        - a loss of the error alone (MSE, Huber, MAE, Quantile): the curvature, and at least 1,
          that of half a squared error;
        - another convex loss (cross-entropies, Poisson, Tweedie): the curvature;
        - a loss that is not convex (focal): the curvature, and at least the absolute gradient,
          so that no step is longer than 1;
        - a loss whose curvature is 0 everywhere (hinge): 1.

        For K classes it is twice the curvature, as in XGBoost: trees move all K scores at once,
        and so a round does not overshoot.
    scale : float, optional
        Multiplies the loss. By default a loss of the error alone is divided by its curvature at
        error 0, which makes MSE e²/2, as the libraries have it; all others stay as they are.
        Only regularisation (lambda, the least Hessian in a leaf) sees the difference.

    Returns
    -------
    BoostingObjective
        Callable with the arguments of either interface of XGBoost and LightGBM; its
        ``catboost()`` is CatBoost's ``loss_function``.

    Raises
    ------
    TypeError
        If it is no loss, or a loss of something else than one score against one target.
    ValueError
        If the loss takes probabilities, or a setting is out of its range.

    Examples
    --------
    >>> import losskit
    >>> from losskit.boosting import objective
    >>> quantile = objective(losskit.Quantile(quantile=0.75))
    >>> gradient, hessian = quantile.derivatives([1.0, 2.0], [3.0, 0.0])
    >>> gradient.tolist(), hessian.tolist()
    ([-0.75, 0.25], [1.0, 1.0])
    """
    loss = check_loss(loss)
    if not (isinstance(hessian, str) and hessian == "auto"):
        hessian = _positive(loss, "hessian", hessian)
    scale = unit_scale(loss) if scale is None else _positive(loss, "scale", scale)
    return BoostingObjective(loss, hessian, scale, rule_for(loss) if hessian == "auto" else None)


@dataclass(frozen=True)
class BoostingObjective:
    """A loss as boosting libraries call it; `objective` makes it.

    Attributes
    ----------
    loss : Loss
        The loss.
    hessian : "auto" or float
        As given to `objective`.
    scale : float
        What multiplies the loss.
    rule : Rule or None
        How the Hessian comes from the curvature; None where it is a given number.
    """

    loss: Loss
    hessian: Literal["auto"] | float
    scale: float
    rule: Rule | None

    # XGBoost passes weights to its scikit-learn estimators by this name, LightGBM by position and
    # if there are three parameters.
    def __call__(self, first: Any, second: Any, sample_weight: Any = None) -> tuple[Array, Array]:
        """Return gradient and Hessian to whichever library asks.

        Takes ``(raw, data)`` of `xgboost.train` and `lightgbm.train`, whose data hold labels and
        weights, and ``(target, raw[, weight])`` of the scikit-learn estimators. No library
        multiplies a custom objective's derivatives by the weights, so this does. Both come in
        float32, in which the libraries keep them.
        """
        if hasattr(second, "get_label"):
            first, second, sample_weight = second.get_label(), first, second.get_weight()
        return self._derivatives(second, first, sample_weight, in_float=True)

    def derivatives(self, raw: Any, target: Any, weight: Any = None) -> tuple[Array, Array]:
        """Compute gradient and Hessian diagonal of the summed loss in the raw scores.

        Parameters
        ----------
        raw : array
            Raw scores, (N,); (N, K) for K classes or K targets.
        target : array
            As the loss takes it: (N,), and of K targets (N, K). Class indices may be floats.
        weight : array, optional
            One weight for each example, (N,).

        Returns
        -------
        gradient, hessian : array
            In the shape of ``raw``, and in float32 if that is. The Hessian is positive wherever an
            example counts.
        """
        return self._derivatives(raw, target, weight, in_float=False)

    def _derivatives(
        self, raw: Any, target: Any, weight: Any, *, in_float: bool
    ) -> tuple[Array, Array]:
        raw, labels, weights = self._arrays(raw, target, weight)
        if self.bends:
            options = Options("sum", weight=weights)
            engine = engine_for(raw)[1]
            found = engine.bend(self.loss, (raw, labels), options, self.newton, in_float=in_float)
            if found is not None:
                (gradient,), (hessian,) = found
                return gradient, hessian
            gradient, curvature = self.loss.gradient_and_curvature(raw, labels, reduction="sum")
        else:
            _, gradient = self.loss.value_and_gradient(raw, labels, reduction="sum")
            curvature = None
        gradient, hessian = self.scaled(gradient, curvature)
        shares = self._shares(raw, labels, weights)
        if shares is not None:
            gradient, hessian = gradient * shares, hessian * shares
        dtype = np.float32 if in_float else raw.dtype
        return gradient.astype(dtype, copy=False), hessian.astype(dtype, copy=False)

    @property
    def bends(self) -> bool:
        """Whether the Hessian comes from the curvature, be it 0, by the rule."""
        return self.rule is not None

    @property
    def newton(self) -> Newton:
        """What makes gradient and Hessian of the derivatives, where the Hessian bends."""
        # All classes' scores move at once. A row of the Hessian of shift-invariant scores sums to
        # 0, so twice its diagonal is the sum of the row's absolute values: a bound.
        factor = 2 * self.scale if self.multiclass else self.scale
        if self.rule in (Rule.ERROR, Rule.FLAT):
            return Newton(self.scale, factor, least=1.0)
        share = 1.0 if self.rule is Rule.NOT_CONVEX else 0.0
        return Newton(self.scale, factor, SMALLEST_HESSIAN, share)

    def scaled(self, gradient: Array, curvature: Array | None) -> tuple[Array, Array]:
        """Scale the loss's own gradient and turn its curvature into the Hessian, by the rule.

        Both are worked on in place.
        """
        newton = self.newton
        gradient *= newton.slope
        if curvature is None:
            return gradient, np.full_like(gradient, self.hessian)
        hessian = np.maximum(newton.bend * curvature, newton.least, out=curvature)
        if newton.share > 0:
            np.maximum(hessian, newton.share * np.abs(gradient), out=hessian)
        return gradient, hessian

    def transform(self, raw: Any) -> Array:
        """Turn raw scores into predictions: the identity, sigmoid, softmax or exp.

        Means of log-mean losses come by exp; logits give the probability of the positive label,
        or of each class, (N, K).
        """
        scores = as_numbers(self.loss, "raw", raw)
        contract = self.loss.arguments[0].contracts[0]
        if contract is LOG_MEANS:
            return np.exp(scores)
        if contract is not LOGITS:
            return scores
        return (softmax if self.multiclass else sigmoid)(scores, np)

    def init_score(self, target: Any, weight: Any = None, *, classes: int | None = None) -> Any:
        """Find the constant raw score with the smallest loss, from which to boost.

        Parameters
        ----------
        target : array
            As in `derivatives`.
        weight : array, optional
            One weight for each example, (N,).
        classes : int, optional
            Number K of classes; by default that of ``class_weight``, or the largest index + 1.

        Returns
        -------
        float or array
            One score; (K,) for K classes or K targets. Logits are held within ±15 (classes
            that do not occur: within a share of 1e-15).
        """
        labels = as_labels(self.loss, target)
        if not self.multiclass:
            labels = labels.astype(np.float64, copy=False)
        if labels.shape[:1] in ((), (0,)):
            raise ValueError(f"{self.loss.name}: init_score needs targets, got {labels.shape}")
        check_finite(self.loss, "target", labels)
        weights = self._weights(weight, labels.shape)
        if weights is not None and not (np.isfinite(weights).all() and (weights > 0).any()):
            raise ValueError(
                f"{self.loss.name}: weight must hold finite numbers, of which one at least is "
                "above 0, to find a first score"
            )
        if self.multiclass:
            if classes is not None and not _is_count(classes):
                raise ValueError(
                    f"{self.loss.name}: classes must be an integer >= 1, got {classes!r}"
                )
            return best_constants(self.loss, labels, weights, classes)
        if classes is not None:
            raise ValueError(f"{self.loss.name} has no classes, got classes={classes}")
        return best_constant(self.loss, labels, weights)

    def catboost(self) -> CatBoostObjective | CatBoostMulticlass:
        """Return the object that CatBoost takes as ``loss_function``."""
        from losskit.boosting import catboost  # noqa: PLC0415, it is built on this module

        return (catboost.CatBoostMulticlass if self.multiclass else catboost.CatBoostObjective)(
            self
        )

    @property
    def multiclass(self) -> bool:
        """Whether there is one raw score for each class."""
        return isinstance(self.loss, Classification)

    def _arrays(self, raw: Any, target: Any, weight: Any) -> tuple[Array, Array, Array | None]:
        """Return raw scores, labels and the weight of each loss value, None for 1."""
        scores, labels = as_numbers(self.loss, "raw", raw), as_labels(self.loss, target)
        if self.multiclass and (scores.ndim != 2 or scores.shape[:1] != labels.shape):
            raise ValueError(
                f"{self.loss.name}: {len(labels)} class indices need raw scores of shape "
                f"({len(labels)}, K), one for each class, got {scores.shape}; tell the library "
                "the number of classes (num_class=K)"
            )
        if not self.multiclass and scores.shape != labels.shape:
            # XGBoost keeps labels of several targets as one row.
            if scores.ndim != 2 or labels.shape != (scores.size,):
                raise ValueError(
                    f"{self.loss.name}: {misfit('raw', scores.shape, 'target', labels.shape)}"
                )
            labels = labels.reshape(scores.shape)
        weights = self._weights(weight, scores.shape)
        if weights is not None and labels.ndim > 1:
            weights = weights[:, None]
        return scores, labels, weights

    def _shares(self, scores: Array, labels: Array, weights: Array | None) -> Array | None:
        """Return what multiplies each score's derivatives, None for 1."""
        if not self.multiclass:
            return weights
        part = self.loss.taking_part(scores, labels)
        return (part if weights is None else weights * part)[:, None]

    def _weights(self, weight: Any, shape: tuple[int, ...]) -> Array | None:
        if weight is None or np.size(weight) == 0:  # XGBoost's word for no weights
            return None
        weights = as_numbers(self.loss, "weight", weight)
        if weights.shape != shape[:1]:
            raise ValueError(
                f"{self.loss.name}: weight must hold one number for each of the {shape[0]} "
                f"examples, got shape {weights.shape}"
            )
        return weights


def _is_count(value: object) -> bool:
    return not isinstance(value, bool) and isinstance(value, Integral) and int(value) >= 1


def _positive(loss: Loss, name: str, value: Any) -> float:
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value <= 0:
        words = '"auto" or ' if name == "hessian" else ""
        raise ValueError(f"{loss.name}: {name} must be {words}a number > 0, got {value!r}")
    return float(value)
