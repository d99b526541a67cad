"""Faces of the losses: the names, signatures and conventions of ``torch.nn``."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import inspect
import warnings
from collections.abc import Mapping, Sequence
from inspect import Parameter as Argument
from typing import Any

import torch
from torch import Tensor

from losskit.core.cards import PER_CLASS, Role, TorchTwin, WeightRole
from losskit.core.loss import Loss
from losskit.core.naming import function_name, module_name
from losskit.core.options import Options
from losskit.core.parameters import parameters_of
from losskit.engines.autograd import autocasts
from losskit.engines.native import on_torch

__all__ = ["OPTIONS", "Face", "bind", "check_reduction", "evaluate", "faces_of", "resolve"]

OPTIONS: dict[str, Any] = {
    "sample_weight": None,
    "mask": None,
    "normalizer": None,
    "validate": None,
}
"""What every loss takes per call besides the arguments of ``torch.nn``, and the defaults."""

_PLAIN = frozenset({int, float, bool, str, type(None)})
_PER_CALL = frozenset({*OPTIONS, "weight", "size_average", "reduce"})
MOST_KNOWN = 64
"""Settings that a face knows: checking them anew takes longer than a small loss."""

_ANNOTATIONS = {
    "sample_weight": "Tensor | None",
    "mask": "Tensor | None",
    "normalizer": "Tensor | float | None",
    "validate": "bool | None",
}


class Face:
    """A loss under one of its names in ``torch.nn``, or under a name in that style.

    Attributes
    ----------
    kind : type of Loss
        The definition.
    twin : TorchTwin or None
        What it takes the place of.
    module, function : str
        Names of the module and of the functional form.
    weight : WeightRole
        What the argument ``weight`` means.
    arrays : tuple of str
        Names of the tensors that a call takes.
    learned : dict
        What a module learns, with the values to begin with.
    renamed : dict
        Name of a setting here → its name in the definition, where they differ.
    names : dict
        The other way round, options included.
    without : tuple of str
        The definition's settings that it does not take.
    """

    def __init__(self, kind: type[Loss], twin: TorchTwin | None) -> None:
        arguments = kind.card.arguments
        self.kind, self.twin = kind, twin
        self.module = twin.module if twin is not None else module_name(kind.__name__)
        own = kind.card.function or function_name(self.module)
        self.function = twin.function if twin is not None else own
        self.weight = twin.weight if twin is not None else WeightRole.ABSENT
        self.arrays = tuple(one.name for one in arguments if one.role is not Role.LEARNED)
        self.learned = {one.name: one.start for one in arguments if one.start is not None}
        self.renamed: dict[str, str] = twin.settings if twin is not None else {}
        self.without = twin.without if twin is not None else ()
        self.names = {own: name for name, own in self.renamed.items()}
        self.names |= {"weight": "sample_weight", "scale": "weight"}
        self._known: dict[object, tuple[Loss, Options]] = {}

    @property
    def signature(self) -> inspect.Signature:
        """The twin's own signature, then keyword-only what Losskit adds to it."""
        arguments = self._own() if self.twin is None else self._of_twin(self.twin)
        taken = {argument.name for argument in arguments}
        taken |= {self.renamed.get(name, name) for name in taken}
        added = [
            argument.replace(kind=Argument.KEYWORD_ONLY)
            for argument in self._parameters()
            if argument.name not in taken
        ]
        added += [
            Argument(name, Argument.KEYWORD_ONLY, default=default, annotation=_ANNOTATIONS[name])
            for name, default in OPTIONS.items()
        ]
        ordered = sorted([*arguments, *added], key=lambda argument: argument.kind)
        return inspect.Signature(ordered, return_annotation="Tensor")

    def _of_twin(self, twin: TorchTwin) -> list[Argument]:
        function = getattr(torch.nn.functional, twin.function)
        return [
            argument.replace(annotation=_annotation(argument))
            for argument in inspect.signature(function).parameters.values()
        ]

    def _own(self) -> list[Argument]:
        plain = Argument.POSITIONAL_OR_KEYWORD
        return [
            *(Argument(name, plain, annotation="Tensor") for name in self.arrays),
            *(
                Argument(name, plain, default=start, annotation="Tensor | float")
                for name, start in self.learned.items()
            ),
            *self._parameters(),
            Argument("reduction", plain, default="mean", annotation="str"),
        ]

    def _parameters(self) -> list[Argument]:
        declared = parameters_of(self.kind)
        return [
            Argument(
                field.name,
                Argument.KEYWORD_ONLY if field.kw_only else Argument.POSITIONAL_OR_KEYWORD,
                default=field.default,
                annotation="Tensor | None" if declared[field.name].kind == "array" else field.type,
            )
            for field in dataclasses.fields(self.kind)
            if field.name in declared and field.name not in self.without
        ]

    def build(self, given: Mapping[str, Any], names: Mapping[str, str] | None = None) -> Loss:
        """Make the definition from settings named as here; it calls them so in messages."""
        own = {self.renamed.get(name, name): value for name, value in given.items()}
        declared = parameters_of(self.kind)
        for name, there in self.renamed.items():
            if name in given:
                declared[there].checked(self.kind.__name__, name, given[name])
        loss = self.kind(**{name: value for name, value in own.items() if name in declared})
        object.__setattr__(loss, "names", self.names if names is None else names)
        return loss

    @functools.cached_property
    def _defaults(self) -> tuple[Loss, Options]:
        return self.build({}), Options()

    def known(self, given: Mapping[str, Any]) -> tuple[Loss, Options] | None:
        """Return what settings of a call come to, if they hold nothing but plain values."""
        if not given:
            return self._defaults
        values = tuple(given.values())
        kinds = tuple(map(type, values))
        # 1, 1.0 and True are equal, but not all are numbers.
        key = (values, kinds, tuple(given)) if _PLAIN.issuperset(kinds) else None
        if key is None:
            return None
        known = self._known.get(key)
        if known is None and not _PER_CALL.isdisjoint(
            name for name, value in given.items() if value is not None
        ):
            return None
        if known is None:
            settings = dict(given)
            reduction = settings.pop("reduction", "mean")
            if reduction == "batchmean":
                return None
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            known = self._known[key] = self.build(settings), Options(reduction)
        return known


def faces_of(kind: type[Loss]) -> tuple[Face, ...]:
    """Return a face for each twin of a loss; one of its own where there is none."""
    return tuple(Face(kind, twin) for twin in kind.card.torch) or (Face(kind, None),)


def _annotation(argument: Argument) -> str:
    annotation = argument.annotation
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return text.replace("torch.", "").replace("collections.abc.", "").replace("typing.", "")


def bind(
    name: str,
    order: Sequence[str],
    known: frozenset[str],
    args: tuple[Any, ...],
    options: dict[str, Any],
) -> dict[str, Any]:
    """Bind a call's arguments as Python would; torch.compile cannot follow ``inspect``."""
    if len(args) > len(order):
        raise TypeError(f"{name}() takes up to {len(order)} positional arguments, got {len(args)}")
    given = dict(zip(order, args, strict=False))
    for key, value in options.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            mend = f"; did you mean {near[0]}?" if near else ""
            raise TypeError(f"{name}() got an unexpected keyword argument {key!r}{mend}")
        if key in given:
            raise TypeError(f"{name}() got multiple values for argument {key!r}")
        given[key] = value
    return given


def evaluate_plain(
    face: Face, arrays: tuple[Any, ...], settings: Mapping[str, Any]
) -> Tensor | None:
    """Compute a call of all tensors with plain settings by a kernel; None of any other.

    What a call costs before anything is computed is most of what a small loss costs.
    """
    if torch.compiler.is_compiling() or torch._C._is_any_autocast_enabled():
        return None
    known = face.known(settings)
    return None if known is None else on_torch.reduce(known[0], arrays, known[1])


def evaluate(face: Face, given: dict[str, Any]) -> Tensor:
    """Compute a loss from arguments named as ``torch.nn`` names them, which are used up."""
    loss, arrays, options = resolve(face, given)
    return loss.reduced(arrays, options)  # type: ignore[no-any-return]


def resolve(face: Face, given: dict[str, Any]) -> tuple[Loss, tuple[Tensor, ...], Options]:
    """Return the loss, the arrays and the options that a call's arguments come to."""
    arrays = _arrays(face, given)
    input = arrays[0]
    if not torch.compiler.is_compiling():
        known = face.known(given)
        if known is not None:
            loss, options = known
            return loss, _cast(arrays), options
    reduction = _reduction(face, given, input)
    weight = given.pop("weight", None)
    sample_weight = given.pop("sample_weight", None)
    mask = given.pop("mask", None)
    normalizer = given.pop("normalizer", None)
    validate = given.pop("validate", None)
    if reduction == "batchmean":
        _check_batchmean(face, sample_weight=sample_weight, mask=mask, normalizer=normalizer)
        reduction, normalizer = "mean", input.shape[0] if input.ndim else 1
    role = face.weight
    scale, names = None, face.names
    if weight is not None:
        if role in PER_CLASS:
            given["weight"] = weight
        elif role is WeightRole.SCALE:
            scale = _expanded(face, weight, input)
        else:
            weight = _expanded(face, weight, input)
            both = sample_weight is not None
            sample_weight = weight * sample_weight if both else weight
            names = names | {"weight": "weight * sample_weight" if both else "weight"}
    # torch.nn divides by the class weights for class indices only.
    counts = role is WeightRole.ABSENT or (
        role is WeightRole.CLASSES and not arrays[-1].is_floating_point()
    )
    options = Options(reduction, sample_weight, mask, normalizer, validate, scale, counts)
    return face.build(given, names), _cast(arrays), options


def _cast(arrays: list[Tensor]) -> tuple[Tensor, ...]:
    """As torch.nn's losses do: under autocast, half-precision input gives a float32 loss."""
    input = arrays[0]
    if autocasts(input.device.type) and input.is_floating_point():
        arrays[0] = input.to(torch.promote_types(input.dtype, torch.float32))
    return tuple(arrays)


def _arrays(face: Face, given: dict[str, Any]) -> list[Any]:
    """Take the tensors out of the arguments."""
    arrays = []
    for name in (*face.arrays, *face.learned):
        if name not in given:
            raise TypeError(f"{face.function}() misses its argument {name!r}")
        value = given.pop(name)
        # torch.nn takes numbers for some, such as a known variance; targets are tensors.
        number = isinstance(value, (int, float)) and name not in ("target", face.arrays[0])
        if not (number or isinstance(value, Tensor)):
            raise TypeError(
                f"{face.kind.__name__}: {name} must be a Tensor, got {type(value).__name__}; "
                f"use losskit.{face.kind.__name__} for other arrays"
            )
        arrays.append(value)
    return arrays


def _reduction(face: Face, given: dict[str, Any], input: Tensor) -> Any:
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
    if not torch.compiler.is_compiling():
        warnings.warn(
            f"size_average and reduce are deprecated; use reduction={reduction!r}",
            FutureWarning,
            stacklevel=4,
        )
    return reduction


def check_reduction(face: Face, reduction: Any) -> None:
    """Refuse what is no reduction of this loss."""
    if reduction == "batchmean":
        _check_batchmean(face)
    else:
        Options(reduction).check(face.kind.__name__)


def _check_batchmean(face: Face, **options: Any) -> None:
    """Refuse ``batchmean`` where ``torch.nn`` does not know that word, and what contradicts it."""
    name = face.kind.__name__
    if face.twin is None or not face.twin.batchmean:
        raise ValueError(
            f"{name}: reduction must be 'mean', 'sum' or 'none', got 'batchmean'; "
            "normalizer=len(input) does the same"
        )
    for option, value in options.items():
        if value is not None:
            raise ValueError(
                f"{name}: 'batchmean' divides by the length of axis 0, whatever takes part, so "
                f"{option} does not go with it; use KLDivergenceLoss, whose mean is that of rows"
            )


def _expanded(face: Face, weight: Any, input: Tensor) -> Tensor:
    """Stretch a weight where torch.nn.functional does, but never the loss."""
    name = face.kind.__name__
    if not isinstance(weight, Tensor):
        raise TypeError(f"{name}: weight must be a Tensor, got {type(weight).__name__}")
    if not (face.twin is not None and face.twin.stretches):
        if weight.shape != input.shape:
            raise ValueError(
                f"{name}: weight has shape {tuple(weight.shape)}, but must have that of input, "
                f"{tuple(input.shape)}; expand it, or pass sample_weight with axes of length 1"
            )
        return weight
    try:
        return weight.expand(input.shape)
    except RuntimeError:
        raise ValueError(
            f"{name}: weight of shape {tuple(weight.shape)} does not broadcast to "
            f"input of shape {tuple(input.shape)}"
        ) from None
