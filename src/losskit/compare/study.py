"""The comparison itself: what is asked, then every loss trained from every seed."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import torch

import losskit
from losskit.compare.candidates import (
    Candidate,
    default_candidates,
    named_candidates,
    resolve,
)
from losskit.compare.errors import CompareError
from losskit.compare.features import Features, read_features
from losskit.compare.fit import Fit, Recipe, Start, start, train
from losskit.compare.machine import machine
from losskit.compare.metrics import METRICS, Metric, default_metric, find_metric, measure, recalls
from losskit.compare.network import HIDDEN
from losskit.compare.pairing import pair
from losskit.compare.results import (
    Arm,
    ClassCount,
    Curves,
    Data,
    MetricInfo,
    Recall,
    Results,
    Run,
    Summary,
    TargetInfo,
    Training,
)
from losskit.compare.shapes import calibration, residuals, shape
from losskit.compare.snippet import learnt, program
from losskit.compare.statistics import estimate
from losskit.compare.tables import Table, read_table
from losskit.compare.task import Target, read_target
from losskit.compare.verdict import judge
from losskit.core.loss import Loss

__all__ = ["EPOCHS", "SEEDS", "Progress", "Study", "plan"]

SEEDS = 5
EPOCHS = 60


@dataclass(frozen=True)
class Progress:
    """How far a comparison has come.

    Parameters
    ----------
    loss
        The label of the loss that is trained.
    seed
        The seed it is trained from.
    epoch
        The epoch that just ended.
    done, total
        Epochs of all runs.
    """

    loss: str
    seed: int
    epoch: int
    done: int
    total: int


@dataclass(frozen=True)
class Study:
    """A comparison that is ready to run.

    Parameters
    ----------
    table
        The data.
    target
        What is predicted.
    features
        What it is predicted from.
    candidates
        The losses.
    metric
        What decides.
    seeds, epochs
        How often, and for how long, each loss trains.
    notes
        About the choice of losses.
    """

    table: Table
    target: Target
    features: Features
    candidates: Sequence[Candidate]
    metric: Metric
    seeds: int
    epochs: int
    notes: Sequence[str] = ()

    def run(self, progress: Callable[[Progress], None] | None = None) -> Results:
        """Train every loss from every seed, and judge what came out.

        Parameters
        ----------
        progress
            Called after each epoch.
        """
        clock = time.perf_counter()
        trained: list[_Trained] = []
        total = self.seeds * self.epochs * len(self.candidates)
        begins: list[Start] = []
        with _one_thread():
            for seed in range(self.seeds):
                begin = start(self.features, self.target, seed)
                begins.append(begin)
                recipe = Recipe.for_rows(len(begin.split.train), self.epochs)
                for candidate in self.candidates:
                    done = len(trained) * self.epochs

                    def on_epoch(
                        epoch: int, done: int = done, seed: int = seed, label: str = candidate.label
                    ) -> None:
                        if progress is not None:
                            progress(Progress(label, seed, epoch, done + epoch, total))

                    pairing = pair(candidate.kind, self.target)
                    loss = self._loss(candidate, begin)
                    fit = train(begin, loss, pairing, recipe, self.metric, on_epoch)
                    trained.append(_Trained(candidate.label, begin, fit))
            return self._results(trained, begins, recipe, clock)

    def _loss(self, candidate: Candidate, begin: Start) -> Loss:
        values = self.target.values[begin.split.train]
        return resolve(candidate, values, begin.classes, begin.scale)

    def _results(
        self, trained: Sequence[_Trained], begins: Sequence[Start], recipe: Recipe, clock: float
    ) -> Results:
        task, first = self.target.task, begins[0]
        ratio = len(first.split.test) / len(first.split.train)
        measured = [measure(task, one.begin.test.truth, one.fit.predicted) for one in trained]
        found = [
            recalls(one.begin.test.truth, one.fit.predicted) if first.classes else []
            for one in trained
        ]
        labels = [candidate.label for candidate in self.candidates]

        def of(label: str, numbers: Sequence[float]) -> list[float]:
            return [one for one, run in zip(numbers, trained, strict=True) if run.label == label]

        tables = {
            metric.name: {
                label: of(label, [one[metric.name] for one in measured]) for label in labels
            }
            for metric in METRICS[task]
        }
        titles = {candidate.label: candidate.title for candidate in self.candidates}
        verdict, comparisons = judge(self.metric, METRICS[task], tables, titles, ratio)
        summary = [
            Summary.model_validate(
                {"loss": label, "metric": name} | vars(estimate(table[label], ratio))
            )
            for name, table in tables.items()
            for label in labels
        ]
        recall = [
            Recall.model_validate(
                {"loss": label, "label": name, "mean": of_class.mean}
                | {"low": of_class.low, "high": of_class.high}
            )
            for label in labels
            for number, name in enumerate(self.target.classes)
            for of_class in [estimate(of(label, [one[number] for one in found]), ratio)]
        ]
        losses = {one.label: self._loss(one, first) for one in self.candidates}
        pairings = {one.label: pair(one.kind, self.target) for one in self.candidates}
        code = {label: learnt(losses[label], pairings[label]) for label in labels}
        return Results(
            losskit=losskit.__version__,
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            data=self._data(first),
            target=self._target(),
            training=self._training(first, recipe),
            losses=[
                Arm(
                    label=one.label,
                    name=one.kind.__name__,
                    title=one.title,
                    words=one.kind.card.title,
                    summary=one.kind.card.summary,
                    parameters=dict(one.parameters),
                    reason=one.reason,
                    pairing=pairings[one.label].text,
                    code=code[one.label],
                )
                for one in self.candidates
            ],
            notes=list(self.notes),
            metrics=[self._metric(metric) for metric in METRICS[task]],
            verdict=verdict,
            summary=summary,
            recall=recall,
            comparisons=comparisons,
            runs=[
                _run(one, metrics, recall_of)
                for one, metrics, recall_of in zip(trained, measured, found, strict=True)
            ],
            calibration=[
                calibration(
                    label,
                    [one.begin.test.truth for one in trained if one.label == label],
                    [one.fit.predicted for one in trained if one.label == label],
                )
                for label in labels
                if first.classes
            ],
            residuals=[
                residuals(one.label, one.begin.test.truth, one.fit.predicted)
                for one in trained[: len(labels)]
                if not first.classes
            ],
            shapes=[
                shape(label, losses[label], pairings[label], first.classes) for label in labels
            ],
            code=program(code[verdict.leader or labels[0]], first, recipe),
            machine=machine(time.perf_counter() - clock),
        )

    def _data(self, begin: Start) -> Data:
        return Data(
            name=self.table.name,
            source=self.table.source,
            rows=self.table.frame.height,
            used_rows=len(self.target.values),
            columns=self.table.frame.width,
            features={name: str(kind) for name, kind in self.features.kinds.items()},
            dropped=self.features.dropped,
            inputs=begin.inputs,
            notes=[*self.table.notes, *self.target.notes, *self.features.notes],
        )

    def _target(self) -> TargetInfo:
        target = self.target
        counts = target.counts if target.classes else []
        return TargetInfo.model_validate(
            {
                "name": target.name,
                "task": target.task,
                "reason": target.reason,
                "classes": [
                    ClassCount(label=label, rows=int(rows))
                    for label, rows in zip(target.classes, counts, strict=True)
                ],
                "positive": target.classes[1] if target.task == "binary" else None,
                "mean": None if target.classes else float(target.values.mean()),
                "deviation": None if target.classes else float(target.values.std(ddof=1)),
            }
        )

    def _training(self, begin: Start, recipe: Recipe) -> Training:
        return Training(
            seeds=list(range(self.seeds)),
            train_rows=len(begin.split.train),
            validation_rows=len(begin.split.validation),
            test_rows=len(begin.split.test),
            hidden=list(HIDDEN),
            outputs=begin.outputs,
            weights=sum(one.numel() for one in begin.weights.values()),
            optimiser="Adam",
            learning_rate=recipe.learning_rate,
            batch_size=recipe.batch_size,
            epochs=self.epochs,
        )

    def _metric(self, metric: Metric) -> MetricInfo:
        return MetricInfo.model_validate(
            {
                "name": metric.name,
                "title": metric.title,
                "better": metric.better,
                "meaning": metric.meaning,
                "in_target_unit": metric.in_target_unit,
                "primary": metric == self.metric,
            }
        )


@dataclass(frozen=True)
class _Trained:
    label: str
    begin: Start
    fit: Fit


def _run(one: _Trained, metrics: dict[str, float], recall: list[float]) -> Run:
    fit = one.fit
    curves: dict[str, Any] = {
        "train_loss": fit.train_loss,
        "validation_loss": fit.validation_loss,
        "validation_metric": fit.validation_metric,
        "gradient_norm": fit.gradient_norm,
    }
    return Run.model_validate(
        {
            "loss": one.label,
            "seed": one.begin.seed,
            "best_epoch": fit.best_epoch,
            "seconds": round(fit.seconds, 3),
            "metrics": metrics,
            "recall": recall,
            "curves": Curves.model_validate(curves),
        }
    )


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keep PyTorch to one thread: small networks are faster so, and sums always the same."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def plan(
    data: str | Path | pl.DataFrame,
    target: str | None = None,
    losses: Sequence[str | Loss] | None = None,
    *,
    seeds: int = SEEDS,
    epochs: int = EPOCHS,
    metric: str | None = None,
    task: str | None = None,
) -> Study:
    """Read the data and settle what is compared; parameters as of `losskit.compare.compare`."""
    for name, value in (("seeds", seeds), ("epochs", epochs)):
        if value < 1:
            raise CompareError(f"{name} is {value}; it must be at least 1")
    table = read_table(data)
    wanted = target if target is not None else table.target
    if wanted is None:
        raise CompareError(
            f"{table.source} needs a target: name the column to predict, "
            f"one of {', '.join(table.frame.columns[:12])}"
        )
    found = read_target(table.frame, wanted, task)
    features = read_features(table.frame.filter(found.rows), wanted, table.targets)
    decides = default_metric(found.task) if metric is None else find_metric(metric, found.task)
    notes: list[str] = []
    if losses:
        candidates = named_candidates(losses, found)
    else:
        candidates, notes = default_candidates(found)
    return Study(table, found, features, candidates, decides, seeds, epochs, notes)
