"""Comments by which a line's findings are not reported: ``# noqa`` and ``# noqa: LK101``."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["silenced"]

_COMMENT = re.compile(r"#\s*noqa(?P<codes>:\s*[A-Z]+[0-9]+(?:[\s,]+[A-Z]+[0-9]+)*)?", re.IGNORECASE)


def silenced(lines: Sequence[str], first: int, last: int, code: str) -> bool:
    """Whether a comment on the first or last line of a finding says that it is meant so."""
    for number in {first, last}:
        if not 0 < number <= len(lines):
            continue
        for found in _COMMENT.finditer(lines[number - 1]):
            codes = found.group("codes")
            if codes is None or code in re.findall(r"[A-Z]+[0-9]+", codes.upper()):
                return True
    return False
