"""Weighted sums of losses: ``0.7 * a + 0.3 * b``."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from losskit.core.arrays import Array

if TYPE_CHECKING:
    from losskit.core.loss import Loss

__all__ = ["Summand", "WeightedSum", "factor", "part_names"]


class Summand:
    """What can be multiplied by a number and added."""

    # Else an array times a loss would be an array of objects.
    __array_ufunc__ = None

    def summands(self) -> tuple[tuple[float, Loss], ...]:
        """Return weights and losses that are added."""
        return ((1.0, self),)  # type: ignore[return-value]

    def __mul__(self, number: float) -> WeightedSum:
        number = factor(number)
        return WeightedSum(tuple((number * weight, loss) for weight, loss in self.summands()))

    __rmul__ = __mul__

    def __add__(self, other: Summand) -> WeightedSum:
        if not isinstance(other, Summand):
            return NotImplemented
        return WeightedSum(self.summands() + other.summands())

    def __radd__(self, other: object) -> WeightedSum:
        # sum() begins with 0.
        return WeightedSum(self.summands()) if other == 0 else NotImplemented


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
        _, first = self.terms[0]
        for _, loss in self.terms[1:]:
            wanted, found = ([argument.name for argument in one.arguments] for one in (first, loss))
            if wanted != found:
                raise TypeError(
                    f"{first.name} takes {', '.join(wanted)} and {loss.name} takes "
                    f"{', '.join(found)}: they cannot be called together; add their values instead"
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

    def spec(self) -> str:
        """Write the sum down."""
        return " + ".join(f"{weight:g}*{loss.spec()}" for weight, loss in self.terms)

    def _total(self, values: list[Array]) -> Array:
        shapes = {tuple(value.shape) for value in values}
        if len(shapes) > 1:
            raise ValueError(
                f"{self.spec()}: the losses have values of different shapes, "
                f"{' and '.join(map(str, sorted(shapes)))}; reduce them with 'mean' or 'sum'"
            )
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


def factor(number: object) -> float:
    """Return a weight of a sum, or refuse it."""
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
