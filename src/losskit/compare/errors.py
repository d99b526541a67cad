"""The one error that a comparison raises for a mistake in what it was asked to do."""

from __future__ import annotations

from losskit.reporting.errors import RequestError

__all__ = ["CompareError"]


class CompareError(RequestError):
    """A comparison that cannot be carried out; the message says in one line what to mend."""
