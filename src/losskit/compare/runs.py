"""Training every loss from every seed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from losskit.compare.candidates import resolve
from losskit.compare.errors import CompareError
from losskit.compare.fit import Recipe, Start, start
from losskit.compare.outcome import Trained, conclude
from losskit.compare.pairing import pair
from losskit.compare.processes import Processes
from losskit.compare.results import Results
from losskit.compare.store import Store, fingerprint
from losskit.compare.study import Study
from losskit.compare.training import Fit, train
from losskit.reporting.arrays import Floats, Ints
from losskit.reporting.threads import one_thread

__all__ = ["Keeping", "Progress", "run"]


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
        Epochs of all runs of this process.
    """

    loss: str
    seed: int
    epoch: int
    done: int
    total: int


@dataclass(frozen=True)
class Keeping:
    """How a comparison outlives an interruption.

    Parameters
    ----------
    store
        Where runs are kept.
    resume
        Whether it goes on from what is there.
    overwrite
        Whether what is there may be removed.
    """

    store: Store
    resume: bool = False
    overwrite: bool = False


def run(
    study: Study,
    progress: Callable[[Progress], None] | None = None,
    *,
    keeping: Keeping | None = None,
    group: Processes | None = None,
) -> Results:
    """Train every loss from every seed, and judge what came out.

    Parameters
    ----------
    study
        What is compared.
    progress
        Called after each epoch of this process's runs.
    keeping
        Where runs are kept until there are results; nowhere by default.
    group
        The processes that share the runs; this one alone by default.

    Returns
    -------
    Results
        The same in every process.
    """
    clock = time.perf_counter()
    group = group or Processes()
    trained: list[tuple[int, Fit]] = []
    truths: list[Floats | Ints] = []
    tasks = len(study.candidates) * study.seeds
    mine = sum(group.own(task) for task in range(tasks))
    with one_thread():
        for seed in range(study.seeds):
            begin = start(study, seed)
            recipe = Recipe.for_rows(len(begin.split.train), study)
            truths.append(begin.test.truth)
            if seed == 0:
                first = begin
                _open(keeping, study, begin, recipe, group)
            for at, candidate in enumerate(study.candidates):
                task = seed * len(study.candidates) + at
                if not group.own(task):
                    continue
                keeper = _Kept(keeping.store, candidate.label, seed) if keeping else None
                fit = keeper.finished() if keeper else None
                if fit is None:
                    report = _reporter(
                        progress, candidate.label, seed, len(trained), mine, recipe.epochs
                    )
                    pairing = pair(candidate.kind, study.target)
                    loss = resolve(candidate, begin.train.truth, begin.classes, begin.scale)
                    fit = train(begin, loss, pairing, recipe, study.metric, report, keeper)
                    if keeper is not None:
                        keeper.finish(fit)
                trained.append((task, fit))
        every = dict(pair for some in group.gather(trained) for pair in some)
        seeds = range(study.seeds)
        together = [
            Trained(candidate.label, seed, truths[seed], every[seed * len(study.candidates) + at])
            for seed in seeds
            for at, candidate in enumerate(study.candidates)
        ]
        return conclude(study, together, first, recipe, time.perf_counter() - clock)


def _open(
    keeping: Keeping | None, study: Study, first: Start, recipe: Recipe, group: Processes
) -> None:
    """Open the store, in one process for all; where it cannot be opened, all of them say so."""
    if keeping is None:
        return
    refused: CompareError | None = None
    if group.leads:
        try:
            keeping.store.open(
                fingerprint(study, first, recipe),
                resume=keeping.resume,
                overwrite=keeping.overwrite,
            )
        except CompareError as error:
            refused = error
    refused = group.gather(refused)[0]
    if refused is not None:
        raise refused


@dataclass(frozen=True)
class _Kept:
    """What is kept of one run."""

    store: Store
    label: str
    seed: int

    def finished(self) -> Fit | None:
        return self.store.finished(self.label, self.seed)

    def finish(self, fit: Fit) -> None:
        self.store.finish(self.label, self.seed, fit)

    def begun(self) -> dict[str, Any] | None:
        return self.store.begun(self.label, self.seed)

    def checkpoint(self, state: Callable[[], dict[str, Any]]) -> None:
        self.store.checkpoint(self.label, self.seed, state)


def _reporter(
    progress: Callable[[Progress], None] | None,
    label: str,
    seed: int,
    before: int,
    runs: int,
    epochs: int,
) -> Callable[[int], None]:
    def report(epoch: int) -> None:
        if progress is not None:
            progress(Progress(label, seed, epoch, before * epochs + epoch, runs * epochs))

    return report
