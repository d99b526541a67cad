"""The files of a project as parsed units, and how their imports find one another."""

from __future__ import annotations

import ast
import os
import re
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from losskit.check.findings import Place
from losskit.check.lint.names import LIBRARIES

if TYPE_CHECKING:
    from losskit.check.lint.definitions import Frame

__all__ = ["Cell", "Project", "Unit", "UnreadableError", "parse", "stems_of"]

T = TypeVar("T")

_KEPT = 5_000_000
"""Characters of the parsed files that are kept, for the next file that imports them."""


class UnreadableError(Exception):
    """A file that cannot be analysed; the text says why in one line."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Where a cell of a notebook begins in the source of all cells."""

    number: int
    first: int


@dataclass(slots=True, eq=False)
class Unit:
    """One file.

    Attributes
    ----------
    path : str
        Absolute.
    shown : str
        The path as it is shown.
    source : str
        Its text; of a notebook, that of all cells.
    tree : ast.Module
        The parsed text.
    cells : tuple of Cell
        The cells of a notebook.
    frame : Frame, optional
        The names of the module, once it has run.
    memory : dict
        What was found out about the text, which is the same for every analysis.
    """

    path: str
    shown: str
    source: str
    tree: ast.Module
    cells: tuple[Cell, ...] = ()
    frame: Frame | None = None
    memory: dict[tuple[str, int], Any] = field(default_factory=dict)

    def recall(self, what: str, node: ast.AST, find: Callable[[], T]) -> T:
        """Return what is said of a node, which is found out when it is first asked for."""
        key = what, id(node)
        if key not in self.memory:
            self.memory[key] = find()
        found: T = self.memory[key]
        return found

    @property
    def lines(self) -> list[str]:
        """The lines of the source, as the parser counts them."""
        return self.recall("lines", self.tree, self._split)

    def _split(self) -> list[str]:
        return self.source.replace("\r\n", "\n").replace("\r", "\n").split("\n")

    def column(self, line: int, offset: int) -> int:
        """Turn an offset in bytes, as the parser gives it, into a column in characters."""
        if not 0 < line <= len(self.lines):
            return offset + 1
        text = self.lines[line - 1]
        if text.isascii():
            return offset + 1
        return len(text.encode()[:offset].decode(errors="replace")) + 1

    def place(self, node: ast.AST) -> Place:
        """Where a node stands."""
        line = getattr(node, "lineno", 1)
        end_line = getattr(node, "end_lineno", None) or line
        start = self.column(line, getattr(node, "col_offset", 0))
        end = self.column(end_line, getattr(node, "end_col_offset", None) or 0)
        number = first = 0
        for cell in self.cells:
            if cell.first <= line:
                number, first = cell.number, cell.first - 1
        return Place(self.shown, line - first, start, end_line - first, end, number)

    def text(self, node: ast.AST) -> str:
        """Source of a node."""
        return ast.get_source_segment(self.source, node) or ""


def parse(source: str) -> ast.Module:
    """Parse a source, or say in one line why it cannot be.

    Raises
    ------
    UnreadableError
        If it is no Python 3, or nested too deeply.
    """
    try:
        return _tree(source)
    except SyntaxError as error:
        # As in tensor.cuda(async=True), which Python took until 3.6; the same length keeps places.
        renamed = _ASYNC.sub("asynk", source)
        if renamed != source:
            with suppress(SyntaxError):
                return _tree(renamed)
        text = (error.msg or "invalid syntax").strip()
        if "print" in text and "parentheses" in text:
            text = "this is Python 2 (print without parentheses)"
        elif "multiple exception types must be parenthesized" in text:
            text = "this is Python 2 (except with a comma)"
        raise UnreadableError(f"line {error.lineno or 1}: {text}") from None
    except ValueError as error:
        raise UnreadableError(str(error)) from None
    except (RecursionError, MemoryError):
        raise UnreadableError("it is nested too deeply to be parsed") from None


_ASYNC = re.compile(r"\basync\b(?=\s*=[^=])")


def _tree(source: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source)


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


def _is_library(parts: list[str], level: int) -> bool:
    """Whether an import means a library, be there files of its name below or beside the file."""
    return not level and bool(parts) and parts[0] in LIBRARIES


class Project:
    """The files that may be read, and nothing else.

    Parameters
    ----------
    files : mapping
        Absolute path → path as it is shown.
    read : callable
        Returns the unit of an absolute path, or raises `UnreadableError`.
    promising : iterable of str, optional
        Those of the files that mention what rules are about; all of them, where it is None.
    look : callable
        Returns the names of a unit that rules may see something in.
    """

    def __init__(
        self,
        files: Mapping[str, str],
        read: Callable[[str], Unit],
        promising: Iterable[str] | None = None,
        look: Callable[[Unit], frozenset[str]] = lambda unit: frozenset(),
    ) -> None:
        self.files = files
        self.read = read
        self.promising = frozenset(files if promising is None else promising)
        self.look = look
        self._interests: dict[str, frozenset[str]] = {}
        self.looked_up: set[str] = set()
        self.foreign: set[str] = set()
        self.stems = stems_of(files)
        self._sources: OrderedDict[str, Unit | None] = OrderedDict()
        self._units: dict[str, Unit] = {}
        self._found: dict[tuple[str, str, int], tuple[str | None, frozenset[str]]] = {}
        self._packages: dict[tuple[str, str, int], str | None] = {}
        self._folders_with_files: frozenset[str] | None = None

    def begin(self) -> None:
        """Forget what modules hold, but not their text: each file is analysed from scratch."""
        self.looked_up = set()
        self.foreign = set()
        self.begin_again()

    def begin_again(self) -> None:
        """Forget what modules hold, within one analysis."""
        for unit in self._units.values():
            unit.frame = None
        self._units = {}

    def unit(self, path: str) -> Unit | None:
        """Return a file's unit; None where it cannot be read."""
        self.looked_up.add(path)
        if path in self._units:
            return self._units[path]
        if path not in self._sources:
            try:
                self._sources[path] = self.read(path)
            except UnreadableError:
                self._sources[path] = None
            self._trim()
        else:
            self._sources.move_to_end(path)
        kept = self._sources.get(path)
        if kept is None:
            return None
        unit = replace(kept)
        self._units[path] = unit
        return unit

    def _trim(self) -> None:
        """Forget the trees that were not asked for longest, if there are too many."""
        sizes = [0 if one is None else len(one.source) for one in self._sources.values()]
        left = sum(sizes)
        while left > _KEPT and len(self._sources) > 1:
            _, dropped = self._sources.popitem(last=False)
            left -= 0 if dropped is None else len(dropped.source)

    def interest(self, path: str | None) -> frozenset[str]:
        """Return the names of a file that rules may see something in."""
        if path is None or path not in self.promising:
            return frozenset()
        if path not in self._interests:
            unit = self.unit(path)
            self._interests[path] = frozenset() if unit is None else self.look(unit)
        return self._interests[path]

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
        parts = [part for part in name.split(".") if part]
        if _is_library(parts, level):
            return None
        if parts and parts[0] not in self.stems:
            self.foreign.add(parts[0])
            return None
        asked = os.path.dirname(importer), name, level
        if asked not in self._found:
            before, self.looked_up = self.looked_up, set()
            places = (self.at(folder, parts) for folder in self._folders(importer, level))
            path = next((place for place in places if place is not None), None)
            self._found[asked] = path, frozenset(self.looked_up)
            self.looked_up = before
        path, tried = self._found[asked]
        self.looked_up |= tried
        return path

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
        return folder in self._known_folders()

    def _known_folders(self) -> frozenset[str]:
        if self._folders_with_files is None:
            folders: set[str] = set()
            for path in self.files:
                folder = os.path.dirname(path)
                while folder not in folders:
                    folders.add(folder)
                    folder = os.path.dirname(folder)
            self._folders_with_files = frozenset(folders)
        return self._folders_with_files

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
