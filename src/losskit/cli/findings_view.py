"""What the commands that check things show in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.padding import Padding
from rich.text import Text

from losskit.check.findings import Finding, Rule, Severity
from losskit.check.report import Report, told
from losskit.cli.output import console

__all__ = ["listed", "reported"]

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


def listed(rules: Sequence[Rule]) -> None:
    """Print all rules: in a terminal with their summaries below, in a pipe one on each line."""
    shown = console()
    shown.print(Text(f"{len(rules)} findings, by their codes"), soft_wrap=True)
    name, tools = (max(len(one(rule)) for rule in rules) for one in (_name, _tools))
    for rule in rules:
        if shown.is_terminal:
            head = Text(rule.code, style=_STYLES[rule.severity])
            head.append(f" {rule.name}", style="bold").append(f"  {_tools(rule)}", style="dim")
            shown.print(head)
            shown.print(Padding(Text(rule.summary), (0, 0, 0, 6)))
        else:
            line = f"{rule.code}  {rule.severity:10}  {_name(rule):{name}}  {_tools(rule):{tools}}"
            shown.out(f"{line}  {rule.summary}", highlight=False)


def _name(rule: Rule) -> str:
    return rule.name


def _tools(rule: Rule) -> str:
    return ", ".join(rule.tools)


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
