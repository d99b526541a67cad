"""Losskit: loss functions with one definition for every array library, and their comparison."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from losskit import engines as engines
from losskit.losses import *  # noqa: F403
from losskit.losses import CATALOGUE as CATALOGUE
from losskit.losses import register_loss as register_loss

if TYPE_CHECKING:
    from losskit.check.curves.diagnose import diagnose as diagnose
    from losskit.check.tensors import check as check

_LATER = {"check": "losskit.check.tensors", "diagnose": "losskit.check.curves.diagnose"}
"""Functions whose modules take longer to load than losses do."""


def __getattr__(name: str) -> Any:
    """Find losses that were registered later, and functions that are loaded when asked for."""
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    if name in CATALOGUE:
        return CATALOGUE[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__version__ = "0.1.0"
