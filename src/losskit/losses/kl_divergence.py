"""Kullback-Leibler divergence between a target's distribution and the model's."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from losskit.core import targets
from losskit.core.arrays import Array, log_softmax, softmax, times
from losskit.core.cards import Argument, Card, Family, Outliers, Source, given, output
from losskit.core.classwise import Classwise
from losskit.core.contracts import LOG_PROBABILITY_ROWS, LOGITS, PROBABILITY_ROWS
from losskit.core.distributions import divergence, divergence_slope, log_ratio, logarithm
from losskit.core.parameters import parameter
from losskit.core.uses import Goal, Use

__all__ = ["KLDivergence"]


@dataclass(frozen=True)
class KLDivergence(Classwise):
    """Kullback-Leibler divergence of rows of probabilities t and the softmax p of logits.

    Forward, KL(t‖p) = Σ_c t_c log(t_c/p_c); reverse, KL(p‖t) = Σ_c p_c log(p_c/t_c); one value
    for each row, so that the mean is the batch mean. Log-probabilities are logits too, since
    log-softmax leaves them as they are. A class without probability on the left side adds
    nothing. In reverse, a class that the target rules out and the model does not costs inf.

    What is summed is t log(t/p) - t + p (in reverse with p and t exchanged): the same where rows
    sum to 1, and without loss of digits where t and p are near. The derivative of t log t is
    taken as 0 where t is 0.

    Parameters
    ----------
    direction : {"forward", "reverse"}, default "forward"
        KL(target‖model), or KL(model‖target).
    log_target : bool, default False
        Whether the target holds log-probabilities.
    class_axis : int, optional
        Axis of the classes in the input; None is axis 1, or the only one.

    References
    ----------
    Kullback, S. and Leibler, R. A. (1951). On Information and Sufficiency.

    Examples
    --------
    >>> import losskit
    >>> import numpy as np
    >>> p, q = [0.6, 0.3, 0.1], [0.7, 0.2, 0.1]
    >>> round(float(losskit.KLDivergence()(np.log(p), q)), 4)
    0.0268
    >>> round(float(losskit.KLDivergence(direction="reverse")(np.log(p), q)), 4)
    0.0291
    """

    direction: str = parameter(
        "forward",
        "KL(target‖model), or KL(model‖target)",
        kind="choice",
        choices=("forward", "reverse"),
    )
    log_target: bool = parameter(False, "whether the target holds log-probabilities", kind="flag")

    card = Card(
        title="Kullback-Leibler divergence",
        summary="How far the model's distribution is from a given one, in nats per row.",
        family=Family.DISTRIBUTION,
        formula="forward: Σ_c t_c log(t_c/p_c); reverse: Σ_c p_c log(p_c/t_c); p = softmax(z)",
        gradient="forward: p Σ t - t; reverse: p (log(p/t) - Σ_c p_c log(p_c/t_c))",
        curvature="forward: p (1 - p) Σ t; reverse: p ((1 - 2p) (log(p/t) - Σ_c p_c log(p_c/t_c)) "
        "+ 1 - p)",
        arguments=(output("input", LOGITS), given("target", PROBABILITY_ROWS)),
        output_layer="K linear units, no activation, or with log-softmax",
        outliers=Outliers.DOES_NOT_APPLY,
        use_when=(
            "The target is a distribution: annotators' votes, a teacher, a policy.",
            "Forward covers the modes: the model must give probability to all that the target "
            "does.",
            "Reverse seeks a mode: the model must avoid all that the target rules out.",
        ),
        avoid_when=(
            "The target is one class: CrossEntropy has the same gradient, and is cheaper.",
        ),
        pitfalls=(
            "The two directions differ: KL(q‖p) is not KL(p‖q).",
            "The mean is per row; one over rows and classes is smaller by the number of classes.",
            "Reverse needs a target without zeros, such as a softmax's.",
            "What is summed is t log(t/p) - t + p, which differs from the formula by what a row's "
            "sum is off 1; rows off by more than 0.004 are refused.",
        ),
        metrics=("KL divergence", "total variation distance", "calibration error"),
        sources=(
            Source("Kullback, S. and Leibler, R. A.", 1951, "On Information and Sufficiency"),
        ),
        aliases=("kl", "kl divergence", "kullback-leibler divergence"),
        equivalents={
            "Keras": "KLDivergence (on probabilities)",
            "optax": "kl_divergence, kl_divergence_with_log_targets",
        },
        uses=(
            Use(
                targets.DISTRIBUTION,
                1,
                "The information that the model's distribution lacks; 0 where both agree.",
                better_with=(Goal.CALIBRATED,),
            ),
            Use(
                targets.TEACHER,
                2,
                "Without labels, it is the teacher's distribution alone that is learnt.",
            ),
        ),
    )

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """Hold the target to log-probabilities where it is said to hold them."""
        if self.log_target:
            return self.card.arguments[0], given("target", LOG_PROBABILITY_ROWS)
        return self.card.arguments

    def value_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """Divergence of each row."""
        log_p, log_t = log_softmax(input, xp), self._log(target, xp)
        first, second = (log_t, log_p) if self.direction == "forward" else (log_p, log_t)
        return divergence(first, second, xp)

    def gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """P Σ t - t, or p (log(p/t) - Σ p log(p/t))."""
        if self.direction == "forward":
            t = self._probabilities(target, xp)
            return softmax(input, xp) * xp.sum(t, axis=-1, keepdims=True) - t
        return divergence_slope(log_softmax(input, xp), self._log(target, xp), xp)

    def curvature_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """P (1 - p) Σ t, or (1 - 2p) times the gradient + p (1 - p)."""
        p = softmax(input, xp)
        if self.direction == "forward":
            total = xp.sum(self._probabilities(target, xp), axis=-1, keepdims=True)
            return p * (1 - p) * total
        slope = divergence_slope(log_softmax(input, xp), self._log(target, xp), xp)
        return times(1 - 2 * p, slope, xp) + p * (1 - p)

    def target_gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array | None:
        """Give log(t/p), or 1 - p/t; times t for log-probabilities."""
        log_p, log_t = log_softmax(input, xp), self._log(target, xp)
        if self.direction == "forward":
            ratio = log_ratio(log_t, log_p, xp)
            return times(xp.exp(log_t), ratio, xp) if self.log_target else ratio
        if self.log_target:
            return xp.exp(log_t) - xp.exp(log_p)
        return xp.where(log_p == -xp.inf, 1.0, -xp.expm1(log_ratio(log_p, log_t, xp)))

    def _log(self, target: Array, xp: ModuleType) -> Array:
        return target if self.log_target else logarithm(target, xp)

    def _probabilities(self, target: Array, xp: ModuleType) -> Array:
        return xp.exp(target) if self.log_target else target
