"""Options of the command line: what holds where nobody gives them."""

from __future__ import annotations

from collections.abc import Mapping

from losskit.check.lint.values import NONE, Arguments, Const, Value

__all__ = ["declared", "holds"]

_FLAGS = {"store_true": Const(False), "store_false": Const(True)}


def declared(given: Arguments) -> dict[str, Value]:
    """Read a call of ``add_argument``: the name of the option → its default."""
    names = [one.value for one in given.positional if isinstance(one, Const)]
    words = [one for one in names if isinstance(one, str)]
    long = [one for one in words if one.startswith("--")] or words
    dest = given.const(-1, "dest")
    name = dest if isinstance(dest, str) else long[0].lstrip("-") if long else ""
    action = given.const(-1, "action")
    default = given.get(-1, "default") or _FLAGS.get(str(action), NONE)
    return {name.replace("-", "_"): default} if name else {}


def holds(options: Mapping[str, Value], asked: str) -> bool | None:
    """Whether what a condition asks of an option is so by default; None where nobody can tell."""
    name, compared, word = asked.partition(" == ")
    default = options.get(name)
    if not isinstance(default, Const) or default == NONE:
        return None
    return repr(default.value) == word if compared else bool(default.value)
