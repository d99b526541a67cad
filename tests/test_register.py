"""A loss that is registered at run time is a loss like any other: CONTRIBUTING's example."""

from __future__ import annotations

import doctest
import importlib
import json
import pickle
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import array_api_strict
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import losskit
import losskit.torch as lt
from losskit.cli.main import app
from losskit.core.spec import find_loss, parse_loss
from losskit.losses import CATALOGUE

CONTRIBUTING = Path(__file__).parents[1] / "CONTRIBUTING.md"
X, Y = np.array([3.0, -1.0, 0.5]), np.array([1.0, 1.0, 0.5])
VALUES = [np.log(5), np.log(5), 0.0]
GRADIENT = [4 / 5, -4 / 5, 0.0]
CURVATURE = [2 * (1 - 4) / 25, 2 * (1 - 4) / 25, 2.0]


@pytest.fixture
def module(tmp_path, monkeypatch):
    """The file that CONTRIBUTING shows, as a module; the catalogue is put back afterwards."""
    text = re.search(r"```python\n(\"\"\"Cauchy.*?)```", CONTRIBUTING.read_text("utf-8"), re.S)[1]
    (tmp_path / "cauchy_of_ones_own.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    before = dict(CATALOGUE)
    yield importlib.import_module("cauchy_of_ones_own")
    CATALOGUE.clear()
    CATALOGUE.update(before)
    del sys.modules["cauchy_of_ones_own"]


@pytest.fixture
def cauchy(module):
    return losskit.register_loss(module.Cauchy)


def test_the_example_is_whole(module):
    results = doctest.testmod(module)
    assert results.attempted == 1
    assert results.failed == 0


def test_it_is_in_the_catalogue_under_all_its_names(cauchy):
    assert CATALOGUE["Cauchy"] is losskit.Cauchy is cauchy
    assert find_loss("lorentzian", CATALOGUE) is cauchy
    assert parse_loss("cauchy:scale=2", CATALOGUE).parameters == {"scale": 2}


def test_every_engine(cauchy):
    for make in (np.asarray, array_api_strict.asarray, torch.from_numpy):
        x, y = make(X), make(Y)
        value, gradient = cauchy().value_and_gradient(x, y, reduction="none")
        np.testing.assert_allclose(np.asarray(value), VALUES, rtol=1e-15)
        np.testing.assert_allclose(np.asarray(gradient), GRADIENT, rtol=1e-15)
        curvature = cauchy().curvature(x, y, reduction="none")
        np.testing.assert_allclose(np.asarray(curvature), CURVATURE, rtol=1e-15)


def test_torch_face(cauchy):
    module = lt.CauchyLoss(scale=2.0, reduction="sum")
    x = torch.tensor(X, requires_grad=True)
    module(x, torch.from_numpy(Y)).backward()
    np.testing.assert_allclose(x.grad, [4 / 8, -4 / 8, 0])
    value = lt.functional.cauchy_loss(x, torch.from_numpy(Y), reduction="none")
    np.testing.assert_allclose(value.detach(), VALUES, rtol=1e-15)
    assert repr(pickle.loads(pickle.dumps(module))) == "CauchyLoss(scale=2.0, reduction='sum')"
    assert "CauchyLoss" in dir(lt)
    assert "cauchy_loss" in dir(lt.functional)
    assert lt.CauchyLoss is lt.CauchyLoss


@pytest.mark.usefixtures("cauchy")
def test_list_and_explain():
    shown = CliRunner().invoke(app, ["list", "--format", "json"])
    assert "Cauchy" in [one["name"] for one in json.loads(shown.stdout)]
    shown = CliRunner().invoke(app, ["explain", "lorentzian:scale=2"])
    assert shown.exit_code == 0
    assert "log(1 + (e/scale)²)" in shown.stdout
    assert "losskit.torch.CauchyLoss(scale=2)(input, target)" in shown.stdout


def test_registering_again_takes_the_newer_class(module):
    """As when a notebook's cell runs again."""
    losskit.register_loss(module.Cauchy)
    first = lt.CauchyLoss
    newer = importlib.reload(module).Cauchy
    assert losskit.register_loss(newer) is newer
    assert CATALOGUE["Cauchy"] is newer
    assert lt.CauchyLoss is not first
    assert lt.CauchyLoss.face.kind is newer


def frozen(name, base):
    return dataclass(frozen=True)(type(name, (base,), {}))


def test_what_cannot_be_registered(module):
    with pytest.raises(TypeError, match="subclass of a kind of loss, got 3"):
        losskit.register_loss(3)
    with pytest.raises(TypeError, match="without gradient_at, value_at, card"):
        losskit.register_loss(frozen("Empty", losskit.core.elementwise.Elementwise))
    with pytest.raises(TypeError, match="Plain is no dataclass"):
        losskit.register_loss(type("Plain", (module.Cauchy,), {}))
    impostor = frozen("MSE", module.Cauchy)
    with pytest.raises(ValueError, match="MSE is called 'mse' too"):
        losskit.register_loss(impostor)
    namesake = frozen("Other", module.Cauchy)
    losskit.register_loss(module.Cauchy)
    with pytest.raises(ValueError, match="Cauchy is called 'lorentzian' too"):
        losskit.register_loss(namesake)
    assert "Other" not in CATALOGUE
    with pytest.raises(ValueError, match="CLIP is called 'cliploss' too"):
        losskit.register_loss(frozen("CLIPLoss", module.Cauchy))


def test_unknown_names_are_no_modules():
    with pytest.raises(AttributeError, match="no attribute 'CauchyLoss'"):
        lt.CauchyLoss  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'cauchy_loss'"):
        lt.functional.cauchy_loss  # noqa: B018
