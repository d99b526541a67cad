"""``losskit explain``: what is to be known of a loss."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from losskit.cli.output import Format, fail, patience, print_json

if TYPE_CHECKING:
    from losskit.core.loss import Loss

__all__ = ["explain"]

_PICTURES = ("png", "svg", "pdf")


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
    """Draw the loss into a file, which is whole or not there."""
    extension = path.suffix.lower().removeprefix(".")
    if extension not in _PICTURES:
        known = ", ".join(f".{one}" for one in _PICTURES)
        fail(f"--plot {str(path)!r}: the file's name must end with one of {known}")
    # Through a link, so that its target is replaced and the link stays.
    target = Path(os.path.realpath(path))
    if target.is_dir():
        fail(f"--plot {str(path)!r} is a folder; name a file")
    if not target.parent.is_dir():
        fail(f"--plot {str(path)!r}: there is no folder {str(path.parent)!r}")
    try:
        with patience("Drawing …"):
            _quiet()
            from losskit.explain import picture
            from losskit.explain.drawing import draw

            drawn = draw(picture(loss), extension)
    except ModuleNotFoundError as error:
        fail(f'--plot needs {error.name}, which is not installed: pip install "losskit[plot]"')
    except ValueError as error:
        fail(f"--plot: {error}")
    temporary = target.with_name(f".losskit-{os.getpid()}.tmp")
    try:
        temporary.write_bytes(drawn)
        temporary.replace(target)
    except OSError as error:
        fail(f"--plot {str(path)!r} cannot be written: {error.strerror or error}")
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _quiet() -> None:
    """Keep Matplotlib from telling of its font cache."""
    import logging

    logging.getLogger("matplotlib").setLevel(logging.ERROR)
