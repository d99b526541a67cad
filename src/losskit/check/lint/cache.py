"""What was found in files before, as long as neither they nor what they import have changed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import losskit
from losskit.check import catalogue
from losskit.check.lint.prefilter import Glance, called

__all__ = ["Cache", "Entry", "digest"]

_FOLDER = ".losskit_cache"
_FILE = "lint.json"
_LAYOUT = 5


def digest(raw: bytes) -> str:
    """Return what tells one content from another."""
    return blake2b(raw, digest_size=12).hexdigest()


@dataclass(frozen=True)
class Entry:
    """What the analysis of a file came to.

    Attributes
    ----------
    depends : mapping
        Path → digest of the content, for all that was read; None for what was looked for in vain.
    foreign : tuple of str
        First names of imports that no file of the project answered to.
    findings : tuple
        As plain data.
    notes : tuple
        Path and what is to be said of it.
    alone : bool
        Whether imports were left out of account.
    """

    depends: Mapping[str, str | None]
    foreign: tuple[str, ...]
    findings: tuple[dict[str, Any], ...]
    notes: tuple[tuple[str, str], ...]
    alone: bool = False

    def holds(self, digests: Mapping[str, str], stems: frozenset[str], *, alone: bool) -> bool:
        """Whether the analysis would come to the same now."""
        same = alone is self.alone and stems.isdisjoint(self.foreign)
        return same and all(digests.get(path) == known for path, known in self.depends.items())


class Cache:
    """Entries by path, in a folder of the working directory."""

    def __init__(self, root: Path) -> None:
        self.folder = root / _FOLDER
        self.entries: dict[str, Entry] = {}
        self._glances: dict[str, tuple[str, Glance]] = {}
        self._calls: dict[str, tuple[str, frozenset[tuple[str, str]]]] = {}
        self._stamp = f"{_LAYOUT} {losskit.__version__} {_own_digest()}"
        self._changed = False

    def load(self) -> None:
        """Read what is there; what cannot be read is as good as nothing."""
        with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
            content = json.loads((self.folder / _FILE).read_bytes())
            if content["stamp"] != self._stamp:
                return
            self.entries = {
                path: Entry(
                    one["depends"],
                    tuple(one["foreign"]),
                    tuple(one["findings"]),
                    tuple((where, text) for where, text in one["notes"]),
                    one["alone"],
                )
                for path, one in content["entries"].items()
            }
            self._glances = {
                path: (known, Glance(*seen)) for path, (known, seen) in content["glances"].items()
            }
            self._calls = {
                path: (known, frozenset((dot, name) for dot, name in names))
                for path, (known, names) in content["calls"].items()
            }

    def seen(self, path: str, content: str) -> Glance | None:
        """Return what was seen in a file at first sight when it had the same content."""
        known, seen = self._glances.get(path, ("", None))
        return seen if known == content else None

    def see(self, path: str, content: str, seen: Glance) -> None:
        """Keep what was seen in a file at first sight."""
        self._glances[path] = content, seen
        self._changed = True

    def calls(self, path: str, content: str) -> frozenset[tuple[str, str]]:
        """Return what a file calls, which is read again if that is not known."""
        known, names = self._calls.get(path, ("", None))
        if names is None or known != content:
            try:
                names = called(Path(path).read_bytes())
            except OSError:
                names = frozenset()
            self._calls[path] = content, names
            self._changed = True
        return names

    def put(self, path: str, entry: Entry) -> None:
        """Keep what an analysis came to."""
        self.entries[path] = entry
        self._changed = True

    def save(self) -> None:
        """Write the entries; where that is not possible, the next run is slower."""
        if not self._changed:
            return
        gone = {path for path in self._glances if not os.path.exists(path)}
        for kept in (self.entries, self._glances, self._calls):
            for path in gone & kept.keys():
                del kept[path]
        content = {
            "stamp": self._stamp,
            "entries": {
                path: {
                    "depends": dict(entry.depends),
                    "foreign": entry.foreign,
                    "findings": entry.findings,
                    "notes": entry.notes,
                    "alone": entry.alone,
                }
                for path, entry in self.entries.items()
            },
            "glances": self._glances,
            "calls": {path: (known, [*names]) for path, (known, names) in self._calls.items()},
        }
        temporary = self.folder / f"{_FILE}.{os.getpid()}.tmp"
        with suppress(OSError):
            self.folder.mkdir(exist_ok=True)
            (self.folder / ".gitignore").write_text("*\n", encoding="utf-8")
            temporary.write_text(json.dumps(content), encoding="utf-8")
            temporary.replace(self.folder / _FILE)
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _own_digest() -> str:
    """Digest of the linter's own code and of the cards, so that a changed one is asked anew."""
    home = Path(losskit.__file__).parent
    state = blake2b(digest_size=12)
    folders = [Path(catalogue.__file__).parent, home / "losses"]
    for path in sorted(one for folder in folders for one in folder.rglob("*.py")):
        state.update(path.name.encode())
        with suppress(OSError):
            state.update(path.read_bytes())
    return state.hexdigest()
