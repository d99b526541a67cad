"""Which files are worth parsing: those that mention a loss, or what comes before one."""

from __future__ import annotations

import re
from functools import cache

from losskit.check.lint.losses import loss_words

__all__ = ["imported_stems", "is_of_interest", "is_script"]

_OFTEN = (b"oss", b"entropy", b"softmax", b"Softmax", b"kl_div", b"igmoid")
"""Parts of all those words, which are looked for first since that is quick."""


@cache
def _words() -> re.Pattern[bytes]:
    words = {*loss_words(), "softmax", "log_softmax", "Softmax", "LogSoftmax", "Softmin"}
    # Words such as "huber" and "squared_error" are too common to begin with; Keras' compile is not.
    common = {word for word in words if not any(part.decode() in word for part in _OFTEN)}
    kept = sorted(words - common, key=len, reverse=True)
    return re.compile(rb"\b(?:" + "|".join(map(re.escape, kept)).encode() + rb"|criterion)\b")


_IMPORTS = re.compile(
    rb"^[ \t]*(?:from|import)[ \t]+([\w. ,]+?)[ \t]*(?:import[ \t(]+([\w, ]*)|$)", re.M
)


def imported_stems(raw: bytes) -> set[str]:
    """Return the parts of the names of all that a file imports, as far as lines show them."""
    found: set[str] = set()
    for match in _IMPORTS.finditer(raw):
        for part in match.groups(b""):
            found.update(re.split(r"[^\w]+", part.decode(errors="replace")))
    return found


def is_script(path: str, raw: bytes) -> bool:
    """Whether a file is run, and not only imported."""
    return (
        b"__main__" in raw
        or path.endswith(".ipynb")
        or re.search(rb"^def main\b", raw, re.M) is not None
    )


def is_of_interest(raw: bytes) -> bool:
    """Whether a file mentions what the rules are about."""
    return any(part in raw for part in _OFTEN) and _words().search(raw) is not None
