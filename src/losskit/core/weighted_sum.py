"""Weighted sums of losses: ``0.7 * a + 0.3 * b``."""

from __future__ import annotations

import functools
import math
import operator
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from losskit.core.arrays import Array

if TYPE_CHECKING:
    from losskit.core.loss import Loss

__all__ = ["Addable", "Summand", "WeightedSum", "check_together", "part_names"]


Sum = TypeVar("Sum")


class Addable(ABC, Generic[Sum]):
    """What can be multiplied by a number and added to what its sums hold."""

    # Else an array times a loss would be an array of objects.
    __array_ufunc__ = None

    @staticmethod
    @abstractmethod
    def sum_of(terms: Any) -> Sum:
        """Make the sum of these weights and losses."""

    def summands(self) -> tuple[tuple[float, Any], ...]:
        """Return weights and losses that are added."""
        return ((1.0, self),)

    def __mul__(self, number: float) -> Sum:
        number = factor(number)
        return self.sum_of(tuple((number * weight, loss) for weight, loss in self.summands()))

    __rmul__ = __mul__

    def __add__(self, other: Addable[Sum]) -> Sum:
        if not isinstance(other, Addable) or other.sum_of is not self.sum_of:
            return NotImplemented
        return self.sum_of(self.summands() + other.summands())

    def __radd__(self, other: int) -> Sum:
        # sum() begins with 0.
        return self.sum_of(self.summands()) if other == 0 else NotImplemented


class Summand(Addable["WeightedSum"]):
    """A loss in sums."""

    @staticmethod
    def sum_of(terms: tuple[tuple[float, Loss], ...]) -> WeightedSum:
        """Make the sum of these weights and losses."""
        return WeightedSum(terms)


@dataclass(frozen=True)
class WeightedSum(Summand):
    """A weighted sum of losses that take the same arrays.

    Σ_k w_k ℓ_k, each ℓ_k reduced by itself. Made by ``0.7 * losskit.CrossEntropy() + 0.3 *
    losskit.Focal()``; called as its losses are.

    Parameters
    ----------
    terms : tuple of (float, Loss)
        Weights and losses.

    Raises
    ------
    TypeError
        If the losses take different arrays: then add their values instead.

    Examples
    --------
    >>> import losskit
    >>> both = 0.5 * losskit.MSE() + 2 * losskit.MAE()
    >>> total, parts = both.with_parts([3.0, 1.0], [1.0, 1.0])
    >>> float(total), {name: float(value) for name, value in parts.items()}
    (3.0, {'MSE': 2.0, 'MAE': 1.0})
    """

    terms: tuple[tuple[float, Loss], ...]
    names: tuple[str, ...] = field(init=False, repr=False, compare=False)
    """What the parts are called."""

    def __post_init__(self) -> None:
        losses = [loss for _, loss in self.terms]
        names = part_names([loss.name for loss in losses], [loss.spec() for loss in losses])
        object.__setattr__(self, "names", tuple(names))
        check_together(
            [(loss.name, [argument.name for argument in loss.arguments]) for loss in losses]
        )

    def summands(self) -> tuple[tuple[float, Loss], ...]:
        """Return weights and losses that are added."""
        return self.terms

    def __call__(self, *arrays: object, **options: Any) -> Array:
        """Compute the sum; takes what each of the losses takes."""
        return self.with_parts(*arrays, **options)[0]

    def with_parts(self, *arrays: object, **options: Any) -> tuple[Array, dict[str, Array]]:
        """Compute the sum and, by name, what each loss is before it is weighted.

        The parts are for logging; they are differentiable where the sum is.
        """
        values = [loss(*arrays, **options) for _, loss in self.terms]
        return self._total(values), dict(zip(self.names, values, strict=True))

    def value_and_gradient(self, *arrays: object, **options: Any) -> tuple[Array, Any]:
        """Compute the sum and its gradient, as `Loss.value_and_gradient` does."""
        both = [loss.value_and_gradient(*arrays, **options) for _, loss in self.terms]
        value = self._total([value for value, _ in both])
        return value, self._total_each([gradient for _, gradient in both])

    def curvature(self, *arrays: object, **options: Any) -> Any:
        """Compute the diagonal of the sum's Hessian, as `Loss.curvature` does."""
        return self._total_each([loss.curvature(*arrays, **options) for _, loss in self.terms])

    def gradient_and_curvature(self, *arrays: object, **options: Any) -> tuple[Any, Any]:
        """Compute gradient and curvature, as `Loss.gradient_and_curvature` does."""
        both = [loss.gradient_and_curvature(*arrays, **options) for _, loss in self.terms]
        gradients, curvatures = zip(*both, strict=True)
        return self._total_each(list(gradients)), self._total_each(list(curvatures))

    def taking_part(self, *arrays: object, **options: Any) -> Array:
        """Tell which loss values take part in any of the losses; see `Loss.taking_part`."""
        parts = [loss.taking_part(*arrays, **options) for _, loss in self.terms]
        self._check_shapes(parts)
        return functools.reduce(operator.or_, parts)

    def spec(self) -> str:
        """Write the sum down."""
        return " + ".join(f"{weight:g}*{loss.spec()}" for weight, loss in self.terms)

    def _check_shapes(self, values: list[Array]) -> None:
        shapes = {tuple(value.shape) for value in values}
        if len(shapes) > 1:
            raise ValueError(
                f"{self.spec()}: the losses have values of different shapes, "
                f"{' and '.join(map(str, sorted(shapes)))}; reduce them with 'mean' or 'sum'"
            )

    def _total(self, values: list[Array]) -> Array:
        self._check_shapes(values)
        pairs = zip(self.terms, values, strict=True)
        (weight, _), total = next(pairs)
        total = weight * total
        for (weight, _), value in pairs:
            total = total + weight * value
        return total

    def _total_each(self, derivatives: list[Any]) -> Any:
        if not isinstance(derivatives[0], tuple):
            return self._total(derivatives)
        return tuple(self._total(list(one)) for one in zip(*derivatives, strict=True))


def check_together(taken: Sequence[tuple[str, Sequence[str]]], *, by_name: bool = True) -> None:
    """Refuse losses that take other arrays than the first, or only more or fewer of them."""
    (first, wanted), *others = taken
    for name, found in others:
        if list(found) != list(wanted) if by_name else len(found) != len(wanted):
            raise TypeError(
                f"{first} takes {', '.join(wanted)} and {name} takes {', '.join(found)}: they "
                "cannot be called together; add their values instead"
            )


def factor(number: object) -> float:
    """Return a weight of a sum, or refuse it."""
    if getattr(number, "requires_grad", False):
        raise TypeError(
            "a loss is weighted by a number, and what is learnt would not be: multiply the loss's "
            "value by it, or pass weight.item()"
        )
    if getattr(number, "shape", None) == ():
        number = number.item()  # type: ignore[attr-defined]
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise TypeError(f"a loss is weighted by a number, got {type(number).__name__}")
    if not math.isfinite(number):
        raise ValueError(f"a loss is weighted by a finite number, got {number!r}")
    return float(number)


def part_names(names: list[str], longer: list[str]) -> list[str]:
    """Name the parts: shortly, unless that would name two alike."""
    chosen: list[str] = []
    for name, long in zip(names, longer, strict=True):
        wanted = name if names.count(name) == 1 else long
        again = sum(1 for one in chosen if one.partition("#")[0] == wanted)
        chosen.append(f"{wanted}#{again + 1}" if again else wanted)
    return chosen
