"""What the measurements allow to say, and nothing more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from losskit.compare.metrics import Metric
from losskit.compare.results import Comparison, Verdict
from losskit.compare.statistics import estimate
from losskit.compare.wording import count, join, number, sentence

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
        headline = f"No loss can be judged: {primary.title} could not be measured in every run."
        return _verdict(primary, None, False, headline, [], _caveats(primary, seeds)), comparisons
    standing = standings[primary.name]
    lines = [_difference_line(one, primary, titles) for one in standing.comparisons]
    lines += [
        _other_line(other, standing, titles, seeds)
        for other in standings.values()
        if other.metric != primary and other.leader != standing.leader
    ]
    decided = bool(standing.comparisons) and all(
        one.conclusion == "worse" for one in standing.comparisons
    )
    headline = _headline(standing, titles, seeds)
    caveats = _caveats(primary, seeds)
    return _verdict(primary, standing.leader, decided, headline, lines, caveats), comparisons


def _verdict(
    metric: Metric,
    leader: str | None,
    decided: bool,
    headline: str,
    lines: list[str],
    caveats: list[str],
) -> Verdict:
    return Verdict(
        metric=metric.name,
        leader=leader,
        decided=decided,
        headline=headline,
        lines=lines,
        caveats=caveats,
    )


def _headline(standing: _Standing, titles: Mapping[str, str], seeds: int) -> str:
    leader = titles[standing.leader]
    measure = standing.metric.title
    value = number(standing.mean)
    if not standing.comparisons:
        return f"{leader} reaches a {measure} of {value}; there is no other loss to compare it with."
    if seeds == 1:
        return (
            f"{leader} has the best {measure} ({value}), but one seed allows no interval: "
            "that may be chance."
        )
    worse = standing.those("worse")
    if len(worse) == len(standing.comparisons):
        than = "the other" if len(worse) == 1 else f"each of the {count(len(worse), 'other')}"
        return f"{leader} has the best {measure} ({value}), and is better than {than}."
    open_ones = [one for one in standing.comparisons if one.conclusion != "worse"]
    if not worse:
        return (
            f"No difference that {count(seeds, 'seed')} can show: {leader} has the best mean "
            f"{measure} ({value}), but not by more than chance explains."
        )
    return (
        f"{leader} has the best mean {measure} ({value}) and is better than "
        f"{join([titles[one.loss] for one in worse])}; against "
        f"{join([titles[one.loss] for one in open_ones])} there is no difference that "
        f"{count(seeds, 'seed')} can show."
    )


def _difference_line(one: Comparison, metric: Metric, titles: Mapping[str, str]) -> str:
    title, leader = titles[one.loss], titles[one.leader]
    measure = metric.title
    if one.difference is None:
        return f"{title}: {measure} could not be measured in every run."
    if one.low is None or one.high is None:
        return f"{title}: {measure} {_by(one.difference)} {leader}; no interval is possible."
    interval = f"{number(one.low)} to {number(one.high)}"
    if one.conclusion == "worse":
        return f"{title}: {measure} {_by(one.difference)} {leader} (interval {interval})."
    return (
        f"{title}: {measure} {_by(one.difference)} {leader}, and the interval "
        f"{interval} contains 0: no difference shown."
    )


def _by(difference: float) -> str:
    if difference == 0:
        return "the same as with"
    side = "higher" if difference > 0 else "lower"
    return f"{number(abs(difference))} {side} than with"


def _other_line(
    other: _Standing, standing: _Standing, titles: Mapping[str, str], seeds: int
) -> str:
    name = titles[other.leader]
    mine = next((one for one in other.comparisons if one.loss == standing.leader), None)
    start = f"By {other.metric.title}, {name} has the best mean"
    start += f" ({number(other.mean)})"
    if mine is None or mine.difference is None:
        return f"{start}; {titles[standing.leader]} could not be measured in every run."
    if mine.low is None or mine.high is None:
        return f"{start}; no interval is possible."
    if mine.conclusion == "worse":
        return (
            f"{start}, and is better than {titles[standing.leader]} by "
            f"{number(abs(mine.difference))} "
            f"(interval {number(min(abs(mine.low), abs(mine.high)))} to "
            f"{number(max(abs(mine.low), abs(mine.high)))})."
        )
    return (
        f"{start}, but no difference from {titles[standing.leader]} that "
        f"{count(seeds, 'seed')} can show."
    )


def _caveats(primary: Metric, seeds: int) -> list[str]:
    caveats = [
        f"{sentence(primary.title)} decides because it was chosen to; another metric may decide otherwise.",
        "The losses share one network and one training recipe, tuned for none of them.",
    ]
    if seeds > 1:
        caveats.append(
            "Intervals are at 95 % for the pairs with one leader in one metric; of many metrics, "
            "one may show a difference by chance."
        )
    return caveats

