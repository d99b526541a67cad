"""What layers do in one step: units that are 0, outputs at their limits, gradients."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from losskit.check.training.hooks import Hook, transformed, unary

__all__ = ["Layer", "Layers", "is_compiled", "leaves", "places"]

SAMPLES = 64
"""Samples of a batch that are looked at in each layer."""

_PLACES = 64
"""Elements of each weight that are compared to see whether it moves."""

_ZEROING = (nn.ReLU, nn.ReLU6, nn.Threshold)
_BOUNDED = {nn.Sigmoid: (0.0, 1.0), nn.Tanh: (-1.0, 1.0)}
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_CHANNELS_FIRST = (*_CONVOLUTIONS, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


@dataclass
class Layer:
    """What is known of one layer.

    Attributes
    ----------
    name : str
        Within the model.
    zero : Tensor or None
        Which units were 0 for all samples of all looks.
    looks : int
        How often it was looked at.
    limits : float
        Share of outputs at the limits of a sigmoid or tanh, in the last look; NaN without.
    range : float
        What lies between these limits.
    parameter : str
        Name of its weight, where gradients in it were seen.
    pulled : bool
        Whether there was a gradient at the `places` of the weight.
    gradient : float
        Root mean square of the gradient in its weight, in the last look; NaN without.
    weight : float
        That of the weight.
    """

    name: str
    zero: Tensor | None = None
    looks: int = 0
    limits: float = math.nan
    range: float = math.nan
    parameter: str = ""
    pulled: bool = False
    gradient: float = math.nan
    weight: float = math.nan


@dataclass
class Layers:
    """All layers of a model, looked at through hooks that stay for a single step.

    Attributes
    ----------
    model : Module
        The model.
    known : dict
        Name of a layer → what was seen of it.
    spent : float
        Seconds that the hooks took.
    """

    model: nn.Module
    known: dict[str, Layer] = field(default_factory=dict)
    spent: float = 0.0
    _hooks: list[Any] = field(default_factory=list)
    _gradients: dict[str, tuple[Tensor, Tensor, Tensor]] = field(default_factory=dict)
    _made: dict[str, Any] = field(default_factory=dict)
    _after_relu: bool = False
    _axis: int | None = None

    def open(self) -> None:
        """Begin to look at what layers give."""
        self._axis = None
        for name, module in leaves(self.model, compiled=False):
            self._hooks.append(module.register_forward_hook(Hook(self._seeing(name))))

    def open_gradients(self) -> None:
        """Begin to look at gradients, as they are accumulated."""
        for name, parameter in self.model.named_parameters():
            if parameter.requires_grad and parameter.ndim > 1:
                register: Any = parameter.register_post_accumulate_grad_hook
                self._hooks.append(register(Hook(self._accumulated(name))))

    def close(self) -> None:
        """Take all hooks away."""
        while self._hooks:
            self._hooks.pop().remove()
        self._made.clear()

    def last(self, output: Any) -> set[str]:
        """Return the bounded layers from whose output alone this was made."""
        if not self._made or not isinstance(output, Tensor):
            return set()
        nodes = {*unary(output)}
        return {name for name, node in self._made.items() if node in nodes}

    def take_gradients(self) -> list[Layer]:
        """Return the layers whose gradients came since they were looked for, in their order."""
        found = []
        for name in [name for name, _ in self.model.named_parameters()]:
            if name not in self._gradients:
                continue
            gradient, weight, pulled = (float(one) for one in self._gradients[name])
            layer = self._layer(name.removesuffix(".weight"))
            layer.parameter, layer.pulled = name, bool(pulled)
            layer.gradient, layer.weight = gradient, weight
            found.append(layer)
        self._gradients.clear()
        return found

    def _layer(self, name: str) -> Layer:
        return self.known.setdefault(name, Layer(name))

    def _accumulated(self, name: str) -> Callable[[Tensor], None]:
        def hook(parameter: Tensor) -> None:
            began, gradient = time.perf_counter(), parameter.grad
            if gradient is not None and not gradient.is_sparse:
                with torch.no_grad():
                    scale = math.sqrt(max(gradient.numel(), 1))
                    self._gradients[name] = (
                        gradient.norm() / scale,
                        parameter.norm() / scale,
                        (places(gradient) != 0).any(),
                    )
            self.spent += time.perf_counter() - began

        return hook

    def _seeing(self, name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            if transformed():
                return
            if not isinstance(output, Tensor):
                # Recurrent layers and attention, whose axes may be any.
                self._axis = None
                return
            if output.ndim < 2 or not len(output):
                return
            began = time.perf_counter()
            if isinstance(module, tuple(_BOUNDED)):
                self._made[name] = output.grad_fn
            with torch.no_grad():
                self._see(name, module, inputs, output.detach()[:SAMPLES])
            self.spent += time.perf_counter() - began

        return hook

    def _see(self, name: str, module: nn.Module, inputs: Any, output: Tensor) -> None:
        layer = self._layer(name)
        layer.looks += 1
        if isinstance(module, _ZEROING):
            _count_zero(layer, output, self._axis)
        elif isinstance(module, (nn.Linear, *_CONVOLUTIONS)) and inputs:
            # relu(...) as a function leaves no module; what it made comes in here.
            given = inputs[0]
            made = isinstance(given, Tensor) and given.ndim >= 2 and _from_relu(given)
            if made and not self._after_relu:
                before = self._layer(f"input of {name}")
                _count_zero(before, given.detach()[:SAMPLES], _units(module))
                before.looks += 1
        self._after_relu = isinstance(module, _ZEROING)
        axis = _units(module)
        self._axis = self._axis if axis is None else axis
        for kind, (low, high) in _BOUNDED.items():
            if isinstance(module, kind):
                edge = 0.01 * (high - low)
                outside = (output < low + edge) | (output > high - edge)
                layer.limits, layer.range = float(outside.float().mean()), high - low


def places(value: Tensor) -> Tensor:
    """Copy some elements, spread so that they meet all rows and columns alike."""
    flat = value.detach().reshape(-1)
    if len(flat) <= _PLACES:
        return flat.clone()
    # Steps of the golden section; even steps would follow a column.
    at = torch.arange(_PLACES, device=flat.device) * int(0.618034 * len(flat)) % len(flat)
    return flat[at]


def leaves(model: nn.Module, *, compiled: bool = True) -> list[tuple[str, nn.Module]]:
    """Return the modules that hold no others, with their names; within compiled ones if asked."""
    found: list[tuple[str, nn.Module]] = []

    def descend(name: str, module: nn.Module) -> None:
        if not compiled and is_compiled(module):
            return
        children = list(module.named_children())
        if not children:
            found.append((name or type(module).__name__, module))
        for child, inner in children:
            descend(f"{name}.{child}" if name else child, inner)

    descend("", model)
    return found


def is_compiled(module: nn.Module) -> bool:
    """Whether a module is run by ``torch.compile``, for which a hook within is another program."""
    in_place = getattr(module, "_compiled_call_impl", None) is not None
    return in_place or "_orig_mod" in module._modules


def _from_relu(given: Tensor) -> bool:
    node = given.grad_fn
    return node is not None and node.name().startswith("Relu")


def _units(module: nn.Module) -> int | None:
    """Return the axis of a layer's units; None where it leaves them where they were."""
    if isinstance(module, _CHANNELS_FIRST):
        return 1
    return -1 if isinstance(module, (nn.Linear, nn.LayerNorm, nn.Embedding)) else None


def _count_zero(layer: Layer, output: Tensor, axis: int | None) -> None:
    if axis is None:
        axis = 1 if output.ndim != 3 else 2
    others = [at for at in range(output.ndim) if at != axis % output.ndim]
    zero = (output == 0).all(dim=others[0]) if len(others) == 1 else _all(output == 0, others)
    fits = layer.zero is not None and layer.zero.shape == zero.shape
    layer.zero = (layer.zero & zero) if fits and layer.zero is not None else zero


def _all(flags: Tensor, axes: list[int]) -> Tensor:
    for axis in sorted(axes, reverse=True):
        flags = flags.all(dim=axis)
    return flags
