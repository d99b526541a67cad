"""A close look at one step: what the loss is given, what layers do, how gradients arrive."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from losskit.check.criterion import criterion_of
from losskit.check.findings import Finding, Severity, Sight
from losskit.check.report import found
from losskit.check.tensors import ask
from losskit.check.tensors.call import call_of
from losskit.check.training.layers import Layer, Layers, places
from losskit.check.training.record import Record

__all__ = ["Look"]

ELEMENTS, SAMPLES = 2**15, 256
"""Elements of a batch that questions are asked about, and the fewest samples."""

_STATES = frozenset({"LK207", "LK208", "LK209", "LK214", "LK216", "LK217"})
"""What a training may pass through, and only is a mistake where it stays."""

_ONCE = frozenset({"LK210", "LK183", "LK205"})
"""What a check before the training says; single batches show it by chance."""

STAYS = 3
"""Looks in a row in which a state has to be seen."""

UNMOVED = 32
"""Steps without a movement, which is more than gradients are accumulated over."""

ARRIVED = 0.01
"""Share of its largest gradient below which a weight may stand still: it has arrived."""

DEAD, LIMITED = 0.8, 0.95
VANISHED, EXPLODED = 1e-5, 1e3


class Look:
    """Looks at steps of a training, and remembers what has to be seen more than once."""

    def __init__(self, model: nn.Module, loss_fn: Any, record: Record) -> None:
        self.model = model
        self.loss_fn = loss_fn
        self.count = 0
        self.opened = False
        self.pending = False
        self.numbers: dict[str, float] = {}
        self._record = record
        self._criterion = None if loss_fn is None else criterion_of(loss_fn)
        self._layers = Layers(model)
        self._seen: Counter[str] = Counter()
        self._last: dict[str, Finding] = {}
        self._norms: list[float] = []
        self._weights: dict[str, Tensor] = {}
        self._still: dict[str, int] = {}
        self._last_step = 0
        self._learning: set[str] = set()
        self._largest: dict[str, float] = {}
        self._backward = False
        self._stale = 0
        self._step = 0

    @property
    def spent(self) -> float:
        """Seconds that were spent within the model's own passes."""
        return self._layers.spent

    def open(self) -> None:
        """Begin a look, before the model runs."""
        if not self.opened:
            self.opened = True
            self._layers.open()

    def close(self) -> None:
        """End a look, whatever it has seen."""
        self.opened = self.pending = False
        self._layers.close()

    def before_backward(
        self,
        value: Tensor,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        given: Any,
        step: int,
    ) -> Iterator[Finding]:
        """Look at what the loss was given; first finish the look before, whose gradients came."""
        if self.pending and value.requires_grad:
            _on_gradient(value, self._next_backward_begins)
        yield from self.after()
        if not self.opened:
            return
        self.opened = False
        self._layers.close()
        self.count += 1
        self._step = step
        yield from self.at_call(args, kwargs, step)
        yield from self._states_of_layers(step)
        cut = self._cut(value, args, step)
        if cut is not None:
            yield cut
            return
        yield from self._movement(step)
        self.pending, self._backward = True, False
        self._layers.open_gradients()
        if value.requires_grad:
            _on_gradient(value, self._backward_begins)

    def after(self) -> Iterator[Finding]:
        """Look at the gradients that have come since the last look."""
        if not self.pending:
            return
        self.pending = False
        self._layers.close()
        layers = self._layers.take_gradients()
        if self._backward and not layers and any(p.ndim > 1 for p in self._trainable().values()):
            yield found(
                "LK152",
                "backward() ran, and no weight of the model got a gradient: the loss was not "
                "computed from its output",
                sight=Sight(step=self._step),
            )
            return
        yield from self._gradients(layers)
        if self._stale >= 2:
            yield found(
                "LK305",
                "gradients of the step before are still there when backward() adds the next, "
                "although the weights have moved on since",
                sight=Sight(step=self._step),
            )

    # What the loss is called with.

    def at_call(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], step: int
    ) -> Iterator[Finding]:
        """Ask what a check of a batch asks."""
        if self._criterion is None or not args:
            return
        named = {key: one for key, one in kwargs.items() if isinstance(one, Tensor)}
        kept = _kept([*args, *named.values()])
        # With gradients, so that it is still known which operation made them.
        with torch.enable_grad():
            arrays = [one[:kept] if isinstance(one, Tensor) and one.ndim else one for one in args]
            given = {key: one[:kept] for key, one in named.items() if key in ("input", "target")}
        try:
            call = call_of(
                self._criterion,
                tuple(arrays),
                given,
                untrained=step == 0,
                of_torch=type(self.loss_fn).__module__.startswith("torch."),
            )
        except (TypeError, ValueError):
            # A loss that takes other things than its definition; of it, curves tell.
            self._criterion = None
            return
        self._record.targets(call)
        codes = set()
        for finding in ask(call):
            codes.add(finding.code)
            if finding.code in _ONCE:
                continue
            if finding.code in _STATES:
                self._seen[finding.code] += 1
                needed = 1 if finding.code == "LK214" else STAYS
                if self._seen[finding.code] < needed:
                    continue
            yield _at(finding, step)
        for code in _STATES - codes:
            self._seen[code] = 0

    def _states_of_layers(self, step: int) -> Iterator[Finding]:
        for layer in self._layers.known.values():
            if layer.zero is not None and layer.looks >= STAYS:
                dead = float(layer.zero.float().mean())
                if dead >= DEAD:
                    yield found(
                        "LK303",
                        f"{dead:.0%} of the {layer.zero.numel()} units of {layer.name} have been 0 "
                        f"for every sample in {layer.looks} looks",
                        sight=Sight(layer=layer.name, step=step),
                        dead=dead,
                    )
            if layer.limits >= LIMITED:
                self._seen[f"LK208 {layer.name}"] += 1
                if self._seen[f"LK208 {layer.name}"] >= STAYS:
                    yield found(
                        "LK208",
                        f"{layer.limits:.0%} of the outputs of {layer.name} are at their limits, "
                        "where gradients are next to 0",
                        sight=Sight(layer=layer.name, step=step),
                        saturated=layer.limits,
                    )
            else:
                self._seen[f"LK208 {layer.name}"] = 0

    # Gradients.

    def _cut(self, value: Tensor, args: tuple[Any, ...], step: int) -> Finding | None:
        """LK151: a loss that has no gradient to give."""
        if value.requires_grad or not self._trainable():
            return None
        with_output = any(isinstance(one, Tensor) and one.is_floating_point() for one in args)
        return found(
            "LK151",
            "the loss has no gradient: "
            + (
                "what it was given was detached, or computed without gradients"
                if with_output
                else "what it was given is no floating-point output"
            ),
            sight=Sight(step=step),
        )

    def _backward_begins(self, gradient: Tensor) -> None:
        self._backward = True

    def _next_backward_begins(self, gradient: Tensor) -> None:
        """Count gradients that a step of the optimiser has used and nobody has cleared."""
        now = self._trainable()
        left = {
            name: places(p.grad)
            for name, p in now.items()
            if p.grad is not None and not p.grad.is_sparse
        }
        there = any(bool((one != 0).any()) for one in left.values())
        # Accumulation over several batches leaves the weights where they are.
        moved = any(
            name in self._weights and not torch.equal(places(now[name]), self._weights[name])
            for name in left
        )
        self._stale = self._stale + 1 if there and moved else 0

    def _movement(self, step: int) -> Iterator[Finding]:
        """LK304: weights that got a gradient and are where they were."""
        now = {name: places(p) for name, p in self._trainable().items()}
        for name in self._still.keys() - self._learning:
            del self._still[name]
        for name in self._learning & now.keys() & self._weights.keys():
            if torch.equal(now[name], self._weights[name]):
                self._still.setdefault(name, self._last_step)
            else:
                self._still.pop(name, None)
        self._weights, self._last_step = now, step
        stuck = [name for name in now if step - self._still.get(name, step) >= UNMOVED]
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

    def _gradients(self, layers: list[Layer]) -> Iterator[Finding]:
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
        self._norms.append(total)
        del self._norms[:-64]
        yield from self._exploding(layers, total)
        yield from self._vanishing(layers)

    def _exploding(self, layers: list[Layer], total: float) -> Iterator[Finding]:
        first = sorted(self._norms[:5])[len(self._norms[:5]) // 2]
        if len(self._norms) > 3 and first > 0 and total > EXPLODED * first:
            self._seen["LK301"] += 1
        else:
            self._seen["LK301"] = 0
        largest = max(layers, key=lambda layer: layer.gradient)
        weight = max(largest.weight, 1e-12)
        if self._seen["LK301"] >= 2 or largest.gradient > 1e6 * weight:
            yield found(
                "LK301",
                f"gradients have a root mean square of {total:.3g}, and began at {first:.3g}; the "
                f"largest are in {largest.name}, whose weights are of size {largest.weight:.3g}",
                sight=Sight(layer=largest.name, step=self._step),
                gradient=total,
                first=first,
            )

    def _vanishing(self, layers: list[Layer]) -> Iterator[Finding]:
        if len(layers) < 3:
            return
        head, tail = layers[0], layers[-1]
        ratio = head.gradient / tail.gradient if tail.gradient > 0 else math.inf
        # Of a loss that is 0 there is nothing to come back.
        if ratio < VANISHED and tail.gradient > 1e-7:
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

    def _trainable(self) -> dict[str, Tensor]:
        return {name: p for name, p in self.model.named_parameters() if p.requires_grad}


def _on_gradient(value: Tensor, then: Callable[[Tensor], None]) -> None:
    register: Any = value.register_hook
    register(then)


def _kept(values: list[Any]) -> int:
    """Return of how many samples questions are asked, the same for all arrays."""
    sizes = [(one.numel(), len(one)) for one in values if isinstance(one, Tensor) and one.ndim]
    elements, samples = max(sizes, default=(0, 0))
    return samples if elements <= ELEMENTS else max(SAMPLES, ELEMENTS * samples // elements)


def _at(finding: Finding, step: int) -> Finding:
    sight = dataclasses.replace(finding.sight or Sight(), step=step)
    return dataclasses.replace(finding, sight=sight)
