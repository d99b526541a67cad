"""Where it was measured."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.arrays import sets_of
from benchmarks.cases import Case
from benchmarks.contenders.prepared import threads

__all__ = ["fits", "machine", "versions"]

PACKAGES = ("losskit", "torch", "numpy", "scikit-learn", "jax", "optax")


def machine() -> dict[str, Any]:
    """Describe this machine; null for what it does not tell."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "processor": _field("/proc/cpuinfo", "model name") or platform.processor() or None,
        "architecture": platform.machine(),
        "cores": threads(),
        "memory_bytes": _memory(),
        "huge_pages": _huge_pages(),
        "load": _load(),
    }


def versions() -> dict[str, str | None]:
    """Versions of Python and of what takes part; null for what is not installed."""
    return {"python": platform.python_version()} | {name: _version(name) for name in PACKAGES}


def fits(case: Case, contenders: int) -> bool:
    """Whether the free memory holds the arrays of all contenders and one's work on them."""
    free = _field("/proc/meminfo", "MemAvailable")
    available = int(free.split()[0]) * 1024 if free else _memory()
    # Plain array code has some eight arrays in hand at its peak.
    needed = case.input_bytes * (contenders * sets_of(case) + 8)
    return available is None or needed < available


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _load() -> float | None:
    """How many processes have wanted a core in the last minute, on average."""
    try:
        return round(os.getloadavg()[0], 2)
    except (AttributeError, OSError):
        return None


def _huge_pages() -> str | None:
    """Which processes get huge pages: always, those that ask (madvise), or never."""
    try:
        text = Path("/sys/kernel/mm/transparent_hugepage/enabled").read_text(encoding="ascii")
    except OSError:
        return None
    return text.partition("[")[2].partition("]")[0] or None


def _field(path: str, key: str) -> str | None:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith(key):
            return line.partition(":")[2].strip()
    return None
