"""The pictures of studies that have one number along an axis, from their results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from losskit.reporting.arrays import Floats
from losskit.reporting.drawing import Interval, Reliability, band, intervals, reliability
from losskit.reporting.picture import Plot, listed, picture, plain
from losskit.reporting.wording import join, number
from losskit.studies.results import Curve, Finding, StudyResults

__all__ = [
    "calibration",
    "curve",
    "effects",
    "fits",
    "layers",
    "loss_curves",
]


NEUTRAL = 7
"""The colour of what belongs to no arm."""


def effects(results: StudyResults) -> Plot | None:
    """Draw every claim's difference in units of the smallest that matters."""
    rows: list[Interval] = []
    words: list[str] = []
    for one in results.findings:
        scaled = _scaled(one)
        if scaled is not None:
            mean, low, high = scaled
            rows.append(Interval(_name(results, one), mean, low, high, NEUTRAL))
            words.append(f"{_name(results, one)} {number(mean)}, {number(low)} to {number(high)}")
    if not rows:
        return None
    return intervals(
        "effects",
        f"Differences in units of the smallest that matters: {'; '.join(words)}",
        rows,
        marks=(-1, 1),
    )


def _scaled(one: Finding) -> tuple[float, float, float] | None:
    ends = (one.estimate, one.low, one.high)
    if any(end is None or not np.isfinite(end) or (one.ratio and end <= 0) for end in ends):
        return None
    numbers = np.asarray(ends, dtype=np.float64)
    numbers = np.log(numbers) / np.log(one.least) if one.ratio else numbers / one.least
    mean, low, high = numbers.tolist()
    return mean, low, high


def _name(results: StudyResults, one: Finding) -> str:
    measure = results.measure(one.measure).title
    if one.against is None:
        return f"{results.arm(one.arm).title} ({measure})"
    return f"{results.arm(one.arm).title} − {results.arm(one.against).title} ({measure})"


def _found(curves: Sequence[Curve], **wanted: str) -> tuple[list[float], Floats]:
    chosen = [
        one for one in curves if all(getattr(one, key) == value for key, value in wanted.items())
    ]
    rows = [[float("nan") if y is None else y for y in one.y] for one in chosen]
    return chosen[0].x, np.asarray(rows, dtype=np.float64)


def curve(
    results: StudyResults,
    quantity: str,
    title: str,
    *,
    arms: Sequence[str] | None = None,
    name: str = "",
    x_title: str = "epoch",
    y_title: str = "",
    height: int = 360,
    log: bool = False,
    y: dict[str, Any] | None = None,
) -> Plot:
    """Draw a curve of every arm, as means within bands over the seeds."""
    traces: list[go.Scatter] = []
    ends: list[str] = []
    for label in arms or [arm.label for arm in results.arms]:
        along, rows = _found(results.curves, arm=label, quantity=quantity)
        arm = results.arm(label)
        traces += band(along, rows, results.colour(label), arm.title)
        ends.append(
            f"{arm.title} from {number(float(rows[:, 0].mean()))} to "
            f"{number(float(rows[:, -1].mean()))}"
        )
    axis: dict[str, Any] = {"title": {"text": y_title or title}}
    if log:
        # Labels at 1, 2 and 5 of each power of ten; all digits would not find room.
        axis |= {"type": "log", "tickformat": "~g", "dtick": "D2", "exponentformat": "power"}
    return picture(
        name or f"curve-{quantity}",
        title,
        f"{title} by {x_title}: {join(ends)}.",
        traces,
        height=height,
        x={"title": {"text": x_title}},
        y=axis | (y or {}),
    )


def layers(results: StudyResults, quantity: str, arms: Sequence[str], parts: str) -> list[Plot]:
    """Draw a curve of every layer, one picture for each layer with all arms in it."""
    names = list(dict.fromkeys(one.part for one in results.curves if one.quantity == quantity))
    drawn: list[Plot] = []
    every = [value for one in results.curves if one.quantity == quantity for value in one.y]
    positive = [value for value in every if value is not None and value > 0]
    reach = [np.log10(min(positive)) - 0.2, np.log10(max(positive)) + 0.2]
    for part in names:
        traces: list[go.Scatter] = []
        words: list[str] = []
        for label in arms:
            along, rows = _found(results.curves, arm=label, quantity=quantity, part=part)
            arm = results.arm(label)
            traces += band(along, rows, results.colour(label), arm.title)
            words.append(
                f"{arm.title} from {number(float(rows[:, 0].mean()))} to "
                f"{number(float(rows[:, -1].mean()))}"
            )
        drawn.append(
            picture(
                f"{quantity}-{part.replace(' ', '-')}",
                part.capitalize(),
                f"{parts} of the {part} by epoch: {join(words)}.",
                traces,
                height=260,
                x={"title": {"text": "epoch"}},
                y={"type": "log", "tickformat": "~g", "nticks": 5, "range": reach},
            )
        )
    return drawn


def fits(
    results: StudyResults, quantity: str, points: str, truth: Callable[[Floats], Floats]
) -> Plot:
    """Draw what each arm has learnt of a curve, from the first seed, over the rows it saw."""
    data = next(one for one in results.points if one.quantity == points)
    grid = np.linspace(-np.pi, np.pi, 101)
    traces = [
        go.Scatter(
            x=data.x,
            y=data.y,
            mode="markers",
            marker={"size": 5, "opacity": 0.5},
            meta={"guide": True},
            hovertemplate="x %{x:.2f}, target %{y:.2f}<extra></extra>",
        ),
        go.Scatter(
            x=listed(grid),
            y=listed(truth(grid)),
            mode="lines",
            meta={"guide": True},
            hovertemplate="truth %{y:.2f}<extra></extra>",
        ),
    ]
    words: list[str] = []
    for arm in results.arms:
        along, rows = _found(results.curves, arm=arm.label, quantity=quantity)
        traces.append(
            go.Scatter(
                x=along,
                y=listed(rows[0]),
                mode="lines",
                name=arm.title,
                meta={"colour": results.colour(arm.label)},
                hovertemplate=f"{plain(arm.title)}<br>%{{x:.2f}}: %{{y:.2f}}<extra></extra>",
            )
        )
        off = float(np.abs(rows[0] - truth(np.asarray(along))).max())
        words.append(f"{arm.title} is off by {number(off)} at most")
    return picture(
        f"fits-{quantity}",
        "",
        f"Learnt curves: {join(words)}.",
        traces,
        height=400,
        x={"title": {"text": "x"}},
        y={"range": [-2.2, 4.2]},
    )


def calibration(results: StudyResults, measure: str, said: str, right: str) -> Plot:
    """Draw how often predictions come true, by their confidence."""
    curves = [
        Reliability(
            results.arm(one.arm).title,
            one.confidence,
            one.observed,
            one.rows,
            results.colour(one.arm),
        )
        for one in results.bins
    ]
    words = [
        f"{results.arm(one.arm).title} has a calibration error of "
        f"{number(results.cell(one.arm, measure).mean)}"
        for one in results.bins
    ]
    return reliability(
        "calibration", f"Calibration: {join(words)}.", curves, said=said, right=right
    )


def loss_curves(results: StudyResults) -> list[list[Plot]]:
    """Draw value and gradient of the losses, a pair of pictures for each axis."""
    pairs: list[list[Plot]] = []
    for index, along in enumerate(dict.fromkeys(one.along for one in results.shapes)):
        pair: list[Plot] = []
        for name, title in (("value", "Value"), ("gradient", "Gradient")):
            traces: list[go.Scatter] = []
            words: list[str] = []
            for one in results.shapes:
                if one.along != along:
                    continue
                arm = results.arm(one.arm)
                height = getattr(one, name)
                traces.append(
                    go.Scatter(
                        x=one.x,
                        y=height,
                        mode="lines",
                        name=arm.title,
                        meta={"colour": results.colour(one.arm)},
                        hovertemplate=f"{plain(arm.title)}"
                        "<br>%{x:.2f}: %{y:.3g}<extra></extra>",
                    )
                )
                words.append(f"{arm.title} from {number(height[0])} to {number(height[-1])}")
            pair.append(
                picture(
                    f"shape-{index}-{name}",
                    title,
                    f"{title} of the losses along the {along}: {join(words)}.",
                    traces,
                    height=300,
                    x={"title": {"text": along}},
                )
            )
        pairs.append(pair)
    return pairs
