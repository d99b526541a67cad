"""How many threads the kernels take."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from losskit.core.engine import SettingError

__all__ = ["threads"]

VARIABLE = "LOSSKIT_NUM_THREADS"


def _given() -> int | None:
    text = os.environ.get(VARIABLE)
    if text is None:
        return None
    if not (text.isdigit() and int(text) > 0):
        raise SettingError(f"{VARIABLE} must be a whole number >= 1, got {text!r}")
    return int(text)


def _cores() -> int:
    text = os.environ.get("OMP_NUM_THREADS", "")
    if text.isdigit() and int(text) > 0:
        return int(text)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


_GIVEN, _CORES = _given(), _cores()
_of_torch: Callable[[], int] | None = None


def threads() -> int:
    """Return LOSSKIT_NUM_THREADS; else PyTorch's number, where it is imported, or that of cores."""
    global _of_torch  # noqa: PLW0603 - a look-up of a module would cost as much as a small loss
    if _GIVEN is not None:
        return _GIVEN
    if _of_torch is None:
        torch = sys.modules.get("torch")
        _of_torch = getattr(torch, "get_num_threads", None)
    return _CORES if _of_torch is None else _of_torch()
