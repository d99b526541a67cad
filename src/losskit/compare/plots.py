"""The report's pictures, as Plotly figures without colours: the page gives them its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from losskit.compare.results import Results
from losskit.compare.wording import join, number, sentence

__all__ = ["FEWEST_IN_BIN", "Plot", "plots"]

FEWEST_IN_BIN = 10
"""Below this, how often predictions come true is mostly chance."""


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


def plots(results: Results) -> dict[str, list[Plot]]:
    """Draw everything that the report shows, by section."""
    drawn = {
        "differences": _differences(results),
        "metric": [_metric(results)],
        "losses": [_own_loss(results, number) for number in range(len(results.losses))],
        "gradients": [_gradients(results)],
        "shapes": _shapes(results),
    }
    if results.target.classes:
        drawn["calibration"] = [_calibration(results)]
    else:
        drawn["residuals"] = [_residuals(results, one) for one in range(len(results.losses))]
    return drawn


def _plot(
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


def _curves(results: Results, label: str, curve: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return a curve of a loss, seeds by epochs; NaN where there is no number."""
    rows = [getattr(run.curves, curve) for run in results.runs if run.loss == label]
    return np.asarray(rows, dtype=np.float64)


def _band(
    curves: np.ndarray[Any, np.dtype[np.float64]], index: int, name: str, *, quiet: bool = False
) -> list[go.Scatter]:
    """Draw the mean over the seeds, within a band from the lowest to the highest seed."""
    epochs = list(range(1, curves.shape[1] + 1))
    low, high, mean = curves.min(axis=0), curves.max(axis=0), curves.mean(axis=0)
    traces = [
        go.Scatter(
            x=epochs,
            y=_listed(mean),
            name=name,
            mode="lines+markers" if len(epochs) == 1 else "lines",
            meta={"loss": index, "quiet": quiet},
            hovertemplate=f"{_plain(name)}<br>epoch %{{x}}: %{{y:.4g}}<extra></extra>",
        )
    ]
    if len(curves) > 1 and np.isfinite(curves).all():
        traces.insert(
            0,
            go.Scatter(
                x=epochs + epochs[::-1],
                y=_listed(high) + _listed(low)[::-1],
                mode="lines",
                fill="toself",
                hoverinfo="skip",
                meta={"loss": index, "band": True},
            ),
        )
    return traces


def _listed(values: np.ndarray[Any, Any]) -> list[float | None]:
    return [float(f"{one:.5g}") if np.isfinite(one) else None for one in values.tolist()]


def _plain(text: str) -> str:
    """Keep Plotly from reading markup or its own placeholders in a name."""
    for sign, code in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("%{", "%&#123;")):
        text = text.replace(sign, code)
    return text


def _differences(results: Results) -> list[Plot]:
    metric = results.primary
    found = [one for one in results.comparisons if one.metric == metric.name]
    shown = [one for one in found if one.low is not None and one.high is not None]
    if not shown:
        return []
    order = [arm.label for arm in results.losses]
    traces = [
        go.Scatter(
            x=[one.difference],
            y=[_wrapped(results.arm(one.loss).title)],
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [(one.high or 0) - (one.difference or 0)],
                "arrayminus": [(one.difference or 0) - (one.low or 0)],
                "thickness": 2.5,
                "width": 7,
            },
            mode="markers",
            marker={"size": 11},
            meta={"loss": order.index(one.loss)},
            hovertemplate=f"%{{x:.4g}} ({number(one.low)} to {number(one.high)})<extra></extra>",
        )
        for one in reversed(shown)
    ]
    leader = results.arm(shown[0].leader).title
    words = f"Differences in {metric.title} from {leader}: " + "; ".join(
        f"{results.arm(one.loss).title} {number(one.difference)}, "
        f"interval {number(one.low)} to {number(one.high)}"
        for one in shown
    )
    zero = {"type": "line", "x0": 0, "x1": 0, "y0": 0, "y1": 1, "yref": "paper"}
    return [
        _plot(
            "differences",
            "",
            words,
            traces,
            height=70 + 52 * len(shown),
            y={"type": "category", "ticklabelstandoff": 8, "range": [-0.6, len(shown) - 0.4]},
            shapes=[zero],
        )
    ]


def _wrapped(title: str) -> str:
    """Break a long name into lines that a phone has room for."""
    name, bracket, parameters = title.partition(" (")
    if len(name) > 18:
        half = name.find("With") if "With" in name else len(name) // 2
        name = name[:half] + "<br>" + name[half:]
    return name + (f"<br>({_plain(parameters)}" if bracket else "")


def _metric(results: Results) -> Plot:
    metric = results.primary
    traces: list[go.Scatter] = []
    ends: list[str] = []
    for index, arm in enumerate(results.losses):
        curves = _curves(results, arm.label, "validation_metric")
        traces += _band(curves, index, arm.title)
        ends.append(f"{arm.title} {number(float(curves[:, -1].mean()))}")
    return _plot(
        "metric",
        "",
        f"{sentence(metric.title)} on the validation rows by epoch. At the last epoch: "
        f"{join(ends)}.",
        traces,
        height=380,
        x=_epochs(results),
        y=_late_range(results),
    )


def _late_range(results: Results) -> dict[str, Any]:
    """Choose an axis for the metric after its first steep epochs, where losses part."""
    curves = np.stack([_curves(results, arm.label, "validation_metric") for arm in results.losses])
    late = curves[..., curves.shape[-1] // 10 :]
    late = late[np.isfinite(late)]
    if late.size == 0 or late.min() == late.max():
        return {}
    margin = 0.05 * float(late.max() - late.min())
    return {"range": [float(late.min()) - margin, float(late.max()) + margin]}


def _epochs(results: Results) -> dict[str, Any]:
    return {"title": {"text": "epoch"}, "range": [0.5, results.training.epochs + 0.5]}


def _own_loss(results: Results, index: int) -> Plot:
    arm = results.losses[index]
    learnt = _curves(results, arm.label, "train_loss")
    held_out = _curves(results, arm.label, "validation_loss")
    traces = _band(learnt, index, "training", quiet=True) + _band(held_out, index, "validation")
    best = [run.best_epoch for run in results.runs if run.loss == arm.label]
    return _plot(
        f"loss-{index}",
        arm.title,
        f"{arm.title} by epoch: training ends at {number(float(learnt[:, -1].mean()))}, "
        f"validation at {number(float(held_out[:, -1].mean()))}; best epochs {join(_strs(best))}.",
        traces,
        height=240,
        x=_epochs(results),
        y={"rangemode": "tozero"},
    )


def _strs(values: Sequence[object]) -> list[str]:
    return [str(value) for value in values]


def _gradients(results: Results) -> Plot:
    traces: list[go.Scatter] = []
    words: list[str] = []
    for index, arm in enumerate(results.losses):
        curves = _curves(results, arm.label, "gradient_norm")
        traces += _band(curves, index, arm.title)
        first, last = curves[:, 0].mean(), curves[:, -1].mean()
        words.append(f"{arm.title} from {number(float(first))} to {number(float(last))}")
    return _plot(
        "gradients",
        "",
        f"Norm of the gradient by epoch: {join(words)}.",
        traces,
        x=_epochs(results),
        y={"title": {"text": "gradient norm"}, "type": "log", "tickformat": "~g", "nticks": 6},
    )


def _calibration(results: Results) -> Plot:
    traces = [
        go.Scatter(
            x=[0, 1], y=[0, 1], mode="lines", meta={"guide": True}, hoverinfo="skip", name="ideal"
        )
    ]
    words: list[str] = []
    for index, (arm, one) in enumerate(zip(results.losses, results.calibration, strict=True)):
        # None interrupts the line, which would else suggest what no row shows.
        shown = [size >= FEWEST_IN_BIN for size in one.rows]
        traces.append(
            go.Scatter(
                x=[
                    mean if show else None for mean, show in zip(one.confidence, shown, strict=True)
                ],
                y=[seen if show else None for seen, show in zip(one.observed, shown, strict=True)],
                customdata=one.rows,
                name=arm.title,
                mode="lines+markers",
                marker={"size": [5 + min(9.0, size**0.5 / 2) for size in one.rows]},
                meta={"loss": index},
                hovertemplate=f"{_plain(arm.title)}<br>predicted %{{x:.3f}}, observed %{{y:.3f}}"
                "<br>%{customdata} rows<extra></extra>",
            )
        )
        error = results.cell(arm.label, "calibration_error").mean
        words.append(f"{arm.title} has a calibration error of {number(error)}")
    positive = results.target.positive
    said = f"probability of {positive}" if positive else "probability of the predicted class"
    right = f"share that is {positive}" if positive else "share predicted rightly"
    return _plot(
        "calibration",
        "",
        f"Calibration: {join(words)}.",
        traces,
        height=420,
        x={"title": {"text": _plain(said)}, "range": [-0.03, 1.03]},
        y={"title": {"text": _plain(right)}, "range": [-0.03, 1.03]},
    )


def _residuals(results: Results, index: int) -> Plot:
    one = results.residuals[index]
    arm = results.losses[index]
    every = [abs(miss) for each in results.residuals for miss in each.residual if miss is not None]
    reach = 1.05 * max(every, default=1.0)
    misses = sorted(abs(miss) for miss in one.residual if miss is not None)
    half = number(misses[len(misses) // 2]) if misses else "–"
    zero = {"type": "line", "x0": 0, "x1": 1, "xref": "paper", "y0": 0, "y1": 0}
    return _plot(
        f"residuals-{index}",
        arm.title,
        f"{arm.title}: what predictions miss by; half of them by less than {half}.",
        [
            go.Scatter(
                x=one.predicted,
                y=one.residual,
                mode="markers",
                marker={"size": 6, "opacity": 0.55},
                meta={"loss": index},
                hovertemplate="predicted %{x:.4g}<br>truth − prediction %{y:.4g}<extra></extra>",
            )
        ],
        height=280,
        x={"title": {"text": "prediction"}},
        y={"title": {"text": "truth − prediction"}, "range": [-reach, reach]},
        shapes=[zero],
    )


def _shapes(results: Results) -> list[Plot]:
    along = (
        "output for the true class" if results.target.classes else "error in standard deviations"
    )
    drawn: list[Plot] = []
    steepest = [max(abs(slope or 0) for slope in one.slope) or 1 for one in results.shapes]
    for name, title in (("value", "Value"), ("slope", "Slope (gradient)")):
        heights = [
            [(height or 0) / scale for height in getattr(one, name)]
            for one, scale in zip(results.shapes, steepest, strict=True)
        ]
        traces = [
            go.Scatter(
                x=one.output,
                y=heights[index],
                mode="lines",
                name=results.losses[index].title,
                meta={"loss": index},
                hovertemplate=f"{_plain(results.losses[index].title)}"
                "<br>%{x:.2f}: %{y:.3g}<extra></extra>",
            )
            for index, one in enumerate(results.shapes)
        ]
        ends = [
            f"{arm.title} from {number(height[0])} to {number(height[-1])}"
            for arm, height in zip(results.losses, heights, strict=True)
        ]
        drawn.append(
            _plot(
                f"shape-{name}",
                title,
                f"{title} along the {along}: {join(ends)}.",
                traces,
                height=300,
                x={"title": {"text": along}},
            )
        )
    return drawn
