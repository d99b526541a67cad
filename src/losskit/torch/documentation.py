"""Docstrings of the faces, made from those of the definitions."""

from __future__ import annotations

import inspect
import json
import re
import textwrap
from collections.abc import Sequence
from inspect import Parameter as Argument

from losskit.core.cards import PER_CLASS
from losskit.core.parameters import parameters_of
from losskit.torch.faces import Face

__all__ = ["documentation"]

_SECTION = re.compile(r"\n\n([A-Z][a-z]+)\n-+\n")
_ENTRY = re.compile(r"^(\w+) : (.*)\n((?: {4}.*\n?)*)", re.MULTILINE)
_DEFAULT = re.compile(r", (default .*|optional)$")
_PER_CALL = {
    "sample_weight": ("Tensor", "One weight per loss value, counted in the mean."),
    "mask": ("Tensor of bool", "What takes part; the rest leaves no trace, whatever it holds."),
    "normalizer": (
        "number or Tensor",
        "What the mean divides by instead, such as a token count over several batches.",
    ),
    "validate": ("bool", "Whether values are checked; by default where that is free."),
}
_DEPRECATED = "Deprecated; ``reduction`` says the same."


def documentation(
    face: Face, signature: inspect.Signature, home: str, name: str, call: Sequence[str] = ()
) -> str:
    """Docstring of a face under the names of its own arguments.

    ``call`` holds the names of what a module is called with; a function has none.
    """
    head, *parts = _SECTION.split(inspect.cleandoc(face.kind.__doc__ or ""))
    sections = dict(zip(parts[::2], parts[1::2], strict=True))
    entries = {
        key: (kind, " ".join(body.split()))
        for key, kind, body in _ENTRY.findall(sections.get("Parameters", ""))
    }
    listed = "\n".join(_entry(face, one, entries) for one in signature.parameters.values())
    written = [head, f"Parameters\n----------\n{listed}"]
    if not call:
        returned = 'The loss; every loss value for ``reduction="none"``.'
        written.append(f"Returns\n-------\nTensor\n    {returned}")
    if "References" in sections:
        written.append(f"References\n----------\n{sections['References']}")
    written.append(f"Notes\n-----\n{_relation(face, home, name)}")
    written.append(_usage(face, name, call))
    return "\n\n".join(written)


def _entry(face: Face, argument: Argument, entries: dict[str, tuple[str, str]]) -> str:
    """Say what an argument is."""
    kind, text = _said(face, argument, entries)
    if argument.default is None:
        kind += ", optional"
    elif argument.default is not argument.empty:
        default = argument.default
        written = json.dumps(default) if isinstance(default, str) else repr(default)
        kind += f", default {written}"
    body = textwrap.fill(text, 96, initial_indent="    ", subsequent_indent="    ")
    return f"{argument.name} : {kind}\n{body}"


def _said(face: Face, argument: Argument, entries: dict[str, tuple[str, str]]) -> tuple[str, str]:
    """Return the type and the meaning of an argument."""
    name = argument.name
    if name in _PER_CALL:
        return _PER_CALL[name]
    if name in ("size_average", "reduce"):
        return "bool", _DEPRECATED
    if name == "reduction":
        batchmean = face.twin is not None and face.twin.batchmean
        words = ', "batchmean"' if batchmean else ""
        more = "; the sum divided by the length of axis 0" if batchmean else ""
        text = f"Mean or sum over what takes part, or every loss value{more}."
        return f'{{"mean", "sum", "none"{words}}}', text
    taken = {one.name: one for one in face.kind.card.arguments}
    if name in taken:
        titles = " or ".join(contract.title for contract in taken[name].contracts)
        learnt = "; a module learns it, from there on" if name in face.learned else ""
        kind = str(argument.annotation).replace(" | ", " or ")
        return kind, f"{titles[0].upper()}{titles[1:]}{learnt}."
    own = face.renamed.get(name, name)
    declared = parameters_of(face.kind)
    if own in entries:
        kind, text = entries[own]
    elif own in declared:
        kind, text = declared[own].kind, f"{declared[own].doc}."
    else:
        kind, text = "Tensor", ""
    if name == "weight":
        # What follows the first sentence is about the definition's own mean.
        counted = face.weight.partition(", ")[2] if face.weight in PER_CLASS else face.weight
        first = f"{text.partition('. ')[0].rstrip('.')}. " if text else ""
        text = f"{first}{counted.capitalize()}."
    return _DEFAULT.sub("", kind).replace("array", "Tensor"), text


def _relation(face: Face, home: str, name: str) -> str:
    whole = f"`losskit.{face.kind.__name__}` computes it, and its help has an example with numbers."
    relation = (
        f"Takes the place of ``{home}.{name}``: the same arguments, defaults and numbers. What is "
        "different, such as shapes, which are never broadcast, and the mean of nothing, which is "
        "0, is listed one by one in ``docs/torch.md``."
        if face.twin is not None
        else f"``torch.nn`` has no such loss; it is called as those of ``{home}`` are."
    )
    return textwrap.fill(f"{relation} {whole}", 100)


def _usage(face: Face, name: str, call: Sequence[str]) -> str:
    """Show a call."""
    if not call:
        given = ", ".join((*face.arrays, "mask=mask"))
        return f"As in::\n\n    loss = losskit.torch.functional.{name}({given})"
    given = ", ".join((*call, "mask=mask"))
    options = "\n".join(f"- ``{key}``, {kind}: {text}" for key, (kind, text) in _PER_CALL.items())
    return (
        f"As in::\n\n    criterion = losskit.torch.{name}()\n    loss = criterion({given})\n\n"
        f"A call takes, by keyword:\n\n{options}"
    )
