"""Draws the curves of a training with Matplotlib, and marks what was found."""

from __future__ import annotations

import io
import itertools
import textwrap
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from losskit.check.curves.log import Log
from losskit.check.curves.series import Curve
from losskit.check.findings import Finding
from losskit.check.report import Report
from losskit.explain.drawing import LOOK, METADATA

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw"]

_TRAIN, _HELD, _METRICS = "#0072B2", "#D55E00", ("#009E73", "#CC79A7", "#E69F00", "#56B4E9")

_TOLD = 4
"""Findings that are told above the curves; the others are marked."""


def draw(log: Log, report: Report, extension: str) -> bytes:
    """Draw losses, and metrics below them where there are any.

    Parameters
    ----------
    log : Log
        The curves.
    report : Report
        What was found in them.
    extension : {"png", "svg", "pdf"}
        Kind of file.

    Returns
    -------
    bytes
        The file; the same curves give the same bytes.
    """
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(LOOK)
        figure = _figure(log, report)
        written = io.BytesIO()
        figure.savefig(written, format=extension, dpi=150, metadata=METADATA[extension])
    return written.getvalue()


def _figure(log: Log, report: Report) -> Figure:
    metrics = [curve for curve in log.metrics if len(curve) > 1][: len(_METRICS)]
    rows = 2 if metrics else 1
    figure = Figure(figsize=(10, 3.8 * rows + 0.9), layout="constrained")
    figure.suptitle(report.headline(), x=0.01, ha="left", fontsize=12, fontweight="bold")
    panels = figure.subplots(rows, 1, squeeze=False, sharex=True)[:, 0]
    epochs = _by_epoch(log)
    losses = [
        (curve, color)
        for curve, color in ((log.train, _TRAIN), (log.validation, _HELD))
        if curve is not None and len(curve)
    ]
    for curve, color in losses:
        _line(panels[0], curve, color, epochs=epochs)
    panels[0].set_ylabel("loss")
    panels[0].set_title(_told(report), loc="left", fontsize=9)
    _scaled(panels[0], [curve for curve, _ in losses])
    for curve, color in zip(metrics, _METRICS, strict=False):
        _line(panels[1], curve, color, epochs=epochs)
    if metrics:
        panels[1].set_ylabel("metric")
    panels[-1].set_xlabel("epoch" if epochs else "step")
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    of_metrics = {curve.name for curve in metrics}
    for index, finding in enumerate(report.findings):
        about = finding.sight.series if finding.sight is not None else ""
        _mark(panels[1 if about in of_metrics else 0], finding, index, epochs=epochs)
    for panel in panels:
        if panel.get_legend_handles_labels()[0]:
            # Beside the curves, so that it hides none of them and no mark.
            panel.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.0)
    return figure


def _told(report: Report) -> str:
    """Say what was found, each in a line or two."""
    lines = []
    for finding in report.findings[:_TOLD]:
        lines += textwrap.wrap(f"{finding.code}: {finding.message}", 120)
    if len(report.findings) > _TOLD:
        lines.append(f"and {len(report.findings) - _TOLD} more")
    return "\n".join(lines)


def _by_epoch(log: Log) -> bool:
    """Whether all curves know their epochs."""
    curves = [curve for curve in (log.train, log.validation, *log.metrics) if curve is not None]
    return all(bool(np.isfinite(curve.epoch).all()) for curve in curves) and any(
        np.ptp(curve.epoch) > 0 for curve in curves if len(curve)
    )


def _line(axes: Axes, curve: Curve, color: str, *, epochs: bool) -> None:
    x = curve.epoch if epochs else curve.step
    if epochs and len(np.unique(x)) < len(x) and not curve.breaks:
        x = _spread(curve)
    # A training that is taken up again begins a new line.
    edges = [0, *(at for at in curve.breaks if 0 < at < len(curve)), len(curve)]
    for begin, end in itertools.pairwise(edges):
        part = slice(begin, end)
        name = curve.name if begin == 0 else "_"
        mark = "o" if end - begin == 1 else "-"
        axes.plot(x[part], curve.mean[part], mark, color=color, linewidth=1.5, label=name)
        if (curve.high > curve.low).any():
            low, high = curve.low[part], curve.high[part]
            axes.fill_between(x[part], low, high, color=color, alpha=0.18, linewidth=0)


def _spread(curve: Curve) -> np.ndarray:
    """Spread the points of an epoch over it."""
    epoch = curve.epoch
    starts = np.flatnonzero(np.diff(epoch, prepend=epoch[0] - 1) != 0)
    lengths = np.diff(np.append(starts, len(epoch)))
    within = np.arange(len(epoch)) - np.repeat(starts, lengths)
    return np.asarray(epoch + within / np.repeat(lengths, lengths))


def _scaled(axes: Axes, curves: list[Curve]) -> None:
    """Draw losses over several orders of magnitude on a logarithmic scale."""
    values = np.concatenate([np.empty(0), *(curve.mean for curve in curves)])
    if len(values) and (values > 0).all() and values.max() > 50 * np.median(values):
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())


def _mark(axes: Axes, finding: Finding, index: int, *, epochs: bool) -> None:
    sight = finding.sight
    if sight is None:
        return
    at = sight.epoch if epochs else sight.step
    if at is None:
        return
    axes.axvline(at, color="#555555", linewidth=1, linestyle=(0, (4, 3)))
    axes.annotate(
        f" {finding.code} {finding.rule.name} ",
        (at, 0.97 - 0.06 * (index % 6)),
        xycoords=("data", "axes fraction"),
        fontsize=8,
        color="#222222",
        ha="right" if _late(axes, at) else "left",
        va="top",
        bbox={"boxstyle": "square,pad=0.15", "facecolor": "white", "alpha": 0.8, "linewidth": 0},
    )


def _late(axes: Axes, at: float) -> bool:
    low, high = axes.get_xlim()
    return at > low + 0.6 * (high - low)
