"""Losskit: loss functions with one definition for every array library, and their comparison."""

from __future__ import annotations

from losskit import engines as engines
from losskit.losses import *  # noqa: F403
from losskit.losses import CATALOGUE as CATALOGUE
from losskit.losses import register_loss as register_loss

__version__ = "0.1.0"
