"""Parameters of losses: one declaration that documents, checks and converts each."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

__all__ = ["Parameter", "field_of", "parameter", "parameters_of"]

_KEY = "losskit"


@dataclass(frozen=True)
class Parameter:
    """What a parameter of a loss means and which values it takes.

    Attributes
    ----------
    doc : str
        Meaning, in one sentence.
    unit : str
        ``"target"`` where the number is in the target's unit, else empty.
    kind : {"number", "integer", "flag", "array", "choice", "function"}
        Arrays may also be given as a number or a sequence, functions as one of the choices.
    above, below, at_least, at_most : float, optional
        Bounds; the first two are exclusive.
    optional : bool
        Whether None is a value.
    choices : tuple of str
        The words that it may be.
    """

    doc: str
    unit: str = ""
    kind: str = "number"
    above: float | None = None
    below: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    optional: bool = False
    choices: tuple[str, ...] = ()

    def checked(self, loss: str, name: str, value: object) -> Any:
        """Return the value as the loss keeps it, or refuse it."""
        if value is None and self.optional:
            return None
        if self.kind == "array":
            return self._frozen_array(loss, name, value)
        if self.kind == "flag":
            if isinstance(value, bool):
                return value
            raise TypeError(f"{loss}: {name} must be True or False, got {value!r}")
        if self.kind in ("choice", "function"):
            return self._chosen(loss, name, value)
        wanted = "an integer" if self.kind == "integer" else "a finite number"
        kinds = (int,) if self.kind == "integer" else (int, float)
        # NumPy scalars and 0-d tensors are numbers too; torch.compile's numbers have no attributes.
        scalar = not isinstance(value, (int, float)) and getattr(value, "shape", None) == ()
        if scalar:
            self._refuse_learnt(loss, name, value)
        number = value.item() if scalar else value  # type: ignore[attr-defined]
        if isinstance(number, bool) or not isinstance(number, kinds):
            raise TypeError(f"{loss}: {name} must be {wanted}, got {value!r}")
        if not self.fits(number):
            raise ValueError(f"{loss}: {name} must be {wanted}{self.bounds}, got {value!r}")
        return number

    def _chosen(self, loss: str, name: str, value: object) -> object:
        words = ", ".join(repr(word) for word in self.choices)
        if self.kind == "function":
            if callable(value):
                return value
            words += " or a function"
        if value in self.choices:
            return value
        kind = ValueError if isinstance(value, str) else TypeError
        raise kind(f"{loss}: {name} must be one of {words}, got {value!r}")

    def fits(self, number: float) -> bool:
        """Whether a number is finite and within the bounds."""
        return (
            -math.inf < number < math.inf
            and (self.above is None or number > self.above)
            and (self.below is None or number < self.below)
            and (self.at_least is None or number >= self.at_least)
            and (self.at_most is None or number <= self.at_most)
        )

    def _frozen_array(self, loss: str, name: str, value: Any) -> Any:
        """Keep tensors, which may be a module's buffers, as they are; freeze the rest."""
        if not hasattr(value, "detach"):
            return self._numbers(loss, name, value)
        if value.is_complex() or str(value.dtype) == "torch.bool":
            raise TypeError(f"{loss}: {name} must hold real numbers, got dtype {value.dtype}")
        self._refuse_learnt(loss, name, value)
        return value

    @staticmethod
    def _refuse_learnt(loss: str, name: str, value: Any) -> None:
        if getattr(value, "requires_grad", False):
            raise ValueError(
                f"{loss}: {name} requires a gradient, which no loss gives to its parameters; "
                f"pass {name}.detach()"
            )

    def _numbers(self, loss: str, name: str, value: Any) -> Any:
        if hasattr(value, "tolist"):
            value = value.tolist()
        if isinstance(value, (list, tuple)):
            rows = tuple(self._numbers(loss, name, item) for item in value)
            if len({len(row) if isinstance(row, tuple) else None for row in rows}) > 1:
                raise ValueError(f"{loss}: {name} must have rows of one length, got {value!r}")
            return rows
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise TypeError(f"{loss}: {name} must hold numbers, got {value!r}")
        if not self.fits(value):
            raise ValueError(f"{loss}: {name} must hold finite numbers{self.bounds}, got {value!r}")
        return float(value)

    def holds(self, tensor: Any) -> bool:
        """Whether all numbers of a tensor are finite and within the bounds."""
        if 0 in tensor.shape:
            return True
        low, high = tensor.detach().aminmax()
        return self.fits(low.item()) and self.fits(high.item())

    @property
    def bounds(self) -> str:
        """The bounds in words, to follow "a number"."""
        parts = [
            f"{sign} {bound:g}"
            for sign, bound in (
                (">", self.above),
                (">=", self.at_least),
                ("<", self.below),
                ("<=", self.at_most),
            )
            if bound is not None
        ]
        return " " + " and ".join(parts) if parts else ""


def parameter(
    default: object,
    doc: str,
    *,
    unit: str = "",
    kind: str = "number",
    above: float | None = None,
    below: float | None = None,
    at_least: float | None = None,
    at_most: float | None = None,
    optional: bool = False,
    choices: tuple[str, ...] = (),
) -> Any:
    """Declare a field of a loss; see `Parameter`.

    What is to be given by keyword alone stands after a line ``_: KW_ONLY``, which type checkers
    know as well.
    """
    declared = Parameter(doc, unit, kind, above, below, at_least, at_most, optional, choices)
    return field_of(declared, default)


def field_of(declared: Parameter, default: object) -> Any:
    """Declare a field by a parameter that others check by as well."""
    return dataclasses.field(default=default, metadata={_KEY: declared})


_declared: dict[type, dict[str, Parameter]] = {}


def parameters_of(kind: type) -> dict[str, Parameter]:
    """Return the parameters of a loss's class, in the order of its signature."""
    declared = _declared.get(kind)
    if declared is None:
        # Kept, since torch.compile can follow a look-up but not `dataclasses.fields` of a class.
        declared = _declared[kind] = {
            field.name: field.metadata[_KEY]
            for field in sorted(dataclasses.fields(kind), key=lambda field: bool(field.kw_only))
            if _KEY in field.metadata
        }
    return declared
