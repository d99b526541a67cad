"""What ``losskit compare`` shows in the terminal."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from losskit.compare.results import Arm, Results, Summary
from losskit.compare.runs import Progress as Step
from losskit.compare.study import Study
from losskit.reporting.wording import count, number, sentence

__all__ = ["bar", "found", "table", "verdict"]

COLUMN = 16
GAP = 2


def found(study: Study, processes: int = 1) -> None:
    """Say what is in the data, what the task is and what will be trained."""
    target, features = study.target, study.features
    console = Console(highlight=False, soft_wrap=True)
    console.print(
        f"{escape(study.table.source)}: {len(target.values):,} rows, "
        f"{count(len(features.kinds), 'feature')}, target {escape(repr(target.name))}: "
        f"[bold]{target.task}[/], because {escape(target.reason)}."
    )
    for note in (*study.table.notes, *target.notes, *features.notes):
        console.print(escape(note), style="dim")
    if features.dropped:
        dropped = "; ".join(f"{name!r}: {why}" for name, why in features.dropped.items())
        console.print(escape(f"Left out: {dropped}."), style="dim")
    shared = f", {count(processes, 'process', 'processes')}" if processes > 1 else ""
    console.print(
        f"{sentence(count(len(study.candidates), 'loss', 'losses'))}, "
        f"{count(study.seeds, 'seed')}, {count(study.epochs, 'epoch')}{shared}: "
        + escape(", ".join(candidate.title for candidate in study.candidates))
    )


@contextmanager
def bar(study: Study, console: Console) -> Iterator[Callable[[Step], None]]:
    """Show how far the training is, if someone can see it."""
    with Progress(
        BarColumn(bar_width=30),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    ) as progress:
        task = progress.add_task("", total=None)

        def show(step: Step) -> None:
            progress.update(
                task,
                completed=step.done,
                total=step.total,
                description=f"seed {step.seed + 1} of {study.seeds}, {escape(step.loss)}",
            )

        yield show


def table(results: Results) -> None:
    """Print the metrics, side by side for as many losses as the terminal is wide enough for."""
    console = Console(highlight=False)
    metrics = max(len(metric.title) for metric in results.metrics) + len(" ↑") + GAP
    most = max(1, (console.width - metrics) // (COLUMN + GAP))
    arms = results.losses
    rows = math.ceil(len(arms) / most)
    for start in range(rows):
        console.print()
        console.print(_block(results, _share(arms, rows, start)))
    console.print("* best mean", "† worse than it by more than chance explains", sep="   ")


def _share(arms: Sequence[Arm], rows: int, row: int) -> Sequence[Arm]:
    """Divide the losses over rows of about the same length, in their order."""
    length = math.ceil(len(arms) / rows)
    return arms[row * length : (row + 1) * length]


def _block(results: Results, arms: Sequence[Arm]) -> Table:
    """Make a table of means over the seeds, and for the deciding metric of intervals."""
    shown = Table(box=None, pad_edge=False, header_style="bold", padding=(0, GAP, 0, 0))
    shown.add_column("", no_wrap=True)
    for arm in arms:
        shown.add_column(escape(_folded(arm.title)), justify="right", no_wrap=True)
    for metric in results.metrics:
        style = "bold" if metric.primary else ""
        arrow = "↑" if metric.better == "higher" else "↓"
        cells = [results.cell(arm.label, metric.name) for arm in arms]
        marks = [_mark(results, cell) for cell in cells]
        shown.add_row(
            f"{metric.title} {arrow}",
            *(f"{number(cell.mean)}{mark}" for cell, mark in zip(cells, marks, strict=True)),
            style=style,
        )
        if metric.primary and any(cell.low is not None for cell in cells):
            shown.add_row(
                "  95 % interval",
                *(f"{number(cell.low)} to {number(cell.high)} " for cell in cells),
                style="dim",
            )
    return shown


def _folded(title: str) -> str:
    """Break a loss's name into lines of a column's width."""
    lines = [""]
    for part in re.split(r"(?<=[a-z])(?=[A-Z])|(?<=_)| (?=\()", title):
        if lines[-1] and len(lines[-1]) + len(part) > COLUMN:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)


def _mark(results: Results, cell: Summary) -> str:
    """Mark the best mean, and what is worse than it."""
    against = results.comparison(cell.loss, cell.metric)
    if against is None:
        return "*" if cell.mean is not None else " "
    return "†" if against.conclusion == "worse" else " "


def verdict(results: Results, report: Path) -> None:
    """Print the verdict, and where the report is."""
    console = Console(highlight=False, soft_wrap=True)
    console.print()
    console.print(escape(results.verdict.headline), style="bold")
    for line in (*results.verdict.against, *results.verdict.other_metrics):
        console.print(f"  • {escape(line)}")
    if results.recommendation is not None:
        console.print(escape(results.recommendation.text))
    console.print(f"\nReport: {escape(str(report.resolve()))}")
