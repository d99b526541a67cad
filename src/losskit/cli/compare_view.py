"""What ``losskit compare`` shows in the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from losskit.compare.results import Results
from losskit.compare.study import Progress as Step
from losskit.compare.study import Study
from losskit.compare.wording import count, number, sentence

__all__ = ["bar", "found", "table", "verdict"]


def found(study: Study) -> None:
    """Say what is in the data, what the task is and what will be trained."""
    target, features = study.target, study.features
    console = Console(highlight=False, soft_wrap=True)
    console.print(
        f"{escape(sentence(study.table.source))}: {len(target.values):,} rows, "
        f"{count(len(features.kinds), 'feature')}, target {escape(repr(target.name))}: "
        f"[bold]{target.task}[/], because {escape(target.reason)}."
    )
    for note in (*study.table.notes, *target.notes, *features.notes):
        console.print(escape(note), style="dim")
    if features.dropped:
        dropped = "; ".join(f"{name!r}: {why}" for name, why in features.dropped.items())
        console.print(escape(f"Left out: {dropped}."), style="dim")
    console.print(
        f"{sentence(count(len(study.candidates), 'loss', 'losses'))}, "
        f"{count(study.seeds, 'seed')}, {count(study.epochs, 'epoch')}: "
        + escape(", ".join(candidate.title for candidate in study.candidates))
    )


@contextmanager
def bar(study: Study, console: Console) -> Iterator[Callable[[Step], None]]:
    """Show how far the training is, if someone can see it."""
    total = study.seeds * study.epochs * len(study.candidates)
    with Progress(
        BarColumn(bar_width=30),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    ) as progress:
        task = progress.add_task("", total=total)

        def show(step: Step) -> None:
            progress.update(
                task,
                completed=step.done,
                description=f"seed {step.seed + 1} of {study.seeds}, {escape(step.loss)}",
            )

        yield show


def table(results: Results) -> None:
    """Print each loss's metrics: the means over the seeds, the deciding one with its interval."""
    primary = results.primary
    shown = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    shown.add_column("loss", overflow="fold")
    shown.add_column(f"{primary.title} {_arrow(primary.better)}", overflow="fold")
    others = [metric for metric in results.metrics if not metric.primary]
    for metric in others:
        shown.add_column(f"{metric.title} {_arrow(metric.better)}", justify="right")
    for arm in results.losses:
        cell = results.cell(arm.label, primary.name)
        text = number(cell.mean)
        if cell.low is not None:
            text += f" ({number(cell.low)} to {number(cell.high)})"
        cells = [_marked(results, arm.label, primary.name, text)]
        cells += [
            _marked(
                results, arm.label, metric.name, number(results.cell(arm.label, metric.name).mean)
            )
            for metric in others
        ]
        shown.add_row(escape(arm.title), *cells)
    console = Console(highlight=False)
    console.print()
    console.print(shown)


def _arrow(better: str) -> str:
    return "↑" if better == "higher" else "↓"


def _marked(results: Results, label: str, metric: str, text: str) -> str:
    against = results.comparison(label, metric)
    return f"[bold]{text}[/]" if against is None and text != "–" else text


def verdict(results: Results, report: Path) -> None:
    """Print the verdict, and where the report is."""
    console = Console(highlight=False, soft_wrap=True)
    console.print()
    console.print(escape(results.verdict.headline), style="bold")
    for line in results.verdict.lines:
        console.print(f"  • {escape(line)}")
    console.print(f"\nReport: {escape(str(report.resolve()))}")
