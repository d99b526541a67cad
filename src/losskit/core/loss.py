"""The base of all losses: one call surface over every definition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from losskit.core.arrays import Array, as_compute
from losskit.core.definition import Arrays, Definition
from losskit.core.engine import known_engine
from losskit.core.newton import Newton
from losskit.core.options import Options, Reduction
from losskit.core.prepared import Prepared, bind, prepare
from losskit.core.shapes import unstretch
from losskit.core.weighted_sum import Summand

__all__ = ["Loss"]


@dataclass(frozen=True)
class Loss(Summand, Definition):
    """A loss: what it computes at one position, and how it is called.

    A subclass defines `value_at`, `gradient_at` and, where there is one, `curvature_at` in
    array-API code and carries a `card`; its kind (`Elementwise`, `Classwise`, `Rowwise`, …) knows
    the shapes; everything else is here.
    """

    def __call__(
        self,
        *arrays: object,
        reduction: Reduction = "mean",
        weight: object = None,
        mask: object = None,
        normalizer: Array | float | None = None,
        validate: bool | None = None,
        **named: object,
    ) -> Array:
        """Compute the loss.

        Parameters
        ----------
        *arrays, **named : array
            The arguments of the loss, by position or by name; for most losses ``input``, the
            model's output, and ``target``, what it should have been. Arrays of any array-API
            library; sequences become NumPy arrays.
        reduction : {"mean", "sum", "none"}, default "mean"
            Σwℓ / Σw over what takes part, Σwℓ, or wℓ at every position.
        weight : array, optional
            Non-negative weight of each loss value, in the shape of the loss values.
        mask : array of bool, optional
            What takes part, in the shape of the loss values (of the items of lists, the pixels
            of regions and the examples of batches). The rest gives neither value nor gradient,
            whatever it holds.
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
        return self.reduced(bind(self, arrays, named), options)

    def reduced(self, arrays: tuple[object, ...], options: Options) -> Array:
        """Compute the loss of bound arguments."""
        engine = known_engine(arrays[0])
        if engine is not None:
            found = engine.reduce(self, arrays, options)
            if found is not None:
                return found
        prepared = prepare(self, arrays, options)
        return prepared.reduce(prepared.engine.values(self, prepared.arrays))

    def value_and_gradient(self, *arrays: object, **options: Any) -> tuple[Array, Any]:
        """Compute the loss and its gradient in the model's output, by the closed form.

        Takes what `__call__` takes.

        Returns
        -------
        value : array
            What `__call__` returns.
        gradient : array or tuple of arrays
            In the output's shape and dtype, and of the returned value (of its sum, for
            ``reduction="none"``). Where the model gives several arrays, one for each.
        """
        bound, said = self._bound(arrays, options)
        engine = known_engine(bound[0])
        found = None if engine is None else engine.reduce_with_gradients(self, bound, said)
        if found is not None:
            value, gradients = found
            return value, gradients[0] if len(gradients) == 1 else gradients
        prepared = prepare(self, bound, said)
        values, gradients = prepared.engine.values_and_gradients(
            self, prepared.arrays, prepared.factors()
        )
        return prepared.reduce(values), self.restored(gradients, prepared)

    def curvature(self, *arrays: object, **options: Any) -> Any:
        """Compute the diagonal of the Hessian in the model's output, by the closed form.

        Takes what `__call__` takes; the result has the output's shape and dtype. Where the model
        gives several arrays, it is a tuple with one for each.

        Raises
        ------
        ValueError
            If the loss has no such closed form.
        """
        return self._curvature(prepare(self, *self._bound(arrays, options)))

    def gradient_and_curvature(self, *arrays: object, **options: Any) -> tuple[Any, Any]:
        """Compute what `value_and_gradient` and `curvature` give, without the value.

        Takes what `__call__` takes.

        Returns
        -------
        gradient, curvature : array or tuple of arrays
            As from those two.

        Raises
        ------
        ValueError
            If the loss has no closed form of its curvature.
        """
        bound, said = self._bound(arrays, options)
        engine = known_engine(bound[0])
        found = None if engine is None else engine.bend(self, bound, said, Newton())
        if found is not None:
            gradients, curvatures = found
            return (gradients, curvatures) if len(gradients) > 1 else (gradients[0], curvatures[0])
        prepared = prepare(self, bound, said)
        _, gradients = prepared.engine.values_and_gradients(
            self, prepared.arrays, prepared.factors()
        )
        return self.restored(gradients, prepared), self._curvature(prepared)

    def _curvature(self, prepared: Prepared) -> Array | Arrays:
        curvatures = prepared.engine.curvatures(self, prepared.arrays)
        if not curvatures:
            raise ValueError(
                f"{self.name} has no closed form of its curvature: {self.card.curvature}"
            )
        factors = prepared.factors()
        scaled = tuple(curvature * self.spread(factors, curvature) for curvature in curvatures)
        return self.restored(scaled, prepared)

    def taking_part(self, *arrays: object, mask: object = None, **named: object) -> Array:
        """Tell which loss values take part; the others are left out of the mean.

        Takes the arguments and the mask of `__call__`. What takes no part is masked, has a target
        that says so (``ignore_index``), or has nothing to be compared with (an anchor without a
        positive): ``(~loss.taking_part(...)).sum()`` counts it.

        Returns
        -------
        array of bool
            In the shape of the loss values.
        """
        for name in Options.CALL:
            if name in named:
                raise TypeError(
                    f"{self.name}: what takes part does not depend on {name}; leave it out"
                )
        prepared = prepare(self, bind(self, arrays, named), Options("sum", mask=mask))
        return prepared.factors() != 0

    def _bound(
        self, arrays: tuple[object, ...], options: dict[str, Any]
    ) -> tuple[tuple[object, ...], Options]:
        known = {name: options.pop(name) for name in Options.CALL if name in options}
        return bind(self, arrays, options), Options(**known)

    def restored(self, derivatives: Arrays, prepared: Prepared) -> Array | Arrays:
        """Bring derivatives back into the form of what they are derivatives in."""
        xp = prepared.xp
        dtypes, shapes = prepared.output_dtypes, prepared.output_shapes
        found = tuple(
            as_compute(unstretch(self.restore(derivative, xp), shape, xp), dtype, xp)
            for derivative, dtype, shape in zip(derivatives, dtypes, shapes, strict=True)
        )
        return found[0] if len(found) == 1 else found
