"""The corpus: what real code has, in snippets of the same structure, is found."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

import pytest

from losskit.check.findings import Finding
from losskit.check.lint.run import lint
from losskit.check.lint.settings import Settings

HERE = Path(__file__).parent
SETS = ("single", "cross", "clean", "unseen_single", "unseen_cross", "unseen_clean")
BUGS = {"single": 0.9, "cross": 0.7, "unseen_single": 0.9, "unseen_cross": 0.7}


def cases(name: str) -> list[dict[str, Any]]:
    content = tomllib.loads((HERE / "corpus" / f"{name}.toml").read_text(encoding="utf-8"))
    return [case for case in content["case"] if "fixture" in case]


def found(case: dict[str, Any]) -> list[Finding]:
    folder = HERE / "fixtures" / case["name"]
    paths = [str(folder / path) for path in case["fixture"]["paths"]]
    return lint(paths, Settings(exclude=()), cached=False, jobs=1).findings


def is_at(finding: Finding, wanted: dict[str, Any], folder: Path) -> bool:
    place = finding.place
    if place is None or finding.code != wanted["code"]:
        return False
    here = (os.path.relpath(place.path, folder), place.line, place.cell)
    return any(
        here == (one["path"], one["line"], one.get("cell", 0))
        for one in (wanted, *wanted.get("or", ()))
    )


@pytest.mark.parametrize("name", SETS)
def test_no_false_alarm(name: str) -> None:
    alarms = []
    for case in cases(name):
        folder = HERE / "fixtures" / case["name"]
        wanted = case["fixture"].get("expect", [])
        for finding in found(case):
            known = any(is_at(finding, one, folder) for one in wanted)
            if finding.severity == "bug" and not known and finding.code not in case.get("also", ()):
                alarms.append((case["name"], str(finding.place), finding.code))
    assert alarms == []


@pytest.mark.parametrize("name", BUGS)
def test_bugs_are_found_at_their_lines(name: str) -> None:
    seen, missed = 0, []
    for case in cases(name):
        folder = HERE / "fixtures" / case["name"]
        findings = found(case)
        for wanted in case["fixture"].get("expect", []):
            if wanted["severity"] != "bug":
                continue
            hit = any(is_at(one, wanted, folder) for one in findings)
            seen += hit
            if not hit:
                missed.append((case["name"], wanted["code"], wanted["path"], wanted["line"]))
    assert seen >= BUGS[name] * (seen + len(missed)), missed
