"""What ``import losskit`` gives, and what is said where an extra is missing."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import losskit
import losskit.torch as lt
from losskit.core.elementwise import Elementwise
from losskit.losses import CATALOGUE

FUNCTIONS = {"check", "choose", "compare", "diagnose", "register_loss", "study"}


def told(code: str, *missing: str) -> str:
    """What a fresh Python without some libraries prints."""
    hidden = "".join(f"sys.modules[{name!r}] = None\n" for name in missing)
    return subprocess.run(
        [sys.executable, "-c", f"import sys\n{hidden}{code}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout.strip()


def test_names_are_losses_and_functions():
    packages = "name != '__version__' and name not in sys.modules['losskit'].__all__"
    listed = told(
        "import losskit\n"
        f"print(*losskit.__all__, *(f'losskit.{{name}}' for name in dir(losskit) if {packages}))"
    ).split()
    expected = {*CATALOGUE, *FUNCTIONS, "CATALOGUE", "Loss"}
    assert set(listed) == expected | {"losskit.core", "losskit.engines", "losskit.losses"}
    assert (
        set(losskit.losses.__all__)
        == set(dir(losskit.losses))
        == expected - FUNCTIONS | {"register_loss"}
    )


def test_functions_of_torch_are_losses():
    functional = lt.functional
    assert set(functional.__all__) == set(dir(functional))
    assert all(getattr(functional, name).__doc__ for name in functional.__all__)
    assert {"cross_entropy", "focal_loss", "linear_cross_entropy"} <= set(dir(functional))
    assert not {"CATALOGUE", "Face", "bind", "evaluate", "annotations"} & set(dir(functional))


def test_star_gives_what_is_named():
    code = "from losskit import *\nprint(*sorted(name for name in dir() if name[0] != '_'))"
    assert {*told(code).split()} == {*losskit.__all__, "sys"}


def test_losses_of_ones_own_are_listed(monkeypatch):
    monkeypatch.setitem(CATALOGUE, "Own", Elementwise)
    assert "Own" in dir(losskit)
    assert "Own" in dir(losskit.losses)


@pytest.mark.parametrize("first", ["", "import losskit.compare\n"])
def test_compare_is_called_like_the_others(first):
    code = (
        "import losskit\n"
        f"{first}"
        "try:\n    losskit.compare('none.csv')\n"
        "except losskit.compare.CompareError as error:\n    print(error)"
    )
    assert "none.csv" in told(code)
    assert inspect.signature(losskit.compare).parameters


EXTRAS = {
    "losskit.choose([1, 2])": ("polars", "losskit.choose needs polars to read data"),
    "losskit.study('outliers')": ("plotly", "losskit.studies needs plotly"),
    "losskit.compare('a.csv')": ("polars", "losskit.compare needs polars"),
    "from losskit.compare.runs import run": ("ignite", "losskit.compare needs ignite"),
}


@pytest.mark.parametrize("statement", EXTRAS)
def test_missing_extras_are_named(statement):
    library, message = EXTRAS[statement]
    code = f"import losskit\ntry:\n    {statement}\nexcept ImportError as error:\n    print(error)"
    extra = "choose" if "choose" in statement else "compare"
    assert told(code, library) == f'{message}: pip install "losskit[{extra}]"'
