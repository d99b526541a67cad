"""A picture of the report, as a Plotly figure without colours: the page gives it its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

__all__ = ["Plot", "listed", "picture", "plain"]


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
        Plotly's description. A trace's ``meta`` names its loss's number, and whether it is quiet.
    """

    name: str
    title: str
    words: str
    figure: dict[str, Any]


def picture(
    name: str,
    title: str,
    words: str,
    traces: Iterable[go.Scatter],
    *,
    height: int = 320,
    x: dict[str, Any] | None = None,
    y: dict[str, Any] | None = None,
    shapes: Sequence[dict[str, Any]] = (),
) -> Plot:
    """Make a picture of traces and what the axes add."""
    figure = go.Figure(
        data=list(traces),
        layout={
            "height": height,
            "xaxis": {"automargin": True} | (x or {}),
            "yaxis": {"automargin": True} | (y or {}),
            "shapes": list(shapes),
            "template": None,
        },
    )
    return Plot(name, title, words, figure.to_plotly_json())


def listed(values: np.ndarray[Any, Any]) -> list[float | None]:
    """Round to what a picture can show; None where there is no number."""
    return [float(f"{one:.5g}") if np.isfinite(one) else None for one in values.tolist()]


def plain(text: str) -> str:
    """Keep Plotly from reading markup or its own placeholders in a name."""
    for sign, code in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("%{", "%&#123;")):
        text = text.replace(sign, code)
    return text
