"""Which losses trees can be boosted with, and which arrays their libraries may hand over."""

from __future__ import annotations

import difflib
from typing import Any

import numpy as np

from losskit.core.arrays import Array, first_true
from losskit.core.classwise import Classification
from losskit.core.contracts import LOG_MEANS, LOGITS, REAL_VALUES, SCORES
from losskit.core.elementwise import Elementwise
from losskit.core.loss import Loss
from losskit.losses import CATALOGUE

__all__ = ["as_labels", "as_numbers", "check_finite", "check_loss"]

RAW = (REAL_VALUES, SCORES, LOGITS, LOG_MEANS)
"""What a sum of trees can be: a number of any size and sign."""


def check_loss(loss: object) -> Loss:
    """Return the loss if raw scores can be boosted with it, or refuse it."""
    if isinstance(loss, type) and issubclass(loss, Loss):
        raise TypeError(f"objective takes a loss, got its class; pass {loss.__name__}()")
    if not isinstance(loss, Loss):
        raise TypeError(f"objective takes a loss of losskit, got {type(loss).__name__}: {loss!r}")
    arguments = [argument.name for argument in loss.arguments]
    if not isinstance(loss, (Elementwise, Classification)) or arguments[1:] != ["target"]:
        raise TypeError(
            f"{loss.name}: boosting needs a loss of each example's raw score against its own "
            f"target; this one takes {', '.join(arguments)} and is not of that kind"
        )
    if not loss.closed_form:
        raise ValueError(
            f"{loss.name}: boosting needs derivatives in closed form, which {loss.spec()} lacks"
        )
    if isinstance(loss, Classification) and loss.class_axis not in (None, 1, -1):
        raise ValueError(
            f"{loss.name}: raw scores come as (N, K), so class_axis must be None, 1 or -1, got "
            f"{loss.class_axis}"
        )
    contract = loss.arguments[0].contracts[0]
    if contract not in RAW:
        mend = ", ".join(_takes_raw_scores(loss)) or "a loss that takes them"
        raise ValueError(
            f"{loss.name} takes {contract.title}, but trees add up to raw scores of any size; "
            f"use {mend}"
        )
    return loss


def as_numbers(loss: Loss, name: str, values: object) -> Array:
    """Return an argument as float32 if it is that, else as float64, or refuse it by its name."""
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise TypeError(f"{loss.name}: {name} is no array of numbers: {error}") from None
    if array.dtype.kind not in "fiub":
        raise TypeError(
            f"{loss.name}: {name} must hold real numbers, got {type(values).__name__} of dtype "
            f"{array.dtype}"
        )
    return array if array.dtype == np.float32 else array.astype(np.float64, copy=False)


def as_labels(loss: Loss, values: object) -> Array:
    """Return the target as the loss takes it: class indices as integers, the rest as floats."""
    target = as_numbers(loss, "target", values)
    if not isinstance(loss, Classification):
        return target
    if target.ndim != 1:
        raise ValueError(
            f"{loss.name}: boosting libraries keep one class index for each example, (N,), got a "
            f"target of shape {target.shape}"
        )
    with np.errstate(invalid="ignore"):
        indices = target.astype(np.int64)
    # NaN equals nothing, and no integer is infinite.
    broken = indices != target
    if broken.any():
        at = int(np.argmax(broken))
        raise ValueError(
            f"{loss.name}: target at position {at} is {target[at]:g}, but must be a class index; "
            "number the classes 0, 1, …, K - 1"
        )
    return indices


def check_finite(loss: Loss, name: str, values: Array) -> None:
    """Refuse NaN and infinity by their first position."""
    broken = ~np.isfinite(values)
    if broken.any():
        at = first_true(broken, np)
        raise ValueError(
            f"{loss.name}: {name} at position {at} is {values[at]:g}, but must be a finite number; "
            "leave out what is missing"
        )


def _takes_raw_scores(loss: Loss) -> list[str]:
    """Name the losses to use instead, the likeliest first; three at most."""
    kind = type(loss)
    declared: Any = kind.parameters()
    if "log_input" in declared:
        return [f"{loss.name}(log_input=True)"]
    names = [
        name
        for name, other in CATALOGUE.items()
        if issubclass(other, (Elementwise, Classification))
        and other.card.family is kind.card.family
        and other.card.input in (LOGITS, LOG_MEANS)
        and set(other.card.targets) & set(kind.card.targets)
    ]

    def likeness(name: str) -> float:
        return difflib.SequenceMatcher(None, name, loss.name).ratio()

    return sorted(names, key=likeness, reverse=True)[:3]
