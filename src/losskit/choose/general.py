"""Facts about any target, whatever it is taken for."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from losskit.choose.column import Column
from losskit.choose.facts import Basis, Fact
from losskit.choose.matrix import Matrix
from losskit.choose.profile import Profile
from losskit.choose.rules.classes import shown
from losskit.choose.rules.real import FAR, outliers, skewness
from losskit.choose.stand_ins import sentinels
from losskit.reporting.wording import number, percent

__all__ = ["general_facts", "general_warnings"]

NORMAL_TAIL = 3.8189
"""Range of the middle 99 % over that of the middle 50 %, of a normal distribution."""
NEAR_CONSTANT = 0.95


def general_facts(profile: Profile) -> Iterable[Fact]:
    """Return what is to be known of every target of its form."""
    if profile.column is not None:
        yield from _of_column(profile.column)
    elif profile.matrix is not None:
        yield from _of_rows(profile.matrix)
    else:
        for column in profile.columns:
            text = f"{column.name!r} has {column.distinct:,} different {column.form}."
            yield Fact(f"distinct_{column.name}", column.distinct, text)
    if profile.output is not None:
        yield from profile.output.facts()


def _of_column(column: Column) -> Iterable[Fact]:
    yield Fact("rows", column.rows, f"There are {column.rows:,} rows.")
    yield Fact(
        "missing",
        column.missing,
        f"{column.missing:,} of them are missing ({percent(column.missing / column.rows)})."
        if column.missing
        else "None is missing.",
    )
    if column.infinite:
        yield Fact("infinite", column.infinite, f"{column.infinite:,} values are infinite.")
    if not column.known:
        return
    many = f"{column.distinct:,}" if column.exact else f"about {column.distinct:,}"
    yield Fact(
        "distinct",
        column.distinct,
        f"There are {many} different values.",
        "all rows" if column.exact else "estimate",
    )
    repeated = max(0.0, 1 - column.distinct / column.known)
    yield Fact(
        "duplicates",
        repeated,
        f"{percent(repeated)} of the rows repeat a value of another.",
        "all rows" if column.exact else "estimate",
    )
    if column.counts:
        common = max(column.counts, key=column.counts.__getitem__)
        share = column.counts[common] / column.known
        text = f"The commonest value, {shown(common)}, has {percent(share)} of the rows."
        yield Fact("commonest", share, text)
    if column.form == "numbers":
        yield from _of_numbers(column)


def _of_numbers(column: Column) -> Iterable[Fact]:
    low, high = column.minimum, column.maximum
    yield Fact("range", [low, high], f"It runs from {number(low)} to {number(high)}.")
    yield Fact("mean", column.mean, f"Its mean is {number(column.mean)}.")
    deviation = column.deviation if column.known > 1 else 0.0
    yield Fact("deviation", deviation, f"Its standard deviation is {number(deviation)}.")
    basis: Basis = "sample" if column.sampled else "all rows"
    if not len(column.sample):
        return
    values = column.sorted
    yield Fact("median", column.median, f"Its median is {number(column.median)}.", basis)
    yield Fact(
        "robust_deviation",
        column.spread,
        f"Its robust standard deviation is {number(column.spread)} (1.4826 times the median "
        "distance from the median).",
        basis,
    )
    lean = skewness(values)
    side = "the tail is to the " + ("right" if lean > 0 else "left")
    if abs(lean) <= 2 * math.sqrt(6 / len(values)):
        side = "no more than chance makes of a normal distribution"
    yield Fact("skewness", lean, f"Its skewness is {number(lean)}: {side}.", basis)
    if low > 0:
        logs = skewness(np.log(values))
        yield Fact("log_skewness", logs, f"Its logarithm's skewness is {number(logs)}.", basis)
    yield from _tails(column, basis)
    share = column.zeros / column.known
    if column.zeros:
        yield Fact("zeros", share, f"{percent(share)} of it is exactly 0.")
    if column.negatives:
        share = column.negatives / column.known
        yield Fact("negatives", share, f"{percent(share)} of it is below 0.")
    share = 1 - column.fractions / column.known
    yield Fact("whole", share, f"{percent(share)} of it are whole numbers.")


def _tails(column: Column, basis: Basis) -> Iterable[Fact]:
    middle = column.quantile(0.75) - column.quantile(0.25)
    if middle > 0:
        weight = (column.quantile(0.995) - column.quantile(0.005)) / middle / NORMAL_TAIL
        yield Fact(
            "tail_weight",
            weight,
            f"Its tails reach {number(weight)} times as far as a normal distribution's.",
            basis,
        )
    share = outliers(column.sorted, column.spread)
    yield Fact(
        "outliers",
        share,
        f"{percent(share) if share else 'None'} of it lies over {FAR:g} robust standard deviations "
        "from the median.",
        basis,
    )


def _of_rows(matrix: Matrix) -> Iterable[Fact]:
    shape = " × ".join(f"{length:,}" for length in matrix.shape)
    yield Fact("shape", list(matrix.shape), f"It is {shape}.")
    text = (
        f"{matrix.missing:,} numbers are missing or infinite."
        if matrix.missing
        else "None is missing."
    )
    yield Fact("missing", matrix.missing, text)
    if matrix.maximum >= matrix.minimum:
        low, high = matrix.minimum, matrix.maximum
        yield Fact("range", [low, high], f"Its numbers run from {number(low)} to {number(high)}.")


def general_warnings(profile: Profile) -> Iterable[str]:
    """Return what looks wrong with any target."""
    for column in profile.columns:
        yield from _column_warnings(column)
    output = profile.output
    if output is not None and output.broken:
        yield (
            f"The output holds {output.broken:,} values that are NaN or infinite: mend the model "
            "before the loss."
        )


def _column_warnings(column: Column) -> Iterable[str]:
    if column.marked is not None:
        yield (
            f"{column.marks:,} rows of {column.name!r} have exactly {column.marked:g}, far from "
            "the rest: they were taken for missing here. Leave them out, or mask them in the loss. "
            "If they mean what they say, change the number a little to keep them."
        )
    gone = column.missing - column.marks
    if gone:
        yield (
            f"{gone:,} of {column.rows:,} rows of {column.name!r} have no value: leave "
            "them out, or mask them in the loss; a filled-in target teaches what was filled in."
        )
    if column.infinite:
        text = f"{column.infinite:,} values of {column.name!r} are infinite"
        yield f"{text}: find out what they mean."
    if column.odd:
        shown_cells = ", ".join(repr(one) for one in column.odd)
        yield f"{column.name!r} holds numbers, but also {shown_cells}: these count as missing."
    if column.written:
        yield (
            f"{column.name!r} writes numbers as {column.written!r}: the signs and separators were "
            "left out here, and have to be before training."
        )
    if column.rounded:
        yield (
            f"{column.name!r} holds whole numbers beyond 2^53, which floats round: subtract "
            "something or change the unit, or keep it as a name if it is one."
        )
    for value, rows in sentinels(column):
        yield (
            f"{rows:,} rows of {column.name!r} have exactly {value:g}, far from the rest: does it "
            "stand for a missing value? Then leave those rows out."
        )
    if column.counts and column.distinct > 1 and column.known >= 20:
        common = max(column.counts, key=column.counts.__getitem__)
        share = column.counts[common] / column.known
        if share >= NEAR_CONSTANT:
            yield (
                f"{column.name!r} is nearly constant: {100 * share:.4g} % of the rows have "
                f"{shown(common)}. Whoever predicts that always is right as often."
            )
