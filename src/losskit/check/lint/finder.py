"""How imports find the files of a project."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import cached_property

from losskit.check.lint.names import LIBRARIES

__all__ = ["Finder", "stems_of"]

_ALL = "*"
"""What stands for the names of all files."""

_FEW = 30
"""Files up to which those that belong to them may be somewhere else."""


def stems_of(files: Iterable[str]) -> frozenset[str]:
    """Return all names by which an import of one of these files can begin."""
    stems: set[str] = set()
    folders: set[str] = set()
    for path in files:
        folder, name = os.path.split(path)
        stems.add(name.rpartition(".")[0])
        folders.add(folder)
    for folder in folders:
        stems.update(folder.split(os.sep))
    return frozenset(stems)


def _stem_of(path: str) -> str:
    return os.path.basename(path).rpartition(".")[0]


def _is_library(parts: list[str], level: int) -> bool:
    """Whether an import means a library, be there files of its name below or beside the file."""
    return not level and bool(parts) and parts[0] in LIBRARIES


class Finder:
    """Finds files by the names that they are imported by, and notes what was looked for.

    Parameters
    ----------
    files : mapping
        Absolute path → path as it is shown.

    Attributes
    ----------
    stems : frozenset of str
        All names by which an import of one of the files can begin.
    looked_up : set of str
        Paths that were found or looked for in vain since `begin`.
    foreign : set of str
        First names of imports that no file answered to.
    """

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = files
        self.stems = stems_of(files)
        self.looked_up: set[str] = set()
        self.foreign: set[str] = set()
        self._noted: set[tuple[str, str, int]] = set()
        self._found: dict[
            tuple[str, str, int], tuple[str | None, frozenset[str], frozenset[str]]
        ] = {}
        self._packages: dict[tuple[str, str, int], str | None] = {}

    def begin(self) -> None:
        """Forget what was looked for."""
        self.looked_up = set()
        self.foreign = set()
        self._noted = set()

    def find(self, importer: str, name: str, level: int) -> str | None:
        """Return the path of an imported module.

        Parameters
        ----------
        importer : str
            Absolute path of the file that imports.
        name : str
            What is imported, with dots.
        level : int
            Dots before the name.
        """
        asked = importer, name, level
        if asked in self._noted:
            return self._found[asked][0]
        self._noted.add(asked)
        if asked not in self._found:
            self._found[asked] = self._searched(importer, name, level)
        path, tried, foreign = self._found[asked]
        self.looked_up |= tried
        self.foreign |= foreign
        return path

    def _searched(
        self, importer: str, name: str, level: int
    ) -> tuple[str | None, frozenset[str], frozenset[str]]:
        """Return what is found, what was looked for, and first names that no file answers to."""
        parts = [part for part in name.split(".") if part]
        if _is_library(parts, level):
            return None, frozenset(), frozenset()
        if parts and parts[0] not in self.stems:
            return None, frozenset(), frozenset(parts[:1])
        before, self.looked_up = self.looked_up, set()
        places = (self.at(folder, parts) for folder in self._folders(importer, level))
        path = next((place for place in places if place is not None), None)
        tried, self.looked_up = frozenset(self.looked_up), before
        return path, tried, frozenset()

    def means(self, importer: str, name: str, level: int) -> str | None:
        """Return what `find` does, without a note of what was looked for: much quicker."""
        parts = [part for part in name.split(".") if part]
        if not parts:
            return self.at(next(iter(self._folders(importer, level))), [])
        holders = self._holders.get(parts[0])
        if holders is None or _is_library(parts, level):
            return None
        near = (folder for folder in self._folders(importer, level) if folder in holders)
        return next((path for folder in near if (path := self.at(folder, parts))), None)

    @cached_property
    def _holders(self) -> dict[str, set[str]]:
        """First part of the name of a module → folders that hold a file or a folder called so."""
        found: dict[str, set[str]] = {}
        for path in (*self.files, *self._known_folders):
            folder, name = os.path.split(path)
            found.setdefault(name.rpartition(".")[0] or name, set()).add(folder)
        return found

    def _folders(self, importer: str, level: int) -> Iterable[str]:
        folder = os.path.dirname(importer)
        if level:
            for _ in range(level - 1):
                folder = os.path.dirname(folder)
            yield folder
            return
        while True:
            yield folder
            yield os.path.join(folder, "src")
            above = os.path.dirname(folder)
            if above == folder:
                return
            folder = above

    def holds(self, folder: str) -> bool:
        """Whether there are files below a folder."""
        return folder in self._known_folders

    @cached_property
    def _known_folders(self) -> set[str]:
        folders: set[str] = set()
        for path in self.files:
            folder = os.path.dirname(path)
            while folder not in folders:
                folders.add(folder)
                folder = os.path.dirname(folder)
        return folders

    def at(self, folder: str, parts: list[str]) -> str | None:
        """Return the path of a module of a folder."""
        base = os.path.join(folder, *parts)
        candidates = [os.path.join(base, "__init__.py")]
        if parts:
            candidates.insert(0, f"{base}.py")
        for candidate in candidates:
            if candidate in self.files:
                return candidate
            self.looked_up.add(candidate)
        return None

    def matching(self, importer: str, pattern: str) -> list[str]:
        """Return the modules of a folder whose names are like a pattern, as ``models.*``."""
        *outer, like = pattern.split(".")
        if not all(outer) or "*" in "".join(outer) or not (outer or like.strip("*")):
            return []
        folder = self.package(importer, ".".join(outer), 0) if outer else os.path.dirname(importer)
        if folder is None:
            return []
        self.looked_up.add(os.path.join(folder, "*"))
        return [path for path in self._modules.get(folder, ()) if fnmatchcase(_stem_of(path), like)]

    @cached_property
    def _modules(self) -> dict[str, list[str]]:
        """Folder → its modules."""
        found: dict[str, list[str]] = {}
        for path in sorted(self.files):
            if path.endswith(".py") and not path.endswith("__init__.py"):
                found.setdefault(os.path.dirname(path), []).append(path)
        return found

    def few(self) -> list[str]:
        """Return all files, where there are so few that some others were left out most likely."""
        self.looked_up.add(_ALL)
        return sorted(self.files) if len(self.files) <= _FEW else []

    def listings(self) -> dict[str, str]:
        """Return what stands for the names of all files, and of a folder's modules, where noted."""
        folders = {
            os.path.join(folder, "*"): " ".join(map(_stem_of, paths))
            for folder, paths in self._modules.items()
        }
        return folders | {_ALL: " ".join(sorted(self.files)) if len(self.files) <= _FEW else ""}

    def package(self, importer: str, name: str, level: int) -> str | None:
        """Return the folder of an imported package that has no ``__init__.py``."""
        parts = [part for part in name.split(".") if part]
        if not parts or parts[0] not in self.stems or _is_library(parts, level):
            return None
        asked = os.path.dirname(importer), name, level
        if asked not in self._packages:
            bases = (os.path.join(folder, *parts) for folder in self._folders(importer, level))
            self._packages[asked] = next((base for base in bases if self.holds(base)), None)
        return self._packages[asked]
