"""What a loss is called with, by names: its arrays, and the settings of this one call."""

from __future__ import annotations

import functools
import inspect
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from losskit.check.criterion import Criterion, criterion_of, uncompiled
from losskit.check.tensors.call import Call, call_of
from losskit.check.training.origin import tensors
from losskit.core.loss import Loss
from losskit.core.weighted_sum import WeightedSum

__all__ = ["Given", "Reader"]

ELEMENTS, SAMPLES = 2**15, 256
"""Elements of a batch that questions are asked about, and the fewest samples."""

_BY_NAME = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True)
class Given:
    """What a loss was called with.

    Attributes
    ----------
    reader : Reader
        Of which loss.
    arrays : dict
        What it compares, under the names of its definition.
    settings : dict
        Everything else, under the names of the call.
    surplus : bool
        Whether there is more than the loss is known to take.
    """

    reader: Reader
    arrays: dict[str, Any]
    settings: dict[str, Any]
    surplus: bool

    @property
    def output(self) -> Any:
        """What the model gave; None without a loss."""
        return next(iter(self.arrays.values()), None)

    @property
    def mask(self) -> Any:
        """Which positions take part; None for all."""
        return self.settings.get("mask")

    def criterion(self) -> Criterion:
        """Return the loss with the settings of this call.

        Raises
        ------
        TypeError, ValueError
            If they are none of the loss's.
        """
        return self.reader.criterion_with(self.settings)

    def call(self, untrained: bool) -> Call:
        """Return the first samples as questions take them.

        Raises
        ------
        TypeError, ValueError
            If the loss takes other things than its definition.
        """
        if self.surplus:
            raise TypeError("more positional arguments than arrays")
        samples = _samples([*self.arrays.values()])
        kept = _kept([*self.arrays.values()])
        # With gradients, so that it is still known which operation made them.
        with torch.enable_grad():
            arrays = {name: _first(one, kept) for name, one in self.arrays.items()}
        mask, weight = (
            _first(one, kept) if _samples([one]) == samples else one
            for one in (self.mask, self.settings.get(self.reader.weight))
        )
        return call_of(
            self.criterion(),
            (),
            arrays,
            mask=mask,
            weight=weight,
            untrained=untrained,
            of_torch=self.reader.of_torch,
        )

    def tensors(self) -> dict[str, Tensor]:
        """Return all tensors by names, the first one as ``input``; 0 in targets left out."""
        arrays = {
            "input" if index == 0 else name: one
            for index, (name, one) in enumerate(self.arrays.items())
        }
        found = dict(tensors(arrays | self.settings))
        target, mask = found.get("target"), self.mask
        if target is not None and isinstance(mask, Tensor) and mask.shape == target.shape:
            found["target"] = target.detach().masked_fill(~mask.bool(), 0)
        return found

    def right(self) -> tuple[float, int] | None:
        """Count right answers among scores of classes, and what they are counted among."""
        output, target = self.output, self.arrays.get("target")
        if not isinstance(output, Tensor) or not isinstance(target, Tensor):
            return None
        if target.is_floating_point() or output.ndim != target.ndim + 1:
            return None
        try:
            ignored = getattr(self.criterion().loss, "ignore_index", -100)
        except (TypeError, ValueError):
            return None
        counts = target != ignored
        if isinstance(self.mask, Tensor) and self.mask.shape == target.shape:
            counts &= self.mask.bool()
        right = (output.detach().argmax(1) == target) & counts
        among = int(counts.sum())
        return (float(right.sum()), among) if among else None


class Reader:
    """Reads what a loss is called with, by position or by keyword.

    Attributes
    ----------
    criterion : Criterion or None
        The loss with its own settings; None where a model computes its loss itself.
    of_torch : bool
        Whether it is a module of PyTorch, with PyTorch's conventions.
    weight : str
        What a call names its weights of loss values.
    """

    def __init__(self, loss_fn: Any) -> None:
        self._loss = uncompiled(loss_fn)
        self.criterion = None if loss_fn is None else criterion_of(self._loss)
        self.of_torch = type(self._loss).__module__.startswith("torch.")
        by_definition = isinstance(self._loss, (Loss, WeightedSum))
        self.weight = "weight" if by_definition else "sample_weight"
        names: tuple[str, ...] = ("input", "target")
        if self.criterion is not None and self.criterion.loss is not None:
            arguments = self.criterion.loss.arguments
            names = tuple(one.name for one in arguments)
        order = _parameters(self._loss)
        self._order = names if order is None else order
        # Modules of torch.nn may call what they compare otherwise than the definition does.
        self._names = dict(zip(self._order, names, strict=False))

    def read(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Given:
        """Sort the arguments of a call."""
        values = dict(zip(self._order, args, strict=False)) | kwargs
        arrays = {own: values.pop(name) for name, own in self._names.items() if name in values}
        if self.criterion is not None and self.criterion.loss is not None:
            surplus = len(args) > len(self._order)
        else:
            # Nobody knows what a loss of one's own does with more, or which way its masks go.
            surplus = len(args) > len(self._names) or any("mask" in name for name in values)
        return Given(self, arrays, values, surplus)

    def criterion_with(self, settings: dict[str, Any]) -> Criterion:
        """Return the loss as one call of it has it."""
        if not settings or self.criterion is None or isinstance(self._loss, nn.Module):
            return self.criterion or Criterion("")
        return criterion_of(self._loss, settings)


def _parameters(loss: Any) -> tuple[str, ...] | None:
    """Return the names of a loss's positional arguments; None where it takes any."""
    function = loss.forward if isinstance(loss, nn.Module) else loss
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(one.kind is inspect.Parameter.VAR_POSITIONAL for one in parameters):
        return None
    fixed = frozenset(loss.keywords) if isinstance(loss, functools.partial) else frozenset()
    return tuple(one.name for one in parameters if one.kind in _BY_NAME and one.name not in fixed)


def _samples(values: list[Any]) -> int:
    """Return how many samples the largest array has."""
    return max(((one.numel(), len(one)) for one in values if _long(one)), default=(0, 0))[1]


def _kept(values: list[Any]) -> int:
    """Return of how many samples questions are asked, the same for all arrays."""
    elements = max((one.numel() for one in values if _long(one)), default=0)
    samples = _samples(values)
    return samples if elements <= ELEMENTS else max(SAMPLES, ELEMENTS * samples // elements)


def _first(value: Any, kept: int) -> Any:
    return value[:kept] if _long(value) else value


def _long(value: Any) -> bool:
    return isinstance(value, Tensor) and value.ndim > 0
