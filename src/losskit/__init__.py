"""Losskit: choose, compute, check and compare loss functions."""

from __future__ import annotations

from losskit import engines as engines
from losskit.losses import *  # noqa: F403
from losskit.losses import CATALOGUE as CATALOGUE

__version__ = "0.1.0"
