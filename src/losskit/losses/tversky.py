"""Tversky loss."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from losskit.core import targets
from losskit.core.arrays import Array
from losskit.core.cards import Card, Family, Outliers, Source, given, output
from losskit.core.contracts import BINARY, CLASS_INDICES, LOGITS
from losskit.core.parameters import parameter
from losskit.core.regionwise import Regionwise, divisor
from losskit.core.uses import Goal, Use

__all__ = ["Tversky"]


@dataclass(frozen=True)
class Tversky(Regionwise):
    """Lack of overlap of predicted and true region, with a price for each kind of error.

    1 - (I + s) / (I + alpha (P - I) + beta (T - I) + s), with I = Σ p t, P = Σ p and T = Σ t over
    the pixels of a region, p the probability of its class and t the target: P - I are the false
    alarms, T - I the misses. With alpha = beta = 0.5 it is the Dice loss of twice this s, with
    both at 1 the soft Jaccard loss (IoU).

    The mean over regions is the average of regions: per image, every sample and class has the same
    say, however small; per batch, large regions dominate their class, and samples that lack a class
    disturb less.

    A target of integers without the input's class axis, (N, H, W) for (N, K, H, W), holds the class
    of each pixel, and goes with a softmax. One of the input's shape holds 0/1 labels, and goes with
    a sigmoid: for (N, C, H, W) each channel is a region of its own, for (N, H, W) a whole sample
    is. A volume without channels needs the axis: (N, 1, D, H, W).

    Parameters
    ----------
    alpha : float, default 0.3
        Price of a false alarm; > 0.
    beta : float, default 0.7
        Price of a miss; > 0. Above alpha, recall is worth more than precision.
    smooth : float, default 1.0
        Added to both sides of the fraction, in pixels; >= 0. It makes the loss of a region that is
        not in the target fall with what is predicted there; with 0 that loss is 1, but 0 where
        nothing at all is predicted. For regions of a few pixels, choose it smaller.
    per : {"image", "batch"}, default "image"
        Whether each sample has its own regions, (N, K) loss values, or sums run over the whole
        batch, (K,) values. Without an axis of classes, (N,) or one.
    skip_absent : bool, default False
        Whether regions whose class is nowhere in the target take no part.
    class_weight : array, optional
        Weight of each class's regions, (K,), counted in the mean.
    ignore_index : int, default -100
        Class index of pixels that take no part. Does not go with 0/1 targets: use a mask.
    class_axis : int, optional
        Axis of the classes in the input. None is axis 1 where the target holds class indices or
        the input has four axes or more; otherwise there is none.

    References
    ----------
    Salehi, S. S. M., Erdogmus, D. and Gholipour, A. (2017). Tversky Loss Function for Image
    Segmentation Using 3D Fully Convolutional Deep Networks. Tversky, A. (1977). Features of
    Similarity.

    Examples
    --------
    >>> import losskit
    >>> logits = [[0.0, 0.0, 0.0, 0.0]]  # 0.5 each: one pixel hit, one false, one missed
    >>> loss = losskit.Tversky(alpha=0.5, beta=0.5, smooth=0.0)
    >>> float(loss(logits, [[1.0, 1.0, 0.0, 0.0]]))
    0.5
    >>> round(float(losskit.Tversky(smooth=0.0)(logits, [[1.0, 0.0, 0.0, 0.0]])), 4)
    0.6154
    """

    alpha: float = parameter(0.3, "price of a false alarm", above=0)
    beta: float = parameter(0.7, "price of a miss", above=0)
    smooth: float = parameter(1.0, "pixels added to both sides of the fraction", at_least=0)

    card = Card(
        title="Tversky loss",
        summary="Lack of overlap of predicted and true region, with separate prices for false "
        "alarms and misses.",
        family=Family.SEGMENTATION,
        formula="1 - (I + s) / (I + alpha (P - I) + beta (T - I) + s) for each region, with "
        "I = Σ p t, P = Σ p, T = Σ t over its pixels and p = softmax(z) or sigmoid(z); the mean "
        "is over regions",
        gradient="in p: (alpha (1 - t) (I + s) - t (beta (I + s) + E)) / (I + E + s)², with "
        "E = alpha (P - I) + beta (T - I); then through the softmax or the sigmoid",
        curvature="none is given: all pixels of a region share one fraction, so the diagonal says "
        "little of the Hessian, and it is negative for many pixels",
        arguments=(output("input", LOGITS), given("target", CLASS_INDICES, BINARY)),
        output_layer="K channels, or one, for each pixel, no activation",
        outliers=Outliers.DOES_NOT_APPLY,
        use_when=(
            "The object is small and a missed pixel is worse than a false alarm (or the reverse).",
            "A Dice loss gives good precision and too little recall.",
        ),
        avoid_when=(
            "Calibrated probabilities are needed: they are pushed to 0 and 1.",
            "Both errors cost the same: Dice has no prices to choose.",
        ),
        pitfalls=(
            "alpha is for false alarms and beta for misses, as in the paper; some write the "
            "reverse.",
            "Per image each region has the same say; per batch large regions dominate.",
            "A sigmoid or softmax before this loss is applied twice.",
            "smooth is counted in pixels, so it matters for small regions and for small crops.",
            "Axis 1 of four or more holds channels: a volume (N, D, H, W) needs input[:, None].",
        ),
        metrics=("recall and precision of each class", "Dice of each class", "F-beta"),
        sources=(
            Source(
                "Salehi, S. S. M., Erdogmus, D. and Gholipour, A.",
                2017,
                "Tversky Loss Function for Image Segmentation Using 3D Fully Convolutional Deep "
                "Networks",
            ),
            Source("Tversky, A.", 1977, "Features of Similarity"),
        ),
        aliases=("Tversky index",),
        equivalents={
            "Keras": "Tversky (on probabilities)",
            "optax": "dice_loss(alpha=0.3, beta=0.7)",
            "MONAI": "losses.TverskyLoss",
            "segmentation-models-pytorch": "losses.TverskyLoss",
            "kornia": "losses.TverskyLoss",
        },
        settings_there={"Keras": {"alpha": "alpha", "beta": "beta"}},
        uses=(
            Use(
                targets.MASK,
                4,
                "Overlap in which a missed pixel may cost more than a false alarm.",
                better_with=(Goal.RARE_RECALL, Goal.OVERLAP),
                worse_with=(Goal.CALIBRATED,),
            ),
            Use(
                targets.PIXELS,
                5,
                "Overlap in which a missed pixel may cost more than a false alarm.",
                better_with=(Goal.RARE_RECALL, Goal.OVERLAP),
                worse_with=(Goal.CALIBRATED,),
            ),
        ),
    )

    def value_of(self, hits: Array, false_alarms: Array, misses: Array, xp: ModuleType) -> Array:
        """Priced errors over errors and hits: the fraction's difference from 1, exactly."""
        errors = self.alpha * false_alarms + self.beta * misses
        return errors / divisor(hits + self.smooth + errors, xp)

    def slopes_of(
        self, hits: Array, false_alarms: Array, misses: Array, xp: ModuleType
    ) -> tuple[Array, Array, Array]:
        """Quotient rule; each error times its price."""
        errors, agreed = self.alpha * false_alarms + self.beta * misses, hits + self.smooth
        total = divisor(agreed + errors, xp)
        rise = agreed / total / total
        return -errors / total / total, self.alpha * rise, self.beta * rise
