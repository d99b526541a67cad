"""From what the caller gave to arrays that a definition can compute, and back to one result."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from losskit.core.arrays import Array, as_compute, compute_dtype, constant, device_of, is_floating
from losskit.core.definition import Definition
from losskit.core.engine import Engine
from losskit.core.options import Options, argument, check_weights, fit

__all__ = ["Prepared", "prepare"]


@dataclass(frozen=True)
class Prepared:
    """A call, checked and ready to compute.

    Attributes
    ----------
    engine : Engine
        Where it is computed.
    input, target : array
        In the dtype of the computation, class axes last, and harmless wherever a position takes
        no part.
    weight : array or None
        One per position, 0 where it takes no part; None where all weigh 1.
    scale : array or None
        One per position; None where all are 1.
    mass : array or None
        What each position counts in the mean besides its weight; None where all count 1.
    normalizer : array, number or None
        What the mean divides by instead.
    options : Options
        As given.
    input_dtype, values_dtype
        Of the gradient, and of unreduced values.
    """

    engine: Engine
    input: Array
    target: Array
    weight: Array | None
    scale: Array | None
    mass: Array | None
    normalizer: Array | float | None
    options: Options
    input_dtype: Any
    values_dtype: Any

    @property
    def xp(self) -> ModuleType:
        """Namespace of the arrays."""
        return self.engine.xp

    def weigh(self, values: Array) -> Array:
        """Multiply each position's value by what it weighs."""
        for factor in (self.weight, self.scale):
            values = values if factor is None else values * factor
        return values

    def reduce(self, values: Array) -> Array:
        """Weigh the values of all positions and reduce them as asked."""
        values = self.weigh(values)
        if self.options.reduction == "none":
            return as_compute(values, self.values_dtype, self.xp)
        total = self.xp.sum(values)
        if self.options.reduction == "sum":
            return total
        return total / self.divisor(values)

    def factors(self, values: Array) -> Array:
        """Derivative of the reduced result in each position's value."""
        factors = self.weigh(self.xp.ones_like(values))
        return factors / self.divisor(values) if self.options.reduction == "mean" else factors

    def divisor(self, values: Array) -> Array | float:
        """What the mean divides by; 1 where that would be 0, since then the sum is 0 as well."""
        divisor = self.normalizer
        if divisor is None:
            counted = [factor for factor in (self.weight, self.mass) if factor is not None]
            if not counted:
                return max(math.prod(values.shape), 1)
            divisor = self.xp.sum(counted[0] if len(counted) == 1 else counted[0] * counted[1])
        if isinstance(divisor, (int, float)):
            return divisor or 1
        return self.xp.where(divisor == 0, 1.0, divisor)


def prepare(loss: Definition, input: object, target: object, options: Options) -> Prepared:
    """Check a call and bring its arrays into the form that definitions compute on."""
    options.check(loss.name)
    given, engine = argument(loss.name, "input", input)
    xp = engine.xp
    wanted = _beside(loss.name, target, given, engine)
    _check_dtypes(loss.name, given, wanted, xp)
    dtype = compute_dtype((given, wanted), xp)
    ready_input, ready_target = loss.arrange(as_compute(given, dtype, xp), wanted, xp)
    shape = loss.positions(ready_input)
    device = device_of(given)
    traced = engine.traced(given, wanted)
    concrete = not traced and engine.at_hand(given, wanted)
    if options.validate and traced:
        raise ValueError(
            f"{loss.name}: validate=True needs to look at values, which cannot be done inside "
            "torch.compile, torch.func or another trace; validate outside of it"
        )
    look = concrete if options.validate is None else options.validate

    takes_part = loss.takes_part(ready_target, xp)
    if options.mask is not None:
        mask = _as_mask(loss.name, fit(loss.name, "mask", options.mask, shape, device, xp), xp)
        takes_part = mask if takes_part is None else mask & takes_part
    # Sanitising copies the input, so it is worth a look whether there is anything to sanitise.
    if takes_part is not None and concrete and bool(xp.all(takes_part)):
        takes_part = None
    if takes_part is not None:
        ready_input, ready_target = loss.neutralise(ready_input, ready_target, takes_part, xp)
    if look:
        loss.check_values(ready_input, ready_target, xp)

    weight = None
    if options.weight is not None:
        weight = as_compute(fit(loss.name, "weight", options.weight, shape, device, xp), dtype, xp)
        if takes_part is not None:
            weight = xp.where(takes_part, weight, 0.0)
        if look and options.reduction == "mean" and options.normalizer is None:
            check_weights(loss.name, weight, xp)
    elif takes_part is not None:
        weight = xp.astype(takes_part, dtype)
    scale = options.scale
    if scale is not None and takes_part is not None:
        scale = xp.where(takes_part, scale, 0.0)
    counts_mass = options.class_weight_counts and options.reduction == "mean"
    floats = [array.dtype for array in (given, wanted) if is_floating(array, xp)]
    return Prepared(
        engine=engine,
        input=ready_input,
        target=ready_target,
        weight=weight,
        scale=scale,
        mass=loss.mass(ready_input, ready_target, xp) if counts_mass else None,
        normalizer=_normalizer(loss.name, options, dtype, device, engine, look=look),
        options=options,
        input_dtype=given.dtype if is_floating(given, xp) else dtype,
        values_dtype=xp.result_type(*floats) if floats else dtype,
    )


def _beside(loss: str, target: Any, input: Array, engine: Engine) -> Array:
    """Return the target as an array in the input's library."""
    array, found = argument(loss, "target", target)
    if found.xp is not engine.xp:
        if isinstance(target, (int, float, list, tuple)):
            return engine.xp.asarray(target, device=device_of(input))
        raise TypeError(
            f"{loss}: input is a {type(input).__name__} and target a {type(target).__name__}; "
            "convert one, e.g. torch.from_numpy(target) or target.numpy()"
        )
    where, whither = device_of(array), device_of(input)
    if None not in (where, whither) and where != whither:
        raise ValueError(
            f"{loss}: input is on {whither} but target is on {where}; move one of them"
        )
    return array


def _check_dtypes(loss: str, input: Array, target: Array, xp: ModuleType) -> None:
    for name, array in (("input", input), ("target", target)):
        if not xp.isdtype(array.dtype, ("real floating", "integral", "bool")):
            raise TypeError(f"{loss}: {name} must hold real numbers, got dtype {array.dtype}")
    if xp.isdtype(input.dtype, "bool"):
        raise TypeError(f"{loss}: input must hold the model's numbers, got dtype {input.dtype}")


def _normalizer(
    loss: str, options: Options, dtype: Any, device: object, engine: Engine, *, look: bool
) -> Array | float | None:
    given = options.normalizer
    if given is None or isinstance(given, (int, float)):
        return given
    array = fit(loss, "normalizer", given, (), device, engine.xp)
    if look and not float(constant(array)) >= 0:
        raise ValueError(f"{loss}: normalizer must be a count >= 0, got {float(array):g}")
    return as_compute(array, dtype, engine.xp)


def _as_mask(loss: str, mask: Array, xp: ModuleType) -> Array:
    if xp.isdtype(mask.dtype, "bool"):
        return mask
    if xp.isdtype(mask.dtype, "integral"):
        return mask != 0
    raise TypeError(
        f"{loss}: mask must be boolean (or 0/1 integers), got dtype {mask.dtype}; "
        "pass numbers as weight instead"
    )
