"""Training every loss from every seed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from losskit.compare.candidates import resolve
from losskit.compare.fit import Recipe, Start, start, train
from losskit.compare.outcome import Trained, conclude
from losskit.compare.pairing import pair
from losskit.compare.results import Results
from losskit.compare.study import Study
from losskit.reporting.threads import one_thread

__all__ = ["Progress", "run"]


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


def run(study: Study, progress: Callable[[Progress], None] | None = None) -> Results:
    """Train every loss from every seed, and judge what came out.

    Parameters
    ----------
    study
        What is compared.
    progress
        Called after each epoch.
    """
    clock = time.perf_counter()
    trained: list[Trained] = []
    total = study.seeds * study.epochs * len(study.candidates)
    with one_thread():
        for seed in range(study.seeds):
            begin = start(study.features, study.target, seed)
            if seed == 0:
                first = begin
            recipe = Recipe.for_rows(len(begin.split.train), study.epochs)
            for candidate in study.candidates:
                report = _reporter(progress, candidate.label, begin, len(trained), total, recipe)
                pairing = pair(candidate.kind, study.target)
                loss = resolve(candidate, begin.train.truth, begin.classes, begin.scale)
                fit = train(begin, loss, pairing, recipe, study.metric, report)
                trained.append(Trained(candidate.label, seed, begin.test.truth, fit))
        return conclude(study, trained, first, recipe, time.perf_counter() - clock)


def _reporter(
    progress: Callable[[Progress], None] | None,
    label: str,
    begin: Start,
    runs: int,
    total: int,
    recipe: Recipe,
) -> Callable[[int], None]:
    def report(epoch: int) -> None:
        if progress is not None:
            progress(Progress(label, begin.seed, epoch, runs * recipe.epochs + epoch, total))

    return report
