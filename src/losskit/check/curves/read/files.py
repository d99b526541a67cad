"""Which kind of log a file is, by its name and its first bytes."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from losskit.check.curves.read import events, tables
from losskit.check.curves.read.chunks import Chunk, LogError, from_rows

__all__ = ["open_log"]

LARGEST_JSON = 200_000_000
"""Bytes of a JSON file that is one value; larger logs come in lines."""


def open_log(path: Path) -> tuple[str, Iterator[Chunk]]:
    """Return what a log is, in words, and its chunks.

    Parameters
    ----------
    path : Path
        A file, or a folder with one or several logs of one training.

    Raises
    ------
    LogError
        If it cannot be read.
    """
    if path.is_dir():
        return _folder(path)
    if not path.is_file():
        raise LogError(f"{str(path)!r} is no file")
    if path.stat().st_size == 0:
        raise LogError(f"{str(path)!r} is empty")
    if "tfevents" in path.name:
        return "TensorBoard event file", events.read([path])
    ending = path.suffix.lower()
    if ending in (".jsonl", ".ndjson"):
        return "JSON lines", from_rows(tables.json_lines(path))
    if ending == ".json":
        return _json(path)
    with path.open("rb") as file:
        head = file.read(64)
    if b"\0" in head:
        raise LogError(f"{str(path)!r} is no text; logs are CSV, JSON, JSON lines or event files")
    if head.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"{"):
        return "JSON lines", from_rows(tables.json_lines(path))
    return "CSV", tables.delimited(path)


def _folder(path: Path) -> tuple[str, Iterator[Chunk]]:
    found = sorted(path.rglob("*tfevents*"))
    if found:
        return f"{len(found)} TensorBoard event files", events.read(found)
    for name in ("metrics.csv", "trainer_state.json"):
        inside = sorted(path.rglob(name))
        if inside:
            # The last checkpoint's, or version's, holds all that came before it.
            return open_log(max(inside, key=lambda one: one.stat().st_mtime))
    raise LogError(f"{str(path)!r} holds no event file, metrics.csv or trainer_state.json")


def _json(path: Path) -> tuple[str, Iterator[Chunk]]:
    if path.stat().st_size > LARGEST_JSON:
        raise LogError(f"{str(path)!r} is too large for one JSON value; write JSON lines")
    try:
        # Of any length: as a float, one that is too long is infinite.
        content = json.loads(path.read_text(encoding="utf-8-sig"), parse_int=float)
    except UnicodeDecodeError:
        raise LogError(f"{str(path)!r} is no text in UTF-8") from None
    except (json.JSONDecodeError, RecursionError):
        return "JSON lines", from_rows(tables.json_lines(path))
    if isinstance(content, dict) and isinstance(content.get("log_history"), list):
        return "Trainer's state", from_rows(_rows(path, content["log_history"]))
    if isinstance(content, dict) and isinstance(content.get("history"), dict):
        content = content["history"]
    if isinstance(content, dict):
        return "history", from_rows(_from_columns(path, content))
    if isinstance(content, list):
        return "JSON", from_rows(_rows(path, content))
    raise LogError(f"{str(path)!r} holds a {_kind(content)}, no log")


def _rows(path: Path, rows: list[Any]) -> Iterator[dict[str, Any]]:
    if all(isinstance(row, float) for row in rows):
        yield from ({"loss": row} for row in rows)
        return
    for row in rows:
        if not isinstance(row, dict):
            raise LogError(f"{str(path)!r} holds a {_kind(row)} among its rows")
        yield row


def _kind(value: Any) -> str:
    """Name a value of JSON."""
    return "number" if isinstance(value, float) else type(value).__name__


def _from_columns(path: Path, columns: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give the rows of a Keras history, which holds a list for each name."""
    lists = {name: value for name, value in columns.items() if isinstance(value, list)}
    if not lists:
        raise LogError(f"{str(path)!r} holds no list of numbers by name")
    for index in range(max(map(len, lists.values()))):
        row = {name: value[index] for name, value in lists.items() if index < len(value)}
        yield {"epoch": index + 1} | row
