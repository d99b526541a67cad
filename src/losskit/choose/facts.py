"""What was found out: facts with their numbers, what they speak for, and how a target is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from losskit.core.targets import TargetKind
from losskit.core.uses import Sign

__all__ = ["Basis", "Coding", "Evidence", "Fact", "Reading"]

Basis = Literal["all rows", "sample", "estimate"]


@dataclass(frozen=True)
class Fact:
    """Something that the data show.

    Attributes
    ----------
    name : str
        Identifier, the same for every target.
    value : number, str, bool, list or dict
        As JSON has it.
    text : str
        The same in a sentence.
    basis : {"all rows", "sample", "estimate"}
        What it was computed from: every row, every k-th row, or a count of different values
        that is right to a few percent.
    """

    name: str
    value: Any
    text: str
    basis: Basis = "all rows"


@dataclass(frozen=True)
class Evidence:
    """A sign, and the facts that show it.

    Attributes
    ----------
    sign : Sign
        What bears on the choice.
    text : str
        The reason in a sentence, with its number.
    facts : tuple of str
        Names of the facts that it rests on.
    """

    sign: Sign
    text: str
    facts: tuple[str, ...]


@dataclass(frozen=True)
class Coding:
    """How the values of a target become what losses take.

    Attributes
    ----------
    classes : tuple
        The values by class number.
    positive : object
        The value that counts as 1, of two.
    scale : float
        What numbers are divided by.
    text : str
        What has to be done, in a sentence; empty where nothing has.
    """

    classes: tuple[Any, ...] = ()
    positive: Any = None
    scale: float = 1.0
    text: str = ""


@dataclass(frozen=True)
class Reading:
    """What a target can be taken for.

    Attributes
    ----------
    kind : TargetKind or None
        None where there is nothing to learn from it.
    weight : float
        How much speaks for it, from 0 to 1.
    why : str
        The reason, in words that follow "because".
    facts : tuple of str
        Names of the facts that it rests on.
    coding : Coding
        How the values meet losses.
    problem : str
        Where ``kind`` is None: what is wrong, in one sentence that says what helps.
    padding : float, optional
        A value that marks what takes no part.
    details : mapping
        Numbers of the kind that parameters follow from.
    """

    kind: TargetKind | None
    weight: float
    why: str
    facts: tuple[str, ...] = ()
    coding: Coding = field(default_factory=Coding)
    problem: str = ""
    padding: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
