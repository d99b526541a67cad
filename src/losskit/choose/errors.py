"""The one error that choosing raises for a mistake in what it was asked to do."""

from __future__ import annotations

from losskit.reporting.errors import RequestError

__all__ = ["ChooseError"]


class ChooseError(RequestError):
    """A choice that cannot be made; the message is one line that says what to mend."""
