"""The pictures that reports have in common, from arrays."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from losskit.reporting.arrays import Floats
from losskit.reporting.picture import Plot, listed, picture, plain
from losskit.reporting.wording import number

__all__ = ["FEWEST_IN_BIN", "Interval", "Reliability", "band", "intervals", "reliability"]

FEWEST_IN_BIN = 10
"""Below this, how often predictions come true is mostly chance."""


def band(
    x: Sequence[float], curves: Floats, colour: int, name: str, *, quiet: bool = False
) -> list[go.Scatter]:
    """Draw the mean over the seeds, within a band from the lowest to the highest seed.

    Parameters
    ----------
    x
        Where the points are, as the epochs.
    curves
        Seeds by points.
    colour
        Which of the page's colours.
    name
        What it is.
    quiet
        Whether it stands behind another curve.
    """
    low, high, mean = curves.min(axis=0), curves.max(axis=0), curves.mean(axis=0)
    along = list(x)
    traces = [
        go.Scatter(
            x=along,
            y=listed(mean),
            name=name,
            mode="lines+markers" if len(along) == 1 else "lines",
            meta={"colour": colour, "quiet": quiet},
            hovertemplate=f"{plain(name)}<br>epoch %{{x}}: %{{y:.4g}}<extra></extra>",
        )
    ]
    if len(curves) > 1 and np.isfinite(curves).all():
        traces.insert(
            0,
            go.Scatter(
                x=along + along[::-1],
                y=listed(high) + listed(low)[::-1],
                mode="lines",
                fill="toself",
                hoverinfo="skip",
                meta={"colour": colour, "band": True},
            ),
        )
    return traces


@dataclass(frozen=True)
class Interval:
    """A mean over the seeds with its interval.

    Parameters
    ----------
    title
        What was measured.
    mean, low, high
        The numbers.
    colour
        Which of the page's colours.
    """

    title: str
    mean: float
    low: float
    high: float
    colour: int


def intervals(
    name: str, words: str, rows: Sequence[Interval], marks: Sequence[float] = (0,)
) -> Plot:
    """Draw intervals below each other, beside lines at the marks."""
    titles = [_wrapped(row.title) for row in rows]
    lines = max(title.count("<br>") + 1 for title in titles)
    traces = [
        go.Scatter(
            x=[row.mean],
            y=[title],
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [row.high - row.mean],
                "arrayminus": [row.mean - row.low],
                "thickness": 2.5,
                "width": 7,
            },
            mode="markers",
            marker={"size": 11},
            meta={"colour": row.colour},
            hovertemplate=f"%{{x:.4g}} ({number(row.low)} to {number(row.high)})<extra></extra>",
        )
        for row, title in reversed(list(zip(rows, titles, strict=True)))
    ]
    upright = [
        {"type": "line", "x0": mark, "x1": mark, "y0": 0, "y1": 1, "yref": "paper"}
        for mark in marks
    ]
    return picture(
        name,
        "",
        words,
        traces,
        height=70 + max(52, 17 * lines + 14) * len(rows),
        y={"type": "category", "ticklabelstandoff": 8, "range": [-0.6, len(rows) - 0.4]},
        shapes=upright,
    )


def _wrapped(title: str) -> str:
    """Break a long name into lines that a phone has room for."""
    if not re.fullmatch(r"\w+( \([^ ()]+\))?", title):
        return "<br>".join(plain(line) for line in textwrap.wrap(title, 24))
    name, bracket, parameters = title.partition(" (")
    if len(name) > 18:
        half = name.find("With") if "With" in name else len(name) // 2
        name = name[:half] + "<br>" + name[half:]
    return name + (f"<br>({plain(parameters)}" if bracket else "")


@dataclass(frozen=True)
class Reliability:
    """How often predictions come true, by bins of their confidence.

    Parameters
    ----------
    title
        Whose predictions.
    confidence, observed
        Mean confidence and share that came true, for each bin.
    rows
        How many predictions each bin has.
    colour
        Which of the page's colours.
    """

    title: str
    confidence: Sequence[float | None]
    observed: Sequence[float | None]
    rows: Sequence[int]
    colour: int


def reliability(
    name: str, words: str, curves: Sequence[Reliability], *, said: str, right: str
) -> Plot:
    """Draw calibration curves; bins of few rows are left out.

    Parameters
    ----------
    name, words
        As of a `Plot`.
    curves
        One for each model.
    said, right
        What the axes show.
    """
    traces = [
        go.Scatter(
            x=[0, 1], y=[0, 1], mode="lines", meta={"guide": True}, hoverinfo="skip", name="ideal"
        )
    ]
    for one in curves:
        # None interrupts the line, which would else suggest what no row shows.
        shown = [size >= FEWEST_IN_BIN for size in one.rows]
        traces.append(
            go.Scatter(
                x=[
                    mean if show else None for mean, show in zip(one.confidence, shown, strict=True)
                ],
                y=[seen if show else None for seen, show in zip(one.observed, shown, strict=True)],
                customdata=one.rows,
                name=one.title,
                mode="lines+markers",
                marker={"size": [5 + min(9.0, size**0.5 / 2) for size in one.rows]},
                meta={"colour": one.colour},
                hovertemplate=f"{plain(one.title)}<br>predicted %{{x:.3f}}, observed %{{y:.3f}}"
                "<br>%{customdata} rows<extra></extra>",
            )
        )
    return picture(
        name,
        "",
        words,
        traces,
        height=420,
        x={"title": {"text": plain(said)}, "range": [-0.03, 1.03]},
        y={"title": {"text": plain(right)}, "range": [-0.03, 1.03]},
    )
