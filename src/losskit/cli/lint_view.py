"""What ``losskit lint`` shows in the terminal, in pipes and in pull requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

import typer
from rich.padding import Padding
from rich.syntax import Syntax
from rich.text import Text

from losskit.check.catalogue import rule
from losskit.check.findings import Finding, Place, Rule, Severity
from losskit.check.lint.fixes import applicable
from losskit.check.lint.run import UNFINISHED, Outcome
from losskit.cli.output import console

__all__ = ["bar", "concise", "full", "github", "notes", "page", "statistics", "summary"]

_STYLES = {Severity.BUG: "bold red", Severity.SUSPICIOUS: "yellow", Severity.REDUNDANT: "cyan"}
_LEVELS = {Severity.BUG: "error", Severity.SUSPICIOUS: "warning", Severity.REDUNDANT: "notice"}


@contextmanager
def bar(after: float = 1.0) -> Iterator[Callable[[int, int], None]]:
    """Show how many files are done, if someone can see it and it takes longer than this."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    errors = console(stderr=True)
    begun = monotonic()
    progress = Progress(
        TextColumn("Reading"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        console=errors,
        transient=True,
    )
    tasks: list[int] = []

    def show(done: int, total: int) -> None:
        if not errors.is_terminal or monotonic() - begun < after:
            return
        if not tasks:
            progress.start()
            tasks.append(progress.add_task("", total=total))
        progress.update(tasks[0], completed=done)  # type: ignore[arg-type]

    try:
        yield show
    finally:
        if tasks:
            progress.stop()


def _count(amount: int, one: str, more: str = "") -> str:
    return f"{amount:,} {one if amount == 1 else more or one + 's'}"


def summary(outcome: Outcome, fixed: int) -> None:
    """Say in one line what was found."""
    shown = console(soft_wrap=True)
    files = _count(outcome.files, "file")
    found = outcome.findings
    text = Text(f"{_count(fixed, 'finding')} mended; " if fixed else "")
    if not found:
        shown.print(text.append(f"no findings in {files}"))
        return
    parts = [
        _count(outcome.count(severity), word, more)
        for severity, word, more in (
            (Severity.BUG, "bug", "bugs"),
            (Severity.SUSPICIOUS, "suspicious", "suspicious"),
            (Severity.REDUNDANT, "redundant", "redundant"),
        )
        if outcome.count(severity)
    ]
    text.append(f"{_count(len(found), 'finding')} in {files}: {', '.join(parts)}")
    safe = len(applicable(found, unsafe=False))
    more = len(applicable(found, unsafe=True)) - safe
    if safe:
        text.append(f"; --fix mends {safe}")
    if more:
        text.append(f"{',' if safe else ';'} --unsafe-fixes {more}{' more' if safe else ''}")
    shown.print(text)


def concise(outcome: Outcome) -> None:
    """Print a line for each finding."""
    shown = console(soft_wrap=True)
    for finding in outcome.findings:
        shown.print(_line(finding))


def _line(finding: Finding) -> Text:
    text = Text(f"{finding.place}: ")
    text.append(f"{finding.code} ", "bold")
    text.append(str(finding.severity), _STYLES[finding.severity])
    return text.append(f": {finding.message}")


def full(outcome: Outcome) -> None:
    """Print each finding with its source, its evidence and what to do."""
    shown = console(soft_wrap=True)
    sources: dict[str, list[str]] = {}
    for finding in outcome.findings:
        shown.print()
        shown.print(_line(finding))
        steps = finding.evidence
        if not steps and finding.place is not None:
            _step(shown.print, finding.place, "", sources)
        for step in steps:
            _step(shown.print, step.place, step.text, sources)
        shown.print(Text(f"  = {finding.rule.mend}", "green"))
        shown.print(Text(f"  = losskit lint --explain {finding.code}", "dim"))


def _step(
    show: Callable[..., None], place: Place, text: str, sources: dict[str, list[str]]
) -> None:
    show(Text(f"  {place}", "dim").append(f"  {text}" if text else "", "not dim"))
    line = _source_line(place, sources)
    if line.strip():
        bare = line.strip()
        indent = len(line) - len(line.lstrip())
        start = max(place.column - 1 - indent, 0)
        end = place.end_column - 1 - indent if place.end_line == place.line else len(bare)
        show(Text(f"    | {bare}"))
        show(Text(f"    | {' ' * start}{'^' * max(min(end, len(bare)) - start, 1)}", "red"))


def _source_line(place: Place, sources: dict[str, list[str]]) -> str:
    """Return the line of a place, if the file can still be read."""
    key = f"{place.path}:{place.cell}"
    if key not in sources:
        sources[key] = _lines(place)
    lines = sources[key]
    return lines[place.line - 1] if place.line <= len(lines) else ""


def _lines(place: Place) -> list[str]:
    from losskit.check.lint.files import decoded, read_text
    from losskit.check.lint.notebooks import cells_of
    from losskit.check.lint.units import UnreadableError

    try:
        raw = read_text(place.path)
        if place.cell:
            return next((text for at, text in cells_of(raw) if at == place.cell), "").split("\n")
        return decoded(raw)[0].splitlines()
    except UnreadableError:
        return []


def notes(outcome: Outcome) -> None:
    """Say in one line each which files were not linted, and of how many not all was."""
    shown = console(soft_wrap=True, stderr=True)
    for path, text in outcome.notes:
        if text != UNFINISHED:
            shown.print(Text(f"{path}: not linted: {text}", "dim"))
    unfinished = sum(text == UNFINISHED for _, text in outcome.notes)
    if unfinished:
        files = _count(unfinished, "file takes", "files take")
        shown.print(Text(f"{files} too many steps to follow to the end", "dim"))


def statistics(outcome: Outcome) -> None:
    """Count the findings of each rule."""
    shown = console(soft_wrap=True)
    for code, amount in Counter(one.code for one in outcome.findings).most_common():
        shown.print(Text(f"{amount:6,}  ").append(code, "bold").append(f"  {rule(code).summary}"))


def github(outcome: Outcome) -> None:
    """Print what GitHub Actions turns into remarks beside the code."""
    for finding in outcome.findings:
        place = finding.place
        if place is None:
            continue
        where = f"file={_property(place.path)}"
        text = finding.message
        if place.cell:
            text = f"cell {place.cell}, line {place.line}: {text}"
        else:
            where += (
                f",line={place.line},col={place.column},endLine={place.end_line},"
                f"endColumn={place.end_column}"
            )
        title = _property(f"losskit {finding.code} ({finding.severity})")
        typer.echo(f"::{_LEVELS[finding.severity]} {where},title={title}::{_escaped(text)}")
    for path, text in outcome.notes:
        typer.echo(f"::notice file={_property(path)}::{_escaped(f'not linted: {text}')}")


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def page(found: Rule) -> None:
    """Print the page of a rule."""
    shown = console()
    shown.print(
        Text(f"{found.code} {found.name}", "bold").append(
            f"  {found.severity}", _STYLES[found.severity]
        )
    )
    for text in (found.summary, found.why):
        shown.print()
        shown.print(Text(text))
    for title, code in (("Instead of", found.bad), ("write", found.good)):
        shown.print()
        shown.print(Text(title, "bold"))
        _code(shown, code)
    shown.print()
    shown.print(Text(found.mend))
    shown.print()
    for source in found.sources:
        shown.print(Text(f"{source.title}: {source.url}", "dim"), soft_wrap=True)


def _code(shown: object, code: str) -> None:
    from rich.console import Console

    assert isinstance(shown, Console)  # noqa: S101
    if shown.is_terminal:
        shown.print(Padding(Syntax(code, "python", background_color="default"), (0, 0, 0, 2)))
    else:
        for line in code.splitlines():
            shown.print(Text(f"  {line}".rstrip()), soft_wrap=True)
