"""Grades of relevance, group by group."""

from __future__ import annotations

from collections.abc import Iterable

from losskit.choose.facts import Fact, Reading
from losskit.choose.profile import Profile
from losskit.choose.rules.rule import CERTAIN, Rule
from losskit.core import targets
from losskit.reporting.wording import number, percent

__all__ = ["Relevance"]


class Relevance(Rule):
    """A grade for each item of a list."""

    kind = targets.RELEVANCE
    overrule = "the items of a group are to be put in order"

    def read(self, profile: Profile, *, asked: bool = False) -> Reading | None:
        """Take grades that come with groups."""
        column, groups = profile.column, profile.groups
        if column is None or groups is None or column.form != "numbers":
            return None
        return Reading(
            self.kind,
            CERTAIN,
            f"it grades {groups.rows:,} items in {groups.number:,} groups, whose order counts",
            ("groups",),
        )

    def facts(self, profile: Profile, reading: Reading) -> Iterable[Fact]:
        """Say how large groups are, and in how many there is an order."""
        groups = profile.groups
        if groups is None:
            return
        yield Fact(
            "groups",
            groups.number,
            f"There are {groups.number:,} groups of {groups.smallest:,} to {groups.largest:,} "
            f"items, {number(groups.rows / groups.number)} on average.",
        )
        share = groups.alone / groups.number
        yield Fact(
            "groups_without_order",
            share,
            f"In {percent(share)} of the groups all items have the same grade.",
        )

    def warnings(self, profile: Profile, reading: Reading) -> Iterable[str]:
        """Warn of groups that teach nothing."""
        if profile.groups is not None and profile.groups.alone > 0.5 * profile.groups.number:
            yield (
                f"{profile.groups.alone:,} of {profile.groups.number:,} groups have one grade "
                "only: nothing can be learnt of their order."
            )
        if profile.column is not None and profile.column.negatives:
            yield "Negative grades mark padding in losses of lists: shift the grades up to 0."
