"""The order of labels: scales of words, and labels that are numbered."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

__all__ = ["in_order"]

SCALES = tuple(
    scale.split(", ")
    for scale in (
        "low, lower, mid, middle, medium, moderate, average, normal, upper, high, higher",
        "tiny, small, medium, big, large, huge",
        "poor, bad, fair, ok, average, indifferent, neutral, good, excellent, premium, ideal",
        "never, rarely, seldom, sometimes, often, usually, always",
        "none, minimal, some, slight, mild, moderate, marked, severe",
        "not, not at all, a little, somewhat, quite, very, extremely",
        "disagree, neutral, undecided, agree",
        "unlikely, neutral, likely",
        "dissatisfied, unsatisfied, neutral, satisfied",
        "unimportant, important",
        "unhappy, happy",
        "too little, about right, too much",
        "worse, unchanged, same, average, improved, better",
        "first, second, third, fourth, fifth",
        "1st, 2nd, 3rd, 4th, 5th",
        "cold, cool, warm, hot",
        "slow, medium, fast",
        "child, young, adult, middle, middle aged, old",
        "no school, primary, secondary, high school, college, tertiary, bachelor, master, "
        "doctorate",
        "xs, s, m, l, xl, xxl",
        "bronze, silver, gold, platinum",
    )
)
"""Each from its lower end to its upper one."""
DEGREES = {
    **dict.fromkeys(("extremely", "completely"), 2.0),
    **dict.fromkeys(("very", "strongly", "highly", "much", "so", "too"), 1.0),
    **dict.fromkeys(("fairly", "rather", "quite", "pretty", "mostly"), -0.5),
    **dict.fromkeys(("moderately", "somewhat"), -1.0),
    "slightly": -1.5,
}
"""Words that say how much of the next one."""
STEP = 0.3
"""How far such a word moves along a scale, in places."""
NUMBERED = re.compile(r"^\s*(\d+)\s*[.):=-]\s*\D")


def in_order(labels: Sequence[Any]) -> tuple[list[Any], str] | None:
    """Return labels from the lowest to the highest, and what says so; None where nothing does."""
    for scale in SCALES:
        places = [_place(str(label), scale) for label in labels]
        known = [place for place in places if place is not None]
        if len(set(known)) == len(labels):
            order = sorted(range(len(labels)), key=known.__getitem__)
            return [labels[at] for at in order], "its words are a known scale"
    numbers = [int(found[1]) for label in labels if (found := NUMBERED.match(str(label)))]
    if len(set(numbers)) == len(labels):
        order = sorted(range(len(labels)), key=numbers.__getitem__)
        return [labels[at] for at in order], "its labels are numbered"
    return None


def _place(label: str, scale: Sequence[str]) -> float | None:
    words = label.strip().casefold().replace("_", " ").replace("-", " ").split()
    if " ".join(words) in scale:
        return scale.index(" ".join(words))
    rest = " ".join(word for word in words if word not in DEGREES and word != "not")
    if rest not in scale:
        return None
    place = float(scale.index(rest))
    if "not" in words:
        return len(scale) - 1 - place
    middle = (len(scale) - 1) / 2
    side = (place > middle) - (place < middle)
    return place + STEP * side * sum(DEGREES.get(word, 0.0) for word in words)
