"""Which series of a log is what, by its name and, where names say nothing, by its values."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

import numpy as np

from losskit.check.curves.series import Curve

__all__ = ["EPOCHS", "STEPS", "Kind", "kind_of", "rises", "unnamed_loss", "words"]


class Kind(StrEnum):
    """What a series is."""

    TRAIN_LOSS = "training loss"
    VALIDATION_LOSS = "validation loss"
    TRAIN_METRIC = "training metric"
    VALIDATION_METRIC = "validation metric"
    LEARNING_RATE = "learning rate"
    GRADIENT_NORM = "gradient norm"
    OTHER = "other"


STEPS = (
    "global_step", "trainer/global_step", "train/global_step", "step", "steps", "_step",
    "iteration", "iter", "it", "batch_idx", "batch",
)  # fmt: skip
EPOCHS = ("epoch", "epochs", "train/epoch")

_TRAINED = {"train", "training"}
_HELD_OUT = {"val", "valid", "validation", "eval", "evaluation", "test", "dev", "heldout"}
_LOSSES = {"loss", "losses", "objective", "nll", "bce", "ce", "cost", "xent", "elbo"}
_BESIDE = {"scale", "scaler", "weight", "weights", "coef", "coefficient", "factor"}
_HIGHER = {
    "acc", "accuracy", "auc", "auroc", "f1", "precision", "recall", "r2", "iou", "miou", "map",
    "ap", "bleu", "rouge", "ndcg", "mrr", "dice", "top1", "top5", "psnr", "ssim", "spearman",
    "pearson", "score", "reward",
}  # fmt: skip
_LOWER = {
    "error", "err", "mae", "mse", "rmse", "wer", "cer", "perplexity", "ppl", "fid", "mape",
}  # fmt: skip
_NOT_CURVES = {"runtime", "time", "wall", "duration", "samples", "second", "flos", "size"}


def words(name: str) -> list[str]:
    """Part a name into words in lower case."""
    parted = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return [word for word in re.split(r"[^a-z0-9]+", parted.lower()) if word]


def kind_of(name: str) -> Kind:
    """Say what a series is, by its name."""
    parts = words(name)
    found = set(parts)
    if found & _NOT_CURVES:
        return Kind.OTHER
    # Of a run that is called a test, the series may still be that of its training.
    sides = [part for part in parts if part in _HELD_OUT | _TRAINED]
    held_out = bool(sides) and sides[-1] in _HELD_OUT
    if "lr" in found or {"learning", "rate"} <= found:
        return Kind.LEARNING_RATE
    if ("grad" in found and "norm" in found) or {"gradient", "norm"} <= found:
        return Kind.GRADIENT_NORM
    losses = [at for at, part in enumerate(parts) if part in _LOSSES or part.endswith("loss")]
    if losses and _BESIDE & set(parts[losses[-1] :]):
        return Kind.OTHER
    if losses:
        return Kind.VALIDATION_LOSS if held_out else Kind.TRAIN_LOSS
    if found & (_HIGHER | _LOWER):
        return Kind.VALIDATION_METRIC if held_out else Kind.TRAIN_METRIC
    return Kind.OTHER


def rises(name: str) -> bool:
    """Whether more of a metric is better."""
    return not set(words(name)) & _LOWER


def unnamed_loss(curves: Iterable[Curve]) -> Curve | None:
    """Return the first series that is no counter; without names it is taken for the loss."""
    for curve in curves:
        if set(words(curve.name)) & _NOT_CURVES or len(curve) < 5:
            continue
        steps = np.diff(curve.mean)
        counts = bool(np.all(steps > 0)) and float(np.ptp(steps)) <= 1e-9 * abs(curve.mean[-1])
        if not counts and float(np.ptp(curve.mean)) > 0:
            return curve
    return None
