"""What a column's name gives away, where its values leave several readings."""

from __future__ import annotations

import re

__all__ = ["hints"]

_WORDS = {
    "ordinal": (
        "rating ratings stars star score_level likert grade grades severity stage "
        "satisfaction quality rank level agreement opinion tier preference frequency_level "
        "happiness"
    ),
    "count": (
        "count counts number num n nr visits events claims goals children kids siblings "
        "deaths accidents crashes calls clicks views orders defects births doctorco cases "
        "trips arrests incidents failures flights rentals cnt total_count hits visitors "
        "strikes suicides seizures freq frequency ties"
    ),
    "class": (
        "class classes label labels category type species group cluster kind target_class "
        "genre cultivar variety region origin brand party mode cover_type"
    ),
    "id": ("id ids index idx key uuid guid rownames rowname rownum row_id number_id subject obs"),
    "share": ("percent percentage pct share ratio proportion fraction prob probability rate"),
    "amount": (
        "price prices cost costs income salary wage wages revenue amount fare sales value "
        "expenditure spending population area size duration earnings gdp profit assets "
        "capital fee premium loss weight volume distance survival time lifetime"
    ),
    "real": ("age year temperature temp score points height length width time speed bmi marks"),
    "event": ("event status died death dead censored cens censor observed failure uncensored"),
    "time": ("time duration survival days months weeks years t stop futime tenure lifetime week"),
    "anchor": ("anchor positive negative a p n"),
}
HINTS = {word: kind for kind, words in _WORDS.items() for word in words.split()}


def hints(name: str) -> frozenset[str]:
    """Return what the words of a name speak for, such as {"count"} for ``n_visits``."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)
    words = [word for word in re.split(r"[^a-z]+", spaced.lower()) if word]
    joined = "_".join(words)
    found = {HINTS[word] for word in (*words, joined) if word in HINTS}
    return frozenset(found)
