"""Which files are worth parsing: those that mention a loss, or what comes before one."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from losskit.check.lint.losses import loss_words
from losskit.check.lint.names import LIBRARIES, MODELLING

__all__ = ["Glance", "Selection", "called", "glance", "is_of_interest", "takes_losses"]

_PARTS = (b"oss", b"ntropy", b"oftmax", b"kl_div", b"riterion")
"""One of them is in each of those words: to look for them is quick."""

_LETTERS = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


@cache
def _losses() -> frozenset[bytes]:
    """The words; such as "huber" and "mse", which are in files of all kinds, are not enough."""
    found = {word.encode() for word in loss_words()} | {b"criterion"}
    return frozenset(word for word in found if any(part in word for part in _PARTS))


_ACTIVATIONS = frozenset([b"softmax", b"log_softmax", b"Softmax", b"LogSoftmax", b"Softmin"])


_IMPORTS = re.compile(
    rb"^[ \t]*(?:from|import)[ \t]+([\w. ,]+?)[ \t]*(?:import[ \t(]+([\w, ]*)|$)", re.M
)


def imported_stems(raw: bytes) -> set[str]:
    """Return the parts of the names of all that a file imports, as far as lines show them."""
    found: set[str] = set()
    for match in _IMPORTS.finditer(raw):
        modules, names = (part.decode(errors="replace") for part in match.groups(b""))
        own = [one for one in modules.split(",") if one.strip().partition(".")[0] not in LIBRARIES]
        for part in (*own, names) if own else ():
            found.update(re.split(r"[^\w]+", part))
    return found


def is_script(path: str, raw: bytes) -> bool:
    """Whether a file is run, or trains, and is not only imported."""
    return (
        b"__main__" in raw
        or b"backward(" in raw
        or path.endswith(".ipynb")
        or (any(word in raw for word in _RUNNING) and _RUNS.search(raw) is not None)
    )


_RUNNING = (b"main", b".train", b".fit")
"""One of them is in each of those: to look for them is quick."""


_RUNS = re.compile(rb"^def main\b|^(?:[\w, ]+=[ \t]*)?(?:main\(|\w+\.(?:train|fit)\w*\()", re.M)
"""A function that scripts have, or a call that begins at the border of its line."""


def brings_together(raw: bytes) -> bool:
    """Whether a file may hand a model to a training that another file defines."""
    return b"train" in raw or b"fit(" in raw or b"loss" in raw


class Glance(NamedTuple):
    """What a file shows at first sight.

    Attributes
    ----------
    interest : bool
        Whether it mentions what the rules are about.
    library : bool
        Of such files: whether one is mentioned that models are built from.
    losses : bool
        Of such files: whether it mentions a loss.
    functions : tuple of str
        Functions that seem to call a loss, and their classes.
    script : bool
        Of others: whether it is run, or trains.
    imported : tuple of str
        Parts of the names of what it imports, if that matters.
    wherever : bool
        Whether it may import from any folder.
    """

    interest: bool
    library: bool = False
    losses: bool = False
    functions: tuple[str, ...] = ()
    script: bool = False
    imported: tuple[str, ...] = ()
    wherever: bool = False


_NOTHING = Glance(False)


def glance(path: str, raw: bytes) -> Glance:
    """Look at a file for the first time."""
    if is_of_interest(raw):
        losses = takes_losses(raw)
        functions = tuple(sorted(loss_functions(raw))) if losses else ()
        return Glance(True, _LIBRARIES.search(raw) is not None, losses, functions)
    script = is_script(path, raw)
    if not script and not brings_together(raw):
        return _NOTHING
    wherever = b"sys.path" in raw or path.endswith(".ipynb")
    imported = tuple(sorted(imported_stems(raw)))
    return Glance(False, script=script, imported=imported, wherever=wherever)


class Selection:
    """Which files are analysed: those of interest, and those that bring such files together.

    Attributes
    ----------
    asked : list of str
        Paths of those that mention what the rules are about.
    joining : list of str
        Those of them that mention losses.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.joining: list[str] = []
        self._functions: dict[str, set[str]] = {}
        self._places: dict[str, set[str]] = {}
        self._others: list[tuple[str, Glance]] = []

    def add(self, path: str, seen: Glance) -> None:
        """Take a file into account."""
        if seen.interest:
            self.asked.append(path)
            for stem, place in _modules(path):
                if seen.library:
                    self._places.setdefault(stem, set()).add(place)
                if seen.losses:
                    self._functions.setdefault(stem, set()).update(seen.functions)
            if seen.losses:
                self.joining.append(path)
        elif seen.imported:
            self._others.append((path, seen))

    def chosen(self, calls: Callable[[str], frozenset[tuple[str, str]]]) -> list[str]:
        """Paths of all that are analysed, in their order; `calls` tells what a file calls."""
        found = list(self.asked)
        reaching = self._reaching()
        for path, seen in self._others:
            if seen.script and path in reaching:
                found.append(path)
                continue
            stems = self._functions.keys() & set(seen.imported)
            names = set[str]().union(*(self._functions[stem] for stem in stems))
            if names and any(
                name in names and (dot or name in seen.imported) for dot, name in calls(path)
            ):
                found.append(path)
        return sorted(found)

    def _reaching(self) -> set[str]:
        """Files that import one of interest, be it through others, as a main through a server."""
        reaching: set[str] = set()
        waiting = dict(self._others)
        while found := [path for path, seen in waiting.items() if self._imports(path, seen)]:
            for path in found:
                del waiting[path]
                for stem, place in _modules(path):
                    self._places.setdefault(stem, set()).add(place)
            reaching.update(found)
        return reaching

    def _imports(self, path: str, seen: Glance) -> bool:
        """Whether a file seems to import one of interest: many a project has a utils.py."""
        folder = os.path.dirname(path) + os.sep
        return any(
            seen.wherever
            or os.path.basename(place) in seen.imported
            or folder.startswith(place + os.sep)
            for stem in self._places.keys() & set(seen.imported)
            for place in self._places[stem]
        )


_LIBRARIES = re.compile(MODELLING.pattern.encode())
"""Where none is mentioned, there is no model that a script could bring."""


def _modules(path: str) -> list[tuple[str, str]]:
    """Names that a file may be imported by, its own and its folder's, and where they are found."""
    folder, name = os.path.split(path)
    above, package = os.path.split(folder)
    # src/ is where a project keeps what is imported from its own folder.
    places = [(name.removesuffix(".py"), above if package == "src" else folder)]
    return places if package == "src" else [*places, (package, above)]


_DEFINED = re.compile(rb"^([ \t]*)(?:async[ \t]+)?(def|class)[ \t]+(\w+)", re.M)
_TRAINS = re.compile(rb"backward\(|(?:[lL]oss|riterion|ntropy)\w*\(")


def loss_functions(raw: bytes) -> set[str]:
    """Return the names of functions that seem to call a loss, and of their classes."""
    found: set[str] = set()
    kind = b""
    starts = list(_DEFINED.finditer(raw))
    ends = [*(one.start() for one in starts[1:]), len(raw)]
    for match, end in zip(starts, ends, strict=False):
        indent, word, name = match.groups()
        if word == b"class":
            kind = name
            continue
        if _TRAINS.search(raw, match.end(), end):
            found.add(name.decode(errors="replace"))
            if indent:
                found.add(kind.decode(errors="replace"))
    return found - {"", "forward", "__init__", "__call__", "main", "step"}


_CALLED = re.compile(rb"(\.?)\b(\w+)[ \t]*\(")


def called(raw: bytes) -> frozenset[tuple[str, str]]:
    """Return the names that a file seems to call, each with the dot before it, if there is one."""
    found = set(_CALLED.findall(raw))
    return frozenset((dot.decode(), name.decode(errors="replace")) for dot, name in found)


def is_of_interest(raw: bytes) -> bool:
    """Whether a file mentions what the rules are about."""
    if _mentions(raw, _losses() | _ACTIVATIONS):
        return True
    # A training whatever its loss is, and a loss that is written out.
    if b".backward(" in raw or (b"sigmoid(" in raw and b"log(" in raw):
        return True
    return b"requires_grad=True" in raw and _REMADE.search(raw) is not None


_REMADE = re.compile(rb"loss\b[^()\n]*,[ ]*requires_grad=True")
"""A loss that becomes a new tensor."""


def takes_losses(raw: bytes) -> bool:
    """Whether a file mentions a loss, so that it matters who calls its functions."""
    return b"backward(" in raw or b"loss" in raw or _mentions(raw, _losses())


def _mentions(raw: bytes, words: frozenset[bytes]) -> bool:
    for part in _PARTS:
        at = raw.find(part)
        while at >= 0:
            first, last = at, at + len(part)
            while first and raw[first - 1] in _LETTERS:
                first -= 1
            while last < len(raw) and raw[last] in _LETTERS:
                last += 1
            if raw[first:last] in words:
                return True
            at = raw.find(part, last)
    return False
