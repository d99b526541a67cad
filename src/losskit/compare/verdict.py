"""What the measurements allow to say, and nothing more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from losskit.choose.wording import count, join, number, sentence
from losskit.compare.metrics import Metric
from losskit.compare.results import Comparison, Verdict
from losskit.compare.statistics import estimate

__all__ = ["Table", "compare_all", "judge"]

Table = Mapping[str, Sequence[float]]
"""A metric: the loss's label → one number per seed."""


def compare_all(metric: Metric, table: Table, test_to_train: float) -> list[Comparison]:
    """Compare every loss with the one that has the best mean of a metric."""
    leader = _leader(metric, table)
    if leader is None:
        return []
    others = [label for label in table if label != leader]
    comparisons: list[Comparison] = []
    for label in others:
        differences = np.asarray(table[label]) - np.asarray(table[leader])
        found = estimate(list(differences), test_to_train, comparisons=len(others))
        if not np.isfinite(differences).all():
            conclusion = "not measured"
        elif not found.has_interval:
            conclusion = "no interval"
        else:
            conclusion = "worse" if found.excludes_zero else "no difference shown"
        comparisons.append(
            Comparison.model_validate(
                {
                    "metric": metric.name,
                    "leader": leader,
                    "loss": label,
                    "difference": found.mean,
                    "low": found.low,
                    "high": found.high,
                    "conclusion": conclusion,
                }
            )
        )
    return comparisons


def _leader(metric: Metric, table: Table) -> str | None:
    means = {label: float(np.mean(values)) for label, values in table.items()}
    measured = {
        label: metric.improvement(mean) for label, mean in means.items() if np.isfinite(mean)
    }
    return max(measured, key=lambda label: measured[label]) if measured else None


@dataclass(frozen=True)
class _Standing:
    """How a leader stands in one metric."""

    metric: Metric
    leader: str
    mean: float
    comparisons: Sequence[Comparison]

    def those(self, conclusion: str) -> list[Comparison]:
        return [one for one in self.comparisons if one.conclusion == conclusion]


def judge(
    primary: Metric,
    metrics: Sequence[Metric],
    tables: Mapping[str, Table],
    titles: Mapping[str, str],
    test_to_train: float,
) -> tuple[Verdict, list[Comparison]]:
    """Judge the losses by the primary metric, and say where other metrics see it differently.

    Parameters
    ----------
    primary
        The metric that decides.
    metrics
        All metrics, the primary one among them.
    tables
        The numbers by metric.
    titles
        The losses' names in sentences, by label.
    test_to_train
        Test rows per training row.
    """
    standings: dict[str, _Standing] = {}
    for metric in metrics:
        table = tables[metric.name]
        leader = _leader(metric, table)
        if leader is not None:
            standings[metric.name] = _Standing(
                metric,
                leader,
                float(np.mean(table[leader])),
                compare_all(metric, table, test_to_train),
            )
    comparisons = [one for standing in standings.values() for one in standing.comparisons]
    seeds = len(next(iter(tables[primary.name].values())))
    if primary.name not in standings:
        return Verdict(
            metric=primary.name,
            leader=None,
            decided=False,
            headline=f"No loss can be judged: {primary.title} could not be measured in every run.",
            against=[],
            other_metrics=[],
            caveats=_caveats(primary, seeds),
        ), comparisons
    standing = standings[primary.name]
    others = [
        one for one in standings.values() if one.metric != primary and one.leader != standing.leader
    ]
    verdict = Verdict(
        metric=primary.name,
        leader=standing.leader,
        decided=bool(standing.comparisons)
        and len(standing.those("worse")) == len(standing.comparisons),
        headline=_headline(standing, titles, seeds),
        against=[_difference(one, titles) for one in standing.comparisons],
        other_metrics=_other_metrics(others, standing, tables, titles),
        caveats=_caveats(primary, seeds),
    )
    return verdict, comparisons


def _headline(standing: _Standing, titles: Mapping[str, str], seeds: int) -> str:
    leader = titles[standing.leader]
    measure = standing.metric.title
    value = number(standing.mean)
    if not standing.comparisons:
        return f"{leader} reaches a {measure} of {value}; no other loss was compared."
    if seeds == 1:
        return (
            f"{leader} leads in {measure} ({value}), but one seed allows no interval: "
            "that may be chance."
        )
    if all(one.difference == 0 for one in standing.comparisons):
        return f"No difference at all: every loss reaches the same {measure} ({value})."
    worse = standing.those("worse")
    if len(worse) == len(standing.comparisons):
        than = "the other" if len(worse) == 1 else f"each of the {count(len(worse), 'other')}"
        return (
            f"{leader} is best in {measure} ({value}): better than {than} by more than chance "
            "explains."
        )
    open_ones = [one for one in standing.comparisons if one.conclusion != "worse"]
    if not worse:
        return (
            f"No difference that {count(seeds, 'seed')} can show: {leader} leads in "
            f"{measure} ({value}), but not by more than chance explains."
        )
    return (
        f"{leader} leads in {measure} ({value}) and is better than "
        f"{join([titles[one.loss] for one in worse])}; against "
        f"{join([titles[one.loss] for one in open_ones])} there is no difference that "
        f"{count(seeds, 'seed')} can show."
    )


def _difference(one: Comparison, titles: Mapping[str, str]) -> str:
    title = titles[one.loss]
    if one.difference is None:
        return f"{title}: could not be measured in every run."
    if one.difference == 0:
        start = f"{title}: the same"
    else:
        side = "higher" if one.difference > 0 else "lower"
        start = f"{title}: {number(abs(one.difference))} {side}"
    if one.low is None or one.high is None:
        return f"{start}; no interval is possible."
    said = "worse" if one.conclusion == "worse" else "no difference shown"
    return f"{start} ({number(one.low)} to {number(one.high)}), {said}."


def _other_metrics(
    others: Sequence[_Standing],
    standing: _Standing,
    tables: Mapping[str, Table],
    titles: Mapping[str, str],
) -> list[str]:
    """Say which metrics another loss leads in: each where that is shown, the rest together."""
    lines: list[str] = []
    unclear: list[str] = []
    leader = titles[standing.leader]
    for other in others:
        mine = next((one for one in other.comparisons if one.loss == standing.leader), None)
        title, name = sentence(other.metric.title), titles[other.leader]
        if mine is None or mine.difference is None:
            lines.append(f"{title}: could not be measured in every run of {leader}.")
        elif mine.conclusion == "worse" and mine.low is not None and mine.high is not None:
            own = float(np.mean(tables[other.metric.name][standing.leader]))
            ends = sorted((abs(mine.low), abs(mine.high)))
            lines.append(
                f"{title}: {name} is better than {leader}, {number(other.mean)} against "
                f"{number(own)} (difference {number(ends[0])} to {number(ends[1])})."
            )
        else:
            unclear.append(other.metric.title)
    if unclear:
        lines.append(f"{sentence(join(unclear))}: another loss leads, but that may be chance.")
    return lines


def _caveats(primary: Metric, seeds: int) -> list[str]:
    caveats = [
        f"{sentence(primary.title)} decides by choice; another metric may decide otherwise.",
        "The losses share one network and one training recipe, tuned for none of them.",
    ]
    if seeds > 1:
        caveats.append(
            "Intervals are at 95 % for the pairs with one leader in one metric; of many metrics, "
            "one may show a difference by chance."
        )
    return caveats
