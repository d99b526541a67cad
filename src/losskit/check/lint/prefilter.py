"""Which files are worth parsing: those that mention a loss, or what comes before one."""

from __future__ import annotations

import re
from functools import cache

from losskit.check.lint.losses import loss_words

__all__ = ["is_of_interest"]

_OFTEN = (b"oss", b"entropy", b"softmax", b"Softmax", b"kl_div", b"igmoid")
"""Parts of all those words, which are looked for first since that is quick."""


@cache
def _words() -> re.Pattern[bytes]:
    words = {*loss_words(), "softmax", "log_softmax", "Softmax", "LogSoftmax", "Softmin"}
    # Words such as "huber" and "squared_error" are too common to begin with; Keras' compile is not.
    common = {word for word in words if not any(part.decode() in word for part in _OFTEN)}
    kept = sorted(words - common, key=len, reverse=True)
    return re.compile(rb"\b(?:" + "|".join(map(re.escape, kept)).encode() + rb"|criterion)\b")


def is_of_interest(raw: bytes) -> bool:
    """Whether a file mentions what the rules are about."""
    return any(part in raw for part in _OFTEN) and _words().search(raw) is not None
