"""Draws the curves of a training with Matplotlib, and marks what was found."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from losskit.check.curves.log import Log
from losskit.check.curves.series import Curve
from losskit.check.findings import Finding
from losskit.check.report import Report
from losskit.explain.drawing import LOOK, METADATA

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw"]

_TRAIN, _HELD, _METRICS = "#0072B2", "#D55E00", ("#009E73", "#CC79A7", "#E69F00", "#56B4E9")


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
    figure = Figure(figsize=(9, 4.6 * rows - 0.8 * (rows - 1)), layout="constrained")
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
    _scaled(panels[0], [curve for curve, _ in losses])
    for curve, color in zip(metrics, _METRICS, strict=False):
        _line(panels[1], curve, color, epochs=epochs)
    if metrics:
        panels[1].set_ylabel("metric")
        panels[1].legend(loc="best")
    panels[-1].set_xlabel("epoch" if epochs else "step")
    for index, finding in enumerate(report.findings):
        _mark(panels[0], finding, index, epochs=epochs)
    panels[0].legend(loc="upper right")
    return figure


def _by_epoch(log: Log) -> bool:
    """Whether all curves know their epochs."""
    curves = [curve for curve in (log.train, log.validation, *log.metrics) if curve is not None]
    return all(bool(np.isfinite(curve.epoch).all()) for curve in curves) and any(
        np.ptp(curve.epoch) > 0 for curve in curves if len(curve)
    )


def _line(axes: Axes, curve: Curve, color: str, *, epochs: bool) -> None:
    x = curve.epoch if epochs else curve.step
    if epochs and len(np.unique(x)) < len(x):
        x = _spread(curve)
    axes.plot(x, curve.mean, color=color, linewidth=1.5, label=curve.name)
    if (curve.high > curve.low).any():
        axes.fill_between(x, curve.low, curve.high, color=color, alpha=0.18, linewidth=0)


def _spread(curve: Curve) -> np.ndarray:
    """Spread the points of an epoch over it."""
    epoch = curve.epoch
    starts = np.flatnonzero(np.diff(epoch, prepend=epoch[0] - 1) != 0)
    lengths = np.diff(np.append(starts, len(epoch)))
    within = np.arange(len(epoch)) - np.repeat(starts, lengths)
    return np.asarray(epoch + within / np.repeat(lengths, lengths))


def _scaled(axes: Axes, curves: list[Curve]) -> None:
    """Draw losses over several orders of magnitude on a logarithmic scale."""
    values = np.concatenate([curve.mean for curve in curves])
    if len(values) and (values > 0).all() and values.max() > 50 * np.median(values):
        axes.set_yscale("log")


def _mark(axes: Axes, finding: Finding, index: int, *, epochs: bool) -> None:
    sight = finding.sight
    if sight is None:
        return
    at = sight.epoch if epochs else sight.step
    if at is None:
        return
    axes.axvline(at, color="#555555", linewidth=1, linestyle=(0, (4, 3)))
    axes.annotate(
        f" {finding.code} {finding.rule.name}",
        (at, 0.97 - 0.06 * (index % 6)),
        xycoords=("data", "axes fraction"),
        fontsize=8,
        color="#222222",
        ha="right" if _late(axes, at) else "left",
        va="top",
    )


def _late(axes: Axes, at: float) -> bool:
    low, high = axes.get_xlim()
    return at > low + 0.6 * (high - low)
