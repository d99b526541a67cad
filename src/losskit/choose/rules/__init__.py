"""The rules, one for each kind of target that data can show."""

from __future__ import annotations

from losskit.choose.rules.amount import Amount, AmountWithZeros
from losskit.choose.rules.binary import Binary
from losskit.choose.rules.classes import Classes
from losskit.choose.rules.count import Count
from losskit.choose.rules.distribution import Distribution
from losskit.choose.rules.duration import Duration
from losskit.choose.rules.multi_label import MultiLabel
from losskit.choose.rules.ordinal import Ordinal
from losskit.choose.rules.pairs import Identities, Pairs, Triplets
from losskit.choose.rules.pixels import Mask, Pixels
from losskit.choose.rules.real import Real
from losskit.choose.rules.relevance import Relevance
from losskit.choose.rules.rule import Rule
from losskit.choose.rules.several import Several
from losskit.choose.rules.share import Share
from losskit.choose.rules.tokens import Tokens

__all__ = ["RULES"]

RULES: dict[str, Rule] = {
    rule.kind.name: rule
    for rule in (
        Real(),
        Amount(),
        AmountWithZeros(),
        Share(),
        Count(),
        Binary(),
        Classes(),
        Ordinal(),
        MultiLabel(),
        Distribution(),
        Tokens(),
        Pixels(),
        Mask(),
        Several(),
        Duration(),
        Relevance(),
        Pairs(),
        Triplets(),
        Identities(),
    )
}
"""Kind → its rule. Kinds without one are known from words only."""
