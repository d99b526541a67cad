"""Losskit: loss functions with one definition for every array library, and their comparison."""

from __future__ import annotations

from losskit import engines as engines
from losskit.core.loss import Loss
from losskit.losses import *  # noqa: F403
from losskit.losses import CATALOGUE as CATALOGUE
from losskit.losses import register_loss as register_loss


def __getattr__(name: str) -> type[Loss]:
    """Find losses that were registered later."""
    if name in CATALOGUE:
        return CATALOGUE[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__version__ = "0.1.0"
