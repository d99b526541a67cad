"""Write the type stubs of ``losskit.torch``, whose faces are made from the catalogue.

``python tools/stubs.py`` writes them; with ``--check`` it exits 1 if they are not up to date.
"""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Iterable
from pathlib import Path

import losskit.torch as faces
from losskit.core.loss import Loss
from losskit.losses import CATALOGUE
from losskit.torch.faces import function_name, module_name, signature_of
from losskit.torch.modules import module_signature

HOME = Path(faces.__file__).parent
HEADER = "# Made by tools/stubs.py from the catalogue.\n\n"


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


def function(kind: type[Loss]) -> str:
    """Stub of a functional form."""
    signature = signature_of(kind)
    annotations = {name: item.annotation for name, item in signature.parameters.items()}
    return f"def {function_name(kind)}({arguments(signature, annotations)}) -> Tensor: ...\n"


def module(kind: type[Loss]) -> str:
    """Stub of a module."""
    name = module_name(kind)
    bases = "LossModule" if kind.card.torch is None else f"LossModule, torch.nn.{name}"
    annotations = {key: item.annotation for key, item in signature_of(kind).parameters.items()}
    taken = arguments(module_signature(kind), annotations)
    return f"class {name}({bases}):\n    def __init__(self, {taken}) -> None: ...\n"


def stubs(kinds: Iterable[type[Loss]]) -> dict[Path, str]:
    """Return the text of every stub by its path."""
    kinds = list(kinds)
    functional = HEADER + "from torch import Tensor\n\n" + "".join(map(function, kinds))
    package = (
        HEADER
        + "import torch\nfrom torch import Tensor\n\n"
        + "from losskit.torch import functional as functional\n"
        + "from losskit.torch.modules import LossModule as LossModule\n\n"
        + "\n".join(map(module, kinds))
    )
    return {HOME / "functional.pyi": functional, HOME / "__init__.pyi": package}


def main() -> int:
    """Write or check the stubs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare")
    check = parser.parse_args().check
    stale = [
        path
        for path, text in stubs(CATALOGUE.values()).items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    for path in stale:
        if check:
            sys.stderr.write(f"{path} is out of date; run: python tools/stubs.py\n")
        else:
            path.write_text(stubs(CATALOGUE.values())[path], encoding="utf-8")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
