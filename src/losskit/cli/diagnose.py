"""``losskit diagnose``: what the loss curves of a training show."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from losskit.cli.output import Format, console, fail, print_json
from losskit.cli.pictures import draw_into

if TYPE_CHECKING:
    from losskit.check.curves.log import Log
    from losskit.check.report import Report

__all__ = ["diagnose"]


def diagnose(
    logs: Annotated[
        list[Path],
        typer.Argument(
            metavar="LOG...",
            show_default=False,
            help="Logs of one training, in the order in which they were written: CSV, JSON lines, "
            "trainer_state.json, a Keras history, TensorBoard's event files, or a folder of them.",
        ),
    ],
    loss: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The loss, by any of its names.", show_default=False),
    ] = None,
    classes: Annotated[
        int | None,
        typer.Option(min=2, help="Number of classes: then ln K and other values are known."),
    ] = None,
    train: Annotated[
        str | None,
        typer.Option(
            metavar="SERIES", help="The training loss, by its name in the log.", show_default=False
        ),
    ] = None,
    validation: Annotated[
        str | None,
        typer.Option(
            metavar="SERIES", help="The validation loss, by its name.", show_default=False
        ),
    ] = None,
    output: Annotated[
        Format, typer.Option("--format", help="Print text, or JSON (docs/findings-schema.json).")
    ] = Format.text,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Draw the curves with the findings marked into a .png, .svg or .pdf file.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Diagnose a training from its loss curves.

    Names plateaus and what they mean, divergence, oscillation, overfitting and since when,
    learning rates that are too high or too low, NaN and jumps; says nothing where the curves are
    fine. Exits 0 then, 1 with findings, 2 where a log cannot be read.

    Example: losskit diagnose lightning_logs/version_0/metrics.csv --plot curves.png
    """
    log, report = _diagnosed(logs, loss=loss, classes=classes, train=train, validation=validation)
    drawn = None
    if plot is not None:

        def draw(extension: str) -> bytes:
            from losskit.check.curves import picture

            return picture.draw(log, report, extension)

        drawn = draw_into(plot, draw)
    if output is Format.json:
        print_json(report.as_dict())
    else:
        from losskit.cli.explain_view import drawn as say_where
        from losskit.cli.findings_view import reported

        reported(report)
        if drawn is not None:
            say_where(drawn)
    raise typer.Exit(1 if report else 0)


def _diagnosed(logs: list[Path], **options: Any) -> tuple[Log, Report]:
    from losskit.check.curves.diagnose import diagnosed
    from losskit.check.curves.log import read_logs

    try:
        with _counting() as progress:
            log = read_logs(logs, **options, progress=progress)
        return log, diagnosed(log)
    except ValueError as error:
        fail(str(error))


@contextmanager
def _counting() -> Iterator[Callable[[int], None]]:
    """Show how many rows were read, if someone can see it, from the second chunk on."""
    errors = console(stderr=True)
    if not errors.is_terminal:
        yield lambda rows: None
        return
    with errors.status("Reading …") as status:
        yield lambda rows: status.update(f"Reading … {rows:,} rows")
