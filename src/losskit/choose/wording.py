"""Numbers and lists in words, the same in the verdict, the report and the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["count", "join", "number", "percent", "sentence"]

_WORDS = (
    *("no", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve"),
)


def count(amount: int, noun: str, plural: str | None = None) -> str:
    """Write an amount with its noun, small ones in words: "one seed", "13 seeds"."""
    word = _WORDS[amount] if amount < len(_WORDS) else f"{amount:,}"
    return f"{word} {noun if amount == 1 else plural or noun + 's'}"


def join(names: Sequence[str]) -> str:
    """Write names as a list in a sentence."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def number(value: float | None) -> str:
    """Write a number to about four digits; a dash where there is none."""
    if value is None or math.isnan(value):
        return "–"
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1e6 or size < 1e-4:
        text = f"{value:.3g}"
    elif size >= 1000:
        text = f"{value:,.0f}"
    elif size >= 100:
        text = f"{value:.1f}"
    elif size >= 10:
        text = f"{value:.2f}"
    else:
        text = f"{value:.3f}" if size >= 0.1 else f"{value:.4f}"
    return text.replace("-", "−")


def percent(share: float) -> str:
    """Write a share as a percentage."""
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.1f} %"


def sentence(text: str) -> str:
    """Begin with a capital letter."""
    return text[:1].upper() + text[1:]
