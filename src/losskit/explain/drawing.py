"""Draws the curves of a loss with Matplotlib."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from losskit.explain.picture import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["LOOK", "METADATA", "draw"]

Floats = NDArray[np.float64]

# Okabe and Ito's colours, which stay apart for the colour-blind; the dashes do so in print.
_STYLES = (("#0072B2", "-"), ("#D55E00", (0, (6, 2))), ("#009E73", (0, (2, 1.5))))

LOOK: dict[Any, Any] = {
    "axes.edgecolor": "#999999",
    "axes.grid": True,
    "axes.labelcolor": "#333333",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.unicode_minus": True,
    "figure.constrained_layout.h_pad": 0.08,
    "figure.constrained_layout.w_pad": 0.12,
    "font.size": 10,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.8,
    "legend.fontsize": 9,
    "legend.edgecolor": "none",
    "legend.framealpha": 0.8,
    "lines.linewidth": 2.0,
    # Text from cards and command lines is text, "$" included.
    "text.parse_math": False,
    # Letters stay letters, so that an SVG is small and can be searched.
    "svg.fonttype": "none",
    "svg.hashsalt": "losskit",
    "xtick.color": "#555555",
    "ytick.color": "#555555",
}


METADATA: dict[str, dict[str, None]] = {
    "png": {},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}
"""Without dates, so that the same picture has the same bytes."""


def draw(picture: Picture, extension: str) -> bytes:
    """Draw value, gradient and, where there is one, curvature side by side.

    Parameters
    ----------
    picture : Picture
        The curves.
    extension : {"png", "svg", "pdf"}
        Kind of file.

    Returns
    -------
    bytes
        The file; the same curves give the same bytes.
    """
    with mpl.rc_context():
        # Not as the user's matplotlibrc has it: that may ask for LaTeX, or a dark ground.
        mpl.rcdefaults()
        mpl.rcParams.update(LOOK)
        figure = _figure(picture)
        written = io.BytesIO()
        figure.savefig(written, format=extension, dpi=150, metadata=METADATA[extension])
    return written.getvalue()


def _figure(picture: Picture) -> Figure:
    panels: list[tuple[str, str, list[Floats]]] = [
        ("Value", "loss", [curve.value for curve in picture.curves]),
        ("Gradient", f"∂ loss / ∂ {picture.moved}", [curve.gradient for curve in picture.curves]),
    ]
    bends = [curve.curvature for curve in picture.curves if curve.curvature is not None]
    if len(bends) == len(picture.curves):
        panels.append(("Curvature", f"∂² loss / ∂ {picture.moved}²", bends))
    figure = Figure(figsize=(4.2 * len(panels), 4.1), layout="constrained")
    figure.suptitle(picture.title, x=0.01, ha="left", fontsize=13, fontweight="bold")
    for axes, (title, label, curves) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
    ):
        axes.set_title(title)
        axes.set_ylabel(label)
        _lines(axes, picture, curves)
    below = f"{picture.axis}\n{picture.held}" if picture.held else picture.axis
    figure.supxlabel(below, fontsize=10, color="#333333")
    if any(curve.label for curve in picture.curves):
        figure.axes[0].legend(loc="best")
    return figure


def _lines(axes: Axes, picture: Picture, curves: list[Floats]) -> None:
    """Draw the curves of one panel."""
    finite = [np.where(np.isfinite(y), y, np.nan) for y in curves]
    low, high = _limits(curves)
    for index, (curve, y) in enumerate(zip(picture.curves, finite, strict=True)):
        color, dashes = _STYLES[index % len(_STYLES)]
        jumps = _jumps(y)
        for at in jumps:
            ends = picture.x[at : at + 2], y[at : at + 2]
            axes.plot(*ends, color=color, linewidth=1, linestyle=":", label="_jump")
        axes.plot(
            np.insert(picture.x, jumps + 1, np.nan),
            np.insert(y, jumps + 1, np.nan),
            color=color,
            linestyle=dashes,
            label=curve.label or "_only",
        )
    axes.set_xlim(picture.x[0], picture.x[-1])
    axes.set_ylim(low, high)
    for draw_line, inside in (
        (axes.axhline, low < 0 < high),
        (axes.axvline, picture.x[0] < 0 < picture.x[-1]),
    ):
        if inside:
            draw_line(0, color="#bbbbbb", linewidth=0.9, zorder=0.5)


def _jumps(y: Floats) -> NDArray[np.intp]:
    """Find where a curve leaps instead of rising: steps far above those on both sides."""
    steps = np.abs(np.diff(y))
    span = np.nanmax(y) - np.nanmin(y) if np.isfinite(y).any() else 0.0
    padded = np.pad(steps, 2, mode="reflect")
    around = np.fmax(padded[:-4], padded[4:])
    return np.flatnonzero((steps > 0.02 * span) & (steps > 10 * around) & (span > _NOISE))


_NOISE = 1e-9


def _limits(curves: list[Floats]) -> tuple[float, float]:
    """Choose the range of an axis, short of poles at the edges, beside which all would be flat."""
    low, high = _range(curves)
    if high - low <= _NOISE * max(1.0, abs(low), abs(high)):
        return low - 0.5, high + 0.5
    edge = len(curves[0]) // 20
    inner_low, inner_high = _range([curve[edge:-edge] for curve in curves])
    inner = inner_high - inner_low
    if 0 < 4 * inner < high - low:
        low, high = max(low, inner_low - inner / 2), min(high, inner_high + inner / 2)
    margin = 0.06 * (high - low)
    return low - margin, high + margin


def _range(curves: list[Floats]) -> tuple[float, float]:
    pooled = np.concatenate(curves)
    pooled = pooled[np.isfinite(pooled)]
    return (float(pooled.min()), float(pooled.max())) if pooled.size else (0.0, 0.0)
