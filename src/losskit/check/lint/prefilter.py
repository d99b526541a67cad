"""Which files are worth parsing: those that mention a loss, or what comes before one."""

from __future__ import annotations

import re
from functools import cache

from losskit.check.lint.losses import loss_words

__all__ = ["imported_stems", "is_of_interest", "is_script", "takes_losses"]

_PARTS = (b"oss", b"ntropy", b"oftmax", b"kl_div", b"riterion")
"""One of them is in each of those words: to look for them is quick."""

_LETTERS = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


@cache
def _losses() -> frozenset[bytes]:
    """The words; such as "huber" and "mse", which are in files of all kinds, are not enough."""
    found = {word.encode() for word in loss_words()} | {b"criterion"}
    return frozenset(word for word in found if any(part in word for part in _PARTS))


_ACTIVATIONS = frozenset([b"softmax", b"log_softmax", b"Softmax", b"LogSoftmax", b"Softmin"])


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
    """Whether a file is run, or trains, and is not only imported."""
    return (
        b"__main__" in raw
        or b"backward(" in raw
        or path.endswith(".ipynb")
        or re.search(rb"^def main\b", raw, re.M) is not None
    )


def is_of_interest(raw: bytes) -> bool:
    """Whether a file mentions what the rules are about."""
    if _mentions(raw, _losses() | _ACTIVATIONS):
        return True
    # A loss that is written out.
    return b"sigmoid(" in raw and b"log(" in raw


def takes_losses(raw: bytes) -> bool:
    """Whether a file mentions a loss, so that it matters who calls its functions."""
    return b"backward(" in raw or b"loss" in raw or _mentions(raw, _losses())


def _mentions(raw: bytes, words: frozenset[bytes]) -> bool:
    for part in _PARTS:
        at = raw.find(part)
        while at >= 0:
            first, last = at, at + len(part)
            while first and raw[first - 1] in _LETTERS:
                first -= 1
            while last < len(raw) and raw[last] in _LETTERS:
                last += 1
            if raw[first:last] in words:
                return True
            at = raw.find(part, last)
    return False
