"""What to say of shapes that do not fit."""

from __future__ import annotations

from typing import Any

__all__ = ["misfit", "shape_of"]


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
