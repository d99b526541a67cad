"""The card of a loss: what people, selectors and rules must know of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from losskit.core.contracts import Contract
from losskit.core.uses import Use

__all__ = [
    "PER_CLASS",
    "Argument",
    "Card",
    "Family",
    "Outliers",
    "Role",
    "Source",
    "TorchTwin",
    "WeightRole",
    "given",
    "learned",
    "output",
]


class Family(StrEnum):
    """What a loss is for."""

    REGRESSION = "regression"
    BINARY = "binary and multilabel"
    MULTICLASS = "multiclass"
    DISTRIBUTION = "distributions"
    RANKING = "ranking"
    EMBEDDING = "embeddings"
    SEGMENTATION = "segmentation"


class Role(StrEnum):
    """Where an argument of a loss comes from."""

    OUTPUT = "what the model gives"
    GIVEN = "what it is held against"
    LEARNED = "a number that is learnt with the model"


@dataclass(frozen=True)
class Argument:
    """An array that a loss is called with.

    Attributes
    ----------
    name : str
        As in the call.
    contracts : tuple of Contract
        What it may hold; where there are several, integers and floats tell them apart.
    role : Role
        Where it comes from.
    per_row : bool
        Whether it holds one element for each row of the others.
    start : float, optional
        Value with which a learnt number begins.
    stretches : bool
        Whether it may be one number for all, for each row, or along axes of length 1.
    """

    name: str
    contracts: tuple[Contract, ...]
    role: Role
    per_row: bool = False
    start: float | None = None
    stretches: bool = False


def output(name: str, *contracts: Contract, stretches: bool = False) -> Argument:
    """Declare what the model gives."""
    return Argument(name, contracts, Role.OUTPUT, stretches=stretches)


def given(name: str, *contracts: Contract, per_row: bool = False) -> Argument:
    """Declare what the model's output is held against."""
    return Argument(name, contracts, Role.GIVEN, per_row)


def learned(name: str, contract: Contract, *, start: float) -> Argument:
    """Declare a number that is learnt with the model."""
    return Argument(name, (contract,), Role.LEARNED, start=start)


class Outliers(StrEnum):
    """How strongly a few wild targets pull on the fit."""

    SENSITIVE = "sensitive: the pull grows with the error"
    PARTLY = "partly sensitive: the pull grows to a limit"
    ROBUST = "robust: the pull does not grow with the error"
    DOES_NOT_APPLY = "does not apply: there are no real targets"


@dataclass(frozen=True)
class Source:
    """Where a loss comes from."""

    authors: str
    year: int
    title: str

    def __str__(self) -> str:
        return f"{self.authors} ({self.year}). {self.title}."


class WeightRole(StrEnum):
    """What ``weight`` means to a loss of ``torch.nn.functional``."""

    ABSENT = "absent"
    CLASSES = "one weight per class, counted in the mean where targets are class indices"
    CLASS_SCALE = "one weight per class, not counted in the mean"
    SCALE = "multiplies the loss, and is not counted in the mean"
    AVERAGE = "multiplies the loss, and is counted in the mean"


PER_CLASS = (WeightRole.CLASSES, WeightRole.CLASS_SCALE)
"""The roles in which ``weight`` holds one weight for each class."""


@dataclass(frozen=True)
class TorchTwin:
    """The loss's names in ``torch.nn``; the signatures are read from there.

    Attributes
    ----------
    module, function : str
        Names in ``torch.nn`` and in ``torch.nn.functional``.
    weight : WeightRole
        What ``weight`` means there.
    renamed : mapping
        Its name for a setting → the definition's, where they differ.
    batchmean : bool
        Whether it knows that reduction, the sum divided by the length of axis 0.
    stretches : bool
        Whether it broadcasts ``weight`` to the input.
    without : tuple of str
        The definition's settings that mean nothing beside its own.
    """

    module: str
    function: str
    weight: WeightRole = WeightRole.ABSENT
    renamed: Mapping[str, str] = field(default_factory=dict)
    batchmean: bool = False
    stretches: bool = False
    without: tuple[str, ...] = ()

    @property
    def settings(self) -> dict[str, str]:
        """Its name for a setting → the definition's, where they differ; class weights too."""
        settings = dict(self.renamed)
        if self.weight in PER_CLASS:
            settings["weight"] = "class_weight"
        return settings


@dataclass(frozen=True)
class Card:
    """What must be known of a loss to choose it, to explain it and to use it rightly.

    Attributes
    ----------
    title, summary : str
        Name in words, and what the loss does, in one sentence.
    family : Family
        What it is for.
    formula, gradient, curvature : str
        For one position, with z or x the input and y the target.
    arguments : tuple of Argument
        What the loss is called with.
    output_layer : str
        Last layer of the model.
    outliers : Outliers
        Sensitivity to wild targets.
    use_when, avoid_when, pitfalls : tuple of str
        Advice, one sentence each.
    metrics : tuple of str
        What to report, since a loss is not a metric.
    aliases : tuple of str
        Other names that people look for.
    equivalents : mapping
        Library → the name there.
    settings_there : mapping
        Library → parameter → its name there, where the library has it.
    uses : tuple of Use
        For which kinds of targets it is a candidate, and when.
    sources : tuple of Source
        Papers.
    torch : tuple of TorchTwin
        Its twins in ``torch.nn``.
    function : str
        Name of its functional form, where the class's name does not part into the right words.
    never_negative : bool
        Whether its mean is 0 or more, whatever the model gives; densities can be above 1, and
        their negative logarithms below 0.
    """

    title: str
    summary: str
    family: Family
    formula: str
    gradient: str
    curvature: str
    arguments: tuple[Argument, ...]
    output_layer: str
    outliers: Outliers
    use_when: tuple[str, ...]
    avoid_when: tuple[str, ...]
    pitfalls: tuple[str, ...]
    metrics: tuple[str, ...]
    sources: tuple[Source, ...]
    aliases: tuple[str, ...] = ()
    equivalents: Mapping[str, str] = field(default_factory=dict)
    settings_there: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    uses: tuple[Use, ...] = ()
    torch: tuple[TorchTwin, ...] = ()
    function: str = ""
    never_negative: bool = True

    @property
    def input(self) -> Contract:
        """What the first of the model's outputs must be."""
        return self.arguments[0].contracts[0]

    @property
    def targets(self) -> tuple[Contract, ...]:
        """What the target may be; nothing where there is no target."""
        found = (one.contracts for one in self.arguments if one.name == "target")
        return next(found, ())
