"""The error for a mistake in what was asked for, and what its message is made of."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["RequestError", "closest", "is_count", "listing"]


class RequestError(ValueError):
    """A request that cannot be carried out; the message is one line that says what to mend."""


def listing(names: Iterable[object], most: int = 12) -> str:
    """Join names for a message, and say how many were left out of a long list."""
    shown = [str(name) for name in names]
    rest = len(shown) - most
    return ", ".join(shown[:most]) + (f" and {rest} more" if rest > 0 else "")


def is_count(value: object) -> bool:
    """Whether a value is an integer of at least 1."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def closest(name: str, known: Iterable[str]) -> str:
    """Suggest the names that look like ``name``, or else list them all."""
    known = list(known)
    folded = {one.casefold(): one for one in known}
    near = difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.6)
    if near:
        return f"did you mean {' or '.join(folded[one] for one in near)}?"
    return f"there is {listing(known)}"
