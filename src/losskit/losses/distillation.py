"""Knowledge distillation: a teacher's softened distribution and the true class."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from losskit.core import targets
from losskit.core.arrays import Array, device_of, is_integer, like, log_softmax, softmax, times
from losskit.core.cards import Card, Family, Outliers, Source, given, output
from losskit.core.classwise import Classification
from losskit.core.contracts import CLASS_INDICES, LOGITS, PROBABILITY_ROWS
from losskit.core.distributions import divergence, divergence_slope
from losskit.core.parameters import parameter
from losskit.core.uses import Use

__all__ = ["Distillation"]


@dataclass(frozen=True)
class Distillation(Classification):
    """Divergence from a teacher's softened distribution, mixed with the cross-entropy.

    alpha T² KL(softmax(v/T)‖softmax(z/T)) + (1 - alpha) CE(z, target), with z the student's and v
    the teacher's logits. T² makes up for the gradients, which shrink by it.

    Parameters
    ----------
    temperature : float, default 2.0
        T, which softens both distributions; > 0.
    alpha : float, default 0.5
        Weight of the teacher, in [0, 1]; the target has the rest.
    class_weight : array, optional
        Weight of each class, (K,). A position counts as its target's class in both parts, and the
        mean divides by these weights: as if it had been seen so many times.
    ignore_index : int, default -100
        Class index that takes no part, in neither part. Does not go with probabilities.
    class_axis : int, optional
        Axis of the classes in the input; None is axis 1, or the only one.

    References
    ----------
    Hinton, G., Vinyals, O. and Dean, J. (2015). Distilling the Knowledge in a Neural Network.

    Examples
    --------
    >>> import losskit
    >>> loss = losskit.Distillation(temperature=2.0, alpha=0.5)
    >>> round(float(loss([0.0, 0.0], [0.0, 0.0], 1)), 4)  # as the teacher: half of log 2
    0.3466
    """

    temperature: float = parameter(2.0, "what softens both distributions", above=0)
    alpha: float = parameter(
        0.5, "weight of the teacher; the target has the rest", at_least=0, at_most=1
    )

    card = Card(
        title="knowledge distillation",
        summary="Divergence from a teacher's softened distribution, mixed with cross-entropy.",
        family=Family.DISTRIBUTION,
        formula="alpha T² w KL(softmax(v/T)‖softmax(z/T)) - (1 - alpha) Σ_c w_c q_c log "
        "softmax(z)_c, with z the student's logits, v the teacher's, and w = Σ_c w_c q_c",
        gradient="alpha T w (softmax(z/T) - softmax(v/T)) + (1 - alpha) (w softmax(z) - w_c q)",
        curvature="alpha w s (1 - s) + (1 - alpha) w p (1 - p), with s = softmax(z/T) and "
        "p = softmax(z)",
        arguments=(
            output("input", LOGITS),
            given("teacher", LOGITS),
            given("target", CLASS_INDICES, PROBABILITY_ROWS),
        ),
        output_layer="K linear units, no activation",
        outliers=Outliers.DOES_NOT_APPLY,
        use_when=("A larger model or an ensemble is to be fitted into a smaller one.",),
        avoid_when=(
            "There are no labels: use KLDivergence, of the logits over T from the teacher's "
            "softmax(v/T), times T².",
        ),
        pitfalls=(
            "The teacher's logits must come without gradients and in evaluation mode.",
            "alpha weighs the teacher here; some recipes weigh the labels by it.",
            "At a high temperature only differences of logits are matched, noise included.",
        ),
        metrics=("accuracy", "agreement with the teacher", "calibration error"),
        sources=(
            Source(
                "Hinton, G., Vinyals, O. and Dean, J.",
                2015,
                "Distilling the Knowledge in a Neural Network",
            ),
        ),
        aliases=("knowledge distillation", "kd loss"),
        uses=(
            Use(
                targets.TEACHER,
                1,
                "The softened distribution tells what the teacher takes for similar; the "
                "labels keep it right.",
                settings={"temperature": 4.0, "alpha": 0.9},
            ),
        ),
    )

    def value_at(self, input: Array, teacher: Array, target: Array, xp: ModuleType) -> Array:
        """Teacher's part and target's part."""
        rows = self._rows(input, target, xp)
        hard = -xp.sum(times(rows, log_softmax(input, xp), xp), axis=-1)
        factor = self.temperature**2 * self._share(input, target, xp)
        return times(factor, self._soft(input, teacher, xp), xp) + hard

    def gradient_at(self, input: Array, teacher: Array, target: Array, xp: ModuleType) -> Array:
        """Both parts' differences of probabilities."""
        rows = self._rows(input, target, xp)
        hard = softmax(input, xp) * xp.sum(rows, axis=-1, keepdims=True) - rows
        student, taught = (softmax(z / self.temperature, xp) for z in (input, teacher))
        share = self._share(input, target, xp)[..., None]
        return self.temperature * share * (student - taught) + hard

    def curvature_at(self, input: Array, teacher: Array, target: Array, xp: ModuleType) -> Array:
        """Both parts' p (1 - p)."""
        p, s = softmax(input, xp), softmax(input / self.temperature, xp)
        total = xp.sum(self._rows(input, target, xp), axis=-1, keepdims=True)
        return self._share(input, target, xp)[..., None] * s * (1 - s) + p * (1 - p) * total

    def target_gradient_at(
        self, input: Array, teacher: Array, target: Array, xp: ModuleType
    ) -> tuple[Array | None, ...]:
        """In the teacher: alpha T w times the slope of the divergence; in rows: what each costs."""
        student, taught = (log_softmax(z / self.temperature, xp) for z in (input, teacher))
        factor = self.temperature * self._share(input, target, xp)[..., None]
        in_teacher = times(factor, divergence_slope(taught, student, xp), xp)
        if is_integer(target, xp):
            return in_teacher, None
        share = (1 - self.alpha) * xp.ones_like(input)
        cost = -times(share, log_softmax(input, xp), xp)
        if self.class_weight is not None:
            soft = self.temperature**2 * self.alpha * self._soft(input, teacher, xp)
            cost = (cost + soft[..., None]) * like(self.class_weight, input, xp)
        return in_teacher, cost

    def _soft(self, input: Array, teacher: Array, xp: ModuleType) -> Array:
        """KL(softmax(v/T)‖softmax(z/T))."""
        student, taught = (log_softmax(z / self.temperature, xp) for z in (input, teacher))
        return divergence(taught, student, xp)

    def _rows(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """Share of the target: its rows, weighted."""
        return (1 - self.alpha) * self.weighted_rows(input, target, xp)

    def _share(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """Share of the teacher at each position: alpha times what the target's classes weigh."""
        mass = self.mass((input, target), xp)
        if mass is None:
            mass = xp.ones(input.shape[:-1], dtype=input.dtype, device=device_of(input))
        return self.alpha * mass
