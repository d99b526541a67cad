"""A close look at one step: what the loss is given, what layers do, how gradients arrive."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator

from torch import Tensor, nn

from losskit.check.findings import Finding, Sight
from losskit.check.report import found
from losskit.check.tensors import ask
from losskit.check.training.calls import Given
from losskit.check.training.gradients import Gradients
from losskit.check.training.layers import Layer, Layers
from losskit.check.training.record import Record

__all__ = ["Look"]

_STATES = frozenset({"LK207", "LK208", "LK209", "LK214", "LK216", "LK217"})
"""What a training may pass through, and only is a mistake where it stays."""

_ONCE = frozenset({"LK210", "LK183", "LK205"})
"""What a check before the training says; single batches show it by chance."""

STAYS = 3
"""Looks in a row in which a state has to be seen."""

DEAD, LIMITED = 0.8, 0.95

WRONG, FAR = 0.02, 0.25
"""Share of outputs at their limits that may be wrong, and how far off is wrong, as a share of
what lies between the limits."""


class Look:
    """Looks at steps of a training, and remembers what has to be seen more than once."""

    def __init__(self, model: nn.Module, record: Record) -> None:
        self.count = 0
        self.opened = False
        self.pending = False
        self._record = record
        self._layers = Layers(model)
        self._gradients = Gradients(model, self._layers)
        self._seen: Counter[str] = Counter()
        self._judged = True
        self._step = 0

    @property
    def spent(self) -> float:
        """Seconds that were spent within the model's own passes."""
        return self._layers.spent

    @property
    def numbers(self) -> dict[str, float]:
        """What a logger is told."""
        return self._gradients.numbers

    def open(self) -> None:
        """Begin a look, before the model runs."""
        if not self.opened:
            self.opened = True
            self._layers.open()

    def close(self) -> None:
        """End a look, whatever it has seen."""
        self.opened = self.pending = False
        self._layers.close()

    def before_backward(self, value: Tensor, given: Given, step: int) -> Iterator[Finding]:
        """Look at what the loss was given; first finish the look before, whose gradients came."""
        last = self._layers.last(given.output)
        if self.pending:
            self._gradients.next(value)
        yield from self.after()
        if not self.opened:
            return
        self.opened = False
        self._layers.close()
        self.count += 1
        self._step = step
        yield from self.at_call(given, step)
        yield from self._states_of_layers(given, last, step)
        cut = self._cut(value, given, step)
        if cut is not None:
            yield cut
            return
        self.pending = True
        yield from self._gradients.begin(value, step)

    def beside(self, value: Tensor, given: Given, step: int) -> Iterator[Finding]:
        """Look at another loss of the step that is looked at, such as that of a second head."""
        if self.pending and step == self._step:
            self._gradients.join(value)
            yield from self.at_call(given, step, first=False)

    def after(self) -> Iterator[Finding]:
        """Look at the gradients that have come since the last look."""
        if self.pending:
            self.pending = False
            self._layers.close()
            yield from self._gradients.end()

    def end(self) -> Iterator[Finding]:
        """End all looks, and finish the last one."""
        self._gradients.close()
        self._layers.close()
        yield from self.after()

    # What the loss is called with.

    def at_call(self, given: Given, step: int, *, first: bool = True) -> Iterator[Finding]:
        """Ask what a check of a batch asks; of states, only at the first call of a step."""
        if not self._judged or given.reader.criterion is None or not given.arrays:
            return
        try:
            call = given.call(untrained=step == 0)
        except (TypeError, ValueError):
            # A loss that takes other things than its definition; of it, curves tell.
            self._judged = False
            return
        if first:
            self._record.targets(call)
        codes = set()
        for finding in ask(call):
            codes.add(finding.code)
            if finding.code in _ONCE:
                continue
            if finding.code in _STATES:
                if not first:
                    continue
                self._seen[finding.code] += 1
                needed = 1 if finding.code == "LK214" else STAYS
                if self._seen[finding.code] < needed:
                    continue
            yield _at(finding, step)
        if first:
            for code in _STATES - codes:
                self._seen[code] = 0

    def _states_of_layers(self, given: Given, last: set[str], step: int) -> Iterator[Finding]:
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
            limited = layer.limits >= LIMITED
            # What answers with 0 and 1, and is right, has arrived.
            if limited and (layer.name not in last or _is_wrong(layer, given)):
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

    def _cut(self, value: Tensor, given: Given, step: int) -> Finding | None:
        """LK151: a loss that has no gradient to give."""
        if value.requires_grad or not self._gradients.trainable():
            return None
        with_output = any(
            isinstance(one, Tensor) and one.is_floating_point() for one in given.arrays.values()
        )
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


def _is_wrong(layer: Layer, given: Given) -> bool:
    """Whether a last layer whose outputs are at their limits is off the target there."""
    output, target = given.output, given.arrays.get("target")
    if not isinstance(target, Tensor) or target.shape != output.shape:
        return False
    far = (output.detach() - target).abs() > FAR * layer.range
    return float(far.float().mean()) > WRONG


def _at(finding: Finding, step: int) -> Finding:
    sight = dataclasses.replace(finding.sight or Sight(), step=step)
    return dataclasses.replace(finding, sight=sight)
