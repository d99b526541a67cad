"""What sequences are filled up with."""

from __future__ import annotations

import ast
import re

from losskit.check.lint.values import Const, Unknown, Value

__all__ = ["filling"]

_PAD = re.compile(r"(?:^|[^a-z])pad(?:ding)?(?:$|[^a-z])", re.IGNORECASE)
_IGNORED = re.compile(r"label|ignore|loss|\d{3}", re.IGNORECASE)
"""Names of tokens that pad, and of what losses leave out by themselves."""


def filling(value: Value, written: ast.expr | None) -> Const | None:
    """Return what a place is filled up with: a number, or how a token that pads is written.

    Parameters
    ----------
    value : Value
        What it is filled up with.
    written : ast.expr, optional
        The expression that gave it.
    """
    if isinstance(value, Const):
        return value
    text = "" if written is None else ast.unparse(written)
    named = _PAD.search(text) is not None and _IGNORED.search(text) is None
    return Const(text) if named and isinstance(value, Unknown) else None
