"""``losskit compare``: what different losses do to the same network on the user's own data."""

from __future__ import annotations

import re
from contextlib import nullcontext
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

__all__ = ["compare"]


class Format(StrEnum):
    """What is printed."""

    text = "text"
    json = "json"


class TaskName(StrEnum):
    """What the target can ask for."""

    regression = "regression"
    binary = "binary"
    multiclass = "multiclass"


def compare(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            show_default=False,
            help="A CSV, Parquet or JSONL file, or sklearn:NAME for a data set that scikit-learn "
            "brings along, such as sklearn:diabetes.",
        ),
    ],
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            "-t",
            metavar="COLUMN",
            help="Column to predict; may be left out for a bundled data set.",
            show_default=False,
        ),
    ] = None,
    loss: Annotated[
        list[str] | None,
        typer.Option(
            "--loss",
            "-l",
            metavar="NAME[:param=value,...]",
            help="Loss to compare, such as MSE or Huber:delta=2; give it once for each. "
            "Without it, a set that follows from the data.",
            show_default=False,
        ),
    ] = None,
    seeds: Annotated[
        int, typer.Option(metavar="N", help="Repetitions with other splits and initial weights.")
    ] = 5,
    epochs: Annotated[int, typer.Option(metavar="N", help="Passes over the training rows.")] = 60,
    metric: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="What decides: mae, rmse, median_ae or r2; balanced_accuracy, accuracy, f1, "
            "f1_macro, roc_auc, log_loss, brier or calibration_error.  "
            "[default: mae or balanced_accuracy]",
            show_default=False,
        ),
    ] = None,
    task: Annotated[
        TaskName | None,
        typer.Option(
            help="What the target asks for, where it is seen wrongly.", show_default=False
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder for report.html and results.json.  [default: losskit-reports/<data name>]",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a report that stands there already.")
    ] = False,
    output: Annotated[
        Format, typer.Option("--format", help="Print text, or the content of results.json.")
    ] = Format.text,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print only the verdict and the report's path.")
    ] = False,
) -> None:
    """Train the same small network with different losses, and see which one suits your data.

    Every loss meets the same splits, initial weights and batch order. What it learnt is measured
    on rows it never saw, by metrics that do not depend on the loss, and the verdict says only
    what the numbers can show.

    Example: losskit compare houses.csv --target price --loss MSE --loss Huber:delta=20000
    """
    try:
        _run(
            _Request(
                data,
                target,
                loss,
                seeds,
                epochs,
                metric,
                task.value if task else None,
                out,
                overwrite,
                output,
                quiet,
            )
        )
    except KeyboardInterrupt:
        typer.echo("Interrupted; no report was written.", err=True)
        raise typer.Exit(130) from None


@dataclass(frozen=True)
class _Request:
    """What was asked for on the command line."""

    data: str
    target: str | None
    losses: list[str] | None
    seeds: int
    epochs: int
    metric: str | None
    task: str | None
    out: Path | None
    overwrite: bool
    output: Format
    quiet: bool


def _run(request: _Request) -> None:
    from rich.console import Console

    chatty = request.output is Format.text and not request.quiet
    errors = Console(stderr=True)
    try:
        with errors.status("Loading PyTorch …") if chatty else nullcontext():
            from losskit.cli import compare_view as view
            from losskit.compare import plan, run
            from losskit.compare.report import write
            from losskit.reporting.errors import RequestError
            from losskit.reporting.folder import Folder
    except ModuleNotFoundError as error:
        _fail(f'compare needs {error.name}, which is not installed: pip install "losskit[compare]"')
    try:
        study = plan(
            request.data,
            request.target,
            request.losses,
            seeds=request.seeds,
            epochs=request.epochs,
            metric=request.metric,
            task=request.task,
        )
        path = request.out or Path("losskit-reports", _folder_name(study.table.name))
        folder = Folder(path, overwrite=request.overwrite)
        try:
            if chatty:
                view.found(study)
            with view.bar(study, errors) if chatty else nullcontext() as progress:
                results = run(study, progress)
            report, _ = write(folder, results)
        finally:
            folder.discard()
    except RequestError as error:
        _fail(str(error))
    if request.output is Format.json:
        typer.echo(results.model_dump_json(indent=1))
        return
    if not request.quiet:
        view.table(results)
    view.verdict(results, report)


def _folder_name(name: str) -> str:
    """Make a data set's name one that any file system takes."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "data"


def _fail(message: str) -> NoReturn:
    typer.echo(f"Error: {message}", err=True)
    raise typer.Exit(2)
