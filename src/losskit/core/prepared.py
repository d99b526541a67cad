"""From what the caller gave to arrays that a definition can compute, and back to one result."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from losskit.core.arrays import Array, as_compute, compute_dtype, constant, device_of, is_floating
from losskit.core.cards import Argument, Role
from losskit.core.definition import Arrays, Definition
from losskit.core.engine import Engine
from losskit.core.options import Options, argument, check_weights, fit

__all__ = ["Prepared", "beside", "bind", "prepare"]


@dataclass(frozen=True)
class Prepared:
    """A call, checked and ready to compute.

    Attributes
    ----------
    engine : Engine
        Where it is computed.
    arrays : tuple of array
        In the dtype of the computation, class axes last, and harmless wherever a position takes
        no part.
    shape : tuple of int
        Of the loss values.
    dtype
        Of the computation.
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
    output_dtypes, output_shapes : tuple
        Of the gradient in each of the model's outputs.
    values_dtype
        Of unreduced values.
    """

    engine: Engine
    arrays: Arrays
    shape: tuple[int, ...]
    dtype: Any
    weight: Array | None
    scale: Array | None
    mass: Array | None
    normalizer: Array | float | None
    options: Options
    output_dtypes: tuple[Any, ...]
    output_shapes: tuple[tuple[int, ...], ...]
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
        return total / self.divisor()

    def factors(self) -> Array:
        """Derivative of the reduced result in each position's value."""
        device = device_of(self.arrays[0])
        factors = self.weigh(self.xp.ones(self.shape, dtype=self.dtype, device=device))
        return factors / self.divisor() if self.options.reduction == "mean" else factors

    def divisor(self) -> Array | float:
        """What the mean divides by; where that would be 0, one that makes everything 0.

        The sum is 0 as well, mostly: label smoothing spreads over classes that weigh more than the
        target's.
        """
        divisor = self.normalizer
        if divisor is None:
            counted = [factor for factor in (self.weight, self.mass) if factor is not None]
            if not counted:
                return max(math.prod(self.shape), 1)
            divisor = self.xp.sum(counted[0] if len(counted) == 1 else counted[0] * counted[1])
        if isinstance(divisor, (int, float)):
            return divisor or math.inf
        return self.xp.where(divisor == 0, math.inf, divisor)


def prepare(loss: Definition, arrays: tuple[object, ...], options: Options) -> Prepared:
    """Check a call and bring its arrays into the form that definitions compute on."""
    options.check(loss.name)
    arguments = loss.arguments
    first, *others = arrays
    head, engine = argument(loss.name, arguments[0].name, first)
    xp = engine.xp
    given = [head]
    for declared, value in zip(arguments[1:], others, strict=True):
        if declared.role is Role.LEARNED and type(value) in (int, float):
            # A number has no dtype of its own, and half precision would round it.
            wide = compute_dtype((head,), xp)
            given.append(xp.asarray(value, dtype=wide, device=device_of(head)))
        else:
            given.append(beside(loss.name, declared.name, value, arguments[0].name, head, engine))
    for declared, array in zip(arguments, given, strict=True):
        _check_dtype(loss.name, declared, array, engine)
    _check_promotion(loss.name, arguments, given, xp)
    floats = [
        array.dtype
        for declared, array in zip(arguments, given, strict=True)
        if is_floating(array, xp) and declared.role is not Role.LEARNED
    ]
    dtype = compute_dtype(tuple(given), xp)
    ready = loss.arrange(
        tuple(
            as_compute(array, dtype, xp)
            if is_floating(array, xp) or declared.role is not Role.GIVEN
            else array
            for declared, array in zip(arguments, given, strict=True)
        ),
        xp,
    )
    device = device_of(head)
    traced = engine.traced(*given)
    concrete = not traced and engine.at_hand(*given)
    if options.validate and traced:
        raise ValueError(
            f"{loss.name}: validate=True needs to look at values, which cannot be done inside "
            "torch.compile, torch.func or another trace; validate outside of it"
        )
    look = concrete if options.validate is None else options.validate

    mask = options.mask
    if mask is not None:
        allowed = loss.mask_shape(ready)
        fitting = fit(loss.name, "mask", mask, allowed, device, xp, of=loss.mask_of)
        mask = _as_mask(loss.name, fitting, xp)
    ready, takes_part = loss.select(ready, mask, xp, concrete=concrete)
    if look:
        loss.check_values(ready, xp)

    shape = loss.positions(ready)
    weight = None
    if options.weight is not None:
        name = loss.called("weight")
        weight = as_compute(fit(loss.name, name, options.weight, shape, device, xp), dtype, xp)
        if takes_part is not None:
            weight = xp.where(takes_part, weight, 0.0)
        if look and options.reduction == "mean" and options.normalizer is None:
            check_weights(loss.name, name, weight, xp)
    elif takes_part is not None:
        weight = xp.astype(takes_part, dtype)
    counts_mass = options.class_weight_counts and options.reduction == "mean"
    return Prepared(
        engine=engine,
        arrays=ready,
        shape=shape,
        dtype=dtype,
        weight=weight,
        scale=_scale(loss, options.scale, takes_part, shape, device, xp),
        mass=loss.mass(ready, xp) if counts_mass else None,
        normalizer=_normalizer(loss.name, options, weight, shape, dtype, device, engine, look=look),
        options=options,
        output_dtypes=tuple(
            given[at].dtype if is_floating(given[at], xp) else dtype for at in loss.outputs(ready)
        ),
        output_shapes=tuple(tuple(given[at].shape) for at in loss.outputs(ready)),
        values_dtype=xp.result_type(*floats) if floats else dtype,
    )


def bind(
    loss: Definition, arrays: tuple[object, ...], named: Mapping[str, object]
) -> tuple[object, ...]:
    """Return the arguments of a call in the order of the card."""
    if not named and len(arrays) == len(loss.arguments):
        return arrays
    names = [declared.name for declared in loss.arguments]
    wanted = f"{loss.name} takes {', '.join(names)}"
    if len(arrays) > len(names):
        raise TypeError(f"{wanted}, got {len(arrays)} arrays")
    bound = dict(zip(names, arrays, strict=False))
    for name, value in named.items():
        if name not in names:
            near = difflib.get_close_matches(name, [*names, *Options.CALL], n=1)
            mend = f"; did you mean {near[0]}?" if near else ""
            raise TypeError(f"{wanted} and the options of every loss, got {name!r}{mend}")
        if name in bound:
            raise TypeError(f"{wanted}, got {name} twice")
        bound[name] = value
    for declared in loss.arguments:
        if declared.start is not None:
            bound.setdefault(declared.name, declared.start)
    missing = [name for name in names if name not in bound]
    if missing:
        raise TypeError(f"{wanted}; {', '.join(missing)} is missing")
    return tuple(bound[name] for name in names)


def beside(loss: str, name: str, value: Any, first: str, head: Array, engine: Engine) -> Array:
    """Return an argument as an array in the first one's library and on its device."""
    # What has no dtype of its own takes the first one's.
    if isinstance(value, (int, float)):
        floats = isinstance(value, float) and is_floating(head, engine.xp)
        dtype = head.dtype if floats else None
        return engine.xp.asarray(value, dtype=dtype, device=device_of(head))
    array, found = argument(loss, name, value)
    if isinstance(value, (list, tuple)):
        floats = is_floating(array, found.xp) and is_floating(head, engine.xp)
        dtype = head.dtype if floats else None
        return engine.xp.asarray(value, dtype=dtype, device=device_of(head))
    if found.xp is not engine.xp:
        raise TypeError(
            f"{loss}: {first} is a {type(head).__name__} and {name} a {type(value).__name__}; "
            f"convert one, e.g. torch.from_numpy({name}) or {name}.numpy()"
        )
    where, whither = device_of(array), device_of(head)
    if None not in (where, whither) and where != whither:
        raise ValueError(
            f"{loss}: {first} is on {whither} but {name} is on {where}; move one of them"
        )
    return array


def _check_dtype(loss: str, declared: Argument, array: Array, engine: Engine) -> None:
    xp = engine.xp
    form = engine.form(array)
    if form and (declared.role is not Role.GIVEN or form != "sparse"):
        raise TypeError(
            f"{loss}: {declared.name} must be a dense array, got one that is {form}; convert it"
        )
    if not xp.isdtype(array.dtype, ("real floating", "integral", "bool")):
        raise TypeError(f"{loss}: {declared.name} must hold real numbers, got dtype {array.dtype}")
    if declared.role is not Role.GIVEN and xp.isdtype(array.dtype, "bool"):
        raise TypeError(
            f"{loss}: {declared.name} must hold the model's numbers, got dtype {array.dtype}"
        )


def _check_promotion(
    loss: str, arguments: tuple[Argument, ...], given: list[Array], xp: ModuleType
) -> None:
    """Refuse to mix numbers of 8 bits with others: no dtype is known that holds both."""
    floats = [
        (one.name, a.dtype) for one, a in zip(arguments, given, strict=True) if is_floating(a, xp)
    ]
    for name, dtype in floats:
        for other, wider in floats:
            if xp.finfo(dtype).bits < 16 and wider != dtype:
                raise TypeError(
                    f"{loss}: {name} has dtype {dtype} and {other} {wider}, which have no dtype in "
                    f"common; convert {name}"
                )


def _scale(
    loss: Definition,
    given: Array | None,
    takes_part: Array | None,
    shape: tuple[int, ...],
    device: object,
    xp: ModuleType,
) -> Array | None:
    if given is None:
        return None
    scale = fit(loss.name, loss.called("scale"), given, shape, device, xp)
    return scale if takes_part is None else xp.where(takes_part, scale, 0.0)


def _normalizer(
    loss: str,
    options: Options,
    weight: Array | None,
    shape: tuple[int, ...],
    dtype: Any,
    device: object,
    engine: Engine,
    *,
    look: bool,
) -> Array | float | None:
    given, xp = options.normalizer, engine.xp
    if given is None:
        return None
    number = isinstance(given, (int, float))
    array = given if number else fit(loss, "normalizer", given, (), device, xp)
    if look:
        count = float(array if number else constant(array))
        if not 0 <= count < math.inf:
            raise ValueError(f"{loss}: normalizer must be a finite count >= 0, got {count:g}")
        if count == 0 and 0 not in shape and (weight is None or bool(xp.any(weight != 0))):
            raise ValueError(f"{loss}: normalizer is 0, but something takes part in the loss")
    return array if number else as_compute(array, dtype, xp)


def _as_mask(loss: str, mask: Array, xp: ModuleType) -> Array:
    if xp.isdtype(mask.dtype, "bool"):
        return mask
    if xp.isdtype(mask.dtype, "integral"):
        return mask != 0
    raise TypeError(
        f"{loss}: mask must be boolean (or 0/1 integers), got dtype {mask.dtype}; "
        "pass numbers as weight instead"
    )
