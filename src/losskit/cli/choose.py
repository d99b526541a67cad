"""``losskit choose``: a loss for a target, and why."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from losskit.cli.output import Format, fail, patience

if TYPE_CHECKING:
    from losskit.choose import Recommendations

__all__ = ["choose"]


def choose(
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="[DATA]",
            show_default=False,
            help="A CSV, Parquet, JSONL, .npy or .npz file, or sklearn:NAME for a data set that "
            "scikit-learn brings along. Without it, and without --task, questions are asked.",
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            "-t",
            metavar="COLUMN[,COLUMN...]",
            help="What the model is to predict; may be left out where there is one column.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.npy",
            help="What the model gives for the same rows: its shape and range are looked at.",
            show_default=False,
        ),
    ] = None,
    groups: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Column that says which rows belong together, as a query's documents do.",
            show_default=False,
        ),
    ] = None,
    goal: Annotated[
        str | None,
        typer.Option(
            metavar="GOAL",
            help="What is wanted besides a good fit: mean, median, quantile=0.9, intervals, "
            "robust, "
            "calibrated, rare-recall or overlap.",
            show_default=False,
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            metavar="KIND",
            help="What the target is, where it is taken for something else, such as ordinal.",
            show_default=False,
        ),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            metavar="TASK",
            help="Instead of data: what there is to learn, such as segmentation or distillation.",
            show_default=False,
        ),
    ] = None,
    library: Annotated[
        str,
        typer.Option(
            "--code",
            metavar="LIBRARY",
            help="Whose code is printed: PyTorch, Keras, scikit-learn, XGBoost or LightGBM.",
        ),
    ] = "PyTorch",
    form: Annotated[
        Format, typer.Option("--format", help="Print text, or JSON (docs/choose-schema.json).")
    ] = Format.text,
) -> None:
    """Choose a loss for a target: look at how it is distributed, and say why.

    Prints what the target was taken for, losses with parameters computed from the data, the
    output layer and its initial bias, what to report, what goes wrong, and code to paste. Exits
    with 1 where nothing can be learnt from the target.

    Example: losskit choose houses.csv --target price --goal median
    """
    if data is None and task is None:
        task = _asked()
    if data is not None and task is not None:
        fail("give DATA or --task, not both")
    for name, value in (
        ("--target", target),
        ("--output", output),
        ("--groups", groups),
        ("--kind", kind),
    ):
        if task is not None and value is not None:
            fail(f"{name} goes with DATA, not with --task")
    from losskit.cli import choose_view as view

    shown = view.library(library)
    found = (
        _from_words(task, goal)
        if task is not None
        else _from_data(data or "", target, output, groups, goal, kind)
    )
    if form is Format.json:
        typer.echo(found.to_json())
    else:
        view.recommended(found.answer, shown)
    if found.problem:
        raise typer.Exit(1)


def _from_words(task: str, goal: str | None) -> Recommendations:
    from losskit.choose import ChooseError, choose

    try:
        return choose(task=task, goal=goal)
    except ChooseError as error:
        fail(f"--{error}" if str(error).startswith("task ") else str(error))


def _from_data(
    data: str,
    target: str | None,
    output: Path | None,
    groups: str | None,
    goal: str | None,
    kind: str | None,
) -> Recommendations:
    from losskit.choose import ChooseError, choose

    columns = tuple(part.strip() for part in (target or "").split(",") if part.strip())
    try:
        with patience("Looking at the target …"):
            return choose(data, columns=columns, output=output, groups=groups, goal=goal, kind=kind)
    except ChooseError as error:
        fail(str(error))
    except ImportError as error:
        fail(str(error))


def _asked() -> str:
    """Ask what there is to learn, where someone can answer."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        fail("give DATA, or --task NAME; losskit choose --help says how")
    from losskit.choose.words import asked
    from losskit.cli import choose_view as view

    return view.ask(asked())
