"""Findings as SARIF 2.1.0, which code hosts and editors read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import losskit
from losskit.check.catalogue import rules_by_code
from losskit.check.findings import Finding, Place, Rule, Severity

__all__ = ["sarif"]

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.BUG: "error", Severity.SUSPICIOUS: "warning", Severity.REDUNDANT: "note"}


def sarif(findings: Sequence[Finding], notes: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return a log of one run."""
    codes = list(rules_by_code())
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "losskit",
                        "semanticVersion": losskit.__version__,
                        "rules": [_rule(one) for one in rules_by_code().values()],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "invocations": [
                    {
                        "executionSuccessful": True,
                        "toolExecutionNotifications": [
                            {
                                "level": "warning",
                                "message": {"text": text},
                                "locations": [{"physicalLocation": _artifact(path)}],
                            }
                            for path, text in notes
                        ],
                    }
                ],
                "results": [_result(one, codes) for one in findings],
            }
        ],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.code,
        "name": "".join(part.capitalize() for part in rule.name.split("-")),
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.why},
        "help": {"text": rule.mend},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "helpUri": rule.sources[0].url,
    }


def _result(finding: Finding, codes: list[str]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": codes.index(finding.code),
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.message},
        "locations": [] if finding.place is None else [_location(finding.place)],
    }
    if finding.evidence:
        steps = [
            {"location": _location(step.place) | {"message": {"text": step.text}}}
            for step in finding.evidence
        ]
        result["codeFlows"] = [{"threadFlows": [{"locations": steps}]}]
    return result


def _location(place: Place) -> dict[str, Any]:
    where = _artifact(place.path)
    if place.cell:
        # SARIF knows no cells: the place is told in words.
        return {
            "physicalLocation": where,
            "logicalLocations": [{"name": f"cell {place.cell}, line {place.line}"}],
        }
    region = {
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
    }
    return {"physicalLocation": where | {"region": region}}


def _artifact(path: str) -> dict[str, Any]:
    return {"artifactLocation": {"uri": quote(path.replace("\\", "/"))}}
