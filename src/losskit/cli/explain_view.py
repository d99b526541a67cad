"""What ``losskit explain`` shows in the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from losskit.cli.output import console
from losskit.core.cards import Argument, Role
from losskit.core.loss import Loss
from losskit.core.parameters import Parameter
from losskit.explain.facts import call, torch_call, torch_names

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["drawn", "explained"]


def explained(loss: Loss) -> None:
    """Print all that is known of a loss."""
    card = loss.card
    shown = console()
    pipe = not shown.is_terminal
    heading = Text.assemble((loss.spec(), "bold"), f": {card.title}, {card.family}")
    shown.print(heading, soft_wrap=pipe)
    shown.print(Text(card.summary), soft_wrap=pipe)
    shown.print()
    _pairs(
        shown,
        [
            ("value", card.formula),
            ("gradient", card.gradient),
            ("curvature", card.curvature),
            *((f"takes {one.name}", _argument(one)) for one in loss.arguments),
            ("output layer", card.output_layer),
            ("outliers", str(card.outliers)),
            ("report", ", ".join(card.metrics)),
        ],
    )
    declared = loss.parameters()
    _block(
        shown,
        "Parameters",
        (
            (f"{name} = {_value(getattr(loss, name))}", _parameter(loss, name, declared[name]))
            for name in declared
        ),
    )
    _advice(shown, "Use it when", card.use_when)
    _advice(shown, "Not when", card.avoid_when)
    _advice(shown, "Mind", card.pitfalls)
    twins = [f"{module}, functional.{function}" for module, function in torch_names(type(loss))]
    where = "torch.nn" if card.torch else "losskit.torch"
    _block(shown, "Elsewhere", [(where, "; ".join(twins)), *card.equivalents.items()])
    _block(shown, "In code", [("NumPy", call(loss)), ("PyTorch", torch_call(loss))])
    _advice(shown, "Sources", map(str, card.sources))


def drawn(path: Path) -> None:
    """Say where the picture is."""
    shown = console(soft_wrap=True)
    shown.print()
    shown.print(f"Picture: {path.resolve()}")


def _argument(argument: Argument) -> str:
    takes = ", or ".join(contract.title for contract in argument.contracts)
    per_row = "; one for each row" if argument.per_row else ""
    start = f", beginning with {argument.start:g}" if argument.start is not None else ""
    where = "" if argument.role is Role.GIVEN else f" ({argument.role}{start})"
    return f"{takes}{per_row}{where}"


def _parameter(loss: Loss, name: str, declared: Parameter) -> str:
    default = getattr(type(loss), name)
    if declared.choices:
        kind = " or ".join(declared.choices)
        kind += " or a function" if declared.kind == "function" else ""
    else:
        kind = f"{declared.kind}{declared.bounds}"
    parts = [
        declared.doc,
        kind + (" or None" if declared.optional else ""),
        f"in the {declared.unit}'s unit" if declared.unit else "",
        f"default {_value(default)}" if default != getattr(loss, name) else "",
    ]
    return "; ".join(part for part in parts if part)


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    return str(getattr(value, "__name__", value))


def _block(shown: Console, title: str, rows: Iterable[tuple[str, str]]) -> None:
    rows = list(rows)
    if rows:
        shown.print()
        shown.print(Text(title, style="bold"))
        _pairs(shown, rows)


def _pairs(shown: Console, rows: Iterable[tuple[str, str]]) -> None:
    """Print names and what belongs to them, side by side where there is room."""
    rows = list(rows)
    names = max(len(name) for name, _ in rows)
    if not shown.is_terminal:
        for name, text in rows:
            shown.print(Text(f"  {name:{names}}  {text}"), soft_wrap=True)
    elif names > shown.width // 3:
        for name, text in rows:
            shown.print(Padding(Text(name, style="cyan"), (0, 0, 0, 2)))
            shown.print(Padding(Text(text, overflow="fold"), (0, 0, 0, 4)))
    else:
        table = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
        table.add_column(style="cyan", no_wrap=True)
        table.add_column(overflow="fold")
        for name, text in rows:
            table.add_row(Text(name), Text(text))
        shown.print(Padding(table, (0, 0, 0, 2)))


def _advice(shown: Console, title: str, sentences: Iterable[str]) -> None:
    sentences = list(sentences)
    if not sentences:
        return
    shown.print()
    shown.print(Text(title, style="bold"))
    for sentence in sentences:
        if shown.is_terminal:
            grid = Table.grid(padding=(0, 1, 0, 0))
            grid.add_column()
            grid.add_column(overflow="fold")
            grid.add_row(Text("•"), Text(sentence))
            shown.print(Padding(grid, (0, 0, 0, 2)))
        else:
            shown.print(Text(f"  • {sentence}"), soft_wrap=True)
