"""The pictures of what happens from epoch to epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from losskit.compare.results import Results
from losskit.reporting.arrays import Floats
from losskit.reporting.drawing import band
from losskit.reporting.picture import Plot, picture
from losskit.reporting.wording import join, number, sentence

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["gradients", "metric", "own_loss"]


def _curves(results: Results, label: str, curve: str) -> Floats:
    """Return a curve of a loss, seeds by epochs; NaN where there is no number."""
    rows = [getattr(run.curves, curve) for run in results.runs if run.loss == label]
    return np.asarray(rows, dtype=np.float64)


def _counted(curves: Floats) -> range:
    return range(1, curves.shape[1] + 1)


def metric(results: Results) -> Plot:
    """Draw the deciding metric on the validation rows, all losses on one axis."""
    primary = results.primary
    traces: list[go.Scatter] = []
    ends: list[str] = []
    for index, arm in enumerate(results.losses):
        curves = _curves(results, arm.label, "validation_metric")
        traces += band(_counted(curves), curves, index, arm.title)
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
    epochs = _counted(learnt)
    traces = band(epochs, learnt, index, "training", quiet=True)
    traces += band(epochs, held_out, index, "validation")
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
        traces += band(_counted(curves), curves, index, arm.title)
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
