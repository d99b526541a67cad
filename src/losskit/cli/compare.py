"""``losskit compare``: what different losses do to the same network on the user's own data."""

from __future__ import annotations

import os
import re
from contextlib import nullcontext
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from losskit.cli.output import Format, fail

if TYPE_CHECKING:
    from rich.console import Console

    from losskit.compare import Study
    from losskit.compare.processes import Processes
    from losskit.compare.store import Store

__all__ = ["compare"]


class TaskName(StrEnum):
    """What the target can ask for."""

    regression = "regression"
    binary = "binary"
    multiclass = "multiclass"


def compare(
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="[DATA]",
            show_default=False,
            help="A CSV, Parquet or JSONL file, or sklearn:NAME for a data set that scikit-learn "
            "brings along, such as sklearn:diabetes.",
        ),
    ] = None,
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
    load: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="MODULE:FUNCTION",
            help="Instead of DATA: a function of yours that returns inputs and targets "
            "(docs/compare.md).",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:FUNCTION",
            help="Instead of the small network: a function of yours that builds a model.",
            show_default=False,
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Rows per step.  [default: about 32 steps an epoch]",
            show_default=False,
        ),
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(metavar="X", help="Adam's step size.  [default: 0.003]", show_default=False),
    ] = None,
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
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a comparison that was interrupted.")
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
    what the numbers can show. An interrupted comparison goes on with --resume; several processes
    share it under torchrun.

    Example: losskit compare houses.csv --target price --loss MSE --loss Huber:delta=20000
    """
    if (data is None) == (load is None):
        fail(
            "compare takes DATA or --data, not both"
            if data is not None
            else "compare needs data: a file, sklearn:NAME, or a function of yours with --data"
        )
    plain = (seeds, epochs, metric, task.value if task else None, batch_size, learning_rate)
    _run(_Request(data, load, model, target, loss, *plain, out, overwrite, resume, output, quiet))


@dataclass(frozen=True)
class _Request:
    """What was asked for on the command line."""

    data: str | None
    load: str | None
    model: str | None
    target: str | None
    losses: list[str] | None
    seeds: int
    epochs: int
    metric: str | None
    task: str | None
    batch_size: int | None
    learning_rate: float | None
    out: Path | None
    overwrite: bool
    resume: bool
    output: Format
    quiet: bool


def _run(request: _Request) -> None:
    from rich.console import Console

    chatty = request.output is Format.text and not request.quiet and _leads()
    errors = Console(stderr=True)
    try:
        with errors.status("Loading PyTorch …") if chatty else nullcontext():
            from losskit.compare.processes import processes
            from losskit.compare.store import UNFINISHED, Store
            from losskit.reporting.errors import RequestError
    except KeyboardInterrupt:
        _interrupted(None)
    except ModuleNotFoundError as error:
        fail(f'compare needs {error.name}, which is not installed: pip install "losskit[compare]"')
    store: Store | None = None
    try:
        with processes() as group:
            study = _plan(request)
            path = request.out or Path("losskit-reports", _folder_name(study.table.name))
            store = Store(path / UNFINISHED)
            _compare(request, study, path, store, group, errors)
    except RequestError as error:
        if not _leads():
            raise typer.Exit(2) from None
        fail(str(error))
    except KeyboardInterrupt:
        _interrupted(store)


def _plan(request: _Request) -> Study:
    from losskit.compare import plan
    from losskit.compare.own import function_named

    return plan(
        function_named("--data", request.load) if request.load else request.data or "",
        request.target,
        request.losses,
        seeds=request.seeds,
        epochs=request.epochs,
        metric=request.metric,
        task=request.task,
        model=request.model,
        batch_size=request.batch_size,
        learning_rate=request.learning_rate,
    )


def _compare(
    request: _Request,
    study: Study,
    path: Path,
    store: Store,
    group: Processes,
    errors: Console,
) -> None:
    """Train, and let the leading one of the processes write and print."""
    from losskit.cli import compare_view as view
    from losskit.compare import Keeping, run
    from losskit.compare.report import write
    from losskit.reporting.errors import RequestError
    from losskit.reporting.folder import Folder

    chatty = request.output is Format.text and not request.quiet and group.leads
    refused: RequestError | None = None
    folder: Folder | None = None
    if group.leads:
        try:
            folder = Folder(path, overwrite=request.overwrite)
        except RequestError as error:
            refused = error
    # What one of them refuses all refuse, so that none waits for another.
    refused = group.gather(refused)[0]
    if refused is not None:
        raise refused
    try:
        if chatty:
            view.found(study, group.size)
        keeping = Keeping(store, request.resume, request.overwrite)
        with view.bar(study, errors) if chatty else nullcontext() as progress:
            results = run(study, progress, keeping=keeping, group=group)
        if folder is None:
            return
        report, _ = write(folder, results)
        store.clear()
    finally:
        if folder is not None:
            store.leave()
            folder.discard()
    if request.output is Format.json:
        typer.echo(results.model_dump_json(indent=1))
        return
    if not request.quiet:
        view.table(results)
    view.verdict(results, report)


def _interrupted(store: Store | None) -> NoReturn:
    """Say what is left of an interrupted comparison, and exit as interrupted programs do."""
    if not _leads():
        raise typer.Exit(130)
    done, begun = store.holds if store is not None else (0, 0)
    if store is not None and (done or begun):
        runs = f"{done} finished and {begun} begun" if begun else f"{done} finished"
        typer.echo(
            f"Interrupted; {runs} run{'s' * (done + begun > 1)} kept in {store.path}: "
            "the same command with --resume goes on from there.",
            err=True,
        )
    else:
        typer.echo("Interrupted; no report was written.", err=True)
    raise typer.Exit(130)


def _leads() -> bool:
    """Whether this process is the one of several that prints."""
    return os.environ.get("RANK", "0") == "0"


def _folder_name(name: str) -> str:
    """Make a data set's name one that any file system takes."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "data"
