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


STEPS = ("global_step", "step", "steps", "iteration", "iter", "it", "batch_idx", "batch")
EPOCHS = ("epoch", "epochs")

_HELD_OUT = {"val", "valid", "validation", "eval", "evaluation", "test", "dev", "heldout"}
_LOSSES = {"loss", "losses", "objective", "nll", "bce", "ce", "cost", "xent", "elbo"}
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
    held_out = bool(found & _HELD_OUT)
    if "lr" in found or {"learning", "rate"} <= found:
        return Kind.LEARNING_RATE
    if ("grad" in found and "norm" in found) or {"gradient", "norm"} <= found:
        return Kind.GRADIENT_NORM
    if found & _LOSSES or any(part.endswith("loss") for part in parts):
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
