"""Modules of the losses, with the names, constructors and buffers of ``torch.nn``."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from inspect import Parameter as Argument
from typing import Any, ClassVar

import torch
from torch import Tensor

from losskit.core.loss import Loss
from losskit.core.parameters import parameters_of
from losskit.torch.documentation import documentation
from losskit.torch.faces import OPTIONS, Face, bind, check_reduction, evaluate, evaluate_plain
from losskit.torch.weighted_sum import SummandModule

__all__ = ["LossModule", "module_for", "module_signature"]

_DEPRECATED = frozenset({"size_average", "reduce"})


class LossModule(SummandModule):
    """A loss as a module.

    Where ``torch.nn`` has the loss, the module is a subclass of its twin, so that constructor,
    buffers, ``state_dict`` and ``isinstance`` are the twin's own. What the loss learns, such as a
    temperature, is a parameter of the module.
    """

    face: ClassVar[Face]
    settings: ClassVar[tuple[str, ...]]
    reduction: str

    def definition(self) -> Loss:
        """Return the loss with the module's settings."""
        return self.face.build({name: getattr(self, name) for name in self.settings})

    def extra_repr(self) -> str:
        """Settings that differ from the defaults."""
        defaults = module_signature(self.face).parameters
        shown = []
        for name in self.settings:
            value = getattr(self, name)
            if isinstance(value, Tensor):
                shown.append(f"{name}=<{tuple(value.shape)}>")
            elif value != defaults[name].default and not isinstance(value, torch.nn.Module):
                shown.append(f"{name}={value!r}")
        return ", ".join(shown)


def module_signature(face: Face) -> inspect.Signature:
    """Return the constructor's signature: the twin's, then keyword-only what Losskit adds."""
    functional = face.signature.parameters
    per_call = {*face.arrays, *OPTIONS}
    arguments = [functional[name] for name in functional if name not in per_call]
    if face.twin is None:
        learned = face.learned
        return inspect.Signature(
            [
                argument.replace(annotation="float") if argument.name in learned else argument
                for argument in arguments
            ]
        )
    twin = inspect.signature(getattr(torch.nn, face.module))
    added = [
        argument
        for argument in arguments
        if argument.kind is argument.KEYWORD_ONLY and argument.name not in twin.parameters
    ]
    return inspect.Signature([*twin.parameters.values(), *added])


def _called_with(face: Face) -> tuple[str, ...]:
    """Names of a module's tensors; some name them otherwise than the function does."""
    if face.twin is None:
        return face.arrays
    twin = getattr(torch.nn, face.module)
    return tuple(inspect.signature(twin.forward).parameters)[1:]


def _forward_for(face: Face) -> Callable[..., Tensor]:
    """Make the forward of a module, with the loss's own names of tensors."""
    order = _called_with(face)
    names = dict(zip(order, face.arrays, strict=True))
    known = frozenset({*order, *OPTIONS})

    def forward(self: LossModule, *args: Any, **options: Any) -> Tensor:
        given = {name: getattr(self, name) for name in (*self.settings, *face.learned)}
        if not options and len(args) == len(order) and not face.learned:
            found = evaluate_plain(face, args, given)
            if found is not None:
                return found
        for name, value in bind("forward", order, known, args, options).items():
            given[names.get(name, name)] = value
        return evaluate(face, given)

    forward.__doc__ = """Compute the loss.

        Parameters
        ----------
        *args : Tensor
            As for the twin in ``torch.nn``; never broadcast.
        sample_weight : Tensor, optional
            One weight per loss value, counted in the mean.
        mask : Tensor of bool, optional
            What takes part.
        normalizer : number or Tensor, optional
            What the mean divides by, such as a global token count.
        validate : bool, optional
            Check values; by default where that is free.
        """
    functional = face.signature.parameters
    self = Argument("self", Argument.POSITIONAL_OR_KEYWORD)
    arguments = [
        functional[names[name]].replace(name=name, default=Argument.empty) for name in order
    ]
    forward.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [self, *arguments, *(functional[name] for name in OPTIONS)], return_annotation="Tensor"
    )
    return forward


def _start(module: str, name: str, value: object) -> float:
    """Return the number that a learnt parameter begins with, or refuse it."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{module}: {name} must be a number, got {value!r}")
    if not math.isfinite(value):
        raise ValueError(f"{module}: {name} must be finite, got {value!r}")
    return float(value)


def module_for(face: Face) -> type[LossModule]:
    """Make the module of a loss."""
    name = face.module
    twin = getattr(torch.nn, name) if face.twin is not None else None
    signature = module_signature(face)
    of_twin = inspect.signature(twin).parameters if twin is not None else {}
    declared = parameters_of(face.kind)
    defaults = {key: one.default for key, one in signature.parameters.items()}
    order = tuple(
        key
        for key, one in signature.parameters.items()
        if one.kind is Argument.POSITIONAL_OR_KEYWORD
    )
    # torch.nn refuses some numbers that mean something, such as a margin of 0.
    judged_here = {
        key for key in of_twin if key in declared and declared[key].kind in ("number", "integer")
    }

    def initialise(self: LossModule, *args: Any, **options: Any) -> None:
        given = defaults | bind(name, order, frozenset(defaults), args, options)
        if twin is None:
            torch.nn.Module.__init__(self)
        else:
            handed = of_twin.keys() - judged_here
            twin.__init__(self, **{key: given.pop(key) for key in handed})
        for key, value in given.items():
            if key in face.learned:
                setattr(self, key, torch.nn.Parameter(torch.tensor(_start(name, key, value))))
            elif key in declared and declared[key].kind == "array":
                self.register_buffer(key, None if value is None else torch.as_tensor(value))
            else:
                setattr(self, key, value)
        # What is wrong is refused here, not at the first batch.
        check_reduction(face, self.reduction)
        self.definition()

    body = {
        "__init__": initialise,
        "__module__": "losskit.torch",
        "__doc__": documentation(face, signature, "torch.nn", name, _called_with(face)),
        "__signature__": signature,
        "forward": _forward_for(face),
        "face": face,
        "settings": tuple(
            key for key in signature.parameters if key not in _DEPRECATED | face.learned.keys()
        ),
    }
    return type(name, (LossModule,) if twin is None else (LossModule, twin), body)
