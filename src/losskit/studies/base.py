"""The base of all studies."""

from __future__ import annotations

import dataclasses
import datetime
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

import losskit
from losskit.core.parameters import Parameter, parameters_of
from losskit.reporting.errors import RequestError, is_count
from losskit.reporting.machine import machine
from losskit.reporting.picture import Plot
from losskit.reporting.statistics import estimate
from losskit.reporting.threads import one_thread
from losskit.studies.arms import Arm
from losskit.studies.claims import Claim, judge
from losskit.studies.record import Progress, Record
from losskit.studies.results import (
    Finding,
    MeasureInfo,
    Setting,
    StudyResults,
    Summary,
    Term,
)

__all__ = ["SEEDS", "Measure", "Section", "Study"]

SEEDS = 10


@dataclass(frozen=True)
class Measure:
    """Something that is measured from every seed.

    Parameters
    ----------
    name
        Identifier.
    title
        The name in words, as it stands within a sentence.
    better
        Which direction is good.
    meaning
        What it says, in one sentence.
    """

    name: str
    title: str
    better: Literal["higher", "lower", "neither"]
    meaning: str


@dataclass(frozen=True)
class Section:
    """A part of a study's page.

    Parameters
    ----------
    title
        Its heading.
    plots
        Its pictures; several stand side by side.
    note
        What to look at.
    legend
        Whether the colours are those of the arms, and to be explained.
    arms
        Which of them; all by default.
    """

    title: str
    plots: Sequence[Plot]
    note: str
    legend: bool = True
    arms: Sequence[str] = ()

    @property
    def played(self) -> str:
        """Names of the pictures that have frames, which one slider moves."""
        return " ".join(plot.name for plot in self.plots if "frames" in plot.figure)

    @property
    def frames(self) -> int:
        """How many frames they have."""
        return max((len(plot.figure.get("frames", ())) for plot in self.plots), default=0)


@dataclass(frozen=True)
class Study(ABC):
    """A claim about losses, as an experiment that can be run.

    A subclass is a frozen dataclass whose fields, each a `losskit.core.parameters.parameter`, say
    what of its data can be changed: ``losskit.study("outliers", share=0)``.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    question: ClassVar[str]
    background: ClassVar[str]
    measures: ClassVar[tuple[Measure, ...]]

    def __post_init__(self) -> None:
        for name, declared in self.settings().items():
            try:
                declared.checked(self.name, name, getattr(self, name))
            except (TypeError, ValueError) as error:
                raise RequestError(f"study {error}") from error

    @property
    @abstractmethod
    def arms(self) -> tuple[Arm, ...]:
        """What is compared."""

    @property
    @abstractmethod
    def claims(self) -> tuple[Claim, ...]:
        """What is said; the first ones make the headline."""

    headlines: ClassVar[int] = 1
    """How many of the claims' sentences the headline has."""

    @abstractmethod
    def setup(self, *, fast: bool) -> Iterator[tuple[str, str]]:
        """Say what is done: terms and what they are."""

    @abstractmethod
    def observe(self, record: Record) -> None:
        """Run it, and write down what is seen."""

    @abstractmethod
    def sections(self, results: StudyResults) -> Iterator[Section]:
        """Draw it."""

    @classmethod
    def settings(cls) -> dict[str, Parameter]:
        """Return what can be changed, by name."""
        return parameters_of(cls)

    def spec(self) -> str:
        """Write the study as the command line reads it: its name and what differs from defaults."""
        differing = [
            f"{field.name}={getattr(self, field.name):g}"
            for field in dataclasses.fields(self)
            if getattr(self, field.name) != field.default
        ]
        return ":".join([self.name, ",".join(differing)]) if differing else self.name

    def run(
        self,
        seeds: int = SEEDS,
        *,
        fast: bool = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> StudyResults:
        """Run the study, and judge its claims.

        Parameters
        ----------
        seeds : int, default 10
            How many times everything is repeated with other data, weights and orders.
        fast : bool, default False
            Train shorter: a first impression.
        progress : function, optional
            Called with a `Progress` now and then.

        Returns
        -------
        StudyResults
            Its ``headline`` and ``findings`` say what came out.

        Raises
        ------
        RequestError
            If ``seeds`` is no positive number.
        """
        if not is_count(seeds):
            raise RequestError(f"seeds is {seeds!r}; it must be an integer of at least 1")
        clock = time.perf_counter()
        record = Record(range(seeds), fast, progress or (lambda _: None))
        with one_thread():
            self.observe(record)
        return self._results(record, time.perf_counter() - clock)

    def _results(self, record: Record, seconds: float) -> StudyResults:
        table: dict[tuple[str, str], list[float]] = {}
        for one in record.values:
            value = float("nan") if one.value is None else one.value
            table.setdefault((one.arm, one.measure), []).append(value)
        titles = {arm.label: arm.title for arm in self.arms}
        findings = judge(self.claims, table, titles, {one.name: one.title for one in self.measures})
        declared = self.settings()
        return StudyResults(
            losskit=losskit.__version__,
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            study=self.spec(),
            name=self.name,
            title=self.title,
            question=self.question,
            background=self.background,
            fast=record.fast,
            seeds=list(record.seeds),
            settings=[
                Setting(
                    name=field.name,
                    value=getattr(self, field.name),
                    default=float(str(field.default)),
                    meaning=declared[field.name].doc,
                )
                for field in dataclasses.fields(self)
            ],
            setup=[Term(term=term, text=text) for term, text in self.setup(fast=record.fast)],
            arms=[arm.info() for arm in self.arms],
            measures=[
                MeasureInfo(name=one.name, title=one.title, better=one.better, meaning=one.meaning)
                for one in self.measures
            ],
            headline=_headline(findings[: self.headlines]),
            findings=findings,
            summary=[_summary(key, values) for key, values in table.items()],
            values=record.values,
            curves=record.curves,
            grids=record.grids,
            points=record.points,
            bins=record.bins,
            shapes=[shape for arm in self.arms if (shape := arm.shape()) is not None],
            machine=machine(seconds),
        )


def _headline(findings: Sequence[Finding]) -> str:
    return " ".join(f"{finding.words}." for finding in findings)


def _summary(key: tuple[str, str], values: Sequence[float]) -> Summary:
    found = estimate(list(np.asarray(values)), test_to_train=0.0)
    arm, measure = key
    return Summary(arm=arm, measure=measure, mean=found.mean, low=found.low, high=found.high)
