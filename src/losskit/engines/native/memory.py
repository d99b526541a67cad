"""Which results lie in memory that is kept from one step of a training to the next.

The system clears every page that it hands out, which takes as long as a loss. Memory that is kept
is the first that the system takes back when others need it.
"""

from __future__ import annotations

import os
import sys

from losskit.core.engine import SettingError
from losskit.engines.native import OFF, ON, native

__all__ = ["KEPT_FROM"]

SWITCH = "LOSSKIT_KEEP_MEMORY"


def _kept_from() -> int:
    wanted = os.environ.get(SWITCH, "").strip().lower()
    if wanted not in (*ON, *OFF):
        raise SettingError(f"{SWITCH} must be on or off, got {wanted!r}")
    if native is None or wanted in OFF:
        return sys.maxsize
    size: int = native.LARGE
    return size


KEPT_FROM = _kept_from()
"""Size of the smallest of them in bytes."""
