"""Targets from which nothing can be learnt, or not as they are."""

from __future__ import annotations

import re

import numpy as np

from losskit.choose.column import Column
from losskit.choose.facts import Reading
from losskit.choose.profile import Profile
from losskit.choose.rules.names import hints
from losskit.choose.rules.rule import CERTAIN
from losskit.reporting.wording import number, percent

__all__ = ["problem"]

FEWEST = 10
"""Rows from which on a value in each row that occurs nowhere else says something."""
WORDS = 3
"""Words from which on a label is a text."""


def problem(profile: Profile) -> Reading | None:
    """Return what keeps the target from being learnt; None if nothing does."""
    if profile.matrix is not None:
        return _of_rows(profile)
    if profile.column is None:
        return None
    column = profile.column
    if column.known == 0:
        said = "missing" if not column.infinite else "missing or infinite"
        return _unusable(
            f"it is {said} in all {column.rows:,} rows",
            f"{column.name!r} is {said} in every row: there is nothing to learn. Look at how it "
            "was read or joined.",
            "missing",
        )
    if column.form == "times":
        return _unusable(
            "it holds dates or times",
            f"{column.name!r} holds dates or times: predict the time until then, or since, as a "
            "number of seconds or days.",
        )
    if column.form == "labels" and column.written:
        return _unusable(
            f"its numbers have a decimal comma, as {column.written!r}",
            f"{column.name!r} writes numbers with a decimal comma, as {column.written!r}: read "
            "them as numbers first (decimal=',' in pandas, decimal_comma=True in Polars).",
        )
    if column.distinct == 1:
        value = column.labels[0] if column.labels else column.minimum
        shown = f"{value:g}" if isinstance(value, float) else repr(value)
        return _unusable(
            f"every known row says {shown}",
            f"{column.name!r} is constant ({shown} in {column.known:,} rows): there is nothing "
            "to learn.",
            "distinct",
        )
    return _identifier(column) or _free_text(column)


def _of_rows(profile: Profile) -> Reading | None:
    matrix = profile.matrix
    if matrix is None or matrix.maximum > matrix.minimum:
        return None
    if matrix.maximum < matrix.minimum:
        return _unusable("it holds no finite number", "The target holds no finite number.")
    return _unusable(
        f"all its numbers are {matrix.minimum:g}",
        f"Every number of the target is {matrix.minimum:g}: there is nothing to learn.",
    )


def _identifier(column: Column) -> Reading | None:
    unique = column.exact and column.distinct == column.known >= FEWEST
    about_unique = not column.exact and column.distinct > 0.97 * column.known
    if not (unique or about_unique):
        return None
    named = "id" in hints(column.name)
    if column.form == "labels":
        texts = column.texts
        if not named and np.mean([len(one.split()) for one in texts]) >= WORDS:
            return None
        return _id(column, "every row has a label of its own")
    if not column.whole:
        return None
    if column.rounded:
        return _id(column, "whole numbers beyond 2^53, each once")
    dense = column.maximum - column.minimum + 1 <= 1.02 * column.known
    rising = bool((np.diff(column.sample) > 0).all())
    if dense and (rising or named or column.known >= 100):
        return _id(column, "it numbers the rows: whole numbers without gaps, each once")
    if named and not {"amount", "count", "real"} & hints(column.name):
        return _id(column, "its name says so, and every row has a number of its own")
    return None


def _id(column: Column, why: str) -> Reading:
    return _unusable(
        why,
        f"{column.name!r} looks like an id ({why}): it says which row this is, and nothing can be "
        "learnt from it. If it is a quantity after all, say which kind.",
        "distinct",
    )


def _free_text(column: Column) -> Reading | None:
    if (
        column.form != "labels"
        or column.ordered
        or column.distinct < 0.5 * column.known
        or column.known < FEWEST
    ):
        return None
    words = np.mean([len(re.findall(r"\w+", one)) for one in column.texts])
    if words < WORDS:
        return _hardly_repeated(column)
    share = percent(column.distinct / column.known)
    return _unusable(
        f"it is free text: {share} of the rows have one of their own",
        f"{column.name!r} is free text. To generate it, predict its tokens (--task tokens); to "
        "sort it, label it first.",
        "distinct",
    )


def _hardly_repeated(column: Column) -> Reading:
    each = number(column.known / column.distinct)
    return _unusable(
        f"its labels hardly repeat: {column.distinct:,} different ones in {column.known:,} rows",
        f"{column.name!r} has {each} rows per label: too few to learn any of them. Is it a name or "
        "an id? If rows with the same label belong together, say --kind identities.",
        "distinct",
    )


def _unusable(why: str, said: str, *facts: str) -> Reading:
    return Reading(None, CERTAIN, why, facts, problem=said)
