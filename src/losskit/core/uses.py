"""What losses are used for: on which targets, when before others, with which parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from losskit.core.targets import TargetKind

__all__ = ["Estimate", "Goal", "Presentation", "Sign", "Transform", "Use"]


class Sign(StrEnum):
    """What data can show that speaks for one loss and against another."""

    OUTLIERS = "some targets lie far from the rest"
    LOG_SYMMETRIC = "the logarithm of the target is about symmetric"
    UNEVEN = "classes differ in size"
    IMBALANCED = "a class is rare"
    EXTREME = "a class is very rare"
    SMALL_REGIONS = "regions are small"
    NOISY_LABELS = "some labels look wrong"
    SIGNED = "labels are coded as -1 and 1"
    CENSORED = "some durations are cut off"
    PROBABILITIES = "the model gives probabilities"
    LOG_PROBABILITIES = "the model gives log-probabilities"
    MEAN_AND_VARIANCE = "the model gives two numbers per example"


class Goal(StrEnum):
    """What one can want of a model besides a good fit."""

    MEAN = "mean"
    MEDIAN = "median"
    QUANTILE = "quantile"
    INTERVALS = "intervals"
    ROBUST = "robust"
    CALIBRATED = "calibrated"
    RARE_RECALL = "rare-recall"
    OVERLAP = "overlap"

    @property
    def meaning(self) -> str:
        """What is wanted, in words."""
        return _MEANINGS[self]


_MEANINGS = {
    Goal.MEAN: "predictions that are right on average, so that their sums are right",
    Goal.MEDIAN: "predictions that are too high as often as too low",
    Goal.QUANTILE: "a value that a given share of the targets stays below (quantile=0.9)",
    Goal.INTERVALS: "a range with each prediction",
    Goal.ROBUST: "a fit that a few wild targets or wrong labels hardly move",
    Goal.CALIBRATED: "probabilities that mean what they say",
    Goal.RARE_RECALL: "rare classes found, at the price of false alarms",
    Goal.OVERLAP: "regions that cover each other, as IoU and Dice measure",
}


class Estimate(StrEnum):
    """How a parameter follows from the data."""

    ROBUST_THRESHOLD = "1.345 times the robust standard deviation"
    BALANCED_CLASSES = "rows / (classes x rows of the class), held to a limit"
    NEGATIVES_PER_POSITIVE = "negatives / positives, held to a limit"
    TWEEDIE_POWER = "the power at which mean, variance and share of zeros agree"
    PADDING = "the value that fills up rows"
    GOAL_QUANTILE = "the quantile that is asked for"


class Transform(StrEnum):
    """What is learnt instead of the target itself."""

    LOG = "log"
    LOG1P = "log1p"
    STANDARDISE = "standardise"


class Presentation(StrEnum):
    """How a target meets a loss that was not made for its kind."""

    THRESHOLDS = "one 0/1 label for each step: is the target above it?"
    INTERVALS = "one 0/1 label for each interval that was begun: did it end there?"
    EXPOSURE = "the event as a count, with the logarithm of the duration added to the output"
    PAIRS_OF_LIST = "every pair of a list's items with different grades"
    MINED = "triplets of a batch, found by losskit.mining"


@dataclass(frozen=True)
class Use:
    """A way to use a loss on a kind of target.

    Attributes
    ----------
    target : TargetKind
        For what.
    rank : int
        Its place among the losses for this kind where nothing speaks for or against any; from 1.
    why : str
        Why it suits the kind, in one sentence.
    settings : mapping
        Parameter → its value, or how that follows from the data.
    needs : tuple of Sign or Goal
        Without one of these it is no candidate.
    better_with, worse_with : tuple of Sign or Goal
        What moves it before, or behind, losses that these say nothing of.
    transform : Transform, optional
        What is learnt instead of the target.
    presentation : Presentation, optional
        How the target meets the loss.
    """

    target: TargetKind
    rank: int
    why: str
    settings: Mapping[str, float | tuple[float, ...] | Estimate] = field(default_factory=dict)
    needs: tuple[Sign | Goal, ...] = ()
    better_with: tuple[Sign | Goal, ...] = ()
    worse_with: tuple[Sign | Goal, ...] = ()
    transform: Transform | None = None
    presentation: Presentation | None = None
