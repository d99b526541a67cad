"""The one error that a comparison raises for a mistake in what it was asked to do."""

from __future__ import annotations

from losskit.choose.errors import closest, listing

__all__ = ["CompareError", "closest", "listing"]


class CompareError(ValueError):
    """A request that cannot be carried out; the message is one line that says what to mend."""
