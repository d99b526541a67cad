"""What ``losskit list`` shows in the terminal and in pipes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from losskit.cli.output import console
from losskit.core.cards import Argument
from losskit.core.loss import Loss

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["found", "table"]

Families = Mapping[str, Sequence[type[Loss]]]

_NARROW = 120
"""Below this width a terminal shows the parts of a loss one below the other."""

_GAP = 2

_TITLES = ("what it is", "takes", "torch.nn")


def found(families: Families) -> None:
    """Say how many losses there are."""
    losses = sum(len(kinds) for kinds in families.values())
    text = f"{_count(losses, 'loss', 'losses')} in {_count(len(families), 'family', 'families')}"
    if len(families) == 1:
        text += f": {next(iter(families))}"
    console(soft_wrap=True).print(text)


def _count(amount: int, one: str, more: str) -> str:
    return f"{amount} {one if amount == 1 else more}"


def table(families: Families) -> None:
    """Print the losses of each family under its name."""
    shown = console()
    every = [kind for kinds in families.values() for kind in kinds]
    # As wide as the longest names, so that the families' columns stand below each other.
    words = (word for kind in every for word in _signature(kind, " ").plain.split())
    names = max(30, *map(len, words))
    twins = max(len(twin) for kind in every for twin in (_TITLES[-1], *_twins(kind)))
    for family, kinds in families.items():
        shown.print()
        if not shown.is_terminal:
            _lines(shown, family, kinds)
        elif shown.width < _NARROW:
            _stacked(shown, family, kinds)
        else:
            _columns(shown, family, kinds, (names, twins))


def _lines(shown: Console, family: str, kinds: Sequence[type[Loss]]) -> None:
    """Print a line for each loss, however long, for programs that search and cut."""
    rows = [(family, *_TITLES)]
    rows += [(_signature(kind).plain, *_cells(kind)) for kind in kinds]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        shown.out("  ".join(cells).rstrip(), highlight=False)


def _columns(
    shown: Console, family: str, kinds: Sequence[type[Loss]], widths: tuple[int, int]
) -> None:
    names, twins = widths
    rest = shown.width - names - twins - 3 * _GAP
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="dim")
    table.add_column(Text(family, style="bold not dim"), width=names)
    for title, width in zip(_TITLES, (rest * 5 // 9, rest * 4 // 9, twins), strict=True):
        table.add_column(title, width=width, overflow="fold")
    for kind in kinds:
        # With a space, where it can be broken into lines.
        table.add_row(_signature(kind, " "), *map(Text, _cells(kind)))
    shown.print(table)


def _stacked(shown: Console, family: str, kinds: Sequence[type[Loss]]) -> None:
    shown.print(Text(family, style="bold underline"))
    for kind in kinds:
        summary, takes, twins = _cells(kind)
        shown.print(_signature(kind))
        shown.print(Padding(Text(summary), (0, 0, 0, 2)))
        shown.print(Padding(Text(f"{takes}; torch.nn: {twins}", style="dim"), (0, 0, 0, 2)))


def _signature(kind: type[Loss], gap: str = "") -> Text:
    """Write the name, and the parameters' names after it."""
    text = Text(kind.__name__, style="bold")
    names = ", ".join(kind.parameters())
    return text.append(f"{gap}({names})", style="not bold") if names else text


def _cells(kind: type[Loss]) -> tuple[str, str, str]:
    return kind.card.summary, _takes(kind), ", ".join(_twins(kind)) or "–"


def _twins(kind: type[Loss]) -> tuple[str, ...]:
    return tuple(twin.module for twin in kind.card.torch)


def _takes(kind: type[Loss]) -> str:
    return ", ".join(_argument(argument) for argument in kind.card.arguments)


def _argument(argument: Argument) -> str:
    contracts = " or ".join(_words(contract.name) for contract in argument.contracts)
    return f"{argument.name}: {contracts}"


def _words(name: str) -> str:
    """Write the name of a contract in words."""
    return " ".join(re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*", name)).lower() or name
