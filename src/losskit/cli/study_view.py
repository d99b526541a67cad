"""What ``losskit study`` shows in the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from losskit.cli.output import console
from losskit.reporting.wording import count, number, sentence
from losskit.studies import Progress as Step
from losskit.studies import Study, StudyResults

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["bar", "concluded", "listed"]

_STYLES = {"confirmed": "green", "no effect": "cyan", "contradicted": "yellow", "open": "dim"}


def listed(studies: Mapping[str, type[Study]]) -> None:
    """Say which studies there are, and what they ask."""
    shown = console()
    shown.print(f"{sentence(count(len(studies), 'study', 'studies'))}: losskit study NAME")
    width = max(map(len, studies)) + 2
    for name, kind in studies.items():
        if not shown.is_terminal:
            settings = ", ".join(kind.settings())
            console(soft_wrap=True).print(f"{name}  {kind.question}  [{settings}]")
            continue
        shown.print()
        shown.print(Text(name.ljust(width), "bold") + Text(kind.title))
        shown.print(Padding(Text(kind.question), (0, 0, 0, width)))
        for setting, declared in kind.settings().items():
            default = getattr(kind(), setting)
            text = f"{setting}={default:g}: {declared.doc}"
            shown.print(Padding(Text(text, "dim"), (0, 0, 0, width)))


@contextmanager
def bar(errors: Console) -> Iterator[Callable[[Step], None]]:
    """Show how far a study is."""
    with Progress(
        BarColumn(bar_width=30),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        TextColumn("{task.description}", markup=False),
        console=errors,
        transient=True,
    ) as progress:
        task = progress.add_task("", total=1.0)
        yield lambda step: progress.update(task, completed=step.share, description=step.doing)


def concluded(results: StudyResults, report: Path) -> None:
    """Say what came out, claim by claim, and where the report is."""
    shown, wide = console(), console(soft_wrap=True)
    wide.print(Text(results.headline, "bold"))
    wide.print(Text(f"The question was: {results.question}", "dim"))
    wide.print()
    for one in results.findings:
        verdict = Text(f"[{one.verdict}] ", _STYLES[one.outcome])
        wide.print(Text("  • ") + verdict + Text(one.text))
    shown.print()
    shown.print(_table(results))
    fast = ", fast form" if results.fast else ""
    wide.print(
        f"\nMeans over {count(len(results.seeds), 'seed')}{fast}, "
        f"{number(results.machine.seconds)} s."
    )
    wide.print(f"Report: {report.resolve()}")


def _table(results: StudyResults) -> Table:
    with_numbers = {one.arm for one in results.values}
    arms = [arm for arm in results.arms if arm.label in with_numbers]
    cells = {(one.arm, one.measure): one for one in results.summary}
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("")
    for arm in arms:
        table.add_column(arm.title, justify="right", overflow="fold")
    for measure in results.measures:
        found = [cells.get((arm.label, measure.name)) for arm in arms]
        arrow = {"higher": " ↑", "lower": " ↓"}.get(measure.better, "")
        table.add_row(
            f"{sentence(measure.title)}{arrow}",
            *(number(cell.mean) if cell else "–" for cell in found),
        )
    return table
