"""The base of all losses: one call surface over every definition."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar, Unpack

from losskit.core.arrays import Array, as_compute
from losskit.core.cards import Card
from losskit.core.contracts import Contract
from losskit.core.options import CallOptions, Options, Reduction
from losskit.core.parameters import Parameter, parameters_of
from losskit.core.prepared import Prepared, prepare

__all__ = ["Loss"]


@dataclass(frozen=True)
class Loss(ABC):
    """A loss: what it computes at one position, and how it is called.

    A subclass defines `value_at`, `gradient_at` and `curvature_at` in array-API code and carries
    a `card`; its kind (`Elementwise`, `Classwise`) knows the shapes; everything else is here.
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

    def __call__(
        self,
        input: object,
        target: object,
        *,
        reduction: Reduction = "mean",
        weight: object = None,
        mask: object = None,
        normalizer: Array | float | None = None,
        validate: bool | None = None,
    ) -> Array:
        """Compute the loss.

        Parameters
        ----------
        input : array
            The model's output. Arrays of any array-API library; sequences become NumPy arrays.
        target : array
            What it should have been.
        reduction : {"mean", "sum", "none"}, default "mean"
            Σwℓ / Σw over what takes part, Σwℓ, or wℓ at every position.
        weight : array, optional
            Non-negative weight of each loss value, in the shape of the loss values.
        mask : array of bool, optional
            Which positions take part, in the shape of the loss values. The others give neither
            value nor gradient, whatever they hold.
        normalizer : number or array of one, optional
            What the mean divides by instead of Σw: the global count under gradient accumulation
            or data parallelism.
        validate : bool, optional
            Check values (class indices, probabilities). By default they are checked where
            looking is free, which is on the CPU and outside of traces.

        Returns
        -------
        array
            A scalar, or the loss values for ``reduction="none"``. Half precision is computed and
            reduced in float32. 0 where nothing takes part.

        Raises
        ------
        ValueError
            If shapes do not fit, or a value is out of its range.
        TypeError
            If dtypes or libraries do not fit.
        """
        options = Options(reduction, weight, mask, normalizer, validate)
        return self.compute(prepare(self, input, target, options))

    def compute(self, prepared: Prepared) -> Array:
        """Compute and reduce a prepared call."""
        return prepared.reduce(prepared.engine.values(self, prepared.input, prepared.target))

    def value_and_gradient(
        self, input: object, target: object, **options: Unpack[CallOptions]
    ) -> tuple[Array, Array]:
        """Compute the loss and its gradient in the input, by the closed form.

        Takes what `__call__` takes.

        Returns
        -------
        value, gradient : array
            The gradient has the input's shape and dtype, and is that of the returned value (of
            its sum, for ``reduction="none"``).
        """
        prepared = prepare(self, input, target, Options(**options))
        values, gradient = prepared.engine.values_and_gradient(
            self, prepared.input, prepared.target
        )
        return prepared.reduce(values), self._spread(gradient, values, prepared)

    def curvature(self, input: object, target: object, **options: Unpack[CallOptions]) -> Array:
        """Compute the diagonal of the Hessian in the input, by the closed form.

        Takes what `__call__` takes; the result has the input's shape and dtype.
        """
        prepared = prepare(self, input, target, Options(**options))
        curvature = prepared.engine.curvature(self, prepared.input, prepared.target)
        return self._spread(curvature, self.sum_to_positions(curvature, prepared.xp), prepared)

    def _spread(self, derivative: Array, values: Array, prepared: Prepared) -> Array:
        """Scale each position's derivative as the reduction scales its value."""
        scaled = derivative * self.per_input(prepared.factors(values))
        return self.restore(as_compute(scaled, prepared.input_dtype, prepared.xp), prepared.xp)

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
            ("input", input, self.card.input),
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
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, tuple):
        return "[" + ",".join(_as_text(item) for item in value) + "]"
    return str(value)
