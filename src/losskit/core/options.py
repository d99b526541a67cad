"""The options that every loss takes in the same way."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from types import ModuleType
from typing import ClassVar, Literal, get_args

from losskit.core.arrays import Array, constant, device_of, first_true
from losskit.core.engine import Engine, SettingError, engine_for

__all__ = ["Options", "Reduction", "argument", "check_weights", "fit"]

Reduction = Literal["mean", "sum", "none"]


@dataclass(frozen=True)
class Options:
    """How loss values are weighed and reduced.

    Attributes
    ----------
    reduction : {"mean", "sum", "none"}
        Σwℓ / Σw, Σwℓ, or wℓ.
    weight : array, optional
        One weight per loss value.
    mask : array of bool, optional
        Which positions take part.
    normalizer : number or array, optional
        What the mean divides by, instead of Σw.
    validate : bool, optional
        Whether values are checked; None checks them where that is free.
    scale : array, optional
        Multiplies each loss value, and is not counted in the mean.
    class_weight_counts : bool
        Whether class weights are counted in the mean, as weights are.
    bare : bool
        Whether there are no weights, mask or normaliser.
    """

    CALL: ClassVar = ("reduction", "weight", "mask", "normalizer", "validate")
    """What users give with a call; the rest belongs to faces."""

    reduction: Reduction = "mean"
    weight: Array | None = None
    mask: Array | None = None
    normalizer: Array | float | None = None
    validate: bool | None = None
    scale: Array | None = None
    class_weight_counts: bool = True
    bare: bool = field(init=False)

    def __post_init__(self) -> None:
        bare = (
            self.weight is None
            and self.mask is None
            and self.normalizer is None
            and self.scale is None
        )
        object.__setattr__(self, "bare", bare)

    def check(self, loss: str) -> None:
        """Refuse options that contradict each other."""
        if not isinstance(self.reduction, str) or self.reduction not in get_args(Reduction):
            raise ValueError(
                f"{loss}: reduction must be 'mean', 'sum' or 'none', got {self.reduction!r}"
            )
        if self.normalizer is None:
            return
        if self.reduction != "mean":
            raise ValueError(
                f"{loss}: normalizer is what the mean divides by, so it goes with "
                f"reduction='mean', got reduction={self.reduction!r}"
            )
        if isinstance(self.normalizer, (int, float)):
            if not 0 <= self.normalizer < math.inf:
                raise ValueError(
                    f"{loss}: normalizer must be a finite count >= 0, got {self.normalizer!r}"
                )
            return
        shape = getattr(self.normalizer, "shape", None)
        if shape is None:
            raise TypeError(f"{loss}: normalizer must be one number, got {self.normalizer!r}")
        if tuple(shape) != ():
            raise ValueError(f"{loss}: normalizer must be one number, got shape {tuple(shape)}")


def argument(loss: str, name: str, value: object) -> tuple[Array, Engine]:
    """Return an argument as an array with its engine, or refuse it by its name."""
    try:
        return engine_for(value)
    except SettingError:
        raise
    except (TypeError, ValueError) as error:
        raise TypeError(f"{loss}: {name} is no array of numbers: {error}") from None


def fit(
    loss: str,
    name: str,
    given: object,
    shape: tuple[int, ...],
    device: object,
    xp: ModuleType,
    *,
    of: str = "loss value",
) -> Array:
    """Return a weight or mask in the shape of the loss values, or refuse it.

    Axes of length 1 are stretched, since they were written to be; nothing else is. Of masks, there
    may be one element for each part `of` a loss value.
    """
    array, engine = argument(loss, name, given)
    if not engine.xp.isdtype(array.dtype, ("real floating", "integral", "bool")):
        raise TypeError(f"{loss}: {name} must hold real numbers, got dtype {array.dtype}")
    form = engine.form(array)
    if form:
        raise TypeError(f"{loss}: {name} must be a dense array, got one that is {form}; convert it")
    found = tuple(array.shape)
    if found != shape:
        stretches = len(found) == len(shape) and all(
            length in (1, wanted) for length, wanted in zip(found, shape, strict=True)
        )
        if not stretches:
            raise ValueError(
                f"{loss}: {name} has shape {found}, but there is one {of} for each of "
                f"{shape}; {_mend(name, found, shape)}"
            )
    if engine.xp is not xp:
        array = xp.asarray(array, device=device)
    elif None not in (device_of(array), device) and device_of(array) != device:
        raise ValueError(f"{loss}: input is on {device} but {name} is on {device_of(array)}")
    return array if found == shape else xp.broadcast_to(array, shape)


def _mend(name: str, found: tuple[int, ...], shape: tuple[int, ...]) -> str:
    if found and found == shape[: len(found)]:
        axes = ", ".join([":"] * len(found) + ["None"] * (len(shape) - len(found)))
        return f"for one {name} per row, pass {name}[{axes}]"
    return f"give {name} that shape, with axes of length 1 where it is the same for all"


def check_weights(loss: str, name: str, weight: Array, xp: ModuleType) -> None:
    """Refuse weights of which no mean can be taken."""
    weight = constant(weight)
    if 0 in weight.shape or float(xp.min(weight)) >= 0:
        return
    at = first_true(~(weight >= 0), xp)
    raise ValueError(
        f"{loss}: {name} must be >= 0 for a weighted mean, got {float(weight[at]):g} at {at}; "
        "use reduction='sum', or pass a normalizer"
    )
