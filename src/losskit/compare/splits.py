"""Dividing the rows into what is trained on, what chooses the epoch and what is measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import train_test_split

from losskit.compare.task import Target
from losskit.reporting.arrays import Ints

__all__ = ["TEST_SHARE", "VALIDATION_SHARE", "Split", "split"]

VALIDATION_SHARE = 0.2
TEST_SHARE = 0.2


@dataclass(frozen=True)
class Split:
    """Row numbers of the three parts."""

    train: Ints
    validation: Ints
    test: Ints


def split(target: Target, seed: int) -> Split:
    """Divide the rows by chance, each class in the same share in every part."""
    values = target.values
    stratify = bool(target.classes)
    rows = np.arange(len(values))
    rest, test = train_test_split(
        rows, test_size=TEST_SHARE, random_state=seed, stratify=values if stratify else None
    )
    train, validation = train_test_split(
        rest,
        test_size=VALIDATION_SHARE / (1 - TEST_SHARE),
        random_state=seed,
        stratify=values[rest] if stratify else None,
    )
    return Split(train, validation, test)
