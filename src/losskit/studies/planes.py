"""The pictures of studies that show a plane: networks' answers, embeddings, landscapes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from losskit.reporting.picture import Plot, picture
from losskit.reporting.wording import number
from losskit.studies.results import Grid, Points, StudyResults

__all__ = ["contours", "decision", "scatter", "surface"]


def decision(results: StudyResults, quantity: str, points: str) -> list[Plot]:
    """Draw what each arm's network says over the plane, and the data on it."""
    drawn: list[Plot] = []
    for grid in results.grids:
        if grid.quantity != quantity:
            continue
        data = next(one for one in results.points if one.quantity == points)
        share = np.mean([[value or 0.0 for value in row] for row in grid.values])
        surface_trace = go.Contour(
            x=grid.x,
            y=grid.y,
            z=grid.values,
            zmin=0,
            zmax=1,
            contours={"start": 0.1, "end": 0.9, "size": 0.1, "showlines": False},
            line={"width": 0},
            showscale=False,
            meta={"scale": "sides"},
            hovertemplate="probability of 1: %{z:.2f}<extra></extra>",
        )
        arm = results.arm(grid.arm)
        drawn.append(
            picture(
                f"decision-{grid.arm}",
                arm.title,
                f"{arm.title}: probability of class 1 over the plane, {number(float(share))} on "
                f"average, after training from seed {grid.seed}.",
                [surface_trace, *_groups(data, small=True)],
                height=330,
                x={"title": {"text": ""}, "range": [grid.x[0], grid.x[-1]]},
                y={"range": [grid.y[0], grid.y[-1]]},
            )
        )
    return drawn


def _groups(data: Points, *, small: bool = False) -> list[go.Scatter]:
    return [
        go.Scatter(
            x=[x for x, group in zip(data.x, data.group, strict=True) if group == wanted],
            y=[y for y, group in zip(data.y, data.group, strict=True) if group == wanted],
            mode="markers",
            marker={"size": 6 if small else 8},
            meta={"colour": wanted, "outlined": True},
            hovertemplate=f"class {wanted}<extra></extra>",
        )
        for wanted in sorted(set(data.group))
    ]


def scatter(results: StudyResults, quantity: str, what: str) -> list[Plot]:
    """Draw points that move: one picture for each arm, a frame for each moment."""
    drawn: list[Plot] = []
    for arm in results.arms:
        moments = [
            one for one in results.points if (one.arm, one.quantity) == (arm.label, quantity)
        ]
        if not moments:
            continue
        first, last = moments[0], moments[-1]
        frames = [
            (one.moment, [{"x": list(t.x), "y": list(t.y)} for t in _groups(one, small=True)])
            for one in moments
        ]
        every = [value for one in moments for value in (*one.x, *one.y) if value is not None]
        reach = 1.08 * max(map(abs, every))
        ends = [_reach(one) for one in (first, last)]
        drawn.append(
            picture(
                f"{quantity}-{arm.label}",
                arm.title,
                f"{arm.title}: {what} from {first.moment} to {last.moment}; half of the points lie "
                f"within {number(ends[0])} of their middle at first and {number(ends[1])} at last.",
                _groups(last, small=True),
                height=330,
                x={"range": [-reach, reach]},
                y={"range": [-reach, reach], "scaleanchor": "x"},
                frames=frames,
            )
        )
    return drawn


def _reach(points: Points) -> float:
    xy = np.asarray([points.x, points.y], dtype=np.float64)
    return float(np.median(np.linalg.norm(xy - xy.mean(axis=1, keepdims=True), axis=0)))


def _landscapes(
    results: StudyResults,
    quantity: str,
    prefix: str,
    make: Callable[[Grid], Any],
    marks: Sequence[Any] = (),
    **layout: Any,
) -> list[Plot]:
    drawn: list[Plot] = []
    for grid in results.grids:
        if grid.quantity == quantity:
            arm = results.arm(grid.arm)
            values = np.asarray(grid.values, dtype=np.float64)
            middle = values[len(grid.y) // 2, len(grid.x) // 2]
            drawn.append(
                picture(
                    f"{prefix}-{grid.arm}",
                    arm.title,
                    f"{arm.title}: the loss around the trained weights, from "
                    f"{number(float(values.min()))} to {number(float(values.max()))}, "
                    f"{number(float(middle))} at the weights themselves.",
                    [make(grid), *marks],
                    **layout,
                )
            )
    return drawn


def contours(results: StudyResults, quantity: str) -> list[Plot]:
    """Draw landscapes as lines of equal loss."""
    return _landscapes(
        results,
        quantity,
        "contours",
        lambda grid: go.Contour(
            x=grid.x,
            y=grid.y,
            z=grid.values,
            ncontours=18,
            line={"width": 0.6},
            showscale=True,
            meta={"scale": "height"},
            hovertemplate="loss %{z:.4g}<extra></extra>",
        ),
        [
            go.Scatter(
                x=[0],
                y=[0],
                mode="markers",
                marker={"size": 9},
                meta={"colour": 1, "outlined": True},
                hovertemplate="the trained weights<extra></extra>",
            )
        ],
        height=330,
        x={"title": {"text": "first direction"}},
        y={"title": {"text": "second direction"}},
    )


def surface(results: StudyResults, quantity: str) -> list[Plot]:
    """Draw landscapes as surfaces in space."""
    axes = {
        "xaxis": {"title": {"text": ""}},
        "yaxis": {"title": {"text": ""}},
        "zaxis": {"title": {"text": "loss"}},
        "aspectmode": "cube",
        "camera": {"eye": {"x": 1.5, "y": 1.5, "z": 0.9}},
    }
    return _landscapes(
        results,
        quantity,
        "surface",
        lambda grid: go.Surface(
            x=grid.x,
            y=grid.y,
            z=grid.values,
            showscale=False,
            meta={"scale": "height"},
            hovertemplate="loss %{z:.4g}<extra></extra>",
        ),
        height=360,
        scene=axes,
    )
