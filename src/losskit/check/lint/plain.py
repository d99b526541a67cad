"""Findings as plain data, for the cache, for other processes and for JSON."""

from __future__ import annotations

from typing import Any

from losskit.check.catalogue import rule
from losskit.check.findings import Edit, Finding, Fix, Place, Severity, Step

__all__ = ["finding_of", "plain"]


def plain(finding: Finding) -> dict[str, Any]:
    """Return a finding as JSON has it."""
    return {
        "code": finding.code,
        "name": finding.rule.name,
        "severity": str(finding.severity),
        "message": finding.message,
        "place": None if finding.place is None else _plain_place(finding.place),
        "evidence": [
            {"place": _plain_place(step.place), "text": step.text} for step in finding.evidence
        ],
        "fix": None
        if finding.fix is None
        else {
            "safe": finding.fix.safe,
            "edits": [
                {"place": _plain_place(edit.place), "text": edit.text} for edit in finding.fix.edits
            ],
        },
    }


def _plain_place(place: Place) -> dict[str, Any]:
    return {
        "path": place.path,
        "cell": place.cell or None,
        "line": place.line,
        "column": place.column,
        "end_line": place.end_line,
        "end_column": place.end_column,
    }


def finding_of(data: dict[str, Any]) -> Finding:
    """Return the finding that `plain` made data of."""
    place, fix = data["place"], data["fix"]
    return Finding(
        rule(data["code"]),
        Severity(data["severity"]),
        data["message"],
        None if place is None else _place(place),
        tuple(Step(_place(step["place"]), step["text"]) for step in data["evidence"]),
        None
        if fix is None
        else Fix(
            tuple(Edit(_place(edit["place"]), edit["text"]) for edit in fix["edits"]), fix["safe"]
        ),
    )


def _place(data: dict[str, Any]) -> Place:
    return Place(
        data["path"],
        data["line"],
        data["column"],
        data["end_line"],
        data["end_column"],
        data["cell"] or 0,
    )
