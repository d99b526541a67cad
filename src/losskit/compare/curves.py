"""The pictures of what happens from epoch to epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from losskit.choose.wording import join, number, sentence
from losskit.compare.arrays import Floats
from losskit.compare.picture import Plot, listed, picture, plain
from losskit.compare.results import Results

__all__ = ["gradients", "metric", "own_loss"]


def _curves(results: Results, label: str, curve: str) -> Floats:
    """Return a curve of a loss, seeds by epochs; NaN where there is no number."""
    rows = [getattr(run.curves, curve) for run in results.runs if run.loss == label]
    return np.asarray(rows, dtype=np.float64)


def _band(curves: Floats, index: int, name: str, *, quiet: bool = False) -> list[go.Scatter]:
    """Draw the mean over the seeds, within a band from the lowest to the highest seed."""
    epochs = list(range(1, curves.shape[1] + 1))
    low, high, mean = curves.min(axis=0), curves.max(axis=0), curves.mean(axis=0)
    traces = [
        go.Scatter(
            x=epochs,
            y=listed(mean),
            name=name,
            mode="lines+markers" if len(epochs) == 1 else "lines",
            meta={"loss": index, "quiet": quiet},
            hovertemplate=f"{plain(name)}<br>epoch %{{x}}: %{{y:.4g}}<extra></extra>",
        )
    ]
    if len(curves) > 1 and np.isfinite(curves).all():
        traces.insert(
            0,
            go.Scatter(
                x=epochs + epochs[::-1],
                y=listed(high) + listed(low)[::-1],
                mode="lines",
                fill="toself",
                hoverinfo="skip",
                meta={"loss": index, "band": True},
            ),
        )
    return traces


def metric(results: Results) -> Plot:
    """Draw the deciding metric on the validation rows, all losses on one axis."""
    primary = results.primary
    traces: list[go.Scatter] = []
    ends: list[str] = []
    for index, arm in enumerate(results.losses):
        curves = _curves(results, arm.label, "validation_metric")
        traces += _band(curves, index, arm.title)
        ends.append(f"{arm.title} {number(float(curves[:, -1].mean()))}")
    return picture(
        "metric",
        "",
        f"{sentence(primary.title)} on the validation rows by epoch. At the last epoch: "
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


def own_loss(results: Results, index: int) -> Plot:
    """Draw a loss on its own scale, on training and validation rows."""
    arm = results.losses[index]
    learnt = _curves(results, arm.label, "train_loss")
    held_out = _curves(results, arm.label, "validation_loss")
    traces = _band(learnt, index, "training", quiet=True) + _band(held_out, index, "validation")
    best = [run.best_epoch for run in results.runs if run.loss == arm.label]
    return picture(
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


def gradients(results: Results) -> Plot:
    """Draw the norm of the gradient, all losses on one axis."""
    traces: list[go.Scatter] = []
    words: list[str] = []
    for index, arm in enumerate(results.losses):
        curves = _curves(results, arm.label, "gradient_norm")
        traces += _band(curves, index, arm.title)
        first, last = curves[:, 0].mean(), curves[:, -1].mean()
        words.append(f"{arm.title} from {number(float(first))} to {number(float(last))}")
    return picture(
        "gradients",
        "",
        f"Norm of the gradient by epoch: {join(words)}.",
        traces,
        x=_epochs(results),
        y={"title": {"text": "gradient norm"}, "type": "log", "tickformat": "~g", "nticks": 6},
    )
