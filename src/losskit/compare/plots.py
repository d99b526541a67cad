"""The report's pictures, by section."""

from __future__ import annotations

import plotly.graph_objects as go

from losskit.choose.wording import join, number
from losskit.compare.curves import gradients, metric, own_loss
from losskit.compare.picture import Plot, picture, plain
from losskit.compare.results import Results

__all__ = ["FEWEST_IN_BIN", "plots"]

FEWEST_IN_BIN = 10
"""Below this, how often predictions come true is mostly chance."""


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
    words = f"Differences in {primary.title} from {leader}: " + "; ".join(
        f"{results.arm(one.loss).title} {number(one.difference)}, "
        f"interval {number(one.low)} to {number(one.high)}"
        for one in shown
    )
    zero = {"type": "line", "x0": 0, "x1": 0, "y0": 0, "y1": 1, "yref": "paper"}
    return [
        picture(
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
    return name + (f"<br>({plain(parameters)}" if bracket else "")


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
                hovertemplate=f"{plain(arm.title)}<br>predicted %{{x:.3f}}, observed %{{y:.3f}}"
                "<br>%{customdata} rows<extra></extra>",
            )
        )
        error = results.cell(arm.label, "calibration_error").mean
        words.append(f"{arm.title} has a calibration error of {number(error)}")
    positive = results.target.positive
    said = f"probability of {positive}" if positive else "probability of the predicted class"
    right = f"share that is {positive}" if positive else "share predicted rightly"
    return picture(
        "calibration",
        "",
        f"Calibration: {join(words)}.",
        traces,
        height=420,
        x={"title": {"text": plain(said)}, "range": [-0.03, 1.03]},
        y={"title": {"text": plain(right)}, "range": [-0.03, 1.03]},
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
