"""Losses as text: ``Huber:delta=2.0``."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from losskit.core.loss import Loss
from losskit.core.naming import function_name, module_name
from losskit.core.parameters import Parameter

__all__ = [
    "BALANCED",
    "ParsedLoss",
    "find_loss",
    "known_names",
    "names_of",
    "parse_loss",
    "parse_parameters",
]

BALANCED = "balanced"
"""Word for an array parameter that is to be computed from the data."""


@dataclass(frozen=True)
class ParsedLoss:
    """A loss that was named in text, before it is built.

    Attributes
    ----------
    kind : type of Loss
        Its class.
    parameters : dict
        Those that were named. Arrays may be the word `BALANCED`.
    text : str
        As it was given.
    """

    kind: type[Loss]
    parameters: dict[str, object]
    text: str


def find_loss(name: str, catalogue: Mapping[str, type[Loss]]) -> type[Loss]:
    """Return the loss of this name, alias or torch name, in any case and with any separators.

    Raises
    ------
    ValueError
        If there is none; the nearest names are suggested.
    """
    names = known_names(catalogue)
    found = names.get(_key(name))
    if found is None:
        near = difflib.get_close_matches(_key(name), names, n=3, cutoff=0.5)
        wanted = ", ".join(sorted({names[key].__name__ for key in near}))
        mend = f"did you mean {wanted}?" if wanted else "losskit list shows all"
        raise ValueError(f"no loss is called {name!r}; {mend}")
    return found


def names_of(kind: type[Loss]) -> list[str]:
    """Return all names of a loss, those of its modules included, without case and separators."""
    there = [name for twin in kind.card.torch for name in (twin.module, twin.function)]
    if not there:
        module = module_name(kind.__name__)
        there = [module, kind.card.function or function_name(module)]
    return list(dict.fromkeys(map(_key, (kind.__name__, *kind.card.aliases, *there))))


def known_names(catalogue: Mapping[str, type[Loss]]) -> dict[str, type[Loss]]:
    """Return every loss by all of its names."""
    return {name: kind for kind in catalogue.values() for name in names_of(kind)}


def parse_loss(text: str, catalogue: Mapping[str, type[Loss]]) -> ParsedLoss:
    """Read ``NAME`` or ``NAME:param=value,...``; arrays are written ``[1,2,3]``.

    Raises
    ------
    ValueError
        If the name, a parameter or a value is not known.
    """
    name, _, rest = text.partition(":")
    kind = find_loss(name.strip(), catalogue)
    return ParsedLoss(kind, parse_parameters(text, rest, kind.__name__, kind.parameters()), text)


def parse_parameters(
    text: str, rest: str, owner: str, declared: Mapping[str, Parameter]
) -> dict[str, object]:
    """Read ``param=value,...``, for whoever declares those parameters.

    Raises
    ------
    ValueError
        If a parameter or a value is not known; the message quotes the whole text.
    """
    parameters: dict[str, object] = {}
    for part in _parts(rest):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if key not in declared:
            takes = ", ".join(declared) or "no parameters"
            raise ValueError(f"{text!r}: {owner} has no parameter {key!r}; it takes {takes}")
        if not equals or not value:
            raise ValueError(f"{text!r}: {key} needs a value, as in {key}=1")
        if key in parameters:
            raise ValueError(f"{text!r}: {key} is given twice")
        parameters[key] = _value(text, owner, key, value, declared[key])
    return parameters


def _parts(text: str) -> list[str]:
    """Split at commas, but not within brackets."""
    if not text.strip():
        return []
    parts, depth = [""], 0
    for character in text:
        depth += (character == "[") - (character == "]")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _value(text: str, loss: str, key: str, value: str, declared: Parameter) -> object:
    if declared.kind == "array" and value.lower() == BALANCED:
        return BALANCED
    if declared.choices:
        if value not in declared.choices:
            raise ValueError(f"{text!r}: {key} must be one of {', '.join(declared.choices)}")
        return value
    if declared.kind == "flag" and value.lower() in ("true", "false"):
        return value.lower() == "true"
    try:
        parsed = ast.literal_eval(value)
    except (ValueError, SyntaxError):
        raise ValueError(f"{text!r}: {key}={value} is not a number or a [list]") from None
    try:
        declared.checked(loss, key, parsed)
    except TypeError as error:
        raise ValueError(str(error)) from None
    return parsed


def _key(name: str) -> str:
    return re.sub(r"[\s_\-]+", "", name).lower()
