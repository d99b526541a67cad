"""The loss around a point in the space of a model's weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["Landscape", "landscape"]

Floats = NDArray[np.float64]

_NORMALISE = ("filter", "layer", "none")


@dataclass(frozen=True, eq=False)
class Landscape:
    """A loss on a plane through a model's weights.

    Attributes
    ----------
    x, y : array (P,)
        Steps along the two directions; 0, the model itself, is the middle one.
    values : array (P, P)
        The loss; row i belongs to ``y[i]``, column j to ``x[j]``.
    """

    x: Floats
    y: Floats
    values: Floats

    @property
    def centre(self) -> float:
        """The loss of the model itself."""
        middle = len(self.x) // 2
        return float(self.values[middle, middle])

    def contour(self) -> go.Figure:
        """Draw lines of equal loss; needs Plotly."""
        return self._figure("Contour", {"xaxis_title": "direction 1", "yaxis_title": "direction 2"})

    def surface(self) -> go.Figure:
        """Draw the loss as a surface in space; needs Plotly."""
        axes = {"xaxis_title": "direction 1", "yaxis_title": "direction 2", "zaxis_title": "loss"}
        return self._figure("Surface", {"scene": axes})

    def _figure(self, kind: str, layout: dict[str, Any]) -> go.Figure:
        try:
            import plotly.graph_objects as go  # noqa: PLC0415
        except ImportError as error:
            raise ImportError(
                "drawing a landscape needs Plotly: pip install plotly; its x, y and values are "
                "arrays for any other library"
            ) from error
        trace = getattr(go, kind)(x=self.x, y=self.y, z=self.values)
        return go.Figure(data=[trace], layout=layout)


def landscape(
    model: nn.Module,
    loss_fn: Callable[[nn.Module], Tensor],
    *,
    points: int = 25,
    radius: float = 1.0,
    normalise: str = "filter",
    seed: int = 0,
    directions: tuple[Sequence[Tensor], Sequence[Tensor]] | None = None,
) -> Landscape:
    """Compute a loss on a plane of two directions around a model's weights.

    The two directions are drawn at random and brought to the weights' own scale: each filter (each
    row of a linear layer) of a direction gets the norm of the model's filter, so that a network
    whose layers are scaled against each other looks the same. Parameters with one axis or none
    (biases, those of normalisations) are not moved.

    Parameters
    ----------
    model : torch.nn.Module
        The trained model. It is left as it was: weights, buffers, training mode, gradients.
    loss_fn : function
        Takes the model and returns its loss, a tensor of one number, as in
        ``lambda model: criterion(model(x), target)``. It is called ``points²`` times, without
        gradients, and each time from the same state of the random numbers. Call ``model.eval()``
        before, unless dropout and batch statistics are meant to take part.
    points : int, default 25
        Points along each direction; odd, so that the model itself is one of them.
    radius : float, default 1.0
        How far to go along each direction; with 1 and "filter" as far as the weights are long.
    normalise : {"filter", "layer", "none"}, default "filter"
        What gets the length of the model's own: each filter, each parameter or nothing.
    seed : int, default 0
        Of the directions.
    directions : pair of sequences of tensors, optional
        Directions of one's own, taken as they are: a tensor for each of ``model.parameters()``.

    Returns
    -------
    Landscape
        Arrays, which it can also draw as contours and as a surface.

    Raises
    ------
    ValueError
        If a number is out of its range, or directions do not fit the parameters.
    TypeError
        If the loss is not one number.

    References
    ----------
    Li, H. et al. (2018). Visualizing the Loss Landscape of Neural Nets.

    Examples
    --------
    >>> import torch, losskit.torch
    >>> model = torch.nn.Linear(2, 1, bias=False)
    >>> found = losskit.torch.landscape(model, lambda m: (m.weight ** 2).sum(), points=3)
    >>> found.values.shape, bool(found.values.argmin() in range(9))
    ((3, 3), True)
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"landscape: model must be a torch.nn.Module, got {model!r}")
    if not isinstance(points, int) or isinstance(points, bool) or points < 3 or points % 2 == 0:
        raise ValueError(f"landscape: points must be an odd integer >= 3, got {points!r}")
    if not (isinstance(radius, (int, float)) and math.isfinite(radius) and radius > 0):
        raise ValueError(f"landscape: radius must be a finite number > 0, got {radius!r}")
    if normalise not in _NORMALISE:
        known = ", ".join(map(repr, _NORMALISE))
        raise ValueError(f"landscape: normalise must be one of {known}, got {normalise!r}")
    weights = list(model.parameters())
    if not weights:
        raise ValueError("landscape: the model has no parameters to move")
    if directions is None:
        generator = torch.Generator().manual_seed(seed)
        first, second = (_direction(weights, normalise, generator) for _ in range(2))
    else:
        if len(directions) != 2:
            raise ValueError(f"landscape: directions must be a pair, got {len(directions)}")
        first, second = (_given(weights, direction) for direction in directions)
    steps = np.linspace(-radius, radius, points)
    steps[points // 2] = 0.0
    values = np.empty((points, points))
    on_cpu = all(weight.device.type == "cpu" for weight in weights)
    # For all devices, PyTorch's own notes down the caller each time, which takes longer than a
    # small network.
    draw_anew = torch.default_generator.manual_seed if on_cpu else torch.manual_seed
    with _as_it_was(model), torch.no_grad(), torch.random.fork_rng():
        origin = [weight.clone() for weight in weights]
        for row, along_second in enumerate(steps):
            for column, along_first in enumerate(steps):
                for weight, at, one, other in zip(weights, origin, first, second, strict=True):
                    weight.copy_(at + along_first * one + along_second * other)
                draw_anew(0)
                values[row, column] = _number(loss_fn(model))
    return Landscape(steps, steps.copy(), values)


def _direction(
    weights: Sequence[Tensor], normalise: str, generator: torch.Generator
) -> list[Tensor]:
    direction: list[Tensor] = []
    for weight in weights:
        # Drawn on the CPU, so that the same seed means the same plane on every device.
        drawn = torch.randn(weight.shape, generator=generator).to(weight)
        if weight.ndim < 2 and normalise != "none":
            direction.append(torch.zeros_like(drawn))
            continue
        if normalise != "none":
            axes = tuple(range(1 if normalise == "filter" else 0, weight.ndim))
            own = torch.linalg.vector_norm(weight.detach(), dim=axes, keepdim=True)
            drawn *= own / torch.linalg.vector_norm(drawn, dim=axes, keepdim=True).clamp_min(1e-30)
        direction.append(drawn)
    return direction


def _given(weights: Sequence[Tensor], direction: Sequence[Tensor]) -> list[Tensor]:
    shapes = [tuple(weight.shape) for weight in weights]
    found = [tuple(part.shape) for part in direction]
    if found != shapes:
        raise ValueError(
            f"landscape: a direction has the shapes {found}, but the parameters {shapes}"
        )
    return [part.detach().to(weight) for part, weight in zip(direction, weights, strict=True)]


@contextmanager
def _as_it_was(model: nn.Module) -> Iterator[None]:
    """Leave the model's numbers, its modules' modes and the random numbers as they were."""
    kept = [(one, one.detach().clone()) for one in (*model.parameters(), *model.buffers())]
    modes = [(module, module.training) for module in model.modules()]
    try:
        yield
    finally:
        with torch.no_grad():
            for one, numbers in kept:
                one.copy_(numbers)
        for module, training in modes:
            module.training = training


def _number(loss: object) -> float:
    if isinstance(loss, Tensor) and loss.numel() == 1:
        return float(loss)
    found = tuple(loss.shape) if isinstance(loss, Tensor) else repr(loss)
    raise TypeError(f"landscape: loss_fn must return a tensor of one number, got {found}")
