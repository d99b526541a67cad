"""Linting files: several at a time, and those that have not changed not again."""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from losskit.check.findings import Finding, Severity
from losskit.check.lint.analysis import analyse
from losskit.check.lint.cache import Cache, Entry, digest
from losskit.check.lint.containers import release
from losskit.check.lint.files import Found, discover, read_text, source_of
from losskit.check.lint.finder import Finder, stems_of
from losskit.check.lint.interest import is_test, look
from losskit.check.lint.notebooks import without_broken_cells
from losskit.check.lint.plain import finding_of, plain
from losskit.check.lint.prefilter import Glance, Selection, glance
from losskit.check.lint.report import Report
from losskit.check.lint.settings import Settings
from losskit.check.lint.units import Project, Unit, UnreadableError, parse

__all__ = ["FAILED", "UNFINISHED", "Outcome", "lint"]

_FEW = 24
"""Files to be analysed from which on several processes are worth their start."""

_MANY = 2_000
"""Files to be looked at from which on they are."""

_COLLECTED = 2_000_000
"""Objects that analyses have left behind in spite of all, after which they are collected."""

_TOGETHER = 16
"""Files that a process takes at a time: neighbours, which import the same."""


@dataclass
class Outcome:
    """What linting came to.

    Attributes
    ----------
    findings : list of Finding
        In the order of files and lines.
    notes : list
        Path and why it was not linted, or not to its end.
    files : int
        How many were looked at.
    unreadable : bool
        Whether a file that was named could not be read.
    """

    findings: list[Finding] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    files: int = 0
    unreadable: bool = False

    def count(self, severity: Severity) -> int:
        """How many findings have a severity."""
        return sum(one.severity is severity for one in self.findings)


def lint(
    paths: Sequence[str],
    settings: Settings,
    *,
    cached: bool = True,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Outcome:
    """Lint files, and those below folders.

    Parameters
    ----------
    paths : sequence of str
        Files and folders; nothing else is read.
    settings : Settings
        What is reported.
    cached : bool, default True
        Whether what has not changed since is taken from the last time.
    jobs : int, optional
        Processes; as many as there are cores where it is None.
    progress : callable, optional
        Told how many of how many files are done.

    Raises
    ------
    FileNotFoundError
        If there is no such path.
    """
    found = discover(paths, settings.exclude)
    outcome = Outcome(files=len(found))
    digests: dict[str, str] = {}
    cache = Cache(Path.cwd())
    if cached:
        cache.load()
    for one in found:
        try:
            digests[one.path] = digest(read_text(one.path))
        except UnreadableError as problem:
            outcome.notes.append((one.shown, str(problem)))
            outcome.unreadable = outcome.unreadable or one.named
    fresh = [path for path, content in digests.items() if cache.seen(path, content) is None]
    for path, seen in _glanced(fresh, jobs):
        cache.see(path, digests[path], seen)
    selection = Selection()
    for one in found:
        glimpse = cache.seen(one.path, digests[one.path]) if one.path in digests else None
        if glimpse is not None:
            selection.add(one.path, glimpse)
            if one.named and not glimpse.interest:
                _look(one, outcome)
    files = {one.path: one.shown for one in found if one.path in digests}
    finder = Finder(files)
    asked = selection.chosen(finder.means, lambda path: cache.calls(path, digests[path]))
    contents = digests | finder.listings()
    entries = _analysed(files, asked, selection, contents, cache, jobs, progress)
    if cached:
        cache.save()
    merged: dict[tuple[object, str], Finding] = {}
    for entry in entries:
        for data in entry.findings:
            one_finding = finding_of(data)
            place = one_finding.place
            key = (
                None if place is None else (place.path, place.cell, place.line, place.column),
                one_finding.code,
            )
            known = merged.get(key)
            if known is None or _rank(one_finding) < _rank(known):
                merged[key] = one_finding
        outcome.notes += entry.notes
    wanted = [one for one in merged.values() if settings.wants(one)]
    outcome.findings = sorted(wanted, key=_order)
    outcome.notes = sorted(set(outcome.notes))
    named = {one.shown for one in found if one.named}
    outcome.unreadable = outcome.unreadable or any(
        path in named for path, text in outcome.notes if text != UNFINISHED
    )
    return outcome


FAILED = "a mistake of the linter kept it from reading this file to its end"
UNFINISHED = "it takes too many steps to follow; what was seen until then is reported"


def _look(one: Found, outcome: Outcome) -> None:
    """Say of a file without a loss whether it can be read at all."""
    try:
        source, _ = source_of(one.path, read_text(one.path))
        parse(source)
    except UnreadableError as problem:
        outcome.notes.append((one.shown, str(problem)))


def _rank(finding: Finding) -> tuple[int, str]:
    return list(Severity).index(finding.severity), finding.message


def _order(finding: Finding) -> tuple[object, ...]:
    place = finding.place
    where = ("", 0, 0, 0) if place is None else (place.path, place.cell, place.line, place.column)
    return (*where, finding.code)


def _glanced(paths: list[str], jobs: int | None) -> Iterator[tuple[str, Glance]]:
    """Look at files for the first time, in several processes if there are very many."""
    jobs = jobs or os.cpu_count() or 1
    if len(paths) < _MANY or jobs == 1:
        yield from _glances(paths)
        return
    groups = [paths[at : at + _MANY // 4] for at in range(0, len(paths), _MANY // 4)]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(groups)), context) as pool:
        for group in pool.map(_glances, groups):
            yield from group


def _glances(paths: Sequence[str]) -> list[tuple[str, Glance]]:
    found = []
    for path in paths:
        with suppress(UnreadableError):
            found.append((path, glance(path, read_text(path))))
    return found


def _analysed(
    files: Mapping[str, str],
    asked: Sequence[str],
    selection: Selection,
    digests: Mapping[str, str],
    cache: Cache,
    jobs: int | None,
    progress: Callable[[int, int], None] | None,
) -> list[Entry]:
    stems, aside = stems_of(files), frozenset(selection.aside)
    known: dict[str, Entry] = {}
    for path in asked:
        entry = cache.entries.get(path)
        if entry is not None and entry.holds(digests, stems, alone=path in aside):
            known[path] = entry
    left = [path for path in asked if path not in known]
    worked = _worked(files, left, selection, jobs)
    for done, (path, entry) in enumerate(worked, 1):
        # What a file depends on is only known by its path here: the content is what was read.
        depends = {one: digests.get(one) for one in entry.depends}
        known[path] = replace(entry, depends=depends)
        cache.put(path, known[path])
        if progress is not None:
            progress(done, len(left))
    return [known[path] for path in asked]


def _worked(
    files: Mapping[str, str], paths: Sequence[str], selection: Selection, jobs: int | None
) -> Iterable[tuple[str, Entry]]:
    """Analyse files, in several processes if there are enough of them."""
    jobs = jobs or os.cpu_count() or 1
    if len(paths) < _FEW or jobs == 1:
        worker = _Worker(dict(files), selection.joining, selection.aside)
        try:
            for path in paths:
                yield path, worker.entry(path)
        finally:
            gc.enable()
        return
    groups = [paths[at : at + _TOGETHER] for at in range(0, len(paths), _TOGETHER)]
    context = multiprocessing.get_context("spawn")
    told = dict(files), selection.joining, selection.aside
    with ProcessPoolExecutor(
        min(jobs, len(groups)), context, initializer=_begin, initargs=told
    ) as pool:
        for future in as_completed([pool.submit(_work, group) for group in groups]):
            yield from future.result()


def _names(unit: Unit) -> frozenset[str]:
    return look(unit).names


class _Worker:
    """Analyses one file after the other; what they import is parsed once."""

    def __init__(self, files: dict[str, str], promising: list[str], aside: list[str]) -> None:
        self.files = files
        # Trees hold no circles, and looking through them for some takes longer than to make them.
        gc.disable()
        self.project = Project(files, self._read, promising, _names, read_text)
        self.aside = frozenset(aside)

    def _read(self, path: str) -> Unit:
        source, cells = source_of(path, read_text(path))
        shown = self.files[path]
        try:
            return Unit(path, shown, source, parse(source), cells)
        except UnreadableError as problem:
            kept = None if cells else without_broken_cells(source)
            if kept is None:
                raise
            rest, broken = kept
            text = f"the cells that begin at line {', '.join(map(str, broken))} ({problem})"
            return Unit(path, shown, rest, parse(rest), left_out=text)

    def entry(self, path: str) -> Entry:
        """Analyse a file."""
        self.project.begin()
        if gc.get_count()[0] > _COLLECTED:
            gc.collect()
        found: list[Finding] = []
        notes: list[tuple[str, str]] = []
        try:
            unit = self.project.unit(path) or self._read(path)
            if unit.left_out:
                notes.append((unit.shown, unit.left_out))
            report = Report({})
            if not analyse(self.project, unit, report.tell, alone=path in self.aside):
                notes.append((unit.shown, UNFINISHED))
            found = list(report.findings.values())
            if is_test(unit.source):
                found = [one for one in found if one.place and one.place.path == unit.shown]
        except UnreadableError as problem:
            notes.append((self.files[path], str(problem)))
        except Exception as problem:
            # A mistake of the linter in one file must not keep the others from being linted.
            notes.append((self.files[path], f"{FAILED} ({problem!r}); please report it"))
        finally:
            release()
        return Entry(
            dict.fromkeys(sorted({path, *self.project.looked_up})),
            tuple(sorted(self.project.foreign)),
            tuple(plain(one) for one in found),
            tuple(notes),
            path in self.aside,
        )


_workers: list[_Worker] = []


def _begin(files: dict[str, str], promising: list[str], aside: list[str]) -> None:
    _workers.append(_Worker(files, promising, aside))


def _work(paths: Sequence[str]) -> list[tuple[str, Entry]]:
    return [(path, _workers[0].entry(path)) for path in paths]
