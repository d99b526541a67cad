"""The losses of ``torch.nn.functional``, drop-in, with masks, weights and normalisers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch as _torch

from losskit.losses import CATALOGUE
from losskit.torch.documentation import documentation
from losskit.torch.faces import Face, bind, evaluate, evaluate_plain, faces_of

if TYPE_CHECKING:
    from torch import Tensor


def _function_for(face: Face) -> Callable[..., Tensor]:
    """Make the functional form of a loss."""
    name, signature = face.function, face.signature
    order = tuple(
        argument.name
        for argument in signature.parameters.values()
        if argument.kind is argument.POSITIONAL_OR_KEYWORD
    )
    known = frozenset(signature.parameters)
    learned = face.learned
    tensors = len(face.arrays)
    first = order[:tensors] == face.arrays and not learned

    def function(*args: Any, **options: Any) -> Tensor:
        if first and not options and len(args) == tensors:
            found = evaluate_plain(face, args, {})
            if found is not None:
                return found
        return evaluate(face, learned | bind(name, order, known, args, options))

    function.__name__ = function.__qualname__ = name
    function.__module__ = __name__
    function.__doc__ = documentation(face, signature, "torch.nn.functional", name)
    function.__signature__ = signature  # type: ignore[attr-defined]
    return function


_functions = {
    face.function: _function_for(face) for kind in CATALOGUE.values() for face in faces_of(kind)
}
if hasattr(_torch.nn, "LinearCrossEntropyLoss"):
    from losskit.torch.linear_cross_entropy import linear_cross_entropy

    _functions["linear_cross_entropy"] = linear_cross_entropy
globals().update(_functions)
__all__ = tuple(_functions)

_registered: dict[type, Callable[..., Tensor]] = {}


def __getattr__(name: str) -> Callable[..., Tensor]:
    """Make the function of a loss that was registered later."""
    for kind in CATALOGUE.values():
        for face in faces_of(kind):
            if face.function == name:
                if kind not in _registered:
                    _registered[kind] = _function_for(face)
                return _registered[kind]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Name the functional forms of all losses."""
    functions = (face.function for kind in CATALOGUE.values() for face in faces_of(kind))
    return sorted({*__all__, *functions})
