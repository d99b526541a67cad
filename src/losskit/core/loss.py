"""The base of all losses: one call surface over every definition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Unpack

from losskit.core.arrays import Array, as_compute
from losskit.core.definition import Definition
from losskit.core.options import CallOptions, Options, Reduction
from losskit.core.prepared import Prepared, prepare

__all__ = ["Loss"]


@dataclass(frozen=True)
class Loss(Definition):
    """A loss: what it computes at one position, and how it is called.

    A subclass defines `value_at`, `gradient_at` and `curvature_at` in array-API code and carries
    a `card`; its kind (`Elementwise`, `Classwise`) knows the shapes; everything else is here.
    """

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
