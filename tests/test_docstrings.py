"""Every example in a docstring gives what it says."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import losskit
from losskit.engines.native import STATUS

HOME = Path(losskit.__file__).parent
MODULES = sorted(
    ".".join(("losskit", *file.relative_to(HOME).with_suffix("").parts)).removesuffix(".__init__")
    for file in HOME.rglob("*.py")
    if ">>> " in file.read_text("utf-8")
)
if STATUS.startswith("switched off"):
    # It has nothing to show without the kernels.
    MODULES.remove("losskit.torch.accelerate")


@pytest.mark.parametrize("name", MODULES)
def test_examples(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted > 0
    assert found.failed == 0
