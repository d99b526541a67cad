"""The ``losskit`` command."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from losskit import __version__
from losskit.cli.check import check
from losskit.cli.choose import choose
from losskit.cli.compare import compare
from losskit.cli.diagnose import diagnose
from losskit.cli.explain import explain
from losskit.cli.lint import lint
from losskit.cli.list import list_losses
from losskit.cli.prompt import prompt
from losskit.cli.study import study

__all__ = ["app", "run"]

app = typer.Typer(
    name="losskit",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:
    if asked:
        from losskit.engines.native import STATUS

        typer.echo(f"losskit {__version__}")
        typer.echo(f"native kernels: {STATUS}")
        raise typer.Exit


@app.callback()
def losskit(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Loss functions: look them up, choose one, see what it does, check how it is used."""


app.command("list")(list_losses)
app.command("explain")(explain)
app.command("choose")(choose)
app.command("compare")(compare)
app.command("study")(study)
app.command("lint")(lint)
app.command("check")(check)
app.command("diagnose")(diagnose)
app.command("prompt")(prompt)


def run() -> None:
    """Run the command line."""
    from losskit.core.engine import SettingError

    try:
        import losskit.engines.native.memory
        import losskit.engines.native.threads  # noqa: F401
    except SettingError as error:
        sys.stderr.write(f"Error: {error}\n")
        sys.exit(2)
    try:
        app()
    except OSError as error:
        # As when the output goes to a disk that is full; what is left of it would fail at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.stderr.write(f"Error: the output cannot be written: {error.strerror or error}\n")
        sys.exit(2)
