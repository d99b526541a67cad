"""What the commands that check things show in the terminal."""

from __future__ import annotations

from rich.padding import Padding
from rich.text import Text

from losskit.check.findings import Finding, Severity
from losskit.check.report import Report, told
from losskit.cli.output import console

__all__ = ["reported"]

_STYLES = {Severity.BUG: "bold red", Severity.SUSPICIOUS: "yellow", Severity.REDUNDANT: "cyan"}


def reported(report: Report) -> None:
    """Print a report: what was found in one line, then each finding."""
    shown = console()
    shown.print(Text(report.headline()), soft_wrap=True)
    for finding in report.findings:
        shown.print()
        _finding(finding)
    for note in report.notes:
        shown.print()
        shown.print(Text(f"Note: {note}"), soft_wrap=not shown.is_terminal)


def _finding(finding: Finding) -> None:
    shown = console()
    title, *rest = told(finding)
    head = Text(title)
    head.stylize(_STYLES[finding.severity], 0, len(f"{finding.code} {finding.severity}:"))
    shown.print(head, soft_wrap=not shown.is_terminal)
    for line in rest:
        text = Text(line.strip())
        if shown.is_terminal:
            shown.print(Padding(text, (0, 0, 0, 2)))
        else:
            shown.print(Text("  ") + text, soft_wrap=True)
