"""A call of a loss, as numbers that questions are asked of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from losskit.check.criterion import Criterion
from losskit.check.producers import producer
from losskit.check.tensors.presence import filled, parts_of
from losskit.check.values import Floats, as_numbers
from losskit.core.cards import Role
from losskit.core.classwise import Classwise
from losskit.core.contracts import Contract
from losskit.core.loss import Loss

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Call", "call_of"]

MOST = 2**21
"""Elements of an array that are looked at; of longer batches, samples at even distances."""


@dataclass(frozen=True)
class Call:
    """What a loss is called with.

    Attributes
    ----------
    criterion : Criterion
        The loss as it is used.
    arrays : dict
        Its arrays by their names, as they were given; where something takes no part, numbers that
        do stand in for it.
    producers : dict
        By name, the operation that made a tensor; empty strings where that is unknown.
    learns : dict
        By name, whether a gradient is wanted; None where the library does not tell.
    of_torch : bool
        Whether PyTorch's own loss is called, with PyTorch's conventions.
    weight, mask : array or None
        As given.
    untrained : bool
        Whether the model is as it was initialised.
    parts : dict
        By name, which elements take part, for arrays in which some do not.
    """

    criterion: Criterion
    arrays: dict[str, NDArray[Any]]
    producers: dict[str, str]
    learns: dict[str, bool | None]
    of_torch: bool = False
    weight: NDArray[Any] | None = None
    mask: NDArray[Any] | None = None
    untrained: bool = False
    parts: dict[str, NDArray[np.bool_]] = field(default_factory=dict)

    def part(self, name: str) -> NDArray[np.bool_] | np.bool_:
        """Which elements of an array take part."""
        return self.parts.get(name, np.True_)

    @property
    def loss(self) -> Loss | None:
        """The definition; None where the loss is not known."""
        return self.criterion.loss

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the arrays."""
        return tuple(self.arrays)

    @property
    def output(self) -> NDArray[Any]:
        """The first array, which the model gives."""
        return self.arrays[self.names[0]]

    @property
    def output_name(self) -> str:
        """Its name."""
        return self.names[0]

    @property
    def target(self) -> NDArray[Any] | None:
        """What the model is held against; None where there is no such thing."""
        return self.arrays.get("target")

    @property
    def contract(self) -> Contract | None:
        """What the output must be."""
        return None if self.loss is None else self.loss.arguments[0].contracts[0]

    def takes(self, *contracts: Contract) -> bool:
        """Whether the output must be one of these."""
        return self.contract in contracts

    def targets(self, *contracts: Contract) -> bool:
        """Whether the target may be one of these."""
        if self.loss is None:
            return False
        return any(one in self.loss.card.targets for one in contracts)

    @property
    def model_gives(self) -> tuple[str, ...]:
        """Names of the arrays that come from the model."""
        if self.loss is None:
            return self.names[:1]
        roles = {one.name: one.role for one in self.loss.arguments}
        return tuple(name for name in self.names if roles.get(name) is Role.OUTPUT)

    @property
    def class_axis(self) -> int | None:
        """Axis of the classes in the output; None where it has none."""
        if not isinstance(self.loss, Classwise):
            return None
        if self.loss.class_axis is not None:
            return self.loss.class_axis % max(self.output.ndim, 1)
        return 1 if self.output.ndim > 1 else 0

    @cached_property
    def rows(self) -> NDArray[Any] | None:
        """The output with its classes last; None where it has none."""
        axis = self.class_axis
        if axis is None or axis >= self.output.ndim:
            return None
        return np.moveaxis(self.output, axis, -1)

    @property
    def indices(self) -> NDArray[Any] | None:
        """The target where it holds class indices that take part."""
        target = self.target
        if self.rows is None or target is None or target.dtype.kind not in "iu":
            return None
        kept = target != getattr(self.loss, "ignore_index", -100)
        if self.mask is not None and self.mask.shape == target.shape:
            kept &= self.mask.astype(bool)
        return np.asarray(target[kept])

    @cached_property
    def values(self) -> Floats | None:
        """Loss at each position, of the first term; None where it cannot be computed."""
        return None if self.loss is None else self.computed(self.loss)

    def computed(self, loss: Loss, arrays: Mapping[str, Any] | None = None) -> Floats | None:
        """Compute unreduced values of a loss on these arrays, or on others."""
        given = dict(self.arrays if arrays is None else arrays)
        try:
            with np.errstate(all="ignore"):
                values = loss(**given, reduction="none", mask=self.mask, validate=False)
        except (IndexError, TypeError, ValueError):
            return None
        return np.asarray(values, dtype=np.float64)

    @cached_property
    def mean(self) -> float:
        """Mean of the loss as it is used, whatever its reduction; NaN where it is not known."""
        values = []
        for weight, loss in self.criterion.terms:
            try:
                with np.errstate(all="ignore"):
                    arrays = self.arrays.values()
                    value = loss(*arrays, mask=self.mask, weight=self.weight, validate=False)
            except (IndexError, TypeError, ValueError):
                return float("nan")
            values.append(weight * float(value))
        return sum(values) if values else float("nan")

    @cached_property
    def gradient(self) -> Floats | None:
        """Derivative of the summed loss in the output, of the first term; None without one."""
        if self.loss is None:
            return None
        try:
            with np.errstate(all="ignore"):
                _, found = self.loss.value_and_gradient(
                    **self.arrays, reduction="sum", mask=self.mask, validate=False
                )
        except (IndexError, TypeError, ValueError):
            return None
        return np.asarray(found[0] if isinstance(found, tuple) else found, dtype=np.float64)


def call_of(
    criterion: Criterion,
    arrays: tuple[Any, ...],
    named: Mapping[str, Any],
    *,
    weight: Any = None,
    mask: Any = None,
    untrained: bool = False,
    of_torch: bool = False,
) -> Call:
    """Bind arrays to the names of a loss, and bring them into NumPy.

    Raises
    ------
    TypeError
        If there are too many, one is missing, or one holds no numbers.
    """
    loss = criterion.loss
    if loss is None:
        arrays, named = (), _plain(criterion.name, arrays, named)
    declared = [*named] if loss is None else [one.name for one in loss.arguments]
    if len(arrays) > len(declared):
        raise TypeError(f"{criterion.name} takes {', '.join(declared)}, got {len(arrays)} arrays")
    given = dict(zip(declared, arrays, strict=False))
    for name, value in named.items():
        if name not in declared or name in given:
            raise TypeError(f"{criterion.name} takes {', '.join(declared)}, got {name!r} as well")
        given[name] = value
    starts = {one.name: one.start for one in loss.arguments} if loss is not None else {}
    for name, start in starts.items():
        if start is not None:
            given.setdefault(name, start)
    missing = [name for name in declared if name not in given]
    if missing and loss is not None:
        raise TypeError(f"{criterion.name} takes {', '.join(declared)}; {missing[0]} is missing")
    numbers: dict[str, NDArray[Any]] = {}
    for name in declared:
        if name not in given:
            continue
        found = as_numbers(given[name])
        if found.dtype.kind not in "biuf":
            raise TypeError(f"{criterion.name}: {name} holds {found.dtype}, not real numbers")
        numbers[name] = found
    extra = {"weight": weight, "mask": mask}
    beside = {name: None if value is None else as_numbers(value) for name, value in extra.items()}
    thinned, beside = _thinned(numbers, beside)
    parts = parts_of(loss, thinned, beside["mask"], of_torch=of_torch)
    return Call(
        criterion,
        filled(thinned, parts),
        {name: producer(given[name]) for name in thinned},
        {name: getattr(given[name], "requires_grad", None) for name in thinned},
        of_torch,
        beside["weight"],
        beside["mask"],
        untrained,
        parts,
    )


def _plain(name: str, arrays: tuple[Any, ...], named: Mapping[str, Any]) -> dict[str, Any]:
    """Name what an unknown loss is called with; what is no array of numbers is left out.

    The first is taken for the model's output, and may be nothing else.
    """
    usual = ("input", "target")
    given = {
        usual[at] if at < len(usual) else f"argument {at + 1}": value
        for at, value in enumerate(arrays)
    } | dict(named)
    if not given:
        raise TypeError(f"{name} takes what the model gives; it is missing")
    first = next(iter(given))
    return {key: value for key, value in given.items() if key == first or _is_array(value)}


def _is_array(value: Any) -> bool:
    """Whether something holds real numbers, several or at least as an array does."""
    try:
        return hasattr(value, "__len__") and as_numbers(value).dtype.kind in "biuf"
    except (TypeError, ValueError):
        return False


def _thinned(
    arrays: dict[str, NDArray[Any]], beside: dict[str, NDArray[Any] | None]
) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any] | None]]:
    """Leave samples out of batches that are too long to be looked at in full."""
    largest = max((array.size for array in arrays.values()), default=0)
    length = next((len(array) for array in arrays.values() if array.ndim), 0)
    same = all(array.ndim and len(array) == length for array in arrays.values())
    if largest <= MOST or not same:
        return arrays, beside
    keep = max(int(length * MOST / largest), 2)
    at = np.unique(np.linspace(0, length - 1, keep).astype(np.int64))
    fewer = {
        name: array[at] if array is not None and array.ndim and len(array) == length else array
        for name, array in beside.items()
    }
    return {name: array[at] for name, array in arrays.items()}, fewer
