"""Values at which a loss stands still, and what each means."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from losskit.check.values import Floats

__all__ = [
    "Signature",
    "entropy",
    "near",
    "sigmoid_twice_floor",
    "softmax_twice_floor",
    "well_known",
]


@dataclass(frozen=True)
class Signature:
    """A value that tells what a model does.

    Attributes
    ----------
    value : float
        The loss.
    name : str
        How it is written.
    meaning : str
        What a model does whose loss stays there.
    code : str
        The rule that it speaks for.
    """

    value: float
    name: str
    meaning: str
    code: str = "LK401"


def softmax_twice_floor(classes: int) -> float:
    """Lowest cross-entropy of a softmax of probabilities: log(1 + (K - 1) / e)."""
    return math.log1p((classes - 1) / math.e)


def sigmoid_twice_floor(positives: float = 0.5) -> float:
    """Lowest binary cross-entropy of a sigmoid of probabilities, for a share of positives."""
    return positives * math.log1p(math.exp(-1)) + (1 - positives) * math.log(2)


def entropy(shares: Floats) -> float:
    """Entropy of a distribution, in nats."""
    some = shares[shares > 0]
    return float(-(some * np.log(some)).sum())


def well_known(classes: int | None = None) -> tuple[Signature, ...]:
    """Return the signatures of losses of K classes; of usual numbers of classes for None.

    Without a number of classes only such values are taken as are far from everyday ones.
    """
    found = [Signature(math.log(2), "ln 2 = 0.6931", "gives 0.5 for every binary label")]
    counts = (3, 4, 5, 10, 20, 50, 100, 1000) if classes is None else (classes,)
    for count in counts:
        if count > 2:
            even = math.log(count)
            meaning = f"holds all {count} classes for equally likely"
            found.append(Signature(even, f"ln {count} = {even:.4f}", meaning))
        floor = softmax_twice_floor(count)
        found.append(
            Signature(
                floor,
                f"ln(1 + {count - 1}/e) = {floor:.4f}",
                f"has a softmax before a cross-entropy of {count} classes, which goes no lower",
                "LK101",
            )
        )
    return tuple(found)


def near(value: float, other: float, share: float = 0.01) -> bool:
    """Whether two losses are the same but for this share."""
    return abs(value - other) <= share * abs(other)
