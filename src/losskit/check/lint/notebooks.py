"""Notebooks, and scripts of cells: their cells as one source, with a way back."""

from __future__ import annotations

import ast
import json
import re
import warnings
from itertools import pairwise
from typing import Any

from losskit.check.lint.units import Cell, UnreadableError

__all__ = ["cells_of", "read_notebook", "without_broken_cells"]

_MAGIC = re.compile(r"^(\s*)(?:[%!?]|.*\?\s*$|[\w.,\s]+=\s*[%!])")
_MARK = re.compile(r"#\s?%%")
_PYTHON_CELLS = {"time", "timeit", "capture", "prun", "python", "python3", "memit", "mprun"}


def read_notebook(raw: bytes) -> tuple[str, tuple[Cell, ...]]:
    """Return the source of all cells, and where each begins.

    What IPython takes and Python does not is blanked, line by line; so is a cell that is no Python.

    Raises
    ------
    UnreadableError
        If it is no notebook.
    """
    lines: list[str] = []
    cells: list[Cell] = []
    for number, source in cells_of(raw):
        cells.append(Cell(number, len(lines) + 1))
        lines += _plain(source).split("\n")
    return "\n".join(lines) + "\n", tuple(cells)


def cells_of(raw: bytes) -> list[tuple[int, str]]:
    """Return the number and the source of each cell with code; numbers count all cells from 1.

    Raises
    ------
    UnreadableError
        If it is no notebook.
    """
    try:
        content = json.loads(raw)
        found = content["cells"] if "cells" in content else content["worksheets"][0]["cells"]
        return [
            (number, _source(cell))
            for number, cell in enumerate(found, 1)
            if cell.get("cell_type") == "code"
        ]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        raise UnreadableError("it is no Jupyter notebook") from None


def without_broken_cells(source: str) -> tuple[str, list[int]] | None:
    """Blank the cells of a script that are no Python, and return the lines at which they begin.

    As Spyder and Visual Studio Code run them, one by one, from a line with ``# %%`` to the next;
    None of a script without.
    """
    lines = source.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    firsts = [at for at, line in enumerate(lines) if _MARK.match(line)]
    if not firsts:
        return None
    broken = []
    for first, end in pairwise([0, *(at for at in firsts if at > 0), len(lines)]):
        if not _parses("\n".join(lines[first:end])):
            broken.append(first + 1)
            lines[first:end] = [""] * (end - first)
    return "\n".join(lines), broken


def _source(cell: dict[str, Any]) -> str:
    source = cell["source"] if "source" in cell else cell.get("input", "")
    text = "".join(source) if isinstance(source, list) else source
    if not isinstance(text, str):
        raise TypeError
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _plain(source: str) -> str:
    """Return the lines of a cell that are Python; others are blank, so that lines stay."""
    lines = source.split("\n")
    first = source.lstrip()
    if first.startswith("%%"):
        word = re.match(r"%%(\w*)", first)
        if word is None or word.group(1) not in _PYTHON_CELLS:
            return "\n" * (len(lines) - 1)
    if _parses(source):
        return source
    text = "\n".join(_without_magic(line) for line in lines)
    return text if _parses(text) else "\n" * (len(lines) - 1)


def _without_magic(line: str) -> str:
    found = _MAGIC.match(line)
    return f"{found.group(1)}pass" if found is not None else line


def _parses(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
