"""What follows from what: a mistake stands before its consequences."""

from __future__ import annotations

from collections.abc import Collection

__all__ = ["consequences"]

_STUCK = frozenset({"LK306", "LK307", "LK401", "LK404", "LK405"})
_FLOWS = frozenset({"LK207", "LK209"}) | _STUCK

_FOLLOWS: dict[str, frozenset[str]] = {
    "LK202": frozenset({"LK402", "LK403", "LK404", "LK405"}),
    "LK207": _STUCK,
    "LK208": _FLOWS | {"LK214", "LK301"},
    "LK211": frozenset({"LK307"}),
    "LK215": _STUCK | {"LK202", "LK301", "LK402"},
    "LK302": _FLOWS | {"LK208"},
    "LK303": _FLOWS,
    "LK304": frozenset({"LK401", "LK404", "LK405"}),
    "LK305": frozenset({"LK301", "LK402", "LK403"}),
    "LK401": frozenset({"LK404", "LK405", "LK409"}),
    "LK402": frozenset({"LK208", "LK403", "LK404", "LK405", "LK406"}),
    "LK403": frozenset({"LK404", "LK405"}),
    "LK405": frozenset({"LK404", "LK409"}),
    "LK407": frozenset({"LK402", "LK403"}),
}
"""Code → those of what it brings with it."""

_LAST = frozenset({"LK306", "LK307"})
"""What says that something is wrong, and not what: it comes after all that does."""


def consequences(codes: Collection[str]) -> frozenset[str]:
    """Return which of these codes others of them explain."""
    found = {after for code in codes for after in _FOLLOWS.get(code, ())}
    named = any(code not in _LAST for code in codes)
    return frozenset((found | (_LAST if named else frozenset())) & set(codes))
