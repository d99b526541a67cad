"""``losskit study``: what is said about losses, run for real."""

from __future__ import annotations

import re
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from losskit.cli.output import Format, console, fail, patience, print_json

__all__ = ["study"]


def study(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME[:setting=value,...]",
            show_default=False,
            help="A study, such as outliers, or with changed data, such as outliers:share=0.",
        ),
    ] = None,
    list_all: Annotated[
        bool, typer.Option("--list", "-l", help="List the studies, and what they ask.")
    ] = False,
    seeds: Annotated[
        int, typer.Option(metavar="N", help="Repetitions with other data, weights and orders.")
    ] = 10,
    fast: Annotated[
        bool, typer.Option("--fast", help="Train shorter, for a first impression.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder for report.html and results.json.  "
            "[default: losskit-reports/study-<name>]",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a report that stands there already.")
    ] = False,
    output: Annotated[
        Format, typer.Option("--format", help="Print text, or JSON (docs/study-schema.json).")
    ] = Format.text,
) -> None:
    """Run a study: what is said about losses, on small networks, with several seeds.

    The conclusion is computed from the results: where an effect does not show, it says so.

    Example: losskit study outliers
    """
    if list_all == (name is not None):
        fail(
            "study takes a name or --list, not both"
            if list_all
            else "study needs a name; losskit study --list shows all"
        )
    try:
        if name is None:
            _list(output)
        else:
            _run(name, seeds, fast, out, overwrite, output)
    except KeyboardInterrupt:
        typer.echo("Interrupted; no report was written.", err=True)
        raise typer.Exit(130) from None
    except ModuleNotFoundError as error:
        fail(f'study needs {error.name}, which is not installed: pip install "losskit[compare]"')


def _list(output: Format) -> None:
    with patience("Loading PyTorch …"):
        from losskit.studies import STUDIES

    if output is Format.json:
        from losskit.studies.catalogue import entry

        print_json([entry(kind) for kind in STUDIES.values()])
        return
    from losskit.cli import study_view as view

    view.listed(STUDIES)


def _run(
    name: str, seeds: int, fast: bool, out: Path | None, overwrite: bool, output: Format
) -> None:
    with patience("Loading PyTorch …"):
        from losskit.cli import study_view as view
        from losskit.reporting.errors import RequestError
        from losskit.reporting.folder import Folder
        from losskit.studies import study as prepare
        from losskit.studies.report import write
    try:
        prepared = prepare(name)
        place = re.sub(r"[^\w.=-]+", "-", prepared.spec())
        folder = Folder(out or Path("losskit-reports", f"study-{place}"), overwrite=overwrite)
        try:
            errors = console(stderr=True)
            with view.bar(errors) if errors.is_terminal else nullcontext() as progress:
                results = prepared.run(seeds, fast=fast, progress=progress)
            report, _ = write(folder, prepared, results)
        finally:
            folder.discard()
    except RequestError as error:
        fail(str(error))
    if output is Format.json:
        typer.echo(results.model_dump_json(indent=1))
        return
    view.concluded(results, report)
