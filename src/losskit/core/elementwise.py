"""Losses of one number against one number."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from losskit.core.arrays import Array, as_compute
from losskit.core.contracts import Contract
from losskit.core.loss import Loss

__all__ = ["Elementwise", "Residual"]


@dataclass(frozen=True)
class Elementwise(Loss):
    """A loss of each element of the input against the same element of the target."""

    def arrange(self, input: Array, target: Array, xp: ModuleType) -> tuple[Array, Array]:
        """Refuse shapes that differ, and take the target in the input's dtype."""
        if input.shape != target.shape:
            raise ValueError(_misfit(self.name, tuple(input.shape), tuple(target.shape)))
        return input, as_compute(target, input.dtype, xp)

    def restore(self, array: Array, xp: ModuleType) -> Array:
        """Return the array: its axes are the caller's."""
        return array

    def positions(self, input: Array) -> tuple[int, ...]:
        """One for each element."""
        return tuple(input.shape)

    def per_input(self, per_position: Array) -> Array:
        """Return the array: positions are elements."""
        return per_position

    def sum_to_positions(self, per_input: Array, xp: ModuleType) -> Array:
        """Return the array: positions are elements."""
        return per_input

    def target_contract(self, target: Array, xp: ModuleType) -> Contract:
        """Return the card's only one."""
        return self.card.targets[0]

    def neutralise(
        self, input: Array, target: Array, takes_part: Array, xp: ModuleType
    ) -> tuple[Array, Array]:
        """Fill with the contracts' neutral values."""
        return (
            xp.where(takes_part, input, self.input_contract.neutral),
            xp.where(takes_part, target, self.card.targets[0].neutral),
        )


@dataclass(frozen=True)
class Residual(Elementwise):
    """An elementwise loss that depends on nothing but input - target."""

    def target_gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array | None:
        """Return the input's, with the other sign."""
        return -self.gradient_at(input, target, xp)


def _misfit(loss: str, input: tuple[int, ...], target: tuple[int, ...]) -> str:
    """Say how shapes differ and what was probably meant."""
    start = f"{loss}: input has shape {input} but target has shape {target}, and they must be equal"
    if input[-1:] == (1,) and input[:-1] == target:
        return f"{start}; drop the input's last axis with input[..., 0]"
    if target[-1:] == (1,) and target[:-1] == input:
        return f"{start}; drop the target's last axis with target[..., 0]"
    if len(input) != len(target):
        return f"{start}; they have {len(input)} and {len(target)} axes"
    axis = next(i for i, pair in enumerate(zip(input, target, strict=True)) if pair[0] != pair[1])
    return f"{start}; axis {axis} has {input[axis]} against {target[axis]}"
