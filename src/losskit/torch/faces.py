"""Functional forms of the losses, with the names, signatures and conventions of ``torch.nn``."""

from __future__ import annotations

import dataclasses
import inspect
import re
import warnings
from collections.abc import Callable, Mapping
from inspect import Parameter as Argument
from typing import Any

import torch
from torch import Tensor

from losskit.core.cards import WeightRole
from losskit.core.loss import Loss
from losskit.core.options import Options
from losskit.core.parameters import parameters_of
from losskit.core.prepared import prepare

__all__ = [
    "OPTIONS",
    "build",
    "documentation",
    "evaluate",
    "function_for",
    "function_name",
    "module_name",
    "signature_of",
]

OPTIONS: dict[str, Any] = {
    "sample_weight": None,
    "mask": None,
    "normalizer": None,
    "validate": None,
}
"""What every loss takes per call besides the arguments of ``torch.nn``, and the defaults."""

_ANNOTATIONS = {
    "sample_weight": "Tensor | None",
    "mask": "Tensor | None",
    "normalizer": "Tensor | float | None",
    "validate": "bool | None",
}


def module_name(kind: type[Loss]) -> str:
    """Name of the loss's module, as in ``torch.nn`` where it has a twin."""
    if kind.card.torch is not None:
        return kind.card.torch.module
    return kind.__name__ if kind.__name__.endswith("Loss") else f"{kind.__name__}Loss"


def function_name(kind: type[Loss]) -> str:
    """Name of the loss's function, as in ``torch.nn.functional`` where it has a twin."""
    if kind.card.torch is not None:
        return kind.card.torch.function
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*", module_name(kind))
    return "_".join(words).lower()


def weight_role(kind: type[Loss]) -> WeightRole:
    """What the argument ``weight`` means to the loss."""
    return kind.card.torch.weight if kind.card.torch is not None else WeightRole.ABSENT


def signature_of(kind: type[Loss]) -> inspect.Signature:
    """Return the twin's own signature, then keyword-only what Losskit adds to it."""
    arguments = _twin_arguments(kind) if kind.card.torch is not None else _own_arguments(kind)
    taken = {argument.name for argument in arguments}
    if weight_role(kind) is WeightRole.CLASSES:
        taken.add("class_weight")
    added = [
        argument.replace(kind=Argument.KEYWORD_ONLY)
        for argument in _parameter_arguments(kind)
        if argument.name not in taken
    ]
    added += [
        Argument(name, Argument.KEYWORD_ONLY, default=default, annotation=_ANNOTATIONS[name])
        for name, default in OPTIONS.items()
    ]
    return inspect.Signature([*arguments, *added], return_annotation="Tensor")


def _twin_arguments(kind: type[Loss]) -> list[Argument]:
    twin = getattr(torch.nn.functional, function_name(kind))
    return [
        argument.replace(annotation=_annotation(argument))
        for argument in inspect.signature(twin).parameters.values()
    ]


def _annotation(argument: Argument) -> str:
    annotation = argument.annotation
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return text.replace("torch.", "")


def _own_arguments(kind: type[Loss]) -> list[Argument]:
    plain = Argument.POSITIONAL_OR_KEYWORD
    first = [Argument(name, plain, annotation="Tensor") for name in ("input", "target")]
    return [
        *first,
        *_parameter_arguments(kind),
        Argument("reduction", plain, default="mean", annotation="str"),
    ]


def _parameter_arguments(kind: type[Loss]) -> list[Argument]:
    declared = parameters_of(kind)
    return [
        Argument(
            field.name,
            Argument.POSITIONAL_OR_KEYWORD,
            default=field.default,
            annotation="Tensor | None" if declared[field.name].kind == "array" else field.type,
        )
        for field in dataclasses.fields(kind)
        if field.name in declared
    ]


def function_for(kind: type[Loss]) -> Callable[..., Tensor]:
    """Make the functional form of a loss."""
    name = function_name(kind)
    signature = signature_of(kind)
    order = tuple(
        argument.name
        for argument in signature.parameters.values()
        if argument.kind is Argument.POSITIONAL_OR_KEYWORD
    )[2:]
    known = frozenset(signature.parameters) - {"input", "target"}

    def function(input: Tensor, target: Tensor, *args: Any, **options: Any) -> Tensor:
        if len(args) > len(order):
            raise TypeError(
                f"{name}() takes up to {len(order) + 2} positional arguments, got {len(args) + 2}"
            )
        given = dict(zip(order, args, strict=False))
        for key, value in options.items():
            if key not in known:
                raise TypeError(f"{name}() got an unexpected keyword argument {key!r}")
            if key in given:
                raise TypeError(f"{name}() got multiple values for argument {key!r}")
            given[key] = value
        return evaluate(kind, input, target, given)

    function.__name__ = function.__qualname__ = name
    function.__module__ = "losskit.torch.functional"
    function.__doc__ = documentation(kind, "torch.nn.functional", name)
    function.__signature__ = signature  # type: ignore[attr-defined]
    return function


def documentation(kind: type[Loss], home: str, name: str) -> str:
    """Docstring of a face: the definition's, and how the face relates to torch's."""
    relation = (
        f"Takes the place of ``{home}.{name}``: same arguments, defaults and numbers, with these "
        "differences: shapes are never broadcast, values are validated where that is free, a "
        "loss in which nothing takes part is 0 instead of NaN, and reduced half precision comes "
        "back in float32."
        if kind.card.torch is not None
        else f"``torch.nn`` has no such loss; it is called as those of ``{home}`` are."
    )
    return (
        f"{inspect.cleandoc(kind.__doc__ or '')}\n\nNotes\n-----\n{relation}\n\n"
        "Keyword-only on every loss: ``sample_weight`` (one per loss value, counted in the mean),\n"
        "``mask`` (which positions take part), ``normalizer`` (what the mean divides by) and\n"
        "``validate`` (check values; by default where that is free)."
    )


def build(kind: type[Loss], given: Mapping[str, Any]) -> Loss:
    """Make the definition from settings named as ``torch.nn`` names them."""
    own = {key: given[key] for key in parameters_of(kind) if key in given}
    if weight_role(kind) is WeightRole.CLASSES and "weight" in given:
        own["class_weight"] = given["weight"]
    return kind(**own)


def evaluate(kind: type[Loss], input: Tensor, target: Tensor, given: dict[str, Any]) -> Tensor:
    """Compute a loss from arguments named as ``torch.nn`` names them."""
    for name, value in (("input", input), ("target", target)):
        if not isinstance(value, Tensor):
            raise TypeError(
                f"{kind.__name__}: {name} must be a Tensor, got {type(value).__name__}; "
                f"use losskit.{kind.__name__} for other arrays"
            )
    given = dict(given)
    reduction = _reduction(given)
    weight = given.pop("weight", None)
    options = {name: given.pop(name, default) for name, default in OPTIONS.items()}
    sample_weight = options["sample_weight"]
    role = weight_role(kind)
    scale = None
    if weight is not None and role is WeightRole.CLASSES:
        given["weight"] = weight
    elif weight is not None and role is WeightRole.SCALE:
        scale = _expanded(kind, weight, input)
    elif weight is not None:
        weight = _expanded(kind, weight, input)
        sample_weight = weight if sample_weight is None else weight * sample_weight
    if torch.is_autocast_enabled(input.device.type) and input.is_floating_point():
        # As torch.nn's losses do: under autocast, half-precision input gives a float32 loss.
        input = input.to(torch.promote_types(input.dtype, torch.float32))
    loss = build(kind, given)
    prepared = prepare(
        loss,
        input,
        target,
        Options(
            reduction,
            sample_weight,
            options["mask"],
            options["normalizer"],
            options["validate"],
            scale,
            # torch.nn divides by the class weights for class indices only.
            class_weight_counts=role is not WeightRole.CLASSES or not target.is_floating_point(),
        ),
    )
    return loss.compute(prepared)  # type: ignore[no-any-return]


def _reduction(given: dict[str, Any]) -> Any:
    """Take the reduction out of the arguments, by its name or by its two deprecated flags."""
    size_average, reduce = given.pop("size_average", None), given.pop("reduce", None)
    reduction = given.pop("reduction", "mean")
    if size_average is None and reduce is None:
        return reduction
    if reduce is False:
        reduction = "none"
    elif size_average is False:
        reduction = "sum"
    else:
        reduction = "mean"
    warnings.warn(
        f"size_average and reduce are deprecated; use reduction={reduction!r}",
        FutureWarning,
        stacklevel=4,
    )
    return reduction


def _expanded(kind: type[Loss], weight: Tensor, input: Tensor) -> Tensor:
    """Stretch a weight as torch.nn.functional does, but never the loss."""
    try:
        return weight.expand(input.shape)
    except RuntimeError:
        raise ValueError(
            f"{kind.__name__}: weight of shape {tuple(weight.shape)} does not broadcast to input "
            f"of shape {tuple(input.shape)}"
        ) from None
