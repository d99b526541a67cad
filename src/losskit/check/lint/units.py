"""The files of a project as parsed units."""

from __future__ import annotations

import ast
import re
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from losskit.check.findings import Place
from losskit.check.lint.finder import Finder

if TYPE_CHECKING:
    from losskit.check.lint.definitions import Frame

__all__ = ["Cell", "Project", "Unit", "UnreadableError", "parse"]

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
    left_out : str
        Which part of it was left out, and why.
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
    left_out: str = ""
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


class Project(Finder):
    """The files that may be read, and nothing else.

    Parameters
    ----------
    files : mapping
        Absolute path → path as it is shown.
    read : callable
        Returns the unit of an absolute path, or raises `UnreadableError`.
    promising : iterable of str
        Those of the files that mention what rules are about.
    look : callable
        Returns the names of a unit that rules may see something in.
    raw : callable
        Returns the bytes of an absolute path, or raises `UnreadableError`.
    """

    def __init__(
        self,
        files: Mapping[str, str],
        read: Callable[[str], Unit],
        promising: Iterable[str],
        look: Callable[[Unit], frozenset[str]],
        raw: Callable[[str], bytes],
    ) -> None:
        super().__init__(files)
        self.read = read
        self.promising = frozenset(promising)
        self.look = look
        self.raw = raw
        self._interests: dict[str, frozenset[str]] = {}
        self._sources: OrderedDict[str, Unit | None] = OrderedDict()
        self._units: dict[str, Unit] = {}

    def begin(self) -> None:
        """Forget what modules hold, but not their text: each file is analysed from scratch."""
        super().begin()
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
        kept = self.text(path)
        if kept is None:
            return None
        unit = replace(kept)
        self._units[path] = unit
        return unit

    def text(self, path: str) -> Unit | None:
        """Return a file as it is written, and not as the analysis makes use of it."""
        self.looked_up.add(path)
        if path not in self._sources:
            try:
                self._sources[path] = self.read(path)
            except UnreadableError:
                self._sources[path] = None
            self._trim()
        else:
            self._sources.move_to_end(path)
        return self._sources.get(path)

    def opened(self, path: str) -> list[Unit]:
        """Return the files that the analysis of one has led to."""
        return [unit for other, unit in self._units.items() if other != path]

    def mentions(self, path: str, *words: str) -> bool:
        """Whether one of several words is in the text of a file: quicker than to parse it."""
        self.looked_up.add(path)
        try:
            raw = self.raw(path)
        except UnreadableError:
            return False
        return any(word.encode() in raw for word in words)

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
