"""Losses of the embeddings of a whole batch, each compared with all others."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from losskit.core.arrays import Array, as_indices, device_of, is_floating
from losskit.core.cards import Argument, Role
from losskit.core.definition import Arrays
from losskit.core.loss import Loss
from losskit.core.shapes import misfit

__all__ = ["Batchwise"]


@dataclass(frozen=True)
class Batchwise(Loss):
    """A loss of each example of a batch among all others.

    Arrays are embeddings (B, D), labels (B,) and numbers that are learnt. Definitions see one
    more array, the last: booleans (B,) that say which examples are present. What is absent, by
    the mask, is neither compared nor compared with.
    """

    def arrange(self, arrays: Arrays, xp: ModuleType) -> Arrays:
        """Refuse shapes that differ, and add who is present: all."""
        first, shape = self.arguments[0].name, tuple(arrays[0].shape)
        if len(shape) != 2:
            raise ValueError(
                f"{self.name}: {first} must hold one embedding per row, of shape (B, D), got "
                f"{shape}"
            )
        ready = []
        for argument, array in zip(self.arguments, arrays, strict=True):
            if argument.role is Role.LEARNED:
                if array.ndim:
                    raise ValueError(
                        f"{self.name}: {argument.name} must be one number, got shape "
                        f"{tuple(array.shape)}"
                    )
                ready.append(array)
            elif is_floating(array, xp):
                self._check_embeddings(argument, array, shape)
                ready.append(array)
            else:
                if tuple(array.shape) != shape[:1]:
                    found = tuple(array.shape)
                    view = found == shape and not all(one.integral for one in argument.contracts)
                    mend = "; if it is a second view, convert it to floats" if view else ""
                    raise ValueError(
                        f"{self.name}: {first} has shape {shape}, so {argument.name} must hold "
                        f"one label per row, in shape {shape[:1]}, got {found}{mend}"
                    )
                ready.append(as_indices(array, xp))
        present = xp.ones(shape[:1], dtype=xp.bool, device=device_of(arrays[0]))
        return *ready, present

    def _check_embeddings(self, argument: Argument, array: Array, shape: tuple[int, ...]) -> None:
        """Refuse floats in the place of labels, and shapes that differ."""
        found, labels = tuple(array.shape), [one.integral for one in argument.contracts]
        if all(labels) or (any(labels) and found == shape[:1]):
            raise TypeError(
                f"{self.name}: {argument.name} must hold labels (integers), got dtype "
                f"{array.dtype} of shape {found}"
            )
        if found != shape:
            first = self.arguments[0].name
            raise ValueError(f"{self.name}: {misfit(first, shape, argument.name, found)}")

    def positions(self, arrays: Arrays) -> tuple[int, ...]:
        """One for each example."""
        return tuple(arrays[0].shape[:1])

    def outputs(self, arrays: Arrays) -> tuple[int, ...]:
        """Embeddings, a second view included, and what is learnt."""
        known = enumerate(zip(self.arguments, arrays, strict=False))
        return tuple(
            at
            for at, (argument, array) in known
            if array.ndim == 2 or argument.role is Role.LEARNED
        )

    def select(
        self, arrays: Arrays, mask: Array | None, xp: ModuleType, *, concrete: bool
    ) -> tuple[Arrays, Array | None]:
        """Mark who is absent, and make their embeddings harmless."""
        if mask is not None:
            arrays = (
                *(
                    xp.where(mask[:, None], array, 0.0) if array.ndim == 2 else array
                    for array in arrays[:-1]
                ),
                mask,
            )
        part = self.takes_part(arrays, xp)
        return arrays, None if concrete and bool(xp.all(part)) else part

    def takes_part(self, arrays: Arrays, xp: ModuleType) -> Array:
        """Leave out who is absent."""
        return arrays[-1]
