"""Shapes that are meant to be stretched, and what to say of those that do not fit."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from losskit.core.arrays import Array

__all__ = ["misfit", "shape_of", "stretch", "unstretch"]


def shape_of(numbers: Any) -> tuple[int, ...]:
    """Shape of a parameter: an array, or the tuples that it was frozen into."""
    if hasattr(numbers, "shape"):
        return tuple(numbers.shape)
    rows = isinstance(numbers, tuple) and len(numbers) > 0
    return (len(numbers), *shape_of(numbers[0])) if rows else ()


def misfit(name: str, shape: tuple[int, ...], other: str, wrong: tuple[int, ...]) -> str:
    """Say how the shapes of two arrays differ and what was probably meant."""
    start = f"{name} has shape {shape} but {other} has shape {wrong}, and they must be equal"
    if shape[-1:] == (1,) and shape[:-1] == wrong:
        return f"{start}; drop the last axis with {name}[..., 0]"
    if wrong[-1:] == (1,) and wrong[:-1] == shape:
        return f"{start}; drop the last axis with {other}[..., 0]"
    if len(shape) != len(wrong):
        return f"{start}; they have {len(shape)} and {len(wrong)} axes"
    pairs = enumerate(zip(shape, wrong, strict=True))
    axis = next(at for at, (length, there) in pairs if length != there)
    return f"{start}; axis {axis} has {shape[axis]} against {wrong[axis]}"


def stretch(array: Array, shape: tuple[int, ...], xp: ModuleType) -> Array:
    """Repeat one number, one for each row or axes of length 1; leave alone what does not fit."""
    found = tuple(array.shape)
    if found == shape:
        return array
    if found == shape[:-1]:
        array, found = array[..., None], (*found, 1)
    pairs = zip(found, shape, strict=False)
    same_axes = len(found) in (0, len(shape))
    fits = same_axes and all(length in (1, wanted) for length, wanted in pairs)
    return xp.broadcast_to(array, shape) if fits else array


def unstretch(array: Array, shape: tuple[int, ...], xp: ModuleType) -> Array:
    """Sum a derivative over what `stretch` repeated."""
    found = tuple(array.shape)
    if found == shape:
        return array
    if not shape:
        return xp.sum(array)
    if len(shape) < len(found):
        return xp.sum(array, axis=-1)
    axes = tuple(at for at, length in enumerate(shape) if length != found[at])
    return xp.sum(array, axis=axes, keepdims=True)
