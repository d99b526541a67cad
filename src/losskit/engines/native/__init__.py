"""The native kernels: value and gradient of whole calls in one pass over the memory of a CPU.

They are an optional part of the package: built where there is a C++ compiler, and switched off by
the environment variable ``LOSSKIT_NATIVE=off``. Everything is computed without them as well.
"""

from __future__ import annotations

import importlib
import os
from types import ModuleType
from typing import Any

from losskit.core.engine import SettingError

__all__ = ["KERNELS", "OFF", "ON", "STATUS", "native"]

SWITCH = "LOSSKIT_NATIVE"
OFF = ("off", "0", "no", "false")
"""What switches something off in an environment variable."""
ON = ("", "on", "1", "yes", "true")
"""What leaves it on."""


def _module() -> ModuleType | None:
    try:
        return importlib.import_module("losskit.engines.native._kernels")
    except ModuleNotFoundError:
        return None


native: Any = _module()
"""The module of the kernels, or None where it was not built."""


def _chosen() -> tuple[Any, str]:
    """Return the kernels for this machine, and in words which those are."""
    if native is None:
        return None, (
            "not built when Losskit was installed, mostly for want of a C++ compiler; install one "
            "(such as g++) and reinstall Losskit"
        )
    wanted = os.environ.get(SWITCH, "").strip().lower()
    if wanted in OFF:
        return None, f"switched off by {SWITCH}={wanted}"
    targets = native.targets()
    if wanted in ON:
        wanted = targets[0]
    if wanted not in targets:
        known = ", ".join(("off", *targets))
        raise SettingError(f"{SWITCH} must be one of {known} on this machine, got {wanted!r}")
    return native.Kernels(wanted), f"in use, for {wanted}"


KERNELS, STATUS = _chosen()
"""The kernels in use, None without; and in words, which or why not."""
