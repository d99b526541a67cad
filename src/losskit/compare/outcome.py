"""From finished runs to the results: every number of the report is put together here."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import losskit
from losskit.compare.candidates import resolve
from losskit.compare.fit import Recipe, Start
from losskit.compare.metrics import METRICS, measure, recalls
from losskit.compare.network import HIDDEN
from losskit.compare.pairing import pair
from losskit.compare.recommendation import borne_out
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
from losskit.compare.study import Study
from losskit.compare.training import Fit
from losskit.compare.verdict import Table, judge
from losskit.reporting.arrays import Floats, Ints, floats, ints
from losskit.reporting.machine import machine
from losskit.reporting.statistics import estimate

__all__ = ["Trained", "conclude"]


@dataclass(frozen=True)
class Trained:
    """A finished run.

    Parameters
    ----------
    label
        The loss.
    seed
        What it started from.
    truth
        The test rows' targets.
    fit
        Its course, and what it predicts for the test rows.
    """

    label: str
    seed: int
    truth: Floats | Ints
    fit: Fit


def conclude(
    study: Study, trained: Sequence[Trained], first: Start, recipe: Recipe, seconds: float
) -> Results:
    """Measure every run, judge the losses and put everything down.

    Parameters
    ----------
    study
        What was compared.
    trained
        All runs, seed by seed.
    first
        What the first seed started from.
    recipe
        How they were trained.
    seconds
        How long they took.
    """
    task, labels = study.target.task, [one.label for one in study.candidates]
    runs = [_run(study, one) for one in trained]
    ratio = len(first.split.test) / len(first.split.train)
    tables: dict[str, Table] = {
        metric.name: {
            label: [_nan(run.metrics[metric.name]) for run in runs if run.loss == label]
            for label in labels
        }
        for metric in METRICS[task]
    }
    titles = {one.label: one.title for one in study.candidates}
    verdict, comparisons = judge(study.metric, METRICS[task], tables, titles, ratio)
    losses = {
        one.label: resolve(one, first.train.truth, first.classes, first.scale)
        for one in study.candidates
    }
    pairings = {one.label: pair(one.kind, study.target) for one in study.candidates}
    code = {label: learnt(losses[label], pairings[label]) for label in labels}
    return Results(
        losskit=losskit.__version__,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        data=_data(study, first),
        target=_target(study),
        training=_training(study, first, recipe),
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
            for one in study.candidates
        ],
        notes=list(study.notes),
        metrics=_metrics(study),
        verdict=verdict,
        recommendation=borne_out(study.recommended, verdict, comparisons, titles, study.metric)
        if study.recommended is not None
        else None,
        summary=list(_summary(study, tables, ratio)),
        recall=list(_recall(study, runs, ratio)),
        comparisons=comparisons,
        runs=runs,
        calibration=[
            calibration(
                label,
                [ints(one.truth) for one in trained if one.label == label],
                [one.fit.predicted for one in trained if one.label == label],
            )
            for label in labels
            if first.classes
        ],
        residuals=[
            residuals(one.label, floats(one.truth), one.fit.predicted)
            for one in trained
            if one.seed == first.seed and not first.classes
        ],
        shapes=[shape(label, losses[label], pairings[label], first.classes) for label in labels],
        code=program(
            code[verdict.leader or labels[0]],
            first,
            recipe,
            centred=pairings[verdict.leader or labels[0]].centred,
        ),
        machine=machine(seconds),
    )


def _nan(value: float | None) -> float:
    return float("nan") if value is None else value


def _run(study: Study, one: Trained) -> Run:
    fit = one.fit
    return Run(
        loss=one.label,
        seed=one.seed,
        best_epoch=fit.best_epoch,
        seconds=round(fit.seconds, 3),
        metrics=dict(measure(study.target.task, one.truth, fit.predicted)),
        recall=list(recalls(ints(one.truth), fit.predicted)) if study.target.classes else [],
        curves=Curves(
            train_loss=list(fit.train_loss),
            validation_loss=list(fit.validation_loss),
            validation_metric=list(fit.validation_metric),
            gradient_norm=list(fit.gradient_norm),
        ),
    )


def _summary(study: Study, tables: dict[str, Table], ratio: float) -> Iterator[Summary]:
    for metric in METRICS[study.target.task]:
        for label, values in tables[metric.name].items():
            found = metric.within(estimate(values, ratio))
            yield Summary(loss=label, metric=metric.name, **asdict(found))


def _recall(study: Study, runs: Sequence[Run], ratio: float) -> Iterator[Recall]:
    for candidate in study.candidates:
        own = [run for run in runs if run.loss == candidate.label]
        for index, label in enumerate(study.target.classes):
            found = estimate([_nan(run.recall[index]) for run in own], ratio)
            yield Recall(
                loss=candidate.label,
                label=label,
                mean=found.mean,
                low=max(found.low, 0.0) if found.has_interval else None,
                high=min(found.high, 1.0) if found.has_interval else None,
            )


def _data(study: Study, first: Start) -> Data:
    table, features = study.table, study.features
    return Data(
        name=table.name,
        source=table.source,
        rows=table.frame.height,
        used_rows=len(study.target.values),
        columns=table.frame.width,
        features={name: str(kind) for name, kind in features.kinds.items()},
        dropped=features.dropped,
        inputs=first.inputs,
        notes=[*table.notes, *study.target.notes, *features.notes],
    )


def _target(study: Study) -> TargetInfo:
    target = study.target
    rows = target.counts.tolist() if target.classes else []
    return TargetInfo(
        name=target.name,
        task=target.task,
        reason=target.reason,
        classes=[
            ClassCount(label=label, rows=count)
            for label, count in zip(target.classes, rows, strict=True)
        ],
        positive=target.classes[1] if target.task == "binary" else None,
        mean=None if target.classes else float(target.values.mean()),
        deviation=None if target.classes else float(target.values.std(ddof=1)),
    )


def _training(study: Study, first: Start, recipe: Recipe) -> Training:
    return Training(
        seeds=list(range(study.seeds)),
        train_rows=len(first.split.train),
        validation_rows=len(first.split.validation),
        test_rows=len(first.split.test),
        hidden=[] if study.model else list(HIDDEN),
        model=study.model.name if study.model else _described(first),
        divided=study.features.parts is not None,
        outputs=first.outputs,
        weights=sum(one.numel() for one in first.weights.values()),
        optimiser="Adam",
        learning_rate=recipe.learning_rate,
        batch_size=recipe.batch_size,
        epochs=recipe.epochs,
    )


def _described(first: Start) -> str:
    sizes = (first.inputs, *HIDDEN, first.outputs)
    return f"{' → '.join(map(str, sizes))}, ReLU"


def _metrics(study: Study) -> list[MetricInfo]:
    return [
        MetricInfo(
            name=metric.name,
            title=metric.title,
            better=metric.better,
            meaning=metric.meaning,
            in_target_unit=metric.in_target_unit,
            primary=metric == study.metric,
        )
        for metric in METRICS[study.target.task]
    ]
