"""``losskit prompt``: texts for assistants."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

__all__ = ["prompt"]


class Name(StrEnum):
    """Which text."""

    choose = "choose"
    debug = "debug"


def prompt(
    name: Annotated[
        Name,
        typer.Argument(
            show_default=False,
            help="choose: to find a loss for a target. debug: to find out what is wrong with a "
            "training.",
        ),
    ],
) -> None:
    """Print a prompt to paste into any assistant, made from the cards of all losses.

    Example: losskit prompt debug | clip
    """
    from losskit.choose.prompts import PROMPTS

    typer.echo(PROMPTS[name.value]())
