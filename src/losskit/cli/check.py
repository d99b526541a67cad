"""``losskit check``: a batch of a loss's arguments, judged from its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from losskit.cli.output import Format, fail, patience, print_json

if TYPE_CHECKING:
    from losskit.check.report import Report

__all__ = ["check"]

_OPTIONS = ("loss", "weight", "mask", "reduction", "untrained")
_NEVER = ("model", "batch", "batch_axis")
_FILES = ".npy, .npz, .pt or .safetensors, FILE:NAME for one array of several"


def check(
    loss: Annotated[
        str,
        typer.Option(
            "--loss",
            metavar="NAME[:param=value,...]",
            show_default=False,
            help="A loss by its name, another name for it or its name in torch.nn.",
        ),
    ],
    input: Annotated[
        str | None,
        typer.Option(metavar="FILE", show_default=False, help=f"The model's output: {_FILES}."),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(metavar="FILE", show_default=False, help="What it should have been."),
    ] = None,
    array: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FILE",
            show_default=False,
            help="An argument of the loss by its name, such as anchor=a.npy; may be repeated.",
        ),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="PARAM=VALUE",
            show_default=False,
            help="A parameter of the loss, such as delta=2 or class_weight=[1,5]; may be repeated.",
        ),
    ] = None,
    weight: Annotated[
        str | None, typer.Option(metavar="FILE", show_default=False, help="Weights of the samples.")
    ] = None,
    mask: Annotated[
        str | None, typer.Option(metavar="FILE", show_default=False, help="What takes part.")
    ] = None,
    reduction: Annotated[
        str,
        typer.Option(help="mean, sum, none, or batchmean, as the training has it."),
    ] = "mean",
    *,
    untrained: Annotated[
        bool,
        typer.Option("--untrained", help="The model is as it was initialised."),
    ] = False,
    output: Annotated[
        Format, typer.Option("--format", help="Print text, or JSON (docs/findings-schema.json).")
    ] = Format.text,
) -> None:
    """Check a batch: whether outputs and targets are what the loss takes.

    Exits 0 where nothing was found, 1 with findings, 2 where something cannot be read. Files are
    never unpickled.

    Example: losskit check --loss cross-entropy --input logits.npy --target labels.npy
    """
    files = {name: path for name, path in (("input", input), ("target", target)) if path}
    for given in array or []:
        name, equals, path = given.partition("=")
        if not equals or not path:
            fail(f"--array {given!r}: write NAME=FILE, as in anchor=a.npy")
        if name in _OPTIONS:
            fail(f"--array {given!r}: {name} is no array of the loss; see --{name}")
        if name in _NEVER:
            fail(f"--array {given!r}: models are checked in Python, by losskit.check")
        if name in files:
            fail(f"--array {given!r}: {name} is given twice")
        files[name] = path
    with patience("Checking …"):
        report = _report(_spec(loss, setting or []), files, weight, mask, reduction, untrained)
    if output is Format.json:
        print_json(report.as_dict())
    else:
        from losskit.cli.findings_view import reported

        reported(report)
    raise typer.Exit(1 if report else 0)


def _spec(loss: str, settings: list[str]) -> str:
    """Write the settings into the name of the loss."""
    if not settings:
        return loss
    return f"{loss}{',' if ':' in loss else ':'}{','.join(settings)}"


def _report(
    loss: str,
    files: dict[str, str],
    weight: str | None,
    mask: str | None,
    reduction: str,
    untrained: bool,
) -> Report:
    from losskit.check.arrays import load_array
    from losskit.check.tensors import check as run

    def loaded(path: str | None) -> Any:
        return None if path is None else load_array(path)

    try:
        return run(
            loss,
            **{name: load_array(path) for name, path in files.items()},
            weight=loaded(weight),
            mask=loaded(mask),
            reduction=reduction,
            untrained=untrained,
        )
    except (TypeError, ValueError) as error:
        fail(str(error))
