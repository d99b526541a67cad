"""Targets of embeddings: pairs, triplets and labels that several rows share."""

from __future__ import annotations

from collections.abc import Iterable

from losskit.choose.column import Column
from losskit.choose.facts import Coding, Fact, Reading
from losskit.choose.profile import Profile
from losskit.choose.rules.classes import shown
from losskit.choose.rules.names import hints
from losskit.choose.rules.rule import Rule
from losskit.core import targets
from losskit.reporting.wording import number, percent

__all__ = ["Identities", "Pairs", "Triplets"]


def _names_things(column: Column) -> bool:
    """Whether a column could name what is embedded."""
    return column.distinct > 10 and (column.form == "labels" or column.whole)


class Pairs(Rule):
    """Two columns that name things, and one that says whether they belong together."""

    kind = targets.PAIRS
    overrule = "each row names two things and says whether they are alike"

    def read(self, profile: Profile, *, asked: bool = False) -> Reading | None:
        """Take two columns of names beside one with two values."""
        if len(profile.columns) != 3:
            return None
        labels = [one for one in profile.columns if one.distinct == 2]
        things = [one for one in profile.columns if _names_things(one)]
        if len(labels) != 1 or len(things) != 2 or things[0].form != things[1].form:
            return None
        label = labels[0]
        share = label.counts[label.labels[-1]] / label.known if label.counts else 0.5
        coding = Coding(tuple(label.labels), label.labels[-1])
        return Reading(
            self.kind,
            0.9,
            f"{things[0].name!r} and {things[1].name!r} name two things each, and {label.name!r} "
            f"has two values, {shown(label.labels[0])} and {shown(label.labels[1])}",
            ("similar_share",),
            coding,
            details={"share": share},
        )

    def facts(self, profile: Profile, reading: Reading) -> Iterable[Fact]:
        """Say how many pairs are similar."""
        share = reading.details.get("share")
        if share is not None:
            yield Fact("similar_share", share, f"{percent(share)} of the pairs are similar.")


class Triplets(Rule):
    """Three columns that name things."""

    kind = targets.TRIPLETS
    overrule = "each row names an anchor, something like it and something unlike it"

    def read(self, profile: Profile, *, asked: bool = False) -> Reading | None:
        """Take three columns of names of one form."""
        columns = profile.columns
        if len(columns) != 3 or not all(_names_things(one) for one in columns):
            return None
        if len({one.form for one in columns}) > 1:
            return None
        named = all("anchor" in hints(one.name) for one in columns)
        weight = 0.9 if named or columns[0].form == "labels" else 0.4
        return Reading(self.kind, weight, "its three columns name one thing each", ("rows",))


class Identities(Rule):
    """Labels with few rows each."""

    kind = targets.IDENTITIES
    overrule = "what counts is which rows belong together, also for labels never seen"

    def read(self, profile: Profile, *, asked: bool = False) -> Reading | None:
        """Take many labels with several rows each."""
        column = profile.column
        if column is None or column.form == "times":
            return None
        if column.distinct < 100 and not asked:
            return None
        named = "id" in hints(column.name)
        if column.form == "numbers" and (not column.whole or not (named or asked)):
            return None
        per_label = column.known / column.distinct
        if not (1.5 <= per_label <= 50 or not column.counts) and not asked:
            return None
        return Reading(
            self.kind,
            0.6 + 0.2 * named,
            f"{column.distinct:,} labels have {number(per_label)} rows each, too few to learn a "
            "classifier of them well",
            ("distinct",),
        )
