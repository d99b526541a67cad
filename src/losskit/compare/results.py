"""What a comparison found: these models are the schema of ``results.json``.

``python -m losskit.compare.results --write`` renews ``docs/results-schema.json``, and ``--check``
says whether it is up to date.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from losskit.reporting.models import Machine, Model, Number
from losskit.reporting.schema import keep, schema_of

__all__ = [
    "Arm",
    "Calibration",
    "ClassCount",
    "Comparison",
    "Curves",
    "Data",
    "Learnt",
    "MetricInfo",
    "Recall",
    "RecommendationInfo",
    "Residuals",
    "Results",
    "Run",
    "Shape",
    "Summary",
    "TargetInfo",
    "Training",
    "Verdict",
    "schema",
]


class Data(Model):
    """The table that was read."""

    name: str
    source: str
    rows: int = Field(description="rows in the table")
    used_rows: int = Field(description="rows with a target")
    columns: int
    features: dict[str, str] = Field(description="used column → what it was taken for")
    dropped: dict[str, str] = Field(description="unused column → why")
    inputs: int = Field(description="numbers that the network takes, with the first seed")
    notes: list[str] = Field(description="what was assumed or left out")


class ClassCount(Model):
    """A class and how many rows have it."""

    label: str
    rows: int


class TargetInfo(Model):
    """The column to predict."""

    name: str
    task: Literal["regression", "binary", "multiclass"]
    reason: str = Field(description="why it is that task")
    classes: list[ClassCount] = Field(description="empty for a regression")
    positive: str | None = Field(description="the positive class of a binary task")
    mean: Number = Field(description="of a regression's target")
    deviation: Number = Field(description="of a regression's target")


class Training(Model):
    """What was the same for every loss."""

    seeds: list[int]
    train_rows: int
    validation_rows: int
    test_rows: int
    hidden: list[int] = Field(
        description="sizes of the network's hidden layers; empty for a model of one's own"
    )
    model: str = Field(description="the network in words, or what built one's own")
    divided: bool = Field(description="whether rows came divided, so that no seed draws them anew")
    outputs: int
    weights: int = Field(description="numbers that are learnt")
    optimiser: str
    learning_rate: float
    batch_size: int
    epochs: int


class Learnt(Model):
    """The line of code that a loss needs, for a network's ``output`` and its ``target``."""

    module: str = Field(description="the module in losskit.torch, with its arguments")
    input: str
    target: str


class Arm(Model):
    """A loss that was compared."""

    label: str = Field(description="the loss as the command line reads it")
    name: str
    title: str = Field(description="its name as it stands in a sentence")
    words: str = Field(description="what it is called in words")
    summary: str
    parameters: dict[str, Any] = Field(description="as asked for; those left out are defaults")
    reason: str = Field(description="why it was compared")
    pairing: str = Field(description="how the network's output meets the loss")
    code: Learnt


class MetricInfo(Model):
    """A measure of predictions that does not depend on the loss."""

    name: str
    title: str
    better: Literal["higher", "lower"]
    meaning: str
    in_target_unit: bool
    primary: bool


class Curves(Model):
    """What happened after each epoch."""

    train_loss: list[Number]
    validation_loss: list[Number]
    validation_metric: list[Number] = Field(description="the primary metric")
    gradient_norm: list[Number] = Field(description="mean over the epoch's steps")


class Run(Model):
    """One network, trained with one loss from one seed."""

    loss: str
    seed: int
    best_epoch: int = Field(description="the epoch whose weights were kept, from 1")
    seconds: float
    metrics: dict[str, Number] = Field(description="on the test rows")
    recall: list[Number] = Field(description="of each class; empty for a regression")
    curves: Curves


class Summary(Model):
    """A metric of a loss over the seeds."""

    loss: str
    metric: str
    mean: Number
    deviation: Number
    low: Number = Field(description="end of the 95 % interval; null where there can be none")
    high: Number


class Recall(Model):
    """A class's recall over the seeds."""

    loss: str
    label: str
    mean: Number
    low: Number
    high: Number


class Comparison(Model):
    """A loss against the one that leads in a metric: paired differences over the seeds."""

    metric: str
    leader: str
    loss: str
    difference: Number = Field(description="mean of loss minus leader")
    low: Number = Field(description="corrected for all comparisons with the leader")
    high: Number
    conclusion: Literal["worse", "no difference shown", "no interval", "not measured"]


class Verdict(Model):
    """What the numbers allow to say."""

    metric: str
    leader: str | None
    decided: bool = Field(description="whether the leader is better than every other loss")
    headline: str
    against: list[str] = Field(description="each other loss, in the deciding metric")
    other_metrics: list[str] = Field(description="where another loss leads")
    caveats: list[str]


class RecommendationInfo(Model):
    """The loss that `losskit.choose` puts first, and whether the comparison bears it out."""

    label: str = Field(description="the loss as the command line reads it")
    reason: str
    borne_out: Literal["yes", "no", "open", "not trained"]
    text: str = Field(description="the same in a sentence")


class Calibration(Model):
    """How often predictions are right, in ten bins of their confidence; all seeds' test rows."""

    loss: str
    confidence: list[Number]
    observed: list[Number]
    rows: list[int] = Field(description="in each bin; where there are none, the others say 0")


class Residuals(Model):
    """Predictions and what they missed by, for test rows of the first seed."""

    loss: str
    predicted: list[Number]
    residual: list[Number] = Field(description="truth minus prediction")


class Shape(Model):
    """A loss and its slope, as the network's output varies."""

    loss: str
    output: list[Number]
    value: list[Number]
    slope: list[Number]


class Results(Model):
    """Everything that a comparison found."""

    schema_version: Literal[1] = 1
    losskit: str = Field(description="the version of Losskit")
    created: str = Field(description="UTC, ISO 8601")
    data: Data
    target: TargetInfo
    training: Training
    losses: list[Arm]
    notes: list[str] = Field(description="about the choice of losses")
    metrics: list[MetricInfo]
    verdict: Verdict
    recommendation: RecommendationInfo | None = Field(
        description="null where nothing that can be trained here is recommended"
    )
    summary: list[Summary]
    recall: list[Recall]
    comparisons: list[Comparison]
    runs: list[Run]
    calibration: list[Calibration]
    residuals: list[Residuals]
    shapes: list[Shape]
    code: str = Field(description="a PyTorch program that trains with the leading loss")
    machine: Machine

    @property
    def primary(self) -> MetricInfo:
        """The metric that decides."""
        return next(metric for metric in self.metrics if metric.primary)

    def arm(self, label: str) -> Arm:
        """Return the loss with this label."""
        return next(arm for arm in self.losses if arm.label == label)

    def cell(self, label: str, metric: str) -> Summary:
        """Return a metric of a loss."""
        return next(one for one in self.summary if (one.loss, one.metric) == (label, metric))

    def comparison(self, label: str, metric: str) -> Comparison | None:
        """Return how a loss compares with the metric's leader; None for the leader itself."""
        return next(
            (one for one in self.comparisons if (one.loss, one.metric) == (label, metric)), None
        )


def schema() -> str:
    """Return the JSON schema of ``results.json``."""
    return schema_of(Results)


def main(arguments: list[str] | None = None) -> int:
    """Write the schema to the documentation, or check that it stands there."""
    return keep(Results, Path("docs/results-schema.json"), __spec__.name, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
