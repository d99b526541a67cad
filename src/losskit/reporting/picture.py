"""A picture of the report, as a Plotly figure without colours: the page gives it its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import plotly.graph_objects as go

__all__ = ["Plot", "listed", "picture", "plain"]

Trace: TypeAlias = Any
"""A trace of plotly.graph_objects, which has no types."""


@dataclass(frozen=True)
class Plot:
    """A picture.

    Parameters
    ----------
    name
        Its identifier on the page.
    title
        What stands above it, where several stand together.
    words
        What it shows, for those who cannot see it.
    figure
        Plotly's description. A trace's ``meta`` says which of the page's colours it takes, and
        whether it is quiet. Where there are ``frames``, the page lets one go through them.
    """

    name: str
    title: str
    words: str
    figure: dict[str, Any]


def picture(
    name: str,
    title: str,
    words: str,
    traces: Iterable[Trace],
    *,
    height: int = 320,
    x: dict[str, Any] | None = None,
    y: dict[str, Any] | None = None,
    shapes: Sequence[dict[str, Any]] = (),
    scene: dict[str, Any] | None = None,
    frames: Sequence[tuple[str, list[dict[str, Any]]]] = (),
) -> Plot:
    """Make a picture of traces, what the axes add, and what changes from frame to frame."""
    axes = (
        {"scene": scene}
        if scene
        else {
            "xaxis": {"automargin": True} | (x or {}),
            "yaxis": {"automargin": True} | (y or {}),
            "shapes": list(shapes),
        }
    )
    figure = go.Figure(data=list(traces), layout={"height": height, "template": None} | axes)
    description = figure.to_plotly_json()
    if frames:
        description["frames"] = [{"name": label, "data": data} for label, data in frames]
    return Plot(name, title, words, description)


def listed(values: np.ndarray[Any, Any]) -> list[float | None]:
    """Round to what a picture can show; None where there is no number."""
    return [float(f"{one:.5g}") if np.isfinite(one) else None for one in values.tolist()]


def plain(text: str) -> str:
    """Keep Plotly from reading markup or its own placeholders in a name."""
    for sign, code in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("%{", "%&#123;")):
        text = text.replace(sign, code)
    return text
