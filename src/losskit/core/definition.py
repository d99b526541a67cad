"""What a loss is, apart from how it is called: parameters, card, and its formulas."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar

from losskit.core.arrays import Array, is_integer
from losskit.core.cards import Argument, Card, Role
from losskit.core.contracts import Contract
from losskit.core.parameters import Parameter, parameters_of

__all__ = ["Arrays", "Definition", "each"]

Arrays = tuple[Array, ...]
"""The arguments of a loss in the order of its card, and whatever its kind adds to them."""


@dataclass(frozen=True)
class Definition(ABC):
    """What one loss says of itself, and what its kind says of shapes.

    Arrays come checked: in one library and dtype, class axes last, and harmless wherever a
    position takes no part.
    """

    card: ClassVar[Card]
    names: ClassVar[Mapping[str, str]] = {}
    """What those who call it by other names call its parameters and options."""
    mask_of: ClassVar[str] = "loss value"
    """What a mask has an element for."""

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

    def called(self, name: str) -> str:
        """Return the caller's name of a parameter or an option."""
        return self.names.get(name, name)

    @classmethod
    def parameters(cls) -> dict[str, Parameter]:
        """Return the declared parameters by name."""
        return parameters_of(cls)

    def held(self) -> dict[str, Array]:
        """Return the arrays among the parameters that others may change, such as buffers."""
        return {
            name: array
            for name, declared in parameters_of(type(self)).items()
            if declared.kind == "array" and hasattr(array := getattr(self, name), "detach")
        }

    def spec(self) -> str:
        """Write the loss as the command line reads it: its name and what differs from defaults."""
        differing = [
            f"{field.name}={_as_text(getattr(self, field.name))}"
            for field in dataclasses.fields(self)
            if getattr(self, field.name) is not field.default
            and getattr(self, field.name) != field.default
        ]
        return ":".join([self.name, ",".join(differing)]) if differing else self.name

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """What the loss is called with: the card's, unless a parameter changes it."""
        return self.card.arguments

    # What a definition says. It takes the arrays of its card one by one, and the namespace.

    @abstractmethod
    def value_at(self, *args: Any, **kwargs: Any) -> Array:
        """Loss at each position."""

    @abstractmethod
    def pull_back(
        self, arrays: Arrays, outer: Array, wanted: Sequence[bool], xp: ModuleType
    ) -> list[Array | None]:
        """Derivative of Σ outer · value, over all positions, in each wanted array."""

    def curvature_at(self, *args: Any, **kwargs: Any) -> Any:
        """Second derivative of the summed loss in each element; None if there is none."""
        return None

    @property
    def closed_form(self) -> bool:
        """Whether the derivatives hold; if not, only a library that differentiates has them."""
        return True

    # What a kind says.

    @abstractmethod
    def arrange(self, arrays: Arrays, xp: ModuleType) -> Arrays:
        """Check shapes and dtypes, and bring the arrays into the form that definitions take."""

    @abstractmethod
    def positions(self, arrays: Arrays) -> tuple[int, ...]:
        """Shape of the loss values."""

    def restore(self, array: Array, xp: ModuleType) -> Array:
        """Undo what `arrange` did to the axes of a model's output."""
        return array

    def outputs(self, arrays: Arrays) -> tuple[int, ...]:
        """Which arrays the model gives."""
        arguments = enumerate(self.arguments)
        return tuple(at for at, argument in arguments if argument.role is not Role.GIVEN)

    def contracts(self, arrays: Arrays, xp: ModuleType) -> tuple[Contract, ...]:
        """Return the contract that each array is held to."""
        return tuple(
            next(
                (one for one in argument.contracts if one.integral == is_integer(array, xp)),
                argument.contracts[0],
            )
            for argument, array in zip(self.arguments, arrays, strict=False)
        )

    def mask_shape(self, arrays: Arrays) -> tuple[int, ...]:
        """Shape of masks: that of the loss values, unless parts of one can take no part."""
        return self.positions(arrays)

    def takes_part(self, arrays: Arrays, xp: ModuleType) -> Array | None:
        """Which positions the arrays let take part; None for all."""
        return None

    def select(
        self, arrays: Arrays, mask: Array | None, xp: ModuleType, *, concrete: bool
    ) -> tuple[Arrays, Array | None]:
        """Make harmless what takes no part; return also which positions do, None for all."""
        part = self.takes_part(arrays, xp)
        if mask is not None:
            part = mask if part is None else mask & part
        # This copies the arrays, so it is worth a look whether there is anything to do.
        if part is None or (concrete and bool(xp.all(part))):
            return arrays, None
        contracts = self.contracts(arrays, xp)
        return tuple(
            xp.where(self.spread(part, array), array, contract.fill(array))
            for array, contract in zip(arrays, contracts, strict=True)
        ), part

    def mass(self, arrays: Arrays, xp: ModuleType) -> Array | None:
        """What each position counts in the weighted mean; None for 1."""
        return None

    def spread(self, per_position: Array, array: Array) -> Array:
        """Let one element per position broadcast against an array that has more axes."""
        missing = array.ndim - per_position.ndim
        # PyTorch's is_grads_batched knows no views that change nothing.
        return per_position[(..., *(None,) * missing)] if missing else per_position

    def classes(self, arrays: Arrays) -> int:
        """How many classes indices may name."""
        return arrays[0].shape[-1] if arrays[0].ndim else 0

    def check_values(self, arrays: Arrays, xp: ModuleType) -> None:
        """Refuse values that break the contracts of the card, and the parameters' own."""
        for name, array in self.held().items():
            declared = parameters_of(type(self))[name]
            if not declared.holds(array):
                numbers = array.flatten().tolist()
                wrong = next(number for number in numbers if not declared.fits(number))
                raise ValueError(
                    f"{self.name}: {self.called(name)} must hold finite numbers{declared.bounds}, "
                    f"got {wrong:g} (validate=False computes it as it is)"
                )
        classes = self.classes(arrays)
        contracts = self.contracts(arrays, xp)
        for argument, values, contract in zip(self.arguments, arrays, contracts, strict=False):
            broken = contract.violation(values, xp, classes=classes)
            if broken is not None:
                raise ValueError(
                    f"{self.name}: {argument.name} at position {broken.position} is "
                    f"{broken.found}, but must be {broken.wanted}; {contract.mend} "
                    "(validate=False computes it as it is)"
                )


def each(derivatives: Array | Arrays | None) -> Arrays:
    """Return what a derivative's method gives, one by one."""
    if derivatives is None:
        return ()
    return derivatives if isinstance(derivatives, tuple) else (derivatives,)


def _as_text(value: Any) -> str:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, float):
        short = f"{value:.6g}"
        return short if float(short) == value else repr(value)
    if isinstance(value, (tuple, list)):
        return "[" + ",".join(_as_text(item) for item in value) + "]"
    return str(value)
