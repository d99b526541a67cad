"""Linting of sources that a test writes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from losskit.check.findings import Finding
from losskit.check.lint.run import FAILED, lint
from losskit.check.lint.settings import Settings


def written(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files below a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    return folder


def found(folder: Path, files: Mapping[str, str | bytes]) -> list[Finding]:
    """Lint files together."""
    written(folder, files)
    outcome = lint([str(folder)], Settings(), cached=False, jobs=1)
    assert not [text for _, text in outcome.notes if text.startswith(FAILED)]
    return outcome.findings


def brief(findings: list[Finding], folder: Path) -> list[tuple[str, str, str, int]]:
    """Code, severity, path and line of each finding."""
    return [
        (one.code, str(one.severity), os.path.relpath(one.place.path, folder), one.place.line)
        for one in findings
        if one.place is not None
    ]
