"""Names in the style of ``torch.nn`` for losses that it lacks."""

from __future__ import annotations

import re

__all__ = ["function_name", "module_name"]


def module_name(loss: str) -> str:
    """Name of a loss's module: its own, which ends with ``Loss``."""
    return loss if loss.endswith("Loss") else f"{loss}Loss"


def function_name(module: str) -> str:
    """Name of a module's functional form, in lower case with underscores."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*", module)
    return "_".join(words).lower()
