"""What a loss is, apart from how it is called: parameters, card, and its formulas."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar

from losskit.core.arrays import Array
from losskit.core.cards import Card
from losskit.core.contracts import Contract
from losskit.core.parameters import Parameter, parameters_of

__all__ = ["Definition"]


@dataclass(frozen=True)
class Definition(ABC):
    """What one loss says of itself, and what its kind says of shapes.

    Arrays come checked: in one library and dtype, class axes last, and harmless wherever a
    position takes no part.
    """

    card: ClassVar[Card]

    def __post_init__(self) -> None:
        for name, declared in parameters_of(type(self)).items():
            given = getattr(self, name)
            checked = declared.checked(self.name, name, given)
            if checked is not given:
                object.__setattr__(self, name, checked)

    @property
    def name(self) -> str:
        """Name in the catalogue and in messages."""
        return type(self).__name__

    @classmethod
    def parameters(cls) -> dict[str, Parameter]:
        """Return the declared parameters by name."""
        return parameters_of(cls)

    def spec(self) -> str:
        """Write the loss as the command line reads it: its name and what differs from defaults."""
        differing = [
            f"{field.name}={_as_text(getattr(self, field.name))}"
            for field in dataclasses.fields(self)
            if getattr(self, field.name) is not field.default
            and getattr(self, field.name) != field.default
        ]
        return ":".join([self.name, ",".join(differing)]) if differing else self.name

    # What a definition says.

    @abstractmethod
    def value_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """Loss at each position."""

    @abstractmethod
    def gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """Derivative of each position's loss in its input."""

    @abstractmethod
    def curvature_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """Second derivative of each position's loss in each of its inputs."""

    def target_gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array | None:
        """Derivative of each position's loss in its target, or None where there is none."""
        return None

    # What a kind says.

    @abstractmethod
    def arrange(self, input: Array, target: Array, xp: ModuleType) -> tuple[Array, Array]:
        """Check shapes and dtypes, and bring both arrays into the form that definitions take."""

    @abstractmethod
    def restore(self, array: Array, xp: ModuleType) -> Array:
        """Undo what `arrange` did to the input's axes."""

    @abstractmethod
    def positions(self, input: Array) -> tuple[int, ...]:
        """Shape of the loss values."""

    @abstractmethod
    def per_input(self, per_position: Array) -> Array:
        """Let an array with one element per position broadcast against the input."""

    @abstractmethod
    def sum_to_positions(self, per_input: Array, xp: ModuleType) -> Array:
        """Sum what belongs to one position in an array of the input's shape."""

    @property
    def input_contract(self) -> Contract:
        """Contract that the input is held to: the card's, unless a parameter changes it."""
        return self.card.input

    @abstractmethod
    def target_contract(self, target: Array, xp: ModuleType) -> Contract:
        """Contract that this target is held to."""

    @abstractmethod
    def neutralise(
        self, input: Array, target: Array, takes_part: Array, xp: ModuleType
    ) -> tuple[Array, Array]:
        """Put harmless values where a position takes no part."""

    def takes_part(self, target: Array, xp: ModuleType) -> Array | None:
        """Which positions the target lets take part; None for all."""
        return None

    def mass(self, input: Array, target: Array, xp: ModuleType) -> Array | None:
        """What each position counts in the weighted mean; None for 1."""
        return None

    def check_values(self, input: Array, target: Array, xp: ModuleType) -> None:
        """Refuse values that break the contracts of the card."""
        classes = int(input.shape[-1]) if input.ndim else 0
        checks = (
            ("input", input, self.input_contract),
            ("target", target, self.target_contract(target, xp)),
        )
        for name, values, contract in checks:
            broken = contract.violation(values, xp, classes=classes)
            if broken is not None:
                raise ValueError(
                    f"{self.name}: {name} at position {broken.position} is {broken.found}, "
                    f"but must be {broken.wanted}; {contract.mend} (validate=False computes it "
                    "as it is)"
                )


def _as_text(value: Any) -> str:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, float):
        short = f"{value:.6g}"
        return short if float(short) == value else repr(value)
    if isinstance(value, (tuple, list)):
        return "[" + ",".join(_as_text(item) for item in value) + "]"
    return str(value)
