"""How gradients arrive, and whether weights follow them: LK152 and LK301 to LK305."""

from __future__ import annotations

import math
import weakref
from collections import Counter
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from losskit.check.findings import Finding, Severity, Sight
from losskit.check.report import found
from losskit.check.training.hooks import for_gradients, leads_to, on_gradient
from losskit.check.training.layers import Layer, Layers, places

__all__ = ["Gradients"]

STAYS = 3
"""Looks in a row in which gradients have to vanish."""

UNMOVED = 32
"""Steps of optimisers without a movement."""

CLEARED, ACCUMULATED = 128, 1024
"""Steps without a movement where no optimiser is seen to step: with gradients that are cleared in
between, and with gradients that may be accumulated over so many batches."""

ARRIVED = 0.01
"""Share of its largest gradient below which a weight may stand still: it has arrived."""

BEGINNING = 5
"""Looks that say how large gradients are at the beginning."""

VANISHED, EXPLODED = 1e-5, 1e3


class _Updates:
    """Counts steps of optimisers, whosever weights they hold."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        if not torch.compiler.is_compiling():
            self.count += 1


class Gradients:
    """Looks at the gradients of some steps, and at what becomes of the weights.

    Attributes
    ----------
    numbers : dict
        What a logger is told.
    """

    def __init__(self, model: nn.Module, layers: Layers) -> None:
        self.numbers: dict[str, float] = {}
        self._model = model
        self._layers = layers
        self._seen: Counter[str] = Counter()
        self._first: list[tuple[float, float]] = []
        self._weights: dict[str, Tensor] = {}
        self._still: dict[str, tuple[int, int]] = {}
        self._last = 0, 0
        self._learning: set[str] = set()
        self._largest: dict[str, float] = {}
        self._backward = self._connected = self._kept = False
        self._arrived: Tensor | None = None
        self._loss = math.nan
        self._stale = 0
        self._step = 0
        self._updates = _Updates()
        # Holds nothing of the model, and ends with the watch where nobody closes it.
        handle = register_optimizer_step_post_hook(self._updates)
        self.close = weakref.finalize(self, handle.remove)
        self.close.atexit = False

    def begin(self, value: Tensor, step: int) -> Iterator[Finding]:
        """Begin to look at the gradients of a step, before they come."""
        self._step = step
        self._loss = float(value.detach().float().mean())
        yield from self._movement(step)
        self._backward = self._connected = False
        self._arrived = None
        self._layers.open_gradients()
        on_gradient(value, self._arrives)
        self.join(value)

    def join(self, value: Tensor) -> None:
        """Take another loss of the same step."""
        matrices = {id(p) for p in self.trainable().values() if p.ndim > 1}
        self._connected = self._connected or leads_to(value, matrices)
        on_gradient(value, self._begins)

    def next(self, value: Tensor) -> None:
        """Take the loss of the step that follows."""
        on_gradient(value, self._next_begins)

    def end(self) -> Iterator[Finding]:
        """Judge what has come since."""
        layers = self._layers.take_gradients()
        matrices = any(p.ndim > 1 for p in self.trainable().values())
        # torch.autograd.grad leaves nothing in the weights.
        if self._backward and not layers and matrices and not self._connected:
            yield found(
                "LK152",
                "backward() ran, and no weight of the model got a gradient: the loss was not "
                "computed from its output",
                sight=Sight(step=self._step),
            )
            return
        yield from self._sizes(layers)
        if self._stale >= 2:
            yield found(
                "LK305",
                "gradients of the step before are still there when backward() adds the next, "
                "although the weights have moved on since",
                sight=Sight(step=self._step),
            )

    def trainable(self) -> dict[str, Tensor]:
        """Return the parameters that want a gradient, by name."""
        return {name: p for name, p in self._model.named_parameters() if p.requires_grad}

    # Hooks on losses.

    @for_gradients
    def _arrives(self, gradient: Tensor) -> None:
        if self._arrived is None:
            self._arrived = gradient.detach().float().abs().sum()

    @for_gradients
    def _begins(self, gradient: Tensor) -> None:
        self._backward = True

    @for_gradients
    def _next_begins(self, gradient: Tensor) -> None:
        """Count gradients that a step of the optimiser has used and nobody has cleared."""
        now = self.trainable()
        left = {
            name
            for name, p in now.items()
            if p.grad is not None and not p.grad.is_sparse and bool((places(p.grad) != 0).any())
        }
        # Accumulation over several batches leaves the weights where they are; and of weights that
        # the optimiser does not hold, gradients stay, which harms nobody.
        moved = any(
            name in self._weights and not torch.equal(places(now[name]), self._weights[name])
            for name in left
        )
        self._kept = bool(left)
        self._stale = self._stale + 1 if moved else 0

    # What they say.

    def _movement(self, step: int) -> Iterator[Finding]:
        """LK304: weights that got a gradient and are where they were."""
        now = {name: places(p) for name, p in self.trainable().items()}
        for name in self._still.keys() - self._learning:
            del self._still[name]
        for name in self._learning & now.keys() & self._weights.keys():
            if torch.equal(now[name], self._weights[name]):
                self._still.setdefault(name, self._last)
            else:
                self._still.pop(name, None)
        self._weights, self._last = now, (step, self._updates.count)
        stuck = [name for name in now if name in self._still and self._too_long(name, step)]
        if stuck:
            everything = len(stuck) == len(self._learning)
            what = "no weight of the model has" if everything else f"{len(stuck)} weights have not"
            yield found(
                "LK304",
                f"{what} changed since the last looks, although they get gradients; the first is "
                f"{stuck[0]}",
                severity=None if everything else Severity.SUSPICIOUS,
                sight=Sight(layer=stuck[0].removesuffix(".weight"), step=step),
                weights=len(stuck),
            )

    def _too_long(self, name: str, step: int) -> bool:
        since, updates_then = self._still[name]
        steps, updates = step - since, self._updates.count - updates_then
        if updates:
            return min(steps, updates) >= UNMOVED
        # Until an optimiser steps, gradients may be meant to add up.
        return steps >= (ACCUMULATED if self._kept else CLEARED)

    def _sizes(self, layers: list[Layer]) -> Iterator[Finding]:
        """LK301 and LK302, from the gradients of the weights, first layer to last."""
        for layer in layers:
            name, size = layer.parameter, layer.gradient
            self._largest[name] = max(size, self._largest.get(name, 0.0))
            if layer.pulled and size > ARRIVED * self._largest[name]:
                self._learning.add(name)
            else:
                self._learning.discard(name)
        sizes = [layer.gradient for layer in layers if math.isfinite(layer.gradient)]
        if not sizes:
            return
        total = math.sqrt(sum(size**2 for size in sizes))
        self.numbers = {"losskit/gradient": total}
        scale = self._scale()
        yield from self._exploding(layers, total / scale)
        yield from self._vanishing(layers, scale)

    def _scale(self) -> float:
        """Return what the loss was multiplied with before backward(), as for half precision."""
        scale = 1.0 if self._arrived is None else float(self._arrived)
        return scale if math.isfinite(scale) and scale > 0 else 1.0

    def _exploding(self, layers: list[Layer], total: float) -> Iterator[Finding]:
        if len(self._first) < BEGINNING:
            self._first.append((total, self._loss))
        first, loss = (sorted(one)[len(one) // 2] for one in zip(*self._first, strict=True))
        # On the way off a plateau gradients grow as well, and the loss falls.
        falls = self._loss < loss - 0.1 * abs(loss)
        grown = len(self._first) > 3 and first > 0 and total > EXPLODED * first and not falls
        self._seen["LK301"] = self._seen["LK301"] + 1 if grown else 0
        if self._seen["LK301"] >= 2:
            largest = max(layers, key=lambda layer: layer.gradient)
            yield found(
                "LK301",
                f"gradients have a root mean square of {total:.3g}, and began at {first:.3g}; the "
                f"largest are in {largest.name}, whose weights are of size {largest.weight:.3g}",
                sight=Sight(layer=largest.name, step=self._step),
                gradient=total,
                first=first,
            )

    def _vanishing(self, layers: list[Layer], scale: float) -> Iterator[Finding]:
        if len(layers) < 3:
            return
        head, tail = layers[0], layers[-1]
        ratio = head.gradient / tail.gradient if tail.gradient > 0 else math.inf
        # Of a loss that is 0 there is nothing to come back.
        if ratio < VANISHED and tail.gradient > 1e-7 * scale:
            self._seen["LK302"] += 1
        else:
            self._seen["LK302"] = 0
        if self._seen["LK302"] >= STAYS:
            yield found(
                "LK302",
                f"gradients in {head.name} are {ratio:.1e} of those in {tail.name}",
                sight=Sight(layer=head.name, step=self._step),
                ratio=ratio,
            )
