"""``losskit explain``: what is to be known of a loss."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from losskit.cli.output import Format, fail, print_json
from losskit.cli.pictures import draw_into

if TYPE_CHECKING:
    from losskit.core.loss import Loss

__all__ = ["explain"]


def explain(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME[:param=value,...]",
            show_default=False,
            help="A loss by its name, another name for it or its name in torch.nn, in any case, "
            "such as huber, L1Loss or focal:gamma=5.",
        ),
    ],
    output: Annotated[
        Format, typer.Option("--format", help="Print text, or JSON (docs/explain-schema.json).")
    ] = Format.text,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Draw value, gradient and curvature into a .png, .svg or .pdf file, and replace "
            "it if it is there.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Explain a loss: formulas, what it takes, when to use it, what goes wrong with it.

    Also its parameters, the metrics to report with it, its names in other libraries, where it
    comes from, and how it is called. `losskit list` names all losses.

    Example: losskit explain huber:delta=2 --plot huber.svg
    """
    loss = _loss(name)
    drawn = _draw(loss, plot) if plot is not None else None
    if output is Format.json:
        from losskit.explain.facts import explanation

        print_json(explanation(loss))
        return
    from losskit.cli import explain_view as view

    view.explained(loss)
    if drawn is not None:
        view.drawn(drawn)


def _loss(name: str) -> Loss:
    """Build the loss that is named."""
    from losskit.core.spec import BALANCED, parse_loss
    from losskit.losses import CATALOGUE

    try:
        parsed = parse_loss(name, CATALOGUE)
        for key, value in parsed.parameters.items():
            if value == BALANCED and parsed.kind.parameters()[key].kind == "array":
                fail(f"{name!r}: {key}={BALANCED} needs data; give numbers, as in {key}=[1,2]")
        return parsed.kind(**parsed.parameters)
    except (TypeError, ValueError) as error:
        fail(str(error))


def _draw(loss: Loss, path: Path) -> Path:
    """Draw the loss into a file."""

    def drawn(extension: str) -> bytes:
        from losskit.explain import picture
        from losskit.explain.drawing import draw

        return draw(picture(loss), extension)

    return draw_into(path, drawn)
