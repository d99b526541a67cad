"""Write what follows from the catalogues and from types: stubs, tables, pages, schema, prompts.

``python tools/generate.py`` writes them; with ``--check`` it exits 1 if they are not up to date.
"""

from __future__ import annotations

import argparse
import inspect
import json
import sys
from collections.abc import Iterable
from pathlib import Path

from pydantic import TypeAdapter

import losskit.torch
from losskit.check.catalogue import rules_by_code
from losskit.check.findings import Tool
from losskit.check.pages import page
from losskit.choose.prompts import PROMPTS
from losskit.choose.recommendation import Answer
from losskit.core.cards import Family
from losskit.core.loss import Loss
from losskit.losses import CATALOGUE
from losskit.torch.faces import Face, faces_of
from losskit.torch.modules import module_signature

HOME = Path(losskit.torch.__file__).parent
README = Path(__file__).parents[1] / "README.md"
HEADER = "# Made by tools/generate.py from the catalogue.\n\n"
DOCS = README.parent / "docs"
LINT = DOCS / "lint.md"
RULES = DOCS / "rules"
START, END = "<!-- losses, from the catalogue -->\n", "<!-- end of losses -->"
RULES_START, RULES_END = "<!-- rules, from the catalogue -->\n", "<!-- end of rules -->"


def arguments(signature: inspect.Signature, annotations: dict[str, object]) -> str:
    """Write a signature's parameters, each with its annotation."""
    written = []
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in written:
            written.append("*")
        text = f"{parameter.name}: {annotations[parameter.name]}"
        if parameter.default is not parameter.empty:
            text += f" = {parameter.default!r}"
        written.append(text)
    return ", ".join(written)


def function(face: Face) -> str:
    """Stub of a functional form."""
    signature = face.signature
    annotations = {name: item.annotation for name, item in signature.parameters.items()}
    return f"def {face.function}({arguments(signature, annotations)}) -> Tensor: ...\n"


def module(face: Face) -> str:
    """Stub of a module."""
    bases = "LossModule" if face.twin is None else f"LossModule, torch.nn.{face.module}"
    annotations = {key: item.annotation for key, item in face.signature.parameters.items()}
    signature = module_signature(face)
    own = {key: item.annotation for key, item in signature.parameters.items()}
    taken = arguments(signature, own | annotations | dict.fromkeys(face.learned, "float"))
    body = "".join(f"    {name}: torch.nn.Parameter\n" for name in face.learned)
    return f"class {face.module}({bases}):\n{body}    def __init__(self, {taken}) -> None: ...\n"


def stubs(kinds: Iterable[type[Loss]]) -> dict[Path, str]:
    """Return the text of every stub by its path."""
    faces = [face for kind in kinds for face in faces_of(kind)]
    typing = "from collections.abc import Callable\nfrom typing import Any\n\n"
    linear = "from losskit.torch.linear_cross_entropy import {0} as {0}\n"
    functional = HEADER + typing + "from torch import Tensor\n\n"
    functional += linear.format("linear_cross_entropy") + "".join(map(function, faces))
    package = (
        HEADER
        + typing
        + "import torch\nfrom torch import Tensor\n\n"
        + "from losskit.torch import functional as functional\n"
        + "from losskit.torch.accelerate import accelerate as accelerate\n"
        + linear.format("LinearCrossEntropyLoss")
        + "from losskit.torch.norms import GradientNorms as GradientNorms\n"
        + "from losskit.torch.norms import gradient_norms as gradient_norms\n"
        + "from losskit.torch.landscapes import Landscape as Landscape\n"
        + "from losskit.torch.landscapes import landscape as landscape\n"
        + "".join(
            f"from {home} import {name} as {name}\n"
            for name, home in losskit.torch._FROM_CHECKS.items()
        )
        + "from losskit.torch.modules import LossModule as LossModule\n"
        + "from losskit.torch.weighted_sum import WeightedSumLoss as WeightedSumLoss\n\n"
        + "\n".join(map(module, faces))
    )
    return {HOME / "functional.pyi": functional, HOME / "__init__.pyi": package}


def parameters(kind: type[Loss]) -> str:
    """Names of a loss's parameters; those after ``*`` are given by name."""
    names = []
    for parameter in inspect.signature(kind).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in names:
            names.append("*")
        names.append(parameter.name)
    return ", ".join(names)


def table(kinds: Iterable[type[Loss]]) -> str:
    """README's table of losses."""
    rows = ["| loss | what it is | family |", "|---|---|---|"]
    by_family = sorted(kinds, key=lambda kind: list(Family).index(kind.card.family))
    for kind in by_family:
        taken = parameters(kind)
        name = f"{kind.__name__}({taken})" if taken else kind.__name__
        rows.append(f"| `{name}` | {kind.card.summary} | {kind.card.family} |")
    return "\n".join(rows) + "\n"


def schema() -> str:
    """Schema of what ``losskit choose --format json`` prints."""
    content = TypeAdapter(Answer).json_schema(mode="serialization")
    return json.dumps(content, indent=2) + "\n"


def rules() -> str:
    """Table of the linter's rules."""
    rows = ["| code | what is wrong | severity | fix |", "|---|---|---|---|"]
    rows += [
        f"| [{rule.code}](rules/{rule.code}.md) | {rule.summary} | {rule.severity} | {rule.fixes} |"
        for rule in rules_by_code().values()
        if Tool.LINT in rule.tools
    ]
    return "\n".join(rows) + "\n"


def between(path: Path, start: str, end: str, text: str) -> str:
    """Text of a file with something else between two marks."""
    before, _, rest = path.read_text(encoding="utf-8").partition(start)
    return before + start + text + end + rest.partition(end)[2]


def generated() -> dict[Path, str]:
    """Return the text of every generated file by its path."""
    kinds = list(CATALOGUE.values())
    prompts = {DOCS / "prompts" / f"{name}.md": text() + "\n" for name, text in PROMPTS.items()}
    pages = {RULES / f"{rule.code}.md": page(rule) for rule in rules_by_code().values()}
    return (
        stubs(kinds)
        | prompts
        | pages
        | {
            README: between(README, START, END, table(kinds)),
            LINT: between(LINT, RULES_START, RULES_END, rules()),
            DOCS / "choose-schema.json": schema(),
        }
    )


def main() -> int:
    """Write or check all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare")
    check = parser.parse_args().check
    texts = generated()
    stale = [
        path
        for path, text in texts.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    for path in stale:
        if check:
            sys.stderr.write(f"{path} is out of date; run: make format\n")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(texts[path], encoding="utf-8")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
