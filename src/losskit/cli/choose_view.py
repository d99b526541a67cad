"""What ``losskit choose`` shows in the terminal and in pipes, and what it asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.prompt import IntPrompt
from rich.table import Table
from rich.text import Text

from losskit.choose.recommendation import Answer, Recommendation
from losskit.choose.text import headline, sections
from losskit.cli.output import console, fail
from losskit.core.targets import TargetKind
from losskit.reporting.wording import sentence

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["ask", "library", "recommended"]

HEADINGS = 15
LIBRARIES = ("PyTorch", "Keras", "scikit-learn", "XGBoost", "LightGBM")


def library(name: str) -> str:
    """Return a library's name as it writes it; an unknown one is refused."""
    known = {one.lower(): one for one in LIBRARIES}
    if name.lower() not in known:
        fail(f"--code {name!r} is unknown; there is {', '.join(LIBRARIES)}")
    return known[name.lower()]


def recommended(found: Answer, library: str) -> None:
    """Print what was found, the recommendations, and code of a library."""
    shown = console()
    _line(shown, headline(found), "bold")
    if found.problem:
        _line(shown, sentence(found.problem))
        return
    for remark in (found.assumption, *found.notes):
        if remark:
            _line(shown, remark, "dim")
    for warning in found.warnings:
        _line(shown, f"Warning: {warning}", "yellow")
    for at, item in enumerate(found.recommendations, start=1):
        shown.print()
        _one(shown, at, item)
    shown.print()
    _facts(shown, found)
    _code(shown, found, library)


def _line(shown: Console, text: str, style: str = "") -> None:
    shown.print(Text(text, style=style), soft_wrap=not shown.is_terminal)


def _one(shown: Console, at: int, one: Recommendation) -> None:
    heading = Text.assemble((f"{at}. {_short(one.spec)}", "bold cyan"), f": {one.title}")
    shown.print(heading, soft_wrap=not shown.is_terminal)
    _pairs(shown, list(sections(one, full=at == 1)))


def _short(spec: str, most: int = 70) -> str:
    return spec if len(spec) <= most else f"{spec[: most - 1]}…"


def _pairs(shown: Console, rows: Sequence[tuple[str, str]]) -> None:
    """Print headings and what belongs to them; a heading that repeats stands there once."""
    if not shown.is_terminal:
        for heading, text in rows:
            shown.print(Text(f"   {heading}: {text}"), soft_wrap=True)
        return
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True, width=HEADINGS)
    grid.add_column(overflow="fold")
    before = ""
    for heading, text in rows:
        grid.add_row(Text("" if heading == before else heading), Text(sentence(text)))
        before = heading
    shown.print(Padding(grid, (0, 0, 0, 3)))


def _facts(shown: Console, found: Answer) -> None:
    if not found.facts:
        return
    text = " ".join(fact.text for fact in found.facts)
    shown.print(Text("The target", style="bold"))
    shown.print(
        Padding(Text(text), (0, 0, 0, 3)) if shown.is_terminal else Text(f"   {text}"),
        soft_wrap=not shown.is_terminal,
    )
    shown.print()


def _code(shown: Console, found: Answer, library: str) -> None:
    """Print the first recommendation's code, or the first one's that the library has."""
    for item in found.recommendations:
        code = item.code.get(library)
        if code is not None:
            shown.print(Text(f"{library}, {_short(item.spec)}", style="bold"))
            for line in code.splitlines():
                shown.print(Text(f"    {line}"), soft_wrap=True)
            return
    _line(shown, f"{library} has none of these losses.")


def ask(questions: Sequence[tuple[str, Sequence[TargetKind]]]) -> str:
    """Ask what the model is to give, and what that is like; return the kind's name."""
    shown = console()
    shown.print(Text("No data were named. What is the model to give?", style="bold"))
    at = _choice(shown, [question for question, _ in questions])
    kinds = questions[at][1]
    shown.print(Text("Which of these is the target?", style="bold"))
    return kinds[_choice(shown, [f"{kind.title}: {kind.example}" for kind in kinds])].name


def _choice(shown: Console, answers: Sequence[str]) -> int:
    for at, answer in enumerate(answers, start=1):
        shown.print(Text(f"  {at}  {answer}"))
    numbers = [str(at) for at in range(1, len(answers) + 1)]
    return IntPrompt.ask("Number", choices=numbers, console=shown) - 1
