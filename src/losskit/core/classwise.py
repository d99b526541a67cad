"""Losses of one number per class: against a class, or against probabilities of classes."""

from __future__ import annotations

import warnings
from dataclasses import KW_ONLY, dataclass
from types import ModuleType
from typing import Any

from losskit.core.arrays import (
    Array,
    as_compute,
    as_indices,
    contiguous,
    is_class,
    is_floating,
    is_integer,
    like,
    move_axis,
    take_along,
)
from losskit.core.definition import Arrays, Definition
from losskit.core.parameters import parameter
from losskit.core.positionwise import Positionwise
from losskit.core.shapes import misfit, shape_of

__all__ = [
    "AmbiguousAxisWarning",
    "Classification",
    "Classwise",
    "check_class_weight",
    "check_ignore_index",
]


class AmbiguousAxisWarning(UserWarning):
    """Shapes fit in two ways, so that the class axis is a guess."""


@dataclass(frozen=True)
class Classwise(Positionwise):
    """A loss of K numbers, one for each class, at each position.

    Definitions see the class axis last. All arrays have the first one's shape.
    """

    _: KW_ONLY
    class_axis: int | None = parameter(
        None,
        "axis of the classes in the input; None is axis 1, or the only one",
        kind="integer",
        optional=True,
    )

    def arrange(self, arrays: Arrays, xp: ModuleType) -> Arrays:
        """Check shapes against each other and move the class axis last."""
        axis = self._axis(arrays[0])
        names = [argument.name for argument in self.card.arguments]
        shape = tuple(arrays[0].shape)
        for name, array in zip(names[1:], arrays[1:], strict=False):
            if not is_floating(array, xp):
                raise TypeError(
                    f"{self.name}: {name} must hold one number for each class (floats), got "
                    f"dtype {array.dtype} of shape {tuple(array.shape)}; make class indices "
                    "one-hot rows"
                )
            if tuple(array.shape) != shape:
                wrong = tuple(array.shape)
                raise ValueError(f"{self.name}: {misfit(names[0], shape, name, wrong)}")
        return tuple(
            contiguous(as_compute(move_axis(array, axis, -1, xp), arrays[0].dtype, xp))
            for array in arrays
        )

    def restore(self, array: Array, xp: ModuleType) -> Array:
        """Move the class axis back."""
        return move_axis(array, -1, self._axis(array), xp)

    def positions(self, arrays: Arrays) -> tuple[int, ...]:
        """One for each row of classes."""
        return tuple(arrays[0].shape[:-1])

    def _axis(self, input: Array) -> int:
        if input.ndim == 0:
            raise ValueError(f"{self.name}: input needs an axis of classes, got a single number")
        axis = self.class_axis
        if axis is None:
            return 1 if input.ndim > 1 else 0
        if not -input.ndim <= axis < input.ndim:
            raise ValueError(
                f"{self.name}: class_axis={axis} is not an axis of input of shape "
                f"{tuple(input.shape)}"
            )
        return axis + int(input.ndim) if axis < 0 else axis


@dataclass(frozen=True)
class Classification(Classwise):
    """A loss of the scores of K classes against a class, or against probabilities of classes.

    Definitions see targets as integers (N, …) or as probabilities (N, …, K); what stands before
    the target is of the input's shape.
    """

    _: KW_ONLY
    class_weight: Any = parameter(
        None, "weight of each class, (K,)", kind="array", at_least=0, optional=True
    )
    ignore_index: int = parameter(
        -100, "class index that takes no part, such as padding", kind="integer"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_ignore_index(self.name, self.ignore_index)

    def arrange(self, arrays: Arrays, xp: ModuleType) -> Arrays:
        """Check the target against the scores as well."""
        *scores, target = arrays
        arranged = super().arrange(tuple(scores), xp)
        input, axis = scores[0], self._axis(scores[0])
        positions = tuple(input.shape[:axis]) + tuple(input.shape[axis + 1 :])
        if self.class_weight is not None:
            check_class_weight(self, self.class_weight, input.shape[axis])
        if is_floating(target, xp) and self._takes_rows:
            if target.shape != input.shape:
                raise ValueError(self._misfit(input, target, positions))
            if self.ignore_index >= 0:
                raise ValueError(
                    f"{self.name}: ignore_index={self.ignore_index} has no meaning for a target "
                    "of probabilities; use mask="
                )
            rows = move_axis(target, axis, -1, xp)
            return *arranged, contiguous(as_compute(rows, input.dtype, xp))
        if not is_integer(target, xp):
            or_rows = " or probabilities (floats)" if self._takes_rows else ""
            raise TypeError(
                f"{self.name}: target must hold class indices (integers){or_rows}, got dtype "
                f"{target.dtype}; convert it to int64"
            )
        if tuple(target.shape) != positions:
            raise ValueError(self._misfit(input, target, positions))
        if self.class_axis is None and input.ndim > 2 and len(set(input.shape[1:])) == 1:
            warnings.warn(
                f"{self.name}: input of shape {tuple(input.shape)} has its classes on axis 1 or "
                "on the last axis, and both fit the target; axis 1 is taken. Say so with "
                "class_axis=1, or use class_axis=-1.",
                AmbiguousAxisWarning,
                stacklevel=2,
            )
        return *arranged, as_indices(target, xp)

    def takes_part(self, arrays: Arrays, xp: ModuleType) -> Array | None:
        """Leave out the positions of `ignore_index`."""
        target = arrays[-1]
        return target != self.ignore_index if is_integer(target, xp) else None

    def mass(self, arrays: Arrays, xp: ModuleType) -> Array | None:
        """Return the weight of the position's class, or of its mixture of classes."""
        if self.class_weight is None:
            return None
        input, target = arrays[0], arrays[-1]
        if is_integer(target, xp):
            return self.weight_of(target, input, xp)
        return xp.sum(target * like(self.class_weight, input, xp), axis=-1)

    def weight_of(self, target: Array, input: Array, xp: ModuleType) -> Array:
        """Weight of each class index."""
        weights = like(self.class_weight, input, xp)
        return xp.reshape(xp.take(weights, xp.reshape(target, (-1,)), axis=0), target.shape)

    def at_target(self, rows: Array, target: Array, xp: ModuleType) -> Array:
        """Element of each row that its class index names."""
        return take_along(rows, target[..., None], xp)[..., 0]

    def weighted_rows(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """Target as probabilities (N, …, K), each class times its weight."""
        rows = target
        if is_integer(target, xp):
            rows = xp.astype(is_class(target, input, xp), input.dtype)
        return rows if self.class_weight is None else rows * like(self.class_weight, input, xp)

    @property
    def _takes_rows(self) -> bool:
        return any(contract.sums_to_one for contract in self.card.targets)

    def _misfit(self, input: Array, target: Array, positions: tuple[int, ...]) -> str:
        """Say how shapes differ and what was probably meant."""
        found, wanted = tuple(input.shape), tuple(target.shape)
        or_rows = f" or probabilities of shape {found}" if self._takes_rows else ""
        message = (
            f"{self.name}: input has shape {found}, so target must be class indices of shape "
            f"{positions}{or_rows}, got {wanted} of dtype {target.dtype}"
        )
        if wanted == positions:
            return f"{message}; convert class indices to int64"
        if self.class_axis is None and wanted == found[:-1]:
            return f"{message}; if the classes are on the last axis, pass class_axis=-1"
        if wanted == (*positions, 1):
            return f"{message}; drop the target's last axis with target[..., 0]"
        if wanted == found:
            floats = "floats, or " if self._takes_rows else ""
            return f"{message}; for one-hot rows, pass {floats}the indices target.argmax(axis)"
        return message


def check_ignore_index(loss: str, index: int) -> None:
    """Refuse what no array of integers holds."""
    if not -(2**63) <= index < 2**63:
        raise ValueError(f"{loss}: ignore_index must be an integer of 64 bits, got {index}")


def check_class_weight(loss: Definition, weights: Any, classes: int) -> None:
    """Refuse anything but one weight for each class."""
    shape, name = shape_of(weights), loss.called("class_weight")
    if shape != (classes,):
        raise ValueError(
            f"{loss.name}: {name} must hold one weight for each of the {classes} classes, got "
            f"shape {shape}"
        )
