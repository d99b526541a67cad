"""The catalogue, the cards and the declarations are complete and true."""

from __future__ import annotations

import ast
import dataclasses
import doctest
import importlib
import inspect
import pickle
import pkgutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import losskit
from cases import every_loss, one_case
from losskit.core.batchwise import Batchwise
from losskit.core.cards import Outliers
from losskit.core.classwise import Classwise
from losskit.core.contracts import REAL_VALUES
from losskit.core.elementwise import Elementwise
from losskit.core.loss import Loss
from losskit.core.regionwise import Regionwise
from losskit.core.rowwise import Rowwise
from losskit.losses import CATALOGUE


def test_every_file_of_losses_is_in_the_catalogue():
    """One file, one loss, one line."""
    package = importlib.import_module("losskit.losses")
    defined = set()
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"losskit.losses.{info.name}")
        kinds = [
            item
            for item in vars(module).values()
            if inspect.isclass(item) and item.__module__ == module.__name__
        ]
        assert len(kinds) == 1, f"{info.name}.py holds {len(kinds)} classes"
        defined.add(kinds[0])
    assert defined == set(CATALOGUE.values())
    assert all(getattr(losskit, name) is kind for name, kind in CATALOGUE.items())


MAY_BE_EMPTY = {
    "torch",
    "equivalents",
    "settings_there",
    "aliases",
    "function",
    "never_negative",
}


@every_loss
def test_cards_are_complete(kind):
    card = kind.card
    for field in dataclasses.fields(card):
        if field.name not in MAY_BE_EMPTY:
            assert getattr(card, field.name), f"{kind.__name__}: card has no {field.name}"
    assert card.summary.endswith(".")
    for advice in (*card.use_when, *card.avoid_when, *card.pitfalls):
        assert advice.endswith("."), f"{kind.__name__}: {advice!r} is no sentence"
    assert all(1700 < source.year < 2100 for source in card.sources)
    assert (card.outliers is Outliers.DOES_NOT_APPLY) == (
        REAL_VALUES not in card.targets and card.family != "regression"
    )


def test_names_are_unambiguous():
    """No alias leads to two losses."""
    seen: dict[str, str] = {}
    for name, kind in CATALOGUE.items():
        twins = [alias for twin in kind.card.torch for alias in (twin.module, twin.function)]
        for alias in (name, *kind.card.aliases, *twins):
            key = "".join(c for c in alias.lower() if c.isalnum())
            assert seen.setdefault(key, name) == name


@every_loss
def test_docstrings_tell_what_users_need(kind):
    text = inspect.getdoc(kind)
    assert "References\n----------" in text
    assert "Examples\n--------" in text
    for name, declared in kind.parameters().items():
        assert f"\n{name} : " in text, f"{kind.__name__}: {name} is not documented"
        assert declared.doc


@every_loss
def test_examples_run(kind):
    module = sys.modules[kind.__module__]
    results = doctest.testmod(module)
    assert results.attempted > 1
    assert results.failed == 0


@every_loss
def test_losses_are_values(kind):
    """Frozen, comparable, hashable, picklable; written as the command line reads them."""
    loss = kind()
    assert loss == kind()
    assert hash(loss) == hash(kind())
    assert pickle.loads(pickle.dumps(loss)) == loss
    assert loss.spec() == kind.__name__
    with pytest.raises(dataclasses.FrozenInstanceError):
        loss.card = None


@every_loss
def test_kind_is_one_of_the_kinds(kind):
    assert issubclass(kind, (Elementwise, Classwise, Rowwise, Batchwise, Regionwise))
    assert issubclass(kind, Loss)


def test_a_definition_without_a_gradient_is_refused():
    class Unfinished(Elementwise):
        card = losskit.MSE.card

        def value_at(self, input, target, xp):
            return input - target

    with pytest.raises(TypeError, match="gradient_at"):
        Unfinished()


def modules_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    return set(done.stdout.split())


def test_import_is_light():
    """Nothing is loaded before its first array comes."""
    loaded = modules_after("import losskit")
    heavy = {"numpy", "array_api_compat", "torch", "polars", "sklearn", "scipy", "typer", "rich"}
    assert not heavy & loaded
    loaded = modules_after("import losskit; losskit.CrossEntropy()([[1.0, 2.0]], [0])")
    assert "torch" not in loaded


def test_torch_face_names_its_extra():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "try:\n    import losskit.torch\n"
        "except ImportError as error:\n    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == 'losskit.torch needs PyTorch: pip install "losskit[torch]"'


def test_no_loss_is_named_outside_its_own_file():
    """A second list of losses would drift from the catalogue."""
    source = Path(losskit.__file__).parent
    names = set(CATALOGUE)
    for path in source.rglob("*.py"):
        if path.parent.name == "losses":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            found = {node.id} if isinstance(node, ast.Name) else set()
            assert not names & found, f"{path.relative_to(source)} names {names & found}"


def test_a_loss_of_ones_own():
    """What is written for one kind works everywhere that kind works."""

    @dataclasses.dataclass(frozen=True)
    class Cubic(Elementwise):
        card = losskit.MSE.card

        def value_at(self, input, target, xp):
            return abs(input - target) ** 3

        def gradient_at(self, input, target, xp):
            error = input - target
            return 3 * error * abs(error)

        def curvature_at(self, input, target, xp):
            return 6 * abs(input - target)

    x, y = np.array([1.0, -2.0]), np.zeros(2)
    value, gradient = Cubic().value_and_gradient(x, y)
    assert value == 4.5
    assert gradient.tolist() == [1.5, -6]
    case = one_case(losskit.MSE)
    assert Cubic()(*case.arrays, mask=case.input > 0) > 0
