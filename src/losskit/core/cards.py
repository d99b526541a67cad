"""The card of a loss: what people, selectors and rules must know of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from losskit.core.contracts import Contract

__all__ = ["Card", "Family", "Outliers", "Source", "TorchTwin", "WeightRole"]


class Family(StrEnum):
    """What a loss is for."""

    REGRESSION = "regression"
    BINARY = "binary and multilabel"
    MULTICLASS = "multiclass"


class Outliers(StrEnum):
    """How strongly a few wild targets pull on the fit."""

    SENSITIVE = "sensitive: the pull grows with the error"
    PARTLY = "partly sensitive: the pull grows to a limit"
    ROBUST = "robust: the pull does not grow with the error"
    DOES_NOT_APPLY = "does not apply: targets are classes"


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
    SCALE = "multiplies the loss, and is not counted in the mean"
    AVERAGE = "multiplies the loss, and is counted in the mean"


@dataclass(frozen=True)
class TorchTwin:
    """The loss's names in ``torch.nn``; the signatures are read from there.

    Attributes
    ----------
    module, function : str
        Names in ``torch.nn`` and in ``torch.nn.functional``.
    weight : WeightRole
        What ``weight`` means there.
    """

    module: str
    function: str
    weight: WeightRole = WeightRole.ABSENT


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
    input : Contract
        What the model's output must be.
    targets : tuple of Contract
        What the target may be.
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
    sources : tuple of Source
        Papers.
    torch : TorchTwin, optional
        The twin in ``torch.nn``.
    """

    title: str
    summary: str
    family: Family
    formula: str
    gradient: str
    curvature: str
    input: Contract
    targets: tuple[Contract, ...]
    output_layer: str
    outliers: Outliers
    use_when: tuple[str, ...]
    avoid_when: tuple[str, ...]
    pitfalls: tuple[str, ...]
    metrics: tuple[str, ...]
    sources: tuple[Source, ...]
    aliases: tuple[str, ...] = ()
    equivalents: Mapping[str, str] = field(default_factory=dict)
    torch: TorchTwin | None = None
