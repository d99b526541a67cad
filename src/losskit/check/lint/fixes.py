"""Fixes: edits of the source that leave all else as it is."""

from __future__ import annotations

import difflib
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from losskit.check.findings import Edit, Finding, Fix
from losskit.check.lint.files import decoded, read_text
from losskit.check.lint.notebooks import read_notebook
from losskit.check.lint.units import UnreadableError, parse

__all__ = ["Changed", "applicable", "changes", "write"]


@dataclass(frozen=True)
class Changed:
    """A file before and after its fixes.

    Attributes
    ----------
    path : str
        The file.
    before, after : str
        Its text.
    encoding : str
        What it is written in.
    fixed : int
        How many findings were mended.
    """

    path: str
    before: str
    after: str
    encoding: str
    fixed: int

    def diff(self) -> str:
        """What changes, as ``diff -u`` says it."""
        lines = difflib.unified_diff(
            self.before.splitlines(keepends=True),
            self.after.splitlines(keepends=True),
            f"a/{self.path}",
            f"b/{self.path}",
        )
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def applicable(findings: Iterable[Finding], *, unsafe: bool) -> list[Finding]:
    """Return the findings that would be mended."""
    return [one for one in findings if one.fix is not None and (one.fix.safe or unsafe)]


def changes(findings: Iterable[Finding], *, unsafe: bool) -> list[Changed]:
    """Return what each file would be after its fixes.

    Fixes that overlap another one, and those after which the file is no Python, are left out.
    """
    by_path: dict[str, list[Fix]] = {}
    for finding in applicable(findings, unsafe=unsafe):
        assert finding.fix is not None  # noqa: S101
        by_path.setdefault(finding.fix.edits[0].place.path, []).append(finding.fix)
    found = []
    for path, fixes in sorted(by_path.items()):
        try:
            changed = _changed(path, fixes)
        except UnreadableError:
            continue
        if changed.after != changed.before:
            found.append(changed)
    return found


def write(changed: Changed) -> None:
    """Replace a file by what it is after its fixes; it is whole at any time."""
    target = Path(os.path.realpath(changed.path))
    temporary = target.with_name(f".losskit-{os.getpid()}.tmp")
    try:
        temporary.write_bytes(changed.after.encode(changed.encoding))
        shutil.copymode(target, temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _changed(path: str, fixes: list[Fix]) -> Changed:
    raw = read_text(path)
    if path.endswith(".ipynb"):
        before = raw.decode("utf-8")
        edited: _Text = _Notebook(before)
        encoding = "utf-8"
    else:
        before, encoding = decoded(raw)
        edited = _Source(before)
    fixed = 0
    taken: list[Edit] = []
    for fix in fixes:
        if any(_overlap(edit, other) for edit in fix.edits for other in taken):
            continue
        trial = edited.edited([*taken, *fix.edits])
        if _is_python(path, trial):
            taken += fix.edits
            fixed += 1
    after = edited.edited(taken) if taken else before
    return Changed(path, before, after, encoding, fixed)


def _overlap(one: Edit, other: Edit) -> bool:
    a, b = one.place, other.place
    if a.cell != b.cell:
        return False
    return (a.line, a.column) < (b.end_line, b.end_column) and (b.line, b.column) < (
        a.end_line,
        a.end_column,
    )


def _is_python(path: str, text: str) -> bool:
    try:
        source = read_notebook(text.encode())[0] if path.endswith(".ipynb") else text
        parse(source)
    except UnreadableError:
        return False
    return True


class _Text:
    def edited(self, edits: list[Edit]) -> str:
        """Return the text with some edits."""
        raise AssertionError


class _Source(_Text):
    """The text of a module."""

    def __init__(self, text: str) -> None:
        self.text = text

    def edited(self, edits: list[Edit]) -> str:
        """Return the text with some edits."""
        return _edited(self.text, edits)


class _Notebook(_Text):
    """The text of a notebook: JSON, which is written as it was."""

    def __init__(self, text: str) -> None:
        self.text = text

    def edited(self, edits: list[Edit]) -> str:
        """Return the text with some edits."""
        content = json.loads(self.text)
        cells = content["cells"] if "cells" in content else content["worksheets"][0]["cells"]
        for number in sorted({edit.place.cell for edit in edits}):
            cell = cells[number - 1]
            key = "source" if "source" in cell else "input"
            whole = "".join(cell[key])
            changed = _edited(whole, [edit for edit in edits if edit.place.cell == number])
            is_list = isinstance(cell[key], list)
            cell[key] = changed.splitlines(keepends=True) if is_list else changed
        return _as_before(content, self.text)


def _as_before(content: Any, text: str) -> str:
    """Write JSON in the style of a text."""
    plain = json.loads(text)
    end = text[len(text.rstrip()) :]
    for indent in (1, 2, 4, None, 0):
        for ascii_only in (False, True):
            if json.dumps(plain, indent=indent, ensure_ascii=ascii_only) == text.rstrip():
                return json.dumps(content, indent=indent, ensure_ascii=ascii_only) + end
    return json.dumps(content, indent=1, ensure_ascii=False) + end


def _edited(text: str, edits: list[Edit]) -> str:
    starts = list(_starts(text))
    spans = [
        (
            starts[edit.place.line - 1] + edit.place.column - 1,
            starts[edit.place.end_line - 1] + edit.place.end_column - 1,
            edit.text,
        )
        for edit in edits
    ]
    for start, end, new in sorted(spans, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _starts(text: str) -> Iterator[int]:
    """Yield where each line begins; lines end as Python's parser has it."""
    yield 0
    for found in re.finditer(r"\r\n|\r|\n", text):
        yield found.end()
