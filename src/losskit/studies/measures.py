"""What is measured of predictions, for each network of a stack."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from losskit.reporting.arrays import Floats, Ints

__all__ = ["calibration_error", "first_epochs", "neighbours", "recall_and_precision"]

_BINS = 10


def calibration_error(confidence: Floats, right: Floats) -> float:
    """Return the mean distance of confidence and share of right predictions, over ten bins."""
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = np.bincount(bins, weights=right - confidence, minlength=_BINS)
    return float(np.abs(gaps).sum() / len(confidence))


def recall_and_precision(truth: Ints, guess: Ints) -> tuple[float, float]:
    """Return the share of 1s that is found, and the share of guesses of 1 that is right.

    Precision is NaN where nothing is guessed to be 1.
    """
    hits = float(((truth == 1) & (guess == 1)).sum())
    guessed = int((guess == 1).sum())
    return hits / int((truth == 1).sum()), hits / guessed if guessed else float("nan")


def first_epochs(curves: Floats, level: float) -> Floats:
    """Return the first epoch, from 1, in which each curve reaches a level; else the last one.

    Counting one that never does as the last understates how long it takes.

    Parameters
    ----------
    curves
        Arms, seeds, epochs.
    level
        What is to be reached.
    """
    reached = curves >= level
    last = curves.shape[-1] - 1
    found: Floats = np.where(reached.any(axis=-1), reached.argmax(axis=-1), last) + 1.0
    return found


def neighbours(train: Tensor, labels: Tensor, test: Tensor, truth: Tensor, k: int = 5) -> float:
    """Return the share of test points whose nearest neighbours have, by majority, their label."""
    near = torch.cdist(test, train).topk(k, largest=False).indices
    votes = torch.nn.functional.one_hot(labels[near]).sum(dim=1)
    return float((votes.argmax(dim=1) == truth).double().mean())
