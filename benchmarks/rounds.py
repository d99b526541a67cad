"""Taking turns: every contender in every round, so that what disturbs the machine hits all."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from benchmarks.cases import Case
from benchmarks.processes import Process, WorkerDiedError

__all__ = ["Effort", "Measured", "Timing", "measure"]


@dataclass(frozen=True)
class Effort:
    """How long is measured.

    Attributes
    ----------
    seconds : float
        What all rounds of a pass may take together.
    turn : float
        What a contender's turn takes, if its steps are short: many of them.
    fewest, most : int
        Bounds of the number of rounds.
    longest : float or None
        Seconds beyond which fewer than `fewest` rounds will do, but three.
    """

    seconds: float = 6.0
    turn: float = 0.015
    fewest: int = 7
    most: int = 41
    longest: float | None = 24.0

    def repeats(self, step: float) -> int:
        """Steps in a turn, from what one takes."""
        return max(1, min(1000, round(self.turn / max(step, 1e-9))))

    def rounds(self, turns: float) -> int:
        """Rounds, from what the turns of one take together."""
        turns = max(turns, 1e-9)
        fewest = self.fewest
        if self.longest is not None:
            fewest = min(fewest, max(3, int(self.longest / turns)))
        return max(fewest, min(self.most, round(self.seconds / turns)))


@dataclass
class Timing:
    """A contender's part in a pass.

    Attributes
    ----------
    rounds : list of float
        Seconds of a step, the median of each turn.
    repeats : int
        Steps in a turn.
    peak_bytes : int or None
        Memory that a step takes at its peak; None where it is unknown.
    """

    rounds: list[float] = field(default_factory=list)
    repeats: int = 1
    peak_bytes: int | None = None


@dataclass
class Measured:
    """All that was measured of a case.

    Attributes
    ----------
    case : Case
        Which.
    passes : dict
        Pass → contender → `Timing`.
    values : dict
        Contender → mean loss of the first arrays, where it tells it.
    moved : dict
        Contender → bytes that a step moves, where it only moves bytes.
    unavailable : dict
        Contender → why it took no part: it has no such loss, or is not installed.
    failed : dict
        Contender → what went wrong.
    """

    case: Case
    passes: dict[str, dict[str, Timing]] = field(default_factory=dict)
    values: dict[str, float] = field(default_factory=dict)
    moved: dict[str, int] = field(default_factory=dict)
    unavailable: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def measure(
    case: Case,
    workers: Mapping[str, Process],
    effort: Effort,
    say: Callable[[str], None] = lambda text: None,
) -> Measured:
    """Measure a case, all contenders in turn.

    One that dies, as for want of memory, takes no further part in the case.
    """
    measured = Measured(case)
    ready: dict[str, tuple[Process, list[str]]] = {}
    for name, worker in workers.items():
        say(f"preparing {name}")
        try:
            answer = worker.prepare(case)
        except WorkerDiedError as death:
            measured.failed[name] = str(death)
            continue
        if "unavailable" in answer:
            measured.unavailable[name] = answer["unavailable"]
            continue
        if "failed" in answer:
            measured.failed[name] = answer["failed"]
            continue
        ready[name] = worker, answer["passes"]
        if answer["value"] is not None:
            measured.values[name] = answer["value"]
        if answer["moved"]:
            measured.moved[name] = answer["moved"]
    for which in case.passes:
        say(which)
        able = {
            name: worker
            for name, (worker, passes) in ready.items()
            if which in passes and name not in measured.failed
        }
        measured.passes[which] = _pass(which, able, effort, measured.failed)
    for name, (worker, _) in ready.items():
        if name not in measured.failed:
            worker.release()
    return measured


def _pass(
    which: str, workers: Mapping[str, Process], effort: Effort, failed: dict[str, str]
) -> dict[str, Timing]:
    timings = {name: Timing() for name in workers}

    def turn(name: str, repeats: int) -> float:
        try:
            return statistics.median(workers[name].run(which, repeats))
        except WorkerDiedError as death:
            failed[name] = str(death)
            del timings[name]
            return 0.0

    total = 0.0
    for name in workers:
        step = turn(name, 1)
        if name in timings:
            timings[name].repeats = effort.repeats(step)
            total += step * timings[name].repeats
    for number in range(effort.rounds(total)):
        order = list(timings)
        first = number % max(len(order), 1)
        for name in order[first:] + order[:first]:
            seconds = turn(name, timings[name].repeats)
            if name in timings:
                timings[name].rounds.append(seconds)
    for name in list(timings):
        try:
            timings[name].peak_bytes = workers[name].peak(which)
        except WorkerDiedError as death:
            failed[name] = str(death)
    return timings
