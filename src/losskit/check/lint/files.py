"""Which files are linted, and what their text is."""

from __future__ import annotations

import fnmatch
import os
import re
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path

from losskit.check.lint.notebooks import read_notebook
from losskit.check.lint.units import Cell, UnreadableError

__all__ = [
    "DEFAULT_EXCLUDE",
    "LARGEST",
    "Found",
    "decoded",
    "discover",
    "matches",
    "read_text",
    "source_of",
]

DEFAULT_EXCLUDE = [
    ".bzr",
    ".direnv",
    ".eggs",
    ".git",
    ".git-rewrite",
    ".hg",
    ".ipynb_checkpoints",
    ".losskit_cache",
    ".mypy_cache",
    ".nox",
    ".pants.d",
    ".pyenv",
    ".pytest_cache",
    ".pytype",
    ".ruff_cache",
    ".svn",
    ".tox",
    ".venv",
    ".vscode",
    "__pycache__",
    "__pypackages__",
    "_build",
    "buck-out",
    "build",
    "dist",
    "node_modules",
    "site-packages",
    "venv",
]
"""Folders that are left out unless they are named on the command line; those of ruff."""

LARGEST = 2_000_000
"""Bytes of the largest source that is read; notebooks, which hold pictures, may be larger."""

_LARGEST_NOTEBOOK = 50_000_000


@dataclass(frozen=True, slots=True)
class Found:
    """A file to lint: its absolute path, the path as it is shown, and whether it was named."""

    path: str
    shown: str
    named: bool


def discover(paths: Iterable[str], exclude: Iterable[str]) -> list[Found]:
    """Return the Python files and notebooks at and below some paths, each once, sorted.

    Raises
    ------
    FileNotFoundError
        If there is no such path.
    """
    left_out = tuple(exclude)
    found: dict[str, Found] = {}
    for given in paths:
        path = os.path.abspath(given)
        if os.path.isdir(path):
            for inner in _below(path, left_out):
                found.setdefault(_real(inner), Found(inner, _shown(inner), False))
        elif os.path.lexists(path):
            found[_real(path)] = Found(path, _shown(path), True)
        else:
            raise FileNotFoundError(given)
    return sorted(found.values(), key=lambda one: one.path)


def _real(path: str) -> str:
    return os.path.realpath(path) if os.path.islink(path) else path


def _shown(path: str) -> str:
    """Path from the working directory, where the file lies below it."""
    here = os.getcwd()
    return os.path.relpath(path, here) if path.startswith(here.rstrip(os.sep) + os.sep) else path


def _below(folder: str, exclude: tuple[str, ...]) -> Iterator[str]:
    """Yield the files to lint below a folder; what links lead out of it, or above, is left out."""
    top = os.path.realpath(folder)
    seen = {top}
    waiting = [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as listed:
                entries = sorted(listed, key=lambda one: one.name)
        except OSError:
            continue
        for entry in entries:
            is_folder = entry.is_dir()
            if not is_folder and not entry.name.endswith((".py", ".ipynb")):
                continue
            if matches(entry.path, entry.name, exclude):
                continue
            if entry.is_symlink() or is_folder:
                real = os.path.realpath(entry.path)
                if real in seen or not real.startswith(top + os.sep):
                    continue
                seen.add(real)
            if is_folder:
                waiting.append(entry.path)
            elif entry.is_file():
                yield entry.path


def matches(path: str, name: str, patterns: tuple[str, ...]) -> bool:
    """Whether a name, or a path from the working directory, is one of some patterns."""
    plain, wild = _sorted(patterns)
    if name in plain:
        return True
    if wild is None:
        return False
    shown = _shown(path).replace(os.sep, "/")
    return wild.match(name) is not None or wild.match(shown) is not None


@cache
def _sorted(patterns: tuple[str, ...]) -> tuple[frozenset[str], re.Pattern[str] | None]:
    """Part patterns into plain names and those of which one expression is made."""
    wild = [one for one in patterns if re.search(r"[*?\[/]", one)]
    parts = [part for one in wild for part in (one, f"{one.rstrip('/')}/*")]
    expression = "|".join(fnmatch.translate(part) for part in parts)
    return frozenset(patterns) - set(wild), re.compile(expression) if wild else None


def read_text(path: str) -> bytes:
    """Return the bytes of a file.

    Raises
    ------
    UnreadableError
        If it cannot be read, is too large or is no text.
    """
    try:
        size = os.path.getsize(path)
        largest = _LARGEST_NOTEBOOK if path.endswith(".ipynb") else LARGEST
        if size > largest:
            raise UnreadableError(f"it has {size / 1e6:.0f} MB, more than {largest / 1e6:.0f} MB")
        raw = Path(path).read_bytes()
    except OSError as error:
        raise UnreadableError(f"it cannot be read: {error.strerror or error}") from None
    if b"\0" in raw:
        raise UnreadableError("it is no text (it holds null bytes)")
    return raw


def decoded(raw: bytes) -> tuple[str, str]:
    """Return the text of a source and its encoding, as PEP 263 says it.

    Raises
    ------
    UnreadableError
        If the bytes are not in that encoding.
    """
    try:
        encoding, _ = tokenize.detect_encoding(BytesIO(raw).readline)
        return raw.decode(encoding), encoding
    except (SyntaxError, UnicodeDecodeError, LookupError):
        raise UnreadableError(
            "its encoding is not what it says (UTF-8, where it says nothing)"
        ) from None


def source_of(path: str, raw: bytes) -> tuple[str, tuple[Cell, ...]]:
    """Return the source of a file, and the cells of a notebook.

    Raises
    ------
    UnreadableError
        If it has none.
    """
    if path.endswith(".ipynb"):
        return read_notebook(raw)
    text, _ = decoded(raw)
    return text, ()
