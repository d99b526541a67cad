"""``python -m benchmarks``: measure, print a table, write JSON."""

from __future__ import annotations

import dataclasses
import datetime
import sys
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.cases import CLAIMS, DTYPES, QUICK, Case, all_cases, chosen
from benchmarks.contenders import CONTENDERS, COPY, Contender
from benchmarks.figures import as_results
from benchmarks.machine import fits, machine, versions
from benchmarks.processes import processes
from benchmarks.report import absent, show, write
from benchmarks.rounds import Effort, measure

__all__ = ["app"]

SCHEMA = 1

WIDTH = 132
"""Columns of the tables where no terminal says how many there are."""

NAMES = [name for name in CONTENDERS if name != COPY]

app = typer.Typer(add_completion=False)


@app.command()
def main(
    case: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN",
            help="Cases to run, as in --list; * stands for anything. May be repeated.",
            show_default=False,
        ),
    ] = None,
    dtype: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help=f"{', '.join(DTYPES)}. May be repeated.", show_default="float32"
        ),
    ] = None,
    contender: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help=f"{', '.join(NAMES)}. May be repeated.", show_default="all"
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All losses at all sizes; this takes an hour.")
    ] = False,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="A few cases, fewer rounds, nothing that has to compile."),
    ] = False,
    rounds: Annotated[
        int | None, typer.Option(min=1, help="So many rounds, whatever they take.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where the JSON goes.")] = Path(
        "losskit-reports/benchmarks.json"
    ),
    show_list: Annotated[bool, typer.Option("--list", help="List the cases.")] = False,
) -> None:
    """Measure Losskit beside PyTorch, scikit-learn and optax, and beside the machine's limit."""
    screen, notes = _console(), _console(stderr=True)
    dtypes, names = _known("dtype", dtype, DTYPES), _known("contender", contender, NAMES)
    cases = all_cases(dtypes or ["float32"])
    patterns = case or (["*"] if everything else QUICK if quick else CLAIMS)
    cases = chosen(cases, patterns)
    if not cases:
        notes.print(f"Error: no case fits {', '.join(patterns)}; --list shows all with --all")
        raise typer.Exit(2)
    if show_list:
        for one in cases:
            typer.echo(one.name)
        return
    contenders = [
        one
        for name, one in CONTENDERS.items()
        if name == COPY or (name in names if names else not (quick and one.slow))
    ]
    effort = Effort(seconds=1.0, fewest=5, most=15, longest=4.0) if quick else Effort()
    if rounds is not None:
        effort = dataclasses.replace(effort, fewest=rounds, most=rounds, longest=None)
    titles = ", ".join(one.title for one in contenders)
    notes.print(f"{len(cases)} cases (beside each other: {titles})")
    results = _measured(cases, contenders, effort, notes)
    write(results, out)
    show(results, screen)
    missing = absent(results)
    if missing:
        screen.print(f"Took no part: {', '.join(missing)}.")
    screen.print(f"All numbers: {out}")
    raise typer.Exit(int(any(one["disagreeing"] or one["failed"] for one in results["cases"])))


def _known(option: str, given: Sequence[str] | None, known: Collection[str]) -> list[str]:
    for name in given or ():
        if name not in known:
            typer.echo(
                f"Error: --{option} {name!r} is unknown; there is {', '.join(known)}", err=True
            )
            raise typer.Exit(2)
    return list(given or ())


def _measured(
    cases: Sequence[Case], contenders: Sequence[Contender], effort: Effort, notes: Console
) -> dict[str, Any]:
    start = time.monotonic()
    results: dict[str, Any] = {
        "schema": SCHEMA,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": versions(),
        "effort": dataclasses.asdict(effort),
        "contenders": {
            one.name: {"title": one.title, "environment": one.environment} for one in contenders
        },
        "cases": [],
        "skipped": [],
    }
    load, cores = results["machine"]["load"], results["machine"]["cores"]
    if load is not None and load > cores / 2:
        notes.print(f"The machine is busy (load {load} on {cores} cores): times will be unsteady.")
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    shown = Progress(*columns, console=notes, transient=True, disable=not notes.is_terminal)
    with processes(contenders) as workers, shown:
        task = shown.add_task("", total=len(cases))
        try:
            for case in cases:
                if not fits(case, len(contenders)):
                    results["skipped"].append(case.name)
                    shown.advance(task)
                    continue

                def say(what: str, name: str = case.name) -> None:
                    shown.update(task, description=f"{name}: {what}")

                results["cases"].append(as_results(measure(case, workers, effort, say)))
                shown.advance(task)
                if not notes.is_terminal:
                    notes.print(f"{len(results['cases'])}/{len(cases)} {case.name}")
        except KeyboardInterrupt:
            notes.print("Interrupted: these are the cases until now.")
    results["seconds"] = round(time.monotonic() - start, 1)
    return results


def _console(stderr: bool = False) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    return Console(
        stderr=stderr,
        markup=False,
        highlight=False,
        emoji=False,
        width=None if stream.isatty() else WIDTH,
    )


if __name__ == "__main__":
    app(prog_name="python -m benchmarks")
