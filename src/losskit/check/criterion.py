"""What is called a loss in someone's code, as a definition of the catalogue."""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from losskit.core.loss import Loss
from losskit.core.spec import parse_loss
from losskit.core.weighted_sum import WeightedSum
from losskit.losses import CATALOGUE

__all__ = ["Criterion", "criterion_of", "uncompiled"]


@dataclass(frozen=True)
class Criterion:
    """A loss as it is used: what it computes and how it is reduced.

    Attributes
    ----------
    name : str
        What to call it in messages.
    terms : tuple of (float, Loss)
        Weights and definitions; more than one for a sum, none for a function that is no loss of
        the catalogue.
    reduction : str
        ``"mean"``, ``"sum"``, ``"none"`` or ``"batchmean"``.
    per_value : object
        A weight that multiplies the loss values, as BCELoss takes it; None without.
    """

    name: str
    terms: tuple[tuple[float, Loss], ...] = ()
    reduction: str = "mean"
    per_value: object = None

    @property
    def loss(self) -> Loss | None:
        """The definition; the first one's, for a sum; None where none is known."""
        return self.terms[0][1] if self.terms else None

    def with_reduction(self, reduction: str | None) -> Criterion:
        """Return the same with another reduction; None keeps it.

        Raises
        ------
        ValueError
            If there is no such reduction, or none of this loss.
        """
        if reduction is None:
            return self
        known = ["mean", "sum", "none"]
        twins = [twin for _, loss in self.terms for twin in loss.card.torch]
        if not self.terms or any(twin.batchmean for twin in twins):
            known.append("batchmean")
        if reduction not in known:
            raise ValueError(
                f"{self.name}: reduction must be one of {', '.join(known)}, got {reduction!r}"
            )
        return Criterion(self.name, self.terms, reduction, self.per_value)


@dataclass
class _Faces:
    """The modules and functions by which PyTorch users know the losses."""

    modules: dict[type, Any] = field(default_factory=dict)
    functions: dict[Any, Any] = field(default_factory=dict)


def criterion_of(loss: object, settings: Mapping[str, Any] | None = None) -> Criterion:
    """Say what a loss in someone's code computes.

    Parameters
    ----------
    loss : object
        A loss of Losskit or a sum of them, a module or a function of ``torch.nn`` or
        `losskit.torch` (also in ``functools.partial``), the name of a loss as the command line
        takes it, or any other callable.
    settings : mapping, optional
        Arguments that a function is called with besides its tensors.

    Returns
    -------
    Criterion
        Without terms where the callable is no loss that is known.

    Raises
    ------
    ValueError
        If there is no loss of that name, or a setting is out of its range.
    TypeError
        If it is nothing that can be called.
    """
    loss = uncompiled(loss)
    if isinstance(loss, str):
        parsed = parse_loss(loss, CATALOGUE)
        loss = parsed.kind(**parsed.parameters)
    if isinstance(loss, type) and issubclass(loss, Loss):
        loss = loss()
    if isinstance(loss, Loss):
        return Criterion(loss.spec(), ((1.0, loss),))
    if isinstance(loss, WeightedSum):
        return Criterion(loss.spec(), loss.terms)
    if not callable(loss):
        raise TypeError(f"a loss is a module, a function or a name, got {type(loss).__name__}")
    if sys.modules.get("torch") is not None:
        found = _of_torch(loss, dict(settings or {}))
        if found is not None:
            return found
    return Criterion(_name(loss))


def uncompiled(loss: Any) -> Any:
    """Return what ``torch.compile`` was given, for what it gave; anything else as it is."""
    for name in ("_orig_mod", "_torchdynamo_orig_callable"):
        loss = getattr(loss, name, loss)
    return loss


def _name(loss: Any) -> str:
    while isinstance(loss, functools.partial):
        loss = loss.func
    return getattr(loss, "__name__", type(loss).__name__)


def _of_torch(loss: Any, settings: dict[str, Any]) -> Criterion | None:
    import torch  # noqa: PLC0415 - it is loaded already, and only then wanted

    from losskit.torch.modules import LossModule  # noqa: PLC0415
    from losskit.torch.weighted_sum import WeightedSumLoss  # noqa: PLC0415

    if isinstance(loss, WeightedSumLoss):
        parts = [(weight, criterion_of(module)) for weight, module in loss.summands()]
        terms = tuple((weight, part.loss) for weight, part in parts if part.loss is not None)
        return Criterion(" + ".join(f"{w:g}*{part.name}" for w, part in parts), terms)
    if isinstance(loss, LossModule):
        found = loss.definition()
        return Criterion(type(loss).__name__, ((1.0, found),), loss.reduction)
    if isinstance(loss, torch.nn.Module):
        return _of_module(loss)
    while isinstance(loss, functools.partial):
        settings = dict(loss.keywords) | settings
        loss = loss.func
    return _of_function(loss, settings)


def _of_module(module: Any) -> Criterion | None:
    """Read the settings of a module of ``torch.nn``."""
    faces = _faces().modules
    face = next((faces[kind] for kind in type(module).__mro__ if kind in faces), None)
    if face is None:
        return None
    names = [name for name in face.signature.parameters if hasattr(module, name)]
    settings = {name: getattr(module, name) for name in names}
    return _with_settings(type(module).__name__, face, settings)


def _of_function(function: Any, settings: dict[str, Any]) -> Criterion | None:
    function = getattr(function, "accelerates", function)
    face = _faces().functions.get(function)
    return None if face is None else _with_settings(function.__name__, face, settings)


def _with_settings(name: str, face: Any, settings: dict[str, Any]) -> Criterion:
    from losskit.core.cards import PER_CLASS  # noqa: PLC0415

    known = {key: value for key, value in settings.items() if key in face.signature.parameters}
    reduction = known.pop("reduction", "mean")
    per_value = None if face.weight in PER_CLASS else known.pop("weight", None)
    return Criterion(name, ((1.0, face.build(known)),), reduction, per_value)


@functools.cache
def _faces_now(known: int) -> _Faces:
    import torch  # noqa: PLC0415

    import losskit.torch.functional as own  # noqa: PLC0415
    from losskit.torch.faces import faces_of  # noqa: PLC0415

    found = _Faces()
    for kind in CATALOGUE.values():
        for face in faces_of(kind):
            found.functions[getattr(own, face.function)] = face
            if face.twin is not None:
                found.modules[getattr(torch.nn, face.module)] = face
                there = getattr(torch.nn.functional, face.function)
                found.functions[getattr(there, "accelerates", there)] = face
    return found


def _faces() -> _Faces:
    # Losses may be registered at any time.
    return _faces_now(len(CATALOGUE))
