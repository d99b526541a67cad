"""What to see before a training is paid for: the first loss, one batch by heart, independence."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from losskit.check.criterion import Criterion, criterion_of
from losskit.check.findings import Finding, Severity
from losskit.check.report import Report, found
from losskit.check.tensors import check
from losskit.check.tensors.beginning import knowing_nothing
from losskit.check.tensors.call import Call, call_of
from losskit.check.training.batches import doubled, first, mapped, samples
from losskit.check.values import Floats
from losskit.core.batchwise import Batchwise
from losskit.core.contracts import (
    EMBEDDINGS,
    LOG_PROBABILITIES,
    PROBABILITIES,
)

__all__ = ["preflight"]

SAMPLES = 32
"""Samples of the batch that is learnt by heart."""

LEARNT = 0.5
"""Share of the way from knowing nothing to the lowest loss that a model must get."""

_HOPELESS = frozenset({"LK151", "LK152", "LK202", "LK215"})
"""What keeps any model from learning, so that trying shows nothing more."""

Forward = Callable[[nn.Module, Any], tuple[Any, ...]]


def preflight(
    model: nn.Module,
    loss_fn: Any,
    batch: Any,
    *,
    forward: Forward | None = None,
    steps: int = 200,
    learning_rates: tuple[float, ...] = (3e-3, 1e-2, 3e-4),
    batch_axis: int | None = None,
) -> Report:
    """Check a model, a loss and a batch before they are trained for long.

    The batch is checked as `losskit.check` does, the first loss against that of a model that
    knows nothing, each sample's output for independence of the others, the gradient for growth
    with the batch's size; and copies of the model learn the first samples by heart, with their
    inputs and, as a control, with zeros in place of them. The model itself, its mode and the
    random numbers stay as they are.

    Parameters
    ----------
    model : Module
        The model as it is initialised.
    loss_fn : module or function
        The loss.
    batch : tuple of (inputs, target)
        A batch as the training has it; inputs may be a tensor, a tuple or a dict of them.
    forward : callable, optional
        Takes model and batch and returns what the loss is called with; by default
        ``(model(inputs), target)``.
    steps : int, default 200
        Steps of Adam in which the samples must be learnt.
    learning_rates : tuple of float
        Tried one after the other until the samples are learnt.
    batch_axis : {0, 1}, optional
        On which axis of the inputs the samples are; without it on axis 0, or on axis 1 where the
        target has as many as that and not as many as axis 0, as recurrent layers have it.

    Returns
    -------
    Report
        Findings, the worst first; the notes say what was reached.

    Raises
    ------
    TypeError
        If the model is no module, or the batch no pair and no ``forward`` says how to read it.
    ValueError
        If ``steps`` is less than 1, or ``batch_axis`` neither 0 nor 1.

    Examples
    --------
    >>> import torch
    >>> from losskit.torch import preflight
    >>> inputs, target = torch.randn(64, 4), torch.arange(64) % 3
    >>> model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Softmax(1))
    >>> report = preflight(model, torch.nn.CrossEntropyLoss(), (inputs, target), steps=20)
    >>> report.codes[0]
    'LK101'
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"preflight takes a torch.nn.Module, got {type(model).__name__}")
    if steps < 1:
        raise ValueError(f"steps must be 1 or more, got {steps!r}")
    if batch_axis not in (None, 0, 1):
        raise ValueError(f"batch_axis must be 0, 1 or None, got {batch_axis!r}")
    if forward is None:
        if not (isinstance(batch, (tuple, list)) and len(batch) == 2):
            raise TypeError(
                "batch must be a pair of inputs and target; for others give forward, which takes "
                "model and batch and returns what the loss is called with"
            )
        forward = _pair
    devices = sorted({p.device.index or 0 for p in model.parameters() if p.device.type == "cuda"})
    with torch.random.fork_rng(devices=devices), torch.enable_grad():
        return _Flight(model, loss_fn, batch, forward, steps, learning_rates, batch_axis).report()


def _pair(model: nn.Module, batch: Any) -> tuple[Any, ...]:
    inputs, target = batch
    if isinstance(inputs, dict):
        output = model(**inputs)
    elif isinstance(inputs, (tuple, list)):
        output = model(*inputs)
    else:
        output = model(inputs)
    return getattr(output, "logits", output), target


@dataclass
class _Flight:
    model: nn.Module
    loss_fn: Any
    batch: Any
    forward: Forward
    steps: int
    learning_rates: tuple[float, ...]
    batch_axis: int | None

    def report(self) -> Report:
        """Run all checks."""
        criterion = criterion_of(self.loss_fn)
        subject = f"{type(self.model).__name__} with {criterion.name}"
        args = self.forward(copy.deepcopy(self.model), self.batch)
        findings, notes, numbers = self._of_call(criterion, args)
        try:
            findings += self._gradient()
            findings += self._growth(criterion)
            if not _HOPELESS & {one.code for one in findings}:
                found_here, said = self._by_heart(criterion)
                if not found_here and said and any(one.code == "LK207" for one in findings):
                    # A last layer of zeros is a way to begin.
                    findings = [one for one in findings if one.code != "LK207"]
                    said.append("all samples begin with the same output, and learn to differ")
                findings += found_here
                notes += said
        except (IndexError, RuntimeError, TypeError, ValueError) as error:
            if not findings:
                raise
            # What was found says it better than the loss does.
            notes.append(f"the loss refuses the batch: {str(error).splitlines()[0]}")
        return Report.of(subject, findings, notes, numbers)

    def _of_call(
        self, criterion: Criterion, args: tuple[Any, ...]
    ) -> tuple[list[Finding], list[str], dict[str, float]]:
        pair: dict[str, Any] = {}
        if self.forward is _pair:
            inputs = self.batch[0]
            pair = {
                "model": self.model,
                "batch": tuple(inputs) if isinstance(inputs, list) else inputs,
                "batch_axis": self.batch_axis,
            }
        try:
            report = check(self.loss_fn, *args, untrained=True, **pair)
        except (TypeError, ValueError) as error:
            note = f"what {criterion.name} is called with could not be judged: {error}"
            return [], [note], {}
        return list(report.findings), list(report.notes), dict(report.numbers)

    def _loss(self, model: nn.Module, batch: Any) -> Tensor:
        value: Tensor = self.loss_fn(*self.forward(model, batch))
        return value.mean() if value.ndim else value

    def _gradient(self) -> Iterator[Finding]:
        """LK151 and LK152: no gradient reaches the model."""
        copied = copy.deepcopy(self.model)
        trainable = [p for p in copied.parameters() if p.requires_grad]
        if not trainable:
            return
        loss = self._loss(copied, self.batch)
        if not loss.requires_grad:
            yield found("LK151", "the loss has no gradient, although the model has weights")
            return
        gradients = torch.autograd.grad(loss, trainable, allow_unused=True)
        if all(one is None for one in gradients):
            yield found("LK152", "the loss has a gradient, and none in any weight of the model")

    def _growth(self, criterion: Criterion) -> Iterator[Finding]:
        """LK213: a loss that doubles with the batch."""
        if isinstance(criterion.loss, Batchwise) or criterion.reduction == "sum":
            return
        model = copy.deepcopy(self.model).eval()
        with torch.no_grad():
            once = float(self._loss(model, self.batch))
            twice = float(self._loss(model, doubled(self.batch, self.batch_axis)))
        if once > 0 and 1.9 < twice / once < 2.1:
            yield found(
                "LK213",
                f"the loss of the batch is {once:.4g}, and of the same batch twice {twice:.4g}",
                ratio=twice / once,
            )

    def _by_heart(self, criterion: Criterion) -> tuple[list[Finding], list[str]]:
        """LK306 and LK307: a few samples that cannot be learnt, or without being looked at."""
        few = first(self.batch, SAMPLES, self.batch_axis)
        learnt = min(samples(self.batch, self.batch_axis)[0], SAMPLES)
        begun, floor, constant = self._levels(criterion, few)
        if not (math.isfinite(begun) and begun - floor > 1e-3):
            return [], []
        best, rate = math.inf, self.learning_rates[0]
        goal = floor + (1 - LEARNT) * (min(begun, constant) - floor)
        for one in self.learning_rates:
            reached = self._trained(few, one)
            if reached < best:
                best, rate = reached, one
            if best <= floor + 0.2 * (min(begun, constant) - floor):
                break
        notes = [
            f"{learnt} samples were learnt from a loss of {begun:.4f} to {best:.4f} in "
            f"{self.steps} steps of Adam at {rate:g}"
        ]
        findings = []
        blind = _blinded(few, self.forward)
        if blind is not None and constant - floor > 0.05 * max(abs(constant), 1e-6):
            without = self._trained(blind, rate)
            if without - floor < 1.1 * (best - floor) + 0.02 * (constant - floor):
                findings.append(
                    found(
                        "LK307",
                        f"with zeros as input the loss comes to {without:.4f}, with the true input "
                        f"to {best:.4f}",
                        severity=Severity.SUSPICIOUS,
                        reached=best,
                        control=without,
                    )
                )
        if not best <= goal:
            findings.append(
                found(
                    "LK306",
                    f"{learnt} samples cannot be learnt by heart: {self.steps} steps take "
                    f"the loss from {begun:.4f} to {best:.4f}; {floor:.4f} is possible, and "
                    f"{constant:.4f} takes no look at the input",
                    begun=begun,
                    reached=best,
                    floor=floor,
                )
            )
        return findings, notes

    def _levels(self, criterion: Criterion, few: Any) -> tuple[float, float, float]:
        """Return the loss at the start, the lowest that any output has, and the best constant's."""
        model = copy.deepcopy(self.model)
        args = self.forward(model, few)
        value = self.loss_fn(*args)
        begun = float(value.detach().mean())
        try:
            call = call_of(criterion, args, {})
        except (TypeError, ValueError):
            return begun, 0.0, begun
        known = knowing_nothing(call)
        scale = call.values.size if criterion.reduction == "sum" and call.values is not None else 1
        constant = begun if known is None else known[0] * scale
        return begun, min(_floor(call) * scale, begun), constant

    def _trained(self, batch: Any, rate: float) -> float:
        """Return the loss after so many steps on one batch."""
        torch.manual_seed(0)
        model = copy.deepcopy(self.model)
        model.train()
        for module in model.modules():
            # Learning by heart is what dropout is there to prevent.
            if isinstance(module, nn.modules.dropout._DropoutNd):
                module.eval()
        trainable = [p for p in model.parameters() if p.requires_grad]
        if not trainable:
            return math.inf
        optimizer = torch.optim.Adam(trainable, lr=rate)
        lowest = math.inf
        for _ in range(self.steps):
            optimizer.zero_grad()
            loss = self._loss(model, batch)
            if not loss.requires_grad:
                return math.inf
            torch.autograd.backward(loss)
            optimizer.step()
            value = float(loss.detach())
            if not math.isfinite(value):
                break
            lowest = min(lowest, value)
        return lowest


def _floor(call: Call) -> float:
    """Return the lowest mean loss of any output, by descending in the output itself."""
    loss, target = call.loss, call.target
    if loss is None or len(call.criterion.terms) != 1 or call.takes(EMBEDDINGS):
        return 0.0
    if call.takes(PROBABILITIES, LOG_PROBABILITIES):
        if target is None or target.shape != call.output.shape or call.takes(LOG_PROBABILITIES):
            return 0.0
        values = call.computed(loss, dict(call.arrays) | {call.output_name: target})
        return 0.0 if values is None or not values.size else float(values.mean())
    output: Floats = call.output.astype(np.float64)
    first, second = np.zeros_like(output), np.zeros_like(output)
    lowest = call.mean
    for step in range(1, 201):
        arrays = dict(call.arrays) | {call.output_name: output}
        try:
            value, gradient = loss.value_and_gradient(**arrays, validate=False)
        except (IndexError, TypeError, ValueError):
            return 0.0
        lowest = min(lowest, float(value))
        gradient = np.asarray(gradient[0] if isinstance(gradient, tuple) else gradient)
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        corrected = np.sqrt(second / (1 - 0.999**step)) + 1e-12
        output = output - 0.2 * (first / (1 - 0.9**step)) / corrected
    return lowest if math.isfinite(lowest) else 0.0


def _blinded(batch: Any, forward: Forward) -> Any:
    """Return the batch with zeros as input; None where it is not known what the input is."""
    if forward is not _pair:
        return None
    inputs, target = batch
    return mapped(inputs, torch.zeros_like), target
