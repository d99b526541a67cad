"""Losses of regions: how well the pixels that are predicted cover those that are true."""

from __future__ import annotations

import math
import warnings
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from types import ModuleType
from typing import Any

from losskit.core.arrays import (
    Array,
    as_compute,
    as_indices,
    constant,
    device_of,
    is_integer,
    like,
    log_softmax,
    move_axis,
    sigmoid,
)
from losskit.core.classwise import AmbiguousAxisWarning, check_class_weight, check_ignore_index
from losskit.core.definition import Arrays
from losskit.core.loss import Loss
from losskit.core.parameters import parameter

__all__ = ["Regionwise", "divisor"]

_AXES_WITH_CHANNELS = 4


@dataclass(frozen=True)
class Regionwise(Loss):
    """A loss of regions of pixels, from how far prediction and target overlap.

    The input holds logits. A target of integers without the input's class axis holds the class of
    each pixel, and goes with a softmax over the classes; one of the input's own shape holds 0/1
    labels (or probabilities between), and goes with a sigmoid of each logit. A region is a class
    (a channel) of one sample, or of the whole batch.

    Definitions say what a region costs, given three sums over its pixels: hits Σ p t, false
    alarms Σ p (1 - t) and misses Σ (1 - p) t, with p the probability and t the target.

    Arrays keep the caller's axes. One more is added, the last: booleans in the target's shape that
    say which pixels are present. What is absent, by mask or `ignore_index`, is in no sum.
    """

    _: KW_ONLY
    per: str = parameter(
        "image",
        "whether each sample has its own regions, or the batch has one per class",
        kind="choice",
        choices=("image", "batch"),
    )
    skip_absent: bool = parameter(
        False,
        "whether regions that are nowhere in the target take no part",
        kind="flag",
    )
    class_weight: Any = parameter(
        None, "weight of each class, (K,)", kind="array", at_least=0, optional=True
    )
    ignore_index: int = parameter(-100, "class index of pixels that take no part", kind="integer")
    class_axis: int | None = parameter(
        None,
        "axis of the classes in the input; None is axis 1, where there are classes",
        kind="integer",
        optional=True,
    )

    mask_of = "pixel"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_ignore_index(self.name, self.ignore_index)

    @abstractmethod
    def value_of(self, hits: Array, false_alarms: Array, misses: Array, xp: ModuleType) -> Array:
        """Loss of each region."""

    @abstractmethod
    def slopes_of(
        self, hits: Array, false_alarms: Array, misses: Array, xp: ModuleType
    ) -> tuple[Array, Array, Array]:
        """Derivative of each region's loss in its hits, its false alarms and its misses."""

    def arrange(self, arrays: Arrays, xp: ModuleType) -> Arrays:
        """Refuse shapes that do not fit, and add which pixels are present: all."""
        input, target = arrays
        if input.ndim == 0:
            raise ValueError(f"{self.name}: input needs an axis of samples, got a single number")
        self._check(input, target, xp)
        if _is_indices(target, input):
            target = as_indices(target, xp)
        else:
            target = as_compute(target, input.dtype, xp)
        present = xp.ones(target.shape, dtype=xp.bool, device=device_of(input))
        return input, target, present

    def positions(self, arrays: Arrays) -> tuple[int, ...]:
        """One for each region."""
        input, axis = arrays[0], self._axis(arrays[0], arrays[1])
        # Where axis 0 is that of the classes, the next one holds the samples.
        samples = () if self.per == "batch" else (input.shape[1 if axis == 0 else 0],)
        return samples if axis is None else (*samples, input.shape[axis])

    def mask_shape(self, arrays: Arrays) -> tuple[int, ...]:
        """One for each pixel: the target's."""
        return tuple(arrays[1].shape)

    def classes(self, arrays: Arrays) -> int:
        """How many classes indices may name."""
        axis = self._axis(arrays[0], arrays[1])
        return 0 if axis is None else arrays[0].shape[axis]

    def select(
        self, arrays: Arrays, mask: Array | None, xp: ModuleType, *, concrete: bool
    ) -> tuple[Arrays, Array | None]:
        """Mark which pixels are absent and make them harmless; leave out regions without any."""
        input, target, present = arrays
        if mask is not None:
            present = present & mask
        if _is_indices(target, input):
            present = present & (target != self.ignore_index)
        part = self.takes_part((input, target, present), xp)
        if self.skip_absent and not _is_indices(target, input):
            # Such a region's logits are in no other region, so they can be absent as a whole.
            present = present & self._at_pixels(part, target, xp)
        if not (concrete and bool(xp.all(present))):
            everywhere = present
            if _is_indices(target, input):
                everywhere = xp.expand_dims(present, axis=self._axis(input, target))
            input = xp.where(everywhere, input, 0.0)
            target = xp.where(present, target, 0)
        return (input, target, present), None if concrete and bool(xp.all(part)) else part

    def takes_part(self, arrays: Arrays, xp: ModuleType) -> Array:
        """Leave out regions without a present pixel, or without one in the target."""
        input, target, present = arrays
        indices = _is_indices(target, input)
        present = _laid_out(present, None if indices else self._axis(input, target), xp)
        if self.skip_absent:
            _, true, _ = self._by_region(arrays, xp)
            # Not true > 0: a NaN must not be hidden.
            present = present & (true != 0)
        found = xp.any(present, axis=-1)
        if self.per == "batch":
            found = xp.any(found, axis=0)
        shape = self.positions(arrays)
        return xp.broadcast_to(found if len(shape) == found.ndim else found[..., 0], shape)

    def mass(self, arrays: Arrays, xp: ModuleType) -> Array | None:
        """Return the weight of each region's class."""
        if self.class_weight is None:
            return None
        return xp.broadcast_to(like(self.class_weight, arrays[0], xp), self.positions(arrays))

    def value_at(self, input: Array, target: Array, present: Array, xp: ModuleType) -> Array:
        """What each region costs, times the weight of its class."""
        arrays = (input, target, present)
        values = self.value_of(*self._sums(*self._shares(arrays, xp), xp), xp)
        if self.class_weight is not None:
            values = values * like(self.class_weight, input, xp)
        return values if self._axis(input, target) is not None else values[..., 0]

    def pull_back(
        self, arrays: Arrays, outer: Array, wanted: Sequence[bool], xp: ModuleType
    ) -> list[Array | None]:
        """Derivative of Σ outer · value, over all regions, in input and target."""
        input, target, _ = arrays
        axis = self._axis(input, target)
        outer = outer if axis is not None else outer[..., None]
        if self.class_weight is not None:
            outer = outer * like(self.class_weight, input, xp)
        p, missed, t, here = self._shares(arrays, xp)
        slopes = self.slopes_of(*self._sums(p, missed, t, here, xp), xp)
        hit, false_alarm, miss = ((slope * outer)[..., None] for slope in slopes)
        gradients: list[Array | None] = [None, None, None]
        if wanted[0]:
            rise = t * (hit - miss) + (here - t) * false_alarm
            if _is_indices(target, input):
                # Softmax leaves a common part of the slopes without effect. Less the slope of the
                # likeliest class, a probability near 1 costs no digits.
                likeliest = p == xp.max(p, axis=1, keepdims=True)
                common = xp.max(xp.where(likeliest, rise, -xp.inf), axis=1, keepdims=True)
                rise = rise - constant(common)
                slope = p * (rise - xp.sum(p * rise, axis=1, keepdims=True))
            else:
                slope = p * missed * rise
            gradients[0] = _restored(slope, input, axis, xp)
        if wanted[1]:
            slope = here * (p * (hit - false_alarm) + missed * miss)
            gradients[1] = _restored(slope, target, axis, xp)
        return gradients

    def _shares(self, arrays: Arrays, xp: ModuleType) -> tuple[Array, Array, Array, Array]:
        """Return p, 1 - p, the target and 1 or 0 for present or absent, by region."""
        z, t, present = self._by_region(arrays, xp)
        here = xp.astype(present, z.dtype)
        if not _is_indices(arrays[1], arrays[0]):
            return sigmoid(z, xp), sigmoid(-z, xp), t, here
        log_p = log_softmax(z, xp, axis=1)
        return xp.exp(log_p), -xp.expm1(log_p), t, here

    def _sums(
        self, p: Array, missed: Array, t: Array, here: Array, xp: ModuleType
    ) -> tuple[Array, Array, Array]:
        """Hits, false alarms and misses of each region."""

        def over_pixels(shares: Array) -> Array:
            sums = xp.sum(shares, axis=-1)
            return xp.sum(sums, axis=0) if self.per == "batch" else sums

        # The target is 0 at absent pixels.
        return over_pixels(p * t), over_pixels(p * (here - t)), over_pixels(missed * t)

    def _by_region(self, arrays: Arrays, xp: ModuleType) -> Arrays:
        """Lay the arrays out as (samples, classes, pixels); class indices become one-hot."""
        input, target, present = arrays
        axis = self._axis(input, target)
        z = _laid_out(input, axis, xp)
        if not _is_indices(target, input):
            return z, _laid_out(target, axis, xp), _laid_out(present, axis, xp)
        classes = xp.arange(z.shape[1], dtype=target.dtype, device=device_of(target))
        present = _laid_out(present, None, xp)
        one_hot = (_laid_out(target, None, xp) == classes[:, None]) & present
        return z, xp.astype(one_hot, z.dtype), present

    def _at_pixels(self, per_region: Array, target: Array, xp: ModuleType) -> Array:
        """Give each pixel of a target of the input's shape what its region has."""
        axis = self._axis(target, target)
        rows = per_region if axis is not None else per_region[..., None]
        rows = xp.broadcast_to(rows[..., None], _laid_out(target, axis, xp).shape)
        return _restored(rows, target, axis, xp)

    def _axis(self, input: Array, target: Array) -> int | None:
        """Axis of the classes; None where a sample is one region."""
        axis = self.class_axis
        if axis is None:
            indices = tuple(target.shape) != tuple(input.shape)
            return 1 if indices or input.ndim >= _AXES_WITH_CHANNELS else None
        if not -input.ndim <= axis < input.ndim:
            raise ValueError(
                f"{self.name}: class_axis={axis} is not an axis of input of shape "
                f"{tuple(input.shape)}"
            )
        return axis + int(input.ndim) if axis < 0 else axis

    def _check(self, input: Array, target: Array, xp: ModuleType) -> None:
        """Refuse what fits neither as class indices nor as 0/1 labels."""
        shape, found = tuple(input.shape), tuple(target.shape)
        axis = self._axis(input, target)
        if axis is not None and len(shape) == 1:
            raise ValueError(
                f"{self.name}: input needs an axis of samples and one of classes, got shape {shape}"
                f" and a target of shape {found}"
            )
        if self.class_weight is not None:
            if axis is None:
                raise ValueError(
                    f"{self.name}: {self.called('class_weight')} needs an axis of classes, and "
                    f"input of shape {shape} has none; say which it is with class_axis="
                )
            check_class_weight(self, self.class_weight, shape[axis])
        if found == shape and self.ignore_index >= 0:
            raise ValueError(
                f"{self.name}: ignore_index={self.ignore_index} has no meaning for a target "
                "of the input's shape; use mask="
            )
        if axis is not None and found != shape:
            self._check_indices(shape, axis, target, xp)

    def _check_indices(
        self, shape: tuple[int, ...], axis: int, target: Array, xp: ModuleType
    ) -> None:
        """Refuse what are no class indices for an input of this shape."""
        found, pixels = tuple(target.shape), shape[:axis] + shape[axis + 1 :]
        if found != pixels:
            raise ValueError(self._misfit(shape, found, pixels))
        if shape[axis] == 1:
            raise ValueError(
                f"{self.name}: input of shape {shape} has one class, whose softmax is always 1; "
                f"for a 0/1 target pass it in the input's shape, with target[:, None]"
            )
        if not is_integer(target, xp):
            raise TypeError(
                f"{self.name}: target of shape {found} must hold class indices (integers), got "
                f"dtype {target.dtype}; convert it to int64, or give it the input's shape {shape} "
                "for 0/1 labels"
            )
        if self.class_axis is None and len(shape) > 2 and len(set(shape[1:])) == 1:
            warnings.warn(
                f"{self.name}: input of shape {shape} has its classes on axis 1 or on the last "
                "axis, and both fit the target; axis 1 is taken. Say so with class_axis=1, or use "
                "class_axis=-1.",
                AmbiguousAxisWarning,
                stacklevel=2,
            )

    def _misfit(
        self, shape: tuple[int, ...], found: tuple[int, ...], pixels: tuple[int, ...]
    ) -> str:
        """Say how shapes differ and what was probably meant."""
        message = (
            f"{self.name}: input has shape {shape}, so target must be class indices of shape "
            f"{pixels} or 0/1 labels of shape {shape}, got {found}"
        )
        if self.class_axis is None and found == shape[:-1]:
            return f"{message}; if the classes are on the last axis, pass class_axis=-1"
        if len(found) == len(pixels) + 1 and found[:1] + found[2:] == pixels:
            return f"{message}; drop the target's axis 1 with target[:, 0]"
        return message


def _is_indices(target: Array, input: Array) -> bool:
    return bool(target.ndim < input.ndim)


def _laid_out(array: Array, axis: int | None, xp: ModuleType) -> Array:
    """Lay out as (samples, classes, pixels); there is one class where no axis holds them."""
    array = array[:, None, ...] if axis is None else move_axis(array, axis, 1, xp)
    samples, classes, *space = array.shape
    return xp.reshape(array, (samples, classes, math.prod(space)))


def _restored(laid_out: Array, array: Array, axis: int | None, xp: ModuleType) -> Array:
    """Undo `_laid_out`, back into the axes of an array."""
    if axis is None:
        return xp.reshape(laid_out, array.shape)
    shape = list(array.shape)
    shape.insert(1, shape.pop(axis))
    return move_axis(xp.reshape(laid_out, tuple(shape)), 1, axis, xp)


def divisor(total: Array, xp: ModuleType) -> Array:
    """Return a total to divide by; 1 where it is 0, since then nothing is divided by it."""
    # Below the normal numbers, its inverse would be inf.
    return xp.where(total > xp.finfo(total.dtype).smallest_normal, total, 1.0)
