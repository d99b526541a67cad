"""What a training has done so far, in bounded memory: losses, validations, metrics, targets."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from losskit.check.criterion import Criterion
from losskit.check.curves.log import Log, gathered
from losskit.check.curves.questions import ask
from losskit.check.curves.series import Recorder
from losskit.check.findings import Finding, Tool
from losskit.check.report import found
from losskit.check.tensors.beginning import knowing_nothing
from losskit.check.tensors.call import Call
from losskit.check.values import label_shares

__all__ = ["Record"]

_SMALL = 256
"""Small batches that are remembered."""

_AROUND = 4
"""Batches before a small one, and after it, that it is held against."""

_EARLY, _EARLY_EPOCHS = 64, 8
"""Steps, and epochs, in which a loss may stand still, and no learning rate is too low."""

_STANDSTILL = frozenset({"LK401", "LK404", "LK405"})

_FLUSH = 512


@dataclass
class Record:
    """What happened in the steps of a training."""

    steps: int = 0
    train: Recorder = field(default_factory=lambda: Recorder("train_loss"))
    validation: Recorder = field(default_factory=lambda: Recorder("val_loss"))
    metrics: dict[str, Recorder] = field(default_factory=dict)
    small: list[tuple[float, float]] = field(default_factory=list)
    epoch: float = math.nan
    classes: int | None = None
    constants: list[float] = field(default_factory=list)
    _pending: list[Any] = field(default_factory=list)
    _pending_from: int = 0
    _recent: deque[float] = field(default_factory=lambda: deque(maxlen=_AROUND))
    _waiting: deque[tuple[float, list[float]]] = field(default_factory=deque)
    _usual: int = 0
    _labels: Any = None
    _held: list[tuple[float, int]] = field(default_factory=list)
    _right: list[tuple[float, int]] = field(default_factory=list)

    def step(self, loss: Any, size: int) -> None:
        """Take a training loss in: a number, or a tensor whose value is read later."""
        self._pending.append(loss)
        self.steps += 1
        if isinstance(loss, float):
            self._size(loss, size)
        if len(self._pending) >= _FLUSH:
            self.flush()

    def _size(self, loss: float, size: int) -> None:
        """Hold a last small batch of an epoch against those around it.

        Those before alone would have a higher loss in every training that learns.
        """
        self._usual = max(self._usual, size)
        if 2 * size <= self._usual and len(self._recent) == _AROUND:
            self._waiting.append((loss, [*self._recent]))
        elif size == self._usual:
            self._recent.append(loss)
            for _, around in self._waiting:
                around.append(loss)
            while self._waiting and len(self._waiting[0][1]) == 2 * _AROUND:
                small, around = self._waiting.popleft()
                if len(self.small) < _SMALL:
                    self.small.append((small, sum(around) / len(around)))

    def flush(self) -> list[float]:
        """Read the values of what is pending, all at once; return them."""
        if not self._pending:
            return []
        values = [float(one) for one in self._pending]
        count = len(values)
        step = np.arange(self._pending_from, self._pending_from + count, dtype=np.float64)
        epoch = np.full(count, self.epoch)
        self.train.add(step, epoch, np.asarray(values))
        self._pending_from += count
        self._pending.clear()
        return values

    def held_out(self, loss: float, size: int, right: tuple[float, int] | None = None) -> None:
        """Take the loss of a validation batch in, and how many of how many were right."""
        self._held.append((loss, max(size, 1)))
        if right is not None:
            self._right.append(right)

    def end_validation(self) -> bool:
        """Close a validation, if one is open; return whether one was."""
        if not self._held:
            return False
        at = np.asarray([float(self.steps)]), np.asarray([self.epoch])
        total = sum(size for _, size in self._held)
        mean = sum(loss * size for loss, size in self._held) / total
        self.validation.add(*at, np.asarray([mean]))
        if self._right:
            right, of = (sum(column) for column in zip(*self._right, strict=True))
            self.metric("val_accuracy", right / max(of, 1))
        self._held.clear()
        self._right.clear()
        return True

    def metric(self, name: str, value: float) -> None:
        """Take a metric in."""
        recorder = self.metrics.setdefault(name, Recorder(name))
        recorder.add(np.asarray([float(self.steps)]), np.asarray([self.epoch]), np.asarray([value]))

    def targets(self, call: Call) -> None:
        """Learn from a batch what an answer that knows nothing would cost."""
        if call.indices is not None and call.rows is not None:
            self.classes = int(call.rows.shape[-1])
            counts = label_shares(call.indices, self.classes) * call.indices.size
            known = self._labels is not None and len(self._labels) == len(counts)
            self._labels = self._labels + counts if known else counts
        known_nothing = knowing_nothing(call)
        if known_nothing is not None and len(self.constants) < _SMALL:
            self.constants.append(known_nothing[0])

    def log(self, criterion: Criterion | None = None) -> Log | None:
        """Return the curves so far; None before the first step."""
        self.flush()
        if not self.train.points:
            return None
        recorders = (self.train, self.validation, *self.metrics.values())
        shares = None if self._labels is None else self._labels / max(self._labels.sum(), 1)
        loss = criterion.loss if criterion is not None and len(criterion.terms) == 1 else None
        return gathered(
            "training",
            [recorder.curve() for recorder in recorders],
            classes=self.classes,
            never_negative=loss is not None and loss.card.never_negative,
            label_shares=shares,
            constant_loss=float(np.median(self.constants)) if self.constants else None,
        )

    def findings(self, criterion: Criterion | None = None) -> list[Finding]:
        """Return what the curves show."""
        log = self.log(criterion)
        if log is None:
            return []
        # An epoch that nobody told is NaN, and less than nothing.
        early = self.steps < _EARLY and not self.epoch >= _EARLY_EPOCHS
        hidden = _STANDSTILL if early else frozenset()
        seen = [
            finding
            for finding in ask(log)
            if Tool.WATCH in finding.rule.tools and finding.code not in hidden
        ]
        return [*seen, *self.last_small_batches()]

    def last_small_batches(self) -> list[Finding]:
        """LK308: the loss of smaller batches is another one."""
        if len(self.small) < 8:
            return []
        # Few samples have a skewed mean, so that medians would differ in any training.
        small, around = np.asarray(self.small).T
        if not (around > 0).all():
            return []
        ratio = float(small.sum() / around.sum())
        same = float(np.mean((small > around) == (ratio > 1)))
        if 0.6 < ratio < 1.4 or same < 0.6:
            return []
        return [
            found(
                "LK308",
                f"in {len(self.small)} smaller batches the loss is {ratio:.2f} times that of the "
                "batches around them",
                ratio=ratio,
            )
        ]
