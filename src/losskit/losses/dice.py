"""Dice loss."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from losskit.core import targets
from losskit.core.arrays import Array
from losskit.core.cards import Card, Family, Outliers, Source, given, output
from losskit.core.contracts import BINARY, CLASS_INDICES, LOGITS
from losskit.core.parameters import parameter
from losskit.core.regionwise import Regionwise, divisor
from losskit.core.uses import Goal, Sign, Use

__all__ = ["Dice"]


@dataclass(frozen=True)
class Dice(Regionwise):
    """Share of a region, predicted and true, in which prediction and target do not overlap.

    1 - (2 I + s) / (P + T + s), with I = Σ p t, P = Σ p and T = Σ t over the pixels of a region, p
    the probability of its class and t the target.

    The mean over regions is the average of regions: per image, every sample and class has the same
    say, however small; per batch, large regions dominate their class, and samples that lack a class
    disturb less.

    A target of integers without the input's class axis, (N, H, W) for (N, K, H, W), holds the class
    of each pixel, and goes with a softmax. One of the input's shape holds 0/1 labels, and goes with
    a sigmoid: for (N, C, H, W) each channel is a region of its own, for (N, H, W) a whole sample
    is. A volume without channels needs the axis: (N, 1, D, H, W).

    Parameters
    ----------
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
    Milletari, F., Navab, N. and Ahmadi, S.-A. (2016). V-Net: Fully Convolutional Neural Networks
    for Volumetric Medical Image Segmentation (which squares p and t in the divisor). Drozdzal, M.
    et al. (2016). The Importance of Skip Connections in Biomedical Image Segmentation (as here).

    Examples
    --------
    >>> import losskit
    >>> logits = [[0.0, 0.0, 0.0, 0.0]]  # probabilities of 0.5: I = 1, P = 2, T = 2
    >>> float(losskit.Dice(smooth=0.0)(logits, [[1.0, 1.0, 0.0, 0.0]]))
    0.5
    >>> float(losskit.Dice(smooth=1.0)(logits, [[1.0, 1.0, 0.0, 0.0]]))
    0.4
    """

    smooth: float = parameter(1.0, "pixels added to both sides of the fraction", at_least=0)

    card = Card(
        title="Dice loss",
        summary="One minus the share of overlap of predicted and true region (soft F1).",
        family=Family.SEGMENTATION,
        formula="1 - (2 I + s) / (P + T + s) for each region, with I = Σ p t, P = Σ p, T = Σ t "
        "over its pixels and p = softmax(z) or sigmoid(z); the mean is over regions",
        gradient="in p: ((2 I + s) - 2 t (P + T + s)) / (P + T + s)²; then through the softmax "
        "or the sigmoid",
        curvature="none is given: all pixels of a region share one fraction, so the diagonal says "
        "little of the Hessian, and it is negative for many pixels",
        arguments=(output("input", LOGITS), given("target", CLASS_INDICES, BINARY)),
        output_layer="K channels, or one, for each pixel, no activation",
        outliers=Outliers.DOES_NOT_APPLY,
        use_when=(
            "The object fills a small share of the picture: background pixels do not outvote it.",
            "The model is judged by Dice or F1 of regions.",
        ),
        avoid_when=(
            "Calibrated probabilities are needed: they are pushed to 0 and 1.",
            "Many pictures lack the object: use per='batch', or add a cross-entropy.",
        ),
        pitfalls=(
            "Per image each region has the same say; per batch large regions dominate.",
            "A sigmoid or softmax before this loss is applied twice.",
            "smooth is counted in pixels, so it matters for small regions and for small crops.",
            "Axis 1 of four or more holds channels: a volume (N, D, H, W) needs input[:, None].",
            "Its gradient is weak where all is wrong with certainty: start with a cross-entropy.",
        ),
        metrics=("Dice of each class", "intersection over union", "boundary distance"),
        sources=(
            Source(
                "Milletari, F., Navab, N. and Ahmadi, S.-A.",
                2016,
                "V-Net: Fully Convolutional Neural Networks for Volumetric Medical Image "
                "Segmentation",
            ),
            Source(
                "Drozdzal, M. et al.",
                2016,
                "The Importance of Skip Connections in Biomedical Image Segmentation",
            ),
        ),
        aliases=("soft dice", "F1 loss", "Sorensen-Dice"),
        equivalents={
            "Keras": "Dice (on probabilities)",
            "optax": "dice_loss, whose smooth counts twice",
            "MONAI": "losses.DiceLoss",
            "segmentation-models-pytorch": "losses.DiceLoss",
            "kornia": "losses.DiceLoss",
        },
        uses=(
            Use(
                targets.MASK,
                2,
                "It measures overlap, to which the background does not contribute.",
                better_with=(Sign.SMALL_REGIONS, Goal.OVERLAP),
                worse_with=(Goal.CALIBRATED,),
            ),
            Use(
                targets.PIXELS,
                3,
                "It measures overlap class by class, so that a small class counts as much as "
                "a large one.",
                better_with=(Goal.OVERLAP,),
                worse_with=(Goal.CALIBRATED,),
            ),
        ),
    )

    def value_of(self, hits: Array, false_alarms: Array, misses: Array, xp: ModuleType) -> Array:
        """Errors over errors and twice the hits: the fraction's difference from 1, exactly."""
        errors = false_alarms + misses
        return errors / divisor(2 * hits + self.smooth + errors, xp)

    def slopes_of(
        self, hits: Array, false_alarms: Array, misses: Array, xp: ModuleType
    ) -> tuple[Array, Array, Array]:
        """Quotient rule; an error is an error."""
        errors, agreed = false_alarms + misses, 2 * hits + self.smooth
        total = divisor(agreed + errors, xp)
        rise = agreed / total / total
        return -2 * (errors / total / total), rise, rise
