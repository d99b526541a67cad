"""What a study found: these models are the schema of its ``results.json``.

``python -m losskit.studies.results --write`` renews ``docs/study-schema.json``, and ``--check``
says whether it is up to date.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from losskit.reporting.models import Machine, Model, Number
from losskit.reporting.schema import keep, schema_of

__all__ = [
    "ArmInfo",
    "Bins",
    "Curve",
    "Finding",
    "Grid",
    "MeasureInfo",
    "Outcome",
    "Points",
    "Setting",
    "Shape",
    "Side",
    "StudyResults",
    "Summary",
    "Term",
    "Value",
    "schema",
]

Outcome = Literal["confirmed", "no effect", "contradicted", "open"]
Side = Literal["higher", "lower", "same"]
"""Where an arm's measure lies against another's, by what matters."""


class Setting(Model):
    """What of the study can be changed, and what it was."""

    name: str
    value: float
    default: float
    meaning: str


class Term(Model):
    """A part of the setup."""

    term: str
    text: str


class ArmInfo(Model):
    """One of the things that are compared."""

    label: str
    title: str
    loss: str | None = Field(description="as the command line reads it; null where there is none")
    text: str = Field(description="how the loss is used")


class MeasureInfo(Model):
    """What is measured."""

    name: str
    title: str
    better: Literal["higher", "lower", "neither"]
    meaning: str


class Value(Model):
    """A measure of an arm, from one seed."""

    arm: str
    measure: str
    seed: int
    value: Number


class Summary(Model):
    """A measure of an arm over the seeds."""

    arm: str
    measure: str
    mean: Number
    low: Number = Field(description="end of the 95 % interval; null where there can be none")
    high: Number


class Finding(Model):
    """What the numbers say of a claim."""

    claim: str
    measure: str
    arm: str
    against: str | None = Field(
        description="the other arm; null for a comparison with 0 (1 for a factor)"
    )
    expected: Side = Field(description="what was claimed of the arm's measure")
    outcome: Outcome
    words: str = Field(description="what came out")
    numbers: str = Field(description="what it rests on")
    ratio: bool = Field(description="whether estimate, ends and least are factors")
    estimate: Number = Field(description="difference (or factor) of the arm from the other one")
    low: Number = Field(description="ends hold together for all of the study's claims")
    high: Number
    least: float = Field(description="the smallest difference (or factor) that matters")

    @property
    def text(self) -> str:
        """Both in a sentence."""
        return f"{self.words} ({self.numbers})."

    @property
    def verdict(self) -> str:
        """The outcome in a word or two, for people."""
        if self.outcome == "contradicted":
            return "against the claim"
        return "shown" if self.outcome == "confirmed" else self.outcome


class Curve(Model):
    """Something that is followed over the training."""

    arm: str
    seed: int
    quantity: str
    part: str = Field(description="the layer where there are several, else empty")
    x: list[float]
    y: list[Number]


class Grid(Model):
    """Values over a plane."""

    arm: str
    seed: int
    quantity: str
    x: list[float]
    y: list[float]
    values: list[list[Number]] = Field(description="a row for each y")


class Points(Model):
    """Points in the plane, each of a group, at one moment."""

    arm: str
    seed: int
    quantity: str
    moment: str
    x: list[Number]
    y: list[Number]
    group: list[int]


class Bins(Model):
    """How often predictions are right, by bins of their confidence; all seeds together."""

    arm: str
    confidence: list[Number]
    observed: list[Number]
    rows: list[int]


class Shape(Model):
    """A loss and its gradient while one number of the model's output moves."""

    arm: str
    along: str
    x: list[Number]
    value: list[Number]
    gradient: list[Number]


class StudyResults(Model):
    """Everything that a study found."""

    schema_version: Literal[1] = 1
    losskit: str = Field(description="the version of Losskit")
    created: str = Field(description="UTC, ISO 8601")
    study: str = Field(description="the study as the command line reads it")
    name: str
    title: str
    question: str
    background: str
    fast: bool
    seeds: list[int]
    settings: list[Setting]
    setup: list[Term]
    arms: list[ArmInfo]
    measures: list[MeasureInfo]
    headline: str
    findings: list[Finding]
    summary: list[Summary]
    values: list[Value]
    curves: list[Curve]
    grids: list[Grid]
    points: list[Points]
    bins: list[Bins]
    shapes: list[Shape]
    machine: Machine

    def arm(self, label: str) -> ArmInfo:
        """Return the arm with this label."""
        return next(arm for arm in self.arms if arm.label == label)

    def colour(self, label: str) -> int:
        """Return an arm's place, which is its colour."""
        return [arm.label for arm in self.arms].index(label)

    def measure(self, name: str) -> MeasureInfo:
        """Return the measure of this name."""
        return next(one for one in self.measures if one.name == name)

    def cell(self, arm: str, measure: str) -> Summary:
        """Return a measure of an arm."""
        return next(one for one in self.summary if (one.arm, one.measure) == (arm, measure))

    def finding(self, claim: str) -> Finding:
        """Return what was found of a claim."""
        return next(one for one in self.findings if one.claim == claim)


def schema() -> str:
    """Return the JSON schema of a study's ``results.json``."""
    return schema_of(StudyResults)


def main(arguments: list[str] | None = None) -> int:
    """Write the schema to the documentation, or check that it stands there."""
    return keep(StudyResults, Path("docs/study-schema.json"), __spec__.name, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
