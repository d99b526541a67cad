"""What the commands share: how they print, how they fail, what they show while one waits."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NoReturn

import typer

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Format", "console", "fail", "patience", "print_json"]


class Format(StrEnum):
    """What is printed."""

    text = "text"
    json = "json"


def fail(message: str) -> NoReturn:
    """Say in one line what is wrong, and exit with the code for wrong usage."""
    typer.echo(f"Error: {message}", err=True)
    raise typer.Exit(2)


def print_json(content: object) -> None:
    """Print JSON in ASCII, which every pipe takes."""
    typer.echo(json.dumps(content, indent=1))


def console(**options: Any) -> Console:
    """Return a Rich console that shows text as it is: no markup, no emoji, no guessed colours."""
    from rich.console import Console

    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        # Formulas have letters that a pipe in a code page of Windows has not.
        reconfigure(errors="replace")
    return Console(markup=False, emoji=False, highlight=False, **options)


@contextmanager
def patience(message: str, after: float = 1.0) -> Iterator[None]:
    """Show a spinner, if someone can see it, where something takes longer than this."""
    errors = console(stderr=True)
    if not errors.is_terminal:
        yield
        return
    status = errors.status(message)
    timer = threading.Timer(after, status.start)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        status.stop()
