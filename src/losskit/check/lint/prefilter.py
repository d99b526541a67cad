"""Which files are worth parsing: those that mention a loss, or what comes before one."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from functools import cache
from typing import NamedTuple, TypedDict

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
    rb"^[ \t\"]*(?:from[ \t]+(\.*)([\w.]*)[ \t]+import[ \t]*(\([^)]*|[\w, \t]*)|"
    rb"import[ \t]+([\w., \t]+))",
    re.M,
)


def imported_names(raw: bytes) -> set[str]:
    """Return what a file imports, with dots before what is relative, as far as lines show it.

    Of ``from a import b`` both ``a`` and ``a.b``, for nobody knows which of them is a file.
    """
    found: set[str] = set()
    for match in _IMPORTS.finditer(raw):
        dots, module, names, modules = (part.decode(errors="replace") for part in match.groups(b""))
        found.update(_firsts(modules))
        found.add(dots + module)
        found.update(f"{dots}{module}{'.' if module else ''}{name}" for name in _firsts(names))
    return {one for one in found if one and one.partition(".")[0] not in _ELSEWHERE}


_ELSEWHERE = LIBRARIES | sys.stdlib_module_names
"""First names of what no project brings itself."""


def _firsts(listed: str) -> list[str]:
    """Names between commas, without what they are called afterwards."""
    parts = re.sub(r"#.*", "", listed).split(",")
    return [words[0] for part in parts if (words := re.findall(r"[\w.]+", part))]


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


_SHORT = 3_000
"""Bytes up to which a file may do nothing but hand on what others define."""


def brings_together(raw: bytes) -> bool:
    """Whether a file may hand a model to a training that another file defines."""
    hands_on = len(raw) < _SHORT and b"import" in raw
    return hands_on or b"train" in raw or b"fit(" in raw or b"loss" in raw


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
        Of all that mention no such library: what they import.
    wherever : bool
        Of those: whether it may import from any folder.
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
        # What takes gradients trains models, by whatever star import they come.
        trains = b".backward(" in raw or b".minimize(" in raw
        library = trains or _LIBRARIES.search(raw) is not None
        seen = Glance(True, library, losses, functions)
        return seen if library else seen._replace(**_imports(path, raw))
    script = is_script(path, raw)
    if not script and not brings_together(raw):
        return _NOTHING
    return Glance(False, script=script, **_imports(path, raw))


class _Imports(TypedDict):
    imported: tuple[str, ...]
    wherever: bool


def _imports(path: str, raw: bytes) -> _Imports:
    wherever = b"sys.path" in raw or path.endswith(".ipynb")
    return {"imported": tuple(sorted(imported_names(raw))), "wherever": wherever}


class Selection:
    """Which files are analysed: those of interest, and those that bring such files together.

    Attributes
    ----------
    asked : list of str
        Paths of those that mention what the rules are about.
    joining : list of str
        Those of them that mention losses.
    aside : list of str
        Those of them that have nothing to do with models, however far one follows their imports;
        known once files were chosen.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.joining: list[str] = []
        self.aside: list[str] = []
        self._functions: dict[str, set[str]] = {}
        self._of_models: list[str] = []
        self._others: dict[str, Glance] = {}
        self._without: dict[str, Glance] = {}

    def add(self, path: str, seen: Glance) -> None:
        """Take a file into account."""
        if seen.interest:
            self.asked.append(path)
            if seen.losses:
                self.joining.append(path)
                for stem in _stems(path):
                    self._functions.setdefault(stem, set()).update(seen.functions)
            if seen.library:
                self._of_models.append(path)
            else:
                self._without[path] = seen
        elif seen.imported:
            self._others[path] = seen

    def chosen(
        self,
        find: Callable[[str, str, int], str | None],
        calls: Callable[[str], frozenset[tuple[str, str]]],
    ) -> list[str]:
        """Paths of all that are analysed, in their order.

        ``find`` finds the file that an import of a file means, and ``calls`` tells what it calls.
        """
        reaching = self._reaching(find)
        self.aside = [path for path in self._without if path not in reaching]
        joined = [
            path
            for path, seen in self._others.items()
            if path in reaching and (seen.script or self._trains(seen, calls(path)))
        ]
        return sorted([*self.asked, *joined])

    def _trains(self, seen: Glance, calls: frozenset[tuple[str, str]]) -> bool:
        """Whether a file seems to call a function with a loss of one that it imports."""
        parts = {part for name in seen.imported for part in name.split(".")}
        names = set[str]().union(*(self._functions[one] for one in self._functions.keys() & parts))
        return any(name in names and (dot or name in parts) for dot, name in calls)

    def _reaching(self, find: Callable[[str, str, int], str | None]) -> set[str]:
        """Files that import one of models, be it through others, as a main through a server."""
        importers: dict[str, list[str]] = {}
        anywhere: dict[str, list[str]] = {}
        for path, seen in {**self._others, **self._without}.items():
            for whole in seen.imported:
                name = whole.lstrip(".")
                target = find(path, name, len(whole) - len(name))
                if target is not None:
                    importers.setdefault(target, []).append(path)
                elif seen.wherever:
                    anywhere.setdefault(name, []).append(path)
        reaching: set[str] = set()
        waiting = list(self._of_models)
        while waiting:
            path = waiting.pop()
            found = set(importers.get(path, ()))
            found.update(*(anywhere.get(one, ()) for one in _names(path)))
            # A package most likely hands on what its modules define.
            package = os.path.join(os.path.dirname(path), "__init__.py")
            found.update({package} & importers.keys())
            waiting += found - reaching
            reaching |= found
        return reaching


_LIBRARIES = re.compile(
    rb"^[ \t\"]*(?:import|from)[ \t]+[\w., ]*?(?:" + MODELLING.pattern.encode() + rb")"
    rb"|\bnn\.[A-Z]|\btf\.(?:nn|keras|layers|losses)\b",
    re.M,
)
"""Where none is mentioned, there is no model that a script could bring."""


def _stems(path: str) -> tuple[str, str]:
    """Return the name of a file, and of its folder."""
    folder, name = os.path.split(path)
    return name.removesuffix(".py"), os.path.basename(folder)


def _names(path: str) -> tuple[str, str]:
    """Return what a file may be imported as from anywhere, with its folder and without."""
    stem, folder = _stems(path)
    if stem == "__init__":
        return folder, os.path.basename(os.path.dirname(os.path.dirname(path))) + f".{folder}"
    return stem, f"{folder}.{stem}"


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
    """Return the names that a file seems to call, each with the dot before it, if there is one.

    Also those of the classes from which it derives others, whose methods these inherit.
    """
    found = set(_CALLED.findall(raw))
    for bases in _BASES.findall(raw):
        found.update(_LAST.findall(bases))
    return frozenset((dot.decode(), name.decode(errors="replace")) for dot, name in found)


_BASES = re.compile(rb"^class[ \t]+\w+\(([\w., \t]+)\)", re.M)
_LAST = re.compile(rb"(\.?)\b(\w+)[ \t]*(?:,|$)")


def is_of_interest(raw: bytes) -> bool:
    """Whether a file mentions what the rules are about."""
    if _mentions(raw, _losses() | _ACTIVATIONS):
        return True
    # A training whatever its loss is, and a loss that is written out.
    if b".backward(" in raw or b"GradientTape(" in raw or (b"sigmoid(" in raw and b"log(" in raw):
        return True
    if b".minimize(" in raw and b"ptimizer(" in raw:
        return True
    if b"requires_grad=True" in raw and _REMADE.search(raw) is not None:
        return True
    if b"ensor(" in raw and b"loss" in raw and _LISTED.search(raw) is not None:
        return True
    if b"Loss" not in raw and b"loss(" not in raw:
        return False
    guesses = any(
        one in raw for one in (b"argmax(", b".max(", b"round(", b".detach(")
    ) or _HALVED.search(raw)
    return bool(guesses) and _OWN_LOSS.search(raw) is not None


_HALVED = re.compile(rb">=?[ ]?0?\.5\b")
"""What predictions are compared with to become labels."""

_OWN_LOSS = re.compile(
    rb"^[ \t]*(?:class[ \t]+\w*Loss\w*\([\w.]*Module\)|"
    rb"def[ \t]+\w*(?:loss|Loss)\([^)]*(?:pred|output|logit|input))",
    re.M,
)
"""A module or a function of the project that is a loss, by its name."""

_LISTED = re.compile(rb"\b[tT]orch\.\w*[tT]ensor\(\s*\w*loss\w*\s*[,)]")
"""Losses of a list that become a new tensor."""

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
