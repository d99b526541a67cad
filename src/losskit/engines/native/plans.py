"""How a loss is handed to its kernel."""

from __future__ import annotations

import dataclasses
import math
import weakref
from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from losskit.core.arrays import Array
from losskit.core.classwise import Classification, Classwise
from losskit.core.contracts import Contract
from losskit.core.definition import Arrays, Definition
from losskit.core.elementwise import Elementwise
from losskit.core.newton import Newton
from losskit.core.options import Options
from losskit.core.parameters import Parameter
from losskit.engines.native import KERNELS, native

__all__ = ["Plan", "plan_of"]

_AS_THEY_ARE = Newton()
_REDUCTIONS = {"none": 0, "mean": 1, "sum": 2}


class Plan(ABC):
    """A loss with its settings, ready to be computed by a kernel.

    Attributes
    ----------
    outputs : tuple of int
        Which arrays the model gives, in the order of their gradients.
    held : tuple of array
        What the loss's own parameters are read from at each call.
    """

    outputs: tuple[int, ...]
    held: tuple[Array, ...]
    _declared: tuple[Parameter, ...]

    def _hold(self, loss: Definition) -> None:
        """Note the parameters whose numbers may change from call to call."""
        held = loss.held()
        self.held = tuple(held.values())
        self._declared = tuple(loss.parameters()[name] for name in held)

    @abstractmethod
    def shape(self, arrays: Arrays) -> tuple[int, ...] | None:
        """Shape of the loss values; None where the arrays have none."""

    def run(
        self,
        arrays: Arrays,
        options: Options,
        values: Array,
        gradients: tuple[Array | None, ...],
        threads: int,
        outer: Array | None = None,
    ) -> bool:
        """Write the reduced loss and its gradients in the outputs.

        False where the call is not one for a kernel, be it that something is wrong with it: what
        was written is worth nothing then.
        """
        if self._breaks(options):
            return False
        return self._run(arrays, options, values, gradients, (), _AS_THEY_ARE, threads, outer)

    def bend(
        self,
        arrays: Arrays,
        options: Options,
        gradients: tuple[Array, ...],
        curvatures: tuple[Array, ...],
        newton: Newton,
        threads: int,
    ) -> bool:
        """Write the gradients and curvatures of the reduced loss; False as in `run`."""
        # No values are written, and the derivatives of each are those of their sum.
        if options.reduction == "none":
            options = dataclasses.replace(options, reduction="sum")
        nothing = np.empty((), np.float64)
        if self._breaks(options):
            return False
        return self._run(arrays, options, nothing, gradients, curvatures, newton, threads, None)

    def _breaks(self, options: Options) -> bool:
        """Whether a parameter is to be refused; those on devices are no matter of kernels."""
        return options.validate is not False and not all(
            declared.holds(array)
            for declared, array in zip(self._declared, self.held, strict=True)
            if array.device.type == "cpu"
        )

    @abstractmethod
    def _run(
        self,
        arrays: Arrays,
        options: Options,
        values: Array,
        gradients: tuple[Array | None, ...],
        curvatures: tuple[Array, ...],
        newton: Newton,
        threads: int,
        outer: Array | None,
    ) -> bool: ...


class _ElementwisePlan(Plan):
    def __init__(self, loss: Definition, name: str) -> None:
        contracts = [argument.contracts[0] for argument in loss.arguments]
        beside = [
            getattr(loss, field)
            for field, declared in loss.parameters().items()
            if declared.kind == "array" and getattr(loss, field) is not None
        ]
        self.outputs = loss.outputs(())
        self._hold(loss)
        self._beside = beside
        self._kernel = native.Elementwise(
            KERNELS,
            name,
            _numbers(loss, _elementwise[name]),
            [*(_range(contract) for contract in contracts), *(None for _ in beside)],
            [*(contract.neutral for contract in contracts), *(0.0 for _ in beside)],
        )

    def shape(self, arrays: Arrays) -> tuple[int, ...] | None:
        return tuple(arrays[0].shape)

    def _run(
        self,
        arrays: Arrays,
        options: Options,
        values: Array,
        gradients: tuple[Array | None, ...],
        curvatures: tuple[Array, ...],
        newton: Newton,
        threads: int,
        outer: Array | None,
    ) -> bool:
        if self._beside:
            beside = [_stretched(numbers, arrays[0]) for numbers in self._beside]
            if any(one is None for one in beside):
                return False
            arrays = (*arrays, *beside)
        call = _call(options, outer)
        return call is not None and self._kernel.run(
            arrays, values, gradients, curvatures, *call, threads, *newton
        )


class _ClasswisePlan(Plan):
    def __init__(self, loss: Classwise, name: str) -> None:
        self.outputs = loss.outputs(())
        self._hold(loss)
        self._axis = loss.class_axis
        classification = isinstance(loss, Classification)
        weight = loss.class_weight if isinstance(loss, Classification) else None
        # The numbers of a tensor may change between calls.
        self._weight = np.asarray(weight) if isinstance(weight, tuple) else weight
        self._classification = classification
        self._kernel = native.Classwise(
            KERNELS,
            name,
            _numbers(loss, _classwise[name]),
            _range(loss.arguments[0].contracts[0]),
            loss.ignore_index if isinstance(loss, Classification) else None,
        )

    def axis(self, input: Array) -> int | None:
        """Axis of the classes; None where it is not clear."""
        axes: int = input.ndim
        axis = self._axis
        if axis is None:
            if axes > 2 and self._classification and len(set(input.shape[1:])) == 1:
                return None
            return 1 if axes > 1 else 0 if axes else None
        if not -axes <= axis < axes:
            return None
        return axis + axes if axis < 0 else axis

    def shape(self, arrays: Arrays) -> tuple[int, ...] | None:
        axis = self.axis(arrays[0])
        if axis is None:
            return None
        shape = tuple(arrays[0].shape)
        return shape[:axis] + shape[axis + 1 :]

    def _run(
        self,
        arrays: Arrays,
        options: Options,
        values: Array,
        gradients: tuple[Array | None, ...],
        curvatures: tuple[Array, ...],
        newton: Newton,
        threads: int,
        outer: Array | None,
    ) -> bool:
        call, axis = _call(options, outer), self.axis(arrays[0])
        if call is None or axis is None:
            return False
        weight: Any = self._weight
        if hasattr(weight, "resolve_neg"):
            weight = weight.resolve_neg()
        return self._kernel.run(  # type: ignore[no-any-return]
            arrays[0],
            arrays[1] if len(arrays) > 2 else None,
            arrays[-1],
            axis,
            weight,
            options.class_weight_counts,
            values,
            gradients[0] if gradients else None,
            curvatures[0] if curvatures else None,
            *call,
            threads,
            *newton,
        )


def _call(options: Options, outer: Array | None) -> tuple[Any, ...] | None:
    """What a kernel must know of the options; None where they are not in order."""
    if not isinstance(options.reduction, str) or options.reduction not in _REDUCTIONS:
        return None
    divisor = math.nan
    if options.normalizer is not None:
        divisor = _divisor(options.normalizer)
        if not 0 < divisor < math.inf or options.reduction != "mean":
            return None
    return (
        _REDUCTIONS[options.reduction],
        divisor,
        options.weight,
        options.mask,
        options.scale,
        outer,
        options.validate is not False,
    )


def _divisor(normalizer: Any) -> float:
    """Return a normaliser as a number; NaN of what is none."""
    if not isinstance(normalizer, (int, float)) and getattr(normalizer, "shape", None) != ():
        return math.nan
    try:
        return float(normalizer)
    except (RuntimeError, TypeError, ValueError):
        return math.nan


def _stretched(numbers: Any, input: Array) -> Array | None:
    """Return a parameter as an array over the input; None where it does not fit."""
    if hasattr(numbers, "detach"):
        if numbers.device.type != "cpu":
            return None
        numbers = numbers.detach().double().resolve_neg().numpy()
    dtype = np.float64 if "float64" in str(input.dtype) else np.float32
    try:
        return np.broadcast_to(np.asarray(numbers, dtype), tuple(input.shape))
    except ValueError:
        return None


def _numbers(loss: Definition, names: tuple[str, ...]) -> list[float]:
    """Parameters as numbers: flags as 0 or 1, words by their place among the choices."""
    numbers = []
    for name in names:
        value, declared = getattr(loss, name), loss.parameters()[name]
        chosen = declared.kind == "choice"
        numbers.append(float(declared.choices.index(value) if chosen else value))
    return numbers


def _range(contract: Contract) -> tuple[float, float, bool, bool] | None:
    bounds = contract.bounds
    # Rows that sum to 1 are looked at as rows.
    if bounds is None or contract.sums_to_one:
        return None
    return bounds.low, bounds.high, bounds.above_low, bounds.of_size


_plans: dict[int, tuple[weakref.ref[Definition], Plan | None]] = {}


def plan_of(loss: Definition) -> Plan | None:
    """Return the plan of a loss, made when it is first asked for; None without a kernel."""
    # By identity: losses that hold tensors can be neither hashed nor compared.
    key = id(loss)
    kept = _plans.get(key)
    if kept is not None and kept[0]() is loss:
        return kept[1]
    plan = _planned(loss)
    _plans[key] = weakref.ref(loss, lambda _: _plans.pop(key, None)), plan
    return plan


_elementwise = KERNELS.elementwise if KERNELS is not None else {}
_classwise = KERNELS.classwise if KERNELS is not None else {}


def _planned(loss: Definition) -> Plan | None:
    kind = type(loss)
    # A class of somebody's own may bear the name of one here, or inherit from it.
    if not kind.__module__.startswith("losskit.losses."):
        return None
    name = kind.__name__
    if isinstance(loss, Elementwise) and name in _elementwise:
        return _ElementwisePlan(loss, name)
    if isinstance(loss, Classwise) and name in _classwise:
        return _ClasswisePlan(loss, name)
    return None
