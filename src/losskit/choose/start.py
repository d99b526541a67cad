"""Where the output layer's bias should start: at what a model that knows nothing would say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from losskit.boosting import objective
from losskit.choose.facts import Reading
from losskit.choose.profile import Profile
from losskit.choose.rules.classes import sizes_of
from losskit.choose.transforms import Applied
from losskit.core import targets
from losskit.core.classwise import Classwise
from losskit.core.contracts import LOGITS, PROBABILITIES, SIGNS
from losskit.core.loss import Loss
from losskit.core.uses import Presentation
from losskit.reporting.wording import number

__all__ = ["Start", "start_of"]

SAMPLE = 5_000
"""Values from which a constant is found where they are too many to be counted."""
MOST = 100
"""Units up to which biases are written out."""


@dataclass(frozen=True)
class Start:
    """The initial bias of the output layer.

    Attributes
    ----------
    value : float or list of float, optional
        One number, or one for each unit; None where there are too many to be written.
    text : str
        What it is.
    """

    value: float | list[float] | None
    text: str


def start_of(
    loss: Loss,
    profile: Profile,
    reading: Reading,
    applied: Applied | None,
    presentation: Presentation | None,
) -> Start | None:
    """Find the constant output with the smallest loss; None where there is no such thing."""
    if reading.kind is targets.ORDINAL and presentation is Presentation.THRESHOLDS:
        return _thresholds(profile, reading)
    if "shares" in reading.details and loss.card.input == LOGITS:
        return _labels(loss, reading.details["shares"])
    sizes = sizes_of(profile, reading)
    if reading.kind in (targets.CLASSES, targets.ORDINAL, targets.PIXELS) and isinstance(
        loss, Classwise
    ):
        return _classes(loss, sizes, reading)
    if "share" in reading.details and reading.kind in (targets.BINARY, targets.MASK):
        return _two(loss, reading.details["share"])
    if profile.column is not None and profile.column.form == "numbers":
        return _numbers(loss, profile, reading, applied)
    if reading.kind is targets.DISTRIBUTION and profile.matrix is not None:
        return _logs(profile.matrix.centres / profile.matrix.sum, "the mean distribution")
    return None


def _numbers(
    loss: Loss, profile: Profile, reading: Reading, applied: Applied | None
) -> Start | None:
    column = profile.column
    if column is None or not len(column.sample):
        return None
    if column.counts:
        values, weights = np.asarray(column.labels, np.float64), column.sizes.astype(np.float64)
    else:
        # Evenly spaced in order, so that the shape is kept.
        at = np.linspace(0, len(column.sorted) - 1, min(SAMPLE, len(column.sorted)))
        values = column.sorted[at.round().astype(int)]
        weights = np.ones(len(values))
    values = values / reading.coding.scale
    if applied is not None:
        values = applied.forward(values)
    value = _constant(loss, values, weights)
    return None if value is None else Start(value, f"{number(value)}, {_BEST}")


_BEST = "the constant output that costs least under this loss"


def _two(loss: Loss, share: float) -> Start | None:
    if not 0 < share < 1:
        return None
    labels = np.asarray([-1.0, 1.0] if SIGNS in loss.card.targets else [0.0, 1.0])
    if loss.card.input == PROBABILITIES:
        return Start(_rounded(_logit(share)), f"{number(_logit(share))} before the sigmoid")
    if isinstance(loss, Classwise):
        return _logs(np.asarray([1 - share, share]), "the two labels' shares")
    value = _constant(loss, labels, np.asarray([1 - share, share]))
    if value is None:
        return None
    extra = ""
    if loss.card.input == LOGITS:
        odds = number(_logit(share))
        extra = (
            f"; log-odds of the share without weights: {odds}"
            if abs(value - _logit(share)) > 1e-3
            else ", the log-odds of the positive share"
        )
    return Start(value, f"{number(value)}, {_BEST}{extra}")


def _constant(loss: Loss, values: Any, weights: Any) -> float | None:
    try:
        start = objective(loss).init_score(values, weights)
    except (TypeError, ValueError):
        return None  # a loss of something else than one raw score
    return _rounded(float(start))


def _classes(loss: Loss, sizes: dict[Any, int], reading: Reading) -> Start | None:
    counts = np.asarray([sizes[one] for one in sizes if sizes[one]], dtype=np.float64)
    if not len(counts):
        return Start(None, "the logarithms of the classes' shares")
    weights = getattr(loss, "class_weight", None)
    if weights is not None:
        counts = counts * np.asarray([one for one in weights if one > 0])
        return _logs(counts / counts.sum(), "the weighted classes' shares")
    return _logs(counts / counts.sum(), "the classes' shares")


def _logs(shares: Any, what: str) -> Start:
    text = f"the logarithms of {what}"
    if len(shares) > MOST or (np.asarray(shares) <= 0).any():
        return Start(None, text)
    return Start([_rounded(math.log(one)) for one in shares], text)


def _labels(loss: Loss, shares: Sequence[float]) -> Start:
    weights = getattr(loss, "pos_weight", None)
    each = [1.0] * len(shares) if weights is None else list(np.broadcast_to(weights, len(shares)))
    text = "the log-odds of each label's share" + (", weighted" if weights is not None else "")
    if len(shares) > MOST or not all(0 < one < 1 for one in shares):
        return Start(None, text)
    return Start(
        [_rounded(_logit(one) + math.log(by)) for one, by in zip(shares, each, strict=True)], text
    )


def _thresholds(profile: Profile, reading: Reading) -> Start:
    counts = np.asarray(list(sizes_of(profile, reading).values()), dtype=np.float64)
    if not len(counts):
        return Start(None, "the log-odds of lying above each step")
    above = 1 - np.cumsum(counts)[:-1] / counts.sum()
    return Start(
        [_rounded(_logit(float(one))) for one in above],
        "the log-odds of lying above each step",
    )


def _logit(share: float) -> float:
    return math.log(share / (1 - share))


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")
