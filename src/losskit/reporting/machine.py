"""Where a comparison or a study ran."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from losskit.reporting.models import Machine

__all__ = ["machine"]

_PACKAGES = ("torch", "numpy", "scikit-learn", "polars", "scipy", "pytorch-ignite", "torchmetrics")


def machine(seconds: float) -> Machine:
    """Describe this machine and the libraries that took part."""
    return Machine(
        system=f"{platform.system()} {platform.release()}",
        processor=_processor(),
        cores=os.cpu_count() or 1,
        python=platform.python_version(),
        versions={name: _version(name) for name in _PACKAGES},
        seconds=round(seconds, 2),
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"


def _processor() -> str:
    # platform.processor() is empty on most Linux distributions.
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
