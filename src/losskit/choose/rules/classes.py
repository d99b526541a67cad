"""One of K classes that exclude each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from losskit.choose.column import Column
from losskit.choose.facts import Coding, Evidence, Fact, Reading
from losskit.choose.profile import Profile
from losskit.choose.rules.names import hints
from losskit.choose.rules.rule import CERTAIN, Rule
from losskit.choose.rules.shapes import shape_of
from losskit.core import targets
from losskit.core.loss import Loss
from losskit.core.uses import Sign
from losskit.reporting.wording import join, number

__all__ = ["Classes", "class_coding", "class_signs", "shown", "spelling_warnings"]

MOST = 20
"""Whole numbers up to which codes are likely; beyond, they must be well filled."""
PER_CLASS = 5
"""Rows per value below which numbers are hardly classes."""
CHANCE = 3.0
"""Times of their mean up to which the variance of classes' sizes is taken for chance."""
UNEVEN, IMBALANCED, EXTREME = 1.5, 4.0, 50.0
"""Times by which the commonest class outnumbers the rarest."""


class Classes(Rule):
    """Names, or numbers that are used as names."""

    kind = targets.CLASSES
    overrule = "the values are names, whatever they look like; none is more than another"

    def read(self, profile: Profile, *, asked: bool = False) -> Reading | None:
        """Take labels that repeat, and few whole numbers that do not look like a quantity."""
        matrix = profile.matrix
        if matrix is not None and len(matrix.shape) == 2 and matrix.one_hot == matrix.rows:
            return self._one_hot(profile)
        column = profile.column
        if column is None or column.form == "times" or column.distinct < 2 or not column.counts:
            return None
        if column.form == "numbers" and not column.whole:
            return None
        many = f"it has {column.distinct:,} different"
        if column.form == "labels":
            why = f"{many} labels"
            return Reading(self.kind, 0.8, why, ("distinct",), class_coding(column))
        weight = self._weight(column)
        why = f"{many} whole numbers"
        return Reading(self.kind, weight, why, ("distinct", "evenness"), class_coding(column))

    def _weight(self, column: Column) -> float:
        shape = shape_of(column)
        if shape is None or shape.codes == 2:
            return 0.5 if shape else 0.0
        named = hints(column.name)
        filled = column.known / shape.codes
        weight = 0.2 + 0.4 * ("class" in named) - 0.2 * bool(named & {"count", "amount", "real"})
        if filled < PER_CLASS or shape.codes > max(MOST, column.known / 100):
            return min(weight, 0.15)
        # Names are about equally common rather than grades, and grades rather than counts.
        weight += 0.4 * min(max((shape.evenness - 0.8) / 0.15, 0.0), 1.0)
        weight += 0.35 * (shape.step > 1) + 0.1 * (shape.codes == 3) + 0.2 * (shape.peaks > 1)
        weight += 0.15 * (0 < shape.gaps <= shape.codes <= 10)
        return min(weight, 0.95)

    def _one_hot(self, profile: Profile) -> Reading:
        matrix = profile.matrix
        assert matrix is not None  # noqa: S101 - read() has seen to it
        names: tuple[Any, ...] = matrix.names or tuple(range(matrix.width))
        sizes = dict(zip(names, matrix.ones.tolist(), strict=True))
        coding = Coding(names, text="take the index of the 1 in each row as the class: argmax")
        return Reading(
            self.kind,
            CERTAIN,
            f"each row of its {matrix.width} columns has a single 1",
            ("one_hot",),
            coding,
            details={"sizes": sizes},
        )

    def facts(self, profile: Profile, reading: Reading) -> Iterable[Fact]:
        """Say how the rows spread over the classes."""
        yield from class_facts(sizes_of(profile, reading))

    def signs(self, profile: Profile, reading: Reading) -> Iterable[Evidence]:
        """See how much classes differ in size, and whether labels look wrong."""
        yield from class_signs(sizes_of(profile, reading))
        if profile.column is not None:
            yield from _noise(profile.column)

    def output_layer(self, loss: Loss, profile: Profile, reading: Reading) -> str:
        """Say how many units."""
        return loss.card.output_layer.replace("K", str(len(reading.coding.classes) or "K"), 1)

    def metrics(self, loss: Loss, signs: Sequence[str]) -> tuple[str, ...]:
        """With rare classes, each one's recall matters."""
        extra = ("recall of each class",) if Sign.IMBALANCED in signs else ()
        return tuple(dict.fromkeys((*loss.card.metrics, *extra)))

    def threshold(self, loss: Loss, reading: Reading) -> str:
        """Say how scores become a decision."""
        return (
            "take the class with the largest score; where mistakes cost differently, weigh the "
            "probabilities by the costs"
        )

    def warnings(self, profile: Profile, reading: Reading) -> Iterable[str]:
        """Find labels that look like each other, and classes with a single row."""
        column = profile.column
        if column is None or not column.counts:
            return
        yield from spelling_warnings(column)
        single = [label for label, size in column.counts.items() if size == 1]
        if single and column.known >= 50:
            yield (
                f"{len(single):,} classes have a single row, such as {shown(single[0])}: they "
                "cannot be both learnt and tested; merge or remove them."
            )


def sizes_of(profile: Profile, reading: Reading) -> dict[Any, int]:
    """Return each class and its rows."""
    if "sizes" in reading.details:
        return dict(reading.details["sizes"])
    return dict(profile.column.counts or {}) if profile.column is not None else {}


def class_facts(sizes: dict[Any, int]) -> Iterable[Fact]:
    """Say how the rows spread over classes."""
    if len(sizes) < 2:
        return
    rare, common = min(sizes, key=sizes.__getitem__), max(sizes, key=sizes.__getitem__)
    ratio = sizes[common] / max(sizes[rare], 1)
    shares = np.asarray([size for size in sizes.values() if size]) / sum(sizes.values())
    yield Fact(
        "imbalance",
        ratio,
        f"The commonest class, {shown(common)}, has {number(ratio)} times the rows of the rarest, "
        f"{shown(rare)} ({sizes[rare]:,}).",
    )
    evenness = float(-(shares * np.log(shares)).sum() / np.log(len(sizes)))
    yield Fact(
        "evenness",
        evenness,
        f"The rows spread over the {len(sizes):,} classes with an evenness of {number(evenness)}; "
        "1 is perfectly even.",
    )


def class_signs(sizes: dict[Any, int]) -> Iterable[Evidence]:
    """See how much classes differ in size."""
    each = np.asarray(list(sizes.values()), dtype=np.float64)
    # Sizes that chance explains are no imbalance: it makes their variance about their mean.
    if len(sizes) < 2 or each.var() <= CHANCE * each.mean():
        return
    ratio = float(each.max() / max(each.min(), 1))
    text = f"The commonest class has {number(ratio)} times the rows of the rarest"
    if ratio >= UNEVEN:
        yield Evidence(Sign.UNEVEN, f"{text}.", ("imbalance",))
    if ratio >= IMBALANCED:
        yield Evidence(Sign.IMBALANCED, f"{text}, and would outvote it.", ("imbalance",))
    if ratio >= EXTREME:
        yield Evidence(Sign.EXTREME, f"{text}.", ("imbalance",))


def class_coding(column: Column, order: Sequence[Any] = ()) -> Coding:
    """Number the classes in the order of their values, or in their own."""
    labels = tuple(order or column.labels)
    if column.form == "numbers" and labels == tuple(float(at) for at in range(len(labels))):
        return Coding(tuple(int(one) for one in labels))
    many = len(labels)
    start = ", ".join(f"{shown(label)} → {at}" for at, label in enumerate(labels[:3]))
    more = ", …" if many > 3 else ""
    return Coding(labels, text=f"number the classes from 0 to {many - 1}: {start}{more}")


def spelling_warnings(column: Column) -> Iterable[str]:
    """Find labels that differ only in case and spaces."""
    if column.form != "labels" or not column.counts:
        return
    seen: dict[str, list[str]] = {}
    for label in column.counts:
        if isinstance(label, str):
            seen.setdefault(" ".join(label.casefold().split()), []).append(label)
    for spelt in seen.values():
        if len(spelt) > 1:
            rows = min(column.counts[one] for one in spelt)
            yield (
                f"{join([repr(one) for one in spelt])} differ only in case or spaces ({rows:,} "
                "rows of the rarer): the same class, spelt in two ways?"
            )


def _noise(column: Column) -> Iterable[Evidence]:
    spelt = list(spelling_warnings(column))
    if spelt:
        yield Evidence(Sign.NOISY_LABELS, "Some labels are spelt in several ways.", ("spellings",))


def shown(value: Any) -> str:
    """Write a value as users know it."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else repr(value)
