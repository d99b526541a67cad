"""The report's pictures, by section."""

from __future__ import annotations

import plotly.graph_objects as go

from losskit.compare.curves import gradients, metric, own_loss
from losskit.compare.results import Results
from losskit.reporting.drawing import Interval, Reliability, intervals, reliability
from losskit.reporting.picture import Plot, picture, plain
from losskit.reporting.wording import join, number

__all__ = ["plots"]


def plots(results: Results) -> dict[str, list[Plot]]:
    """Draw everything that the report shows, by section."""
    drawn = {
        "differences": _differences(results),
        "metric": [metric(results)],
        "losses": [own_loss(results, number) for number in range(len(results.losses))],
        "gradients": [gradients(results)],
        "shapes": _shapes(results),
    }
    if results.target.classes:
        drawn["calibration"] = [_calibration(results)]
    else:
        drawn["residuals"] = [_residuals(results, one) for one in range(len(results.losses))]
    return drawn


def _differences(results: Results) -> list[Plot]:
    primary = results.primary
    found = [one for one in results.comparisons if one.metric == primary.name]
    shown = [one for one in found if one.low is not None and one.high is not None]
    if not shown:
        return []
    order = [arm.label for arm in results.losses]
    leader = results.arm(shown[0].leader).title
    words = f"Differences in {primary.title} from {leader}: " + "; ".join(
        f"{results.arm(one.loss).title} {number(one.difference)}, "
        f"interval {number(one.low)} to {number(one.high)}"
        for one in shown
    )
    rows = [
        Interval(
            results.arm(one.loss).title,
            one.difference or 0.0,
            one.low or 0.0,
            one.high or 0.0,
            order.index(one.loss),
        )
        for one in shown
    ]
    return [intervals("differences", words, rows)]


def _calibration(results: Results) -> Plot:
    curves: list[Reliability] = []
    words: list[str] = []
    for index, (arm, one) in enumerate(zip(results.losses, results.calibration, strict=True)):
        curves.append(Reliability(arm.title, one.confidence, one.observed, one.rows, index))
        error = results.cell(arm.label, "calibration_error").mean
        words.append(f"{arm.title} has a calibration error of {number(error)}")
    positive = results.target.positive
    return reliability(
        "calibration",
        f"Calibration: {join(words)}.",
        curves,
        said=f"probability of {positive}" if positive else "probability of the predicted class",
        right=f"share that is {positive}" if positive else "share predicted rightly",
    )


def _residuals(results: Results, index: int) -> Plot:
    one = results.residuals[index]
    arm = results.losses[index]
    every = [abs(miss) for each in results.residuals for miss in each.residual if miss is not None]
    reach = 1.05 * max(every, default=1.0)
    misses = sorted(abs(miss) for miss in one.residual if miss is not None)
    half = number(misses[len(misses) // 2]) if misses else "–"
    zero = {"type": "line", "x0": 0, "x1": 1, "xref": "paper", "y0": 0, "y1": 0}
    return picture(
        f"residuals-{index}",
        arm.title,
        f"{arm.title}: what predictions miss by; half of them by less than {half}.",
        [
            go.Scatter(
                x=one.predicted,
                y=one.residual,
                mode="markers",
                marker={"size": 6, "opacity": 0.55},
                meta={"colour": index},
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
                meta={"colour": index},
                hovertemplate=f"{plain(results.losses[index].title)}"
                "<br>%{x:.2f}: %{y:.3g}<extra></extra>",
            )
            for index, one in enumerate(results.shapes)
        ]
        ends = [
            f"{arm.title} from {number(height[0])} to {number(height[-1])}"
            for arm, height in zip(results.losses, heights, strict=True)
        ]
        drawn.append(
            picture(
                f"shape-{name}",
                title,
                f"{title} along the {along}: {join(ends)}.",
                traces,
                height=300,
                x={"title": {"text": along}},
            )
        )
    return drawn
