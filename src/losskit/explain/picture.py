"""The curves of a loss: its value, gradient and curvature while one number moves."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from losskit.core.loss import Loss
from losskit.core.positionwise import Positionwise
from losskit.explain.samples import Scene, Sweep, sweep

__all__ = ["Curve", "Picture", "picture"]

Floats = NDArray[np.float64]

# Odd, so that the middle of the range, where kinks tend to be, is one of them.
_POINTS = 601


@dataclass(frozen=True)
class Curve:
    """What a loss does while one number moves.

    Attributes
    ----------
    label : str
        What is particular about it; empty where it is the only one.
    value, gradient : array
        The loss, and its derivative in the number that moves.
    curvature : array or None
        The second derivative; None where the loss has none in closed form.
    """

    label: str
    value: Floats
    gradient: Floats
    curvature: Floats | None


@dataclass(frozen=True)
class Picture:
    """Curves of a loss over one axis.

    Attributes
    ----------
    title : str
        The loss, with its parameters.
    axis, held : str
        What moves and what stays, in words.
    moved : str
        The array in which it moves.
    x : array
        The number that moves.
    curves : tuple of Curve
        One for each sample call.
    """

    title: str
    axis: str
    held: str
    moved: str
    x: Floats
    curves: tuple[Curve, ...]


def picture(loss: Loss) -> Picture:
    """Compute the curves of a loss.

    Raises
    ------
    ValueError
        If the loss takes none of the sample calls.
    """
    # A pole or an overflow at the edge leaves a gap in the curve, and sample calls are no call of
    # the user's: nothing to warn of.
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = sweep(loss)
        x = np.linspace(found.low, found.high, _POINTS)
        curves = tuple(_curve(found, scene, x) for scene in found.scenes)
    settings = ", ".join(f"{name}={_text(getattr(loss, name))}" for name in _shown(loss))
    title = f"{loss.card.title}: {loss.name}({settings})"
    return Picture(title, found.axis, found.held, loss.arguments[0].name, x, curves)


def _shown(loss: Loss) -> list[str]:
    """Return the parameters that say something: not an index or None, unless it was given."""
    default = type(loss)()
    return [
        name
        for name, declared in loss.parameters().items()
        if (getattr(loss, name) is not None and declared.kind != "integer")
        or getattr(loss, name) != getattr(default, name)
    ]


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_text(item) for item in value)}]"
    return f"{value:g}" if isinstance(value, float) else str(getattr(value, "__name__", value))


def _curve(found: Sweep, scene: Scene, x: Floats) -> Curve:
    compute = _together if isinstance(found.loss, Positionwise) else _one_by_one
    return Curve(scene.label, *compute(found.loss, scene, x))


def _together(loss: Loss, scene: Scene, x: Floats) -> tuple[Floats, Floats, Floats | None]:
    """Compute all points in one call, each at a position of its own."""
    arrays = [np.repeat(array, len(x), axis=0) for array in scene.arrays]
    at: Any = (slice(None), *scene.at[1:])
    arrays[0][at] = x
    options: dict[str, Any] = {"reduction": "none", "validate": False}
    values, gradients = loss.value_and_gradient(*arrays, **options)
    value = values[at[: values.ndim]]
    bends = _curvature(loss, arrays, options)
    return value, _head(gradients)[at], None if bends is None else bends[at]


def _one_by_one(loss: Loss, scene: Scene, x: Floats) -> tuple[Floats, Floats, Floats | None]:
    """Compute each point in a call of its own: its positions depend on each other."""
    value, gradient, curvature = np.empty_like(x), np.empty_like(x), np.empty_like(x)
    bent = True
    for index, number in enumerate(x):
        arrays = scene.moved(number)
        value[index], gradients = loss.value_and_gradient(*arrays, validate=False)
        gradient[index] = _head(gradients)[scene.at]
        bends = _curvature(loss, arrays, {"validate": False}) if bent else None
        bent = bends is not None
        if bends is not None:
            curvature[index] = bends[scene.at]
    return value, gradient, curvature if bent else None


def _curvature(loss: Loss, arrays: list[Any], options: dict[str, Any]) -> Any:
    """Return the second derivative in the first output; None where there is no closed form."""
    try:
        return _head(loss.curvature(*arrays, **options))
    except ValueError:
        # The same arrays had a value and a gradient, so this is all that it can say.
        return None


def _head(derivatives: Any) -> Any:
    """Return the derivative in the first of the model's outputs."""
    return derivatives[0] if isinstance(derivatives, tuple) else derivatives
