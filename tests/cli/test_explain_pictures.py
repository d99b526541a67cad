"""The pictures that ``losskit explain`` draws."""

import json
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.image import imread
from typer.testing import CliRunner, Result

import losskit
import losskit.torch
from cases import every_elementwise_and_classwise, every_loss
from losskit.cli.main import app
from losskit.core.cards import given, output
from losskit.core.contracts import Contract, Violation
from losskit.core.elementwise import Residual
from losskit.core.loss import Loss
from losskit.explain import drawing, picture
from losskit.losses import CATALOGUE

SVG = "{http://www.w3.org/2000/svg}"
COLOURS = ("#0072b2", "#d55e00", "#009e73")


def explain(*arguments: object, **env: str) -> Result:
    return CliRunner().invoke(app, ["explain", *map(str, arguments)], env=env)


def read(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"\x1b\[[\d;]*m", "", text))


def texts(file: Path) -> list[str]:
    """All words of a picture, line by line."""
    found = ElementTree.parse(file).getroot().iter(f"{SVG}text")
    return [" ".join("".join(node.itertext()).split()) for node in found]


@every_loss
def test_every_loss_is_drawn(kind: type[Loss], tmp_path: Path) -> None:
    """By its axes, titles and as many curves as there are; nothing is warned of (see pytest)."""
    result = explain(kind.__name__, "--plot", tmp_path / "x.svg")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    drawn = picture(kind())
    words = texts(tmp_path / "x.svg")
    root = ElementTree.parse(tmp_path / "x.svg").getroot()
    panels = ["Value", "Gradient"]
    if all(curve.curvature is not None for curve in drawn.curves):
        panels.append("Curvature")
    for wanted in (drawn.title, drawn.axis, *panels, "loss", f"∂ loss / ∂ {drawn.moved}"):
        assert wanted in words, wanted
    assert all(curve.label in words for curve in drawn.curves if curve.label)
    for colour, curve in zip(COLOURS, drawn.curves, strict=False):
        paths = [
            node.get("d", "")
            for node in root.iter(f"{SVG}path")
            if f"stroke: {colour}" in node.get("style", "") and "width: 2" in node.get("style", "")
        ]
        longest = [path for path in paths if path.count("L") >= 1]
        assert len(longest) >= len(panels), curve.label
        assert not any("nan" in path or "inf" in path for path in paths)


@every_loss
def test_curves_fit_each_other(kind: type[Loss]) -> None:
    """The slope of each curve is the next one, save at kinks; something moves."""
    drawn = picture(kind())
    assert 1 <= len(drawn.curves) <= 3
    assert any(np.ptp(curve.value) > 0.01 for curve in drawn.curves)
    for curve in drawn.curves:
        assert np.isfinite(curve.value).all()
        pairs = [(curve.value, curve.gradient)]
        if curve.curvature is not None:
            pairs.append((curve.gradient, curve.curvature))
        for below, above in pairs:
            slope = np.diff(below) / np.diff(drawn.x)
            middle = (above[1:] + above[:-1]) / 2
            close = np.isclose(slope, middle, rtol=0.02, atol=0.02 * np.abs(above).max() + 1e-9)
            assert close.mean() > 0.95, curve.label


def test_curves_are_those_of_the_formulas() -> None:
    squared = picture(losskit.MSE())
    x, [curve] = squared.x, squared.curves
    assert np.allclose(curve.value, x**2)
    assert np.allclose(curve.gradient, 2 * x)
    assert np.allclose(curve.curvature, 2)

    z, (true, other) = (drawn := picture(losskit.CrossEntropy())).x, drawn.curves
    p = np.exp(z) / (np.exp(z) + 2)
    assert np.allclose(true.value, -np.log(p))
    assert np.allclose(true.gradient, p - 1)
    assert np.allclose(other.value, np.log(np.exp(z) + 2))
    assert np.allclose(other.gradient, p)
    assert np.allclose(other.curvature, p * (1 - p))

    counts = picture(losskit.PoissonNLL())
    for curve, y in zip(counts.curves, (0, 2, 5), strict=True):
        assert curve.label == f"target = {y}"
        assert np.allclose(curve.value, np.exp(counts.x) - y * counts.x)


@every_elementwise_and_classwise
def test_errors_are_errors(kind: type[Loss]) -> None:
    """Whatever the target holds, 0 on the axis of errors is where input and target agree."""
    drawn, loss = picture(kind()), kind()
    if isinstance(loss, Residual):
        assert drawn.axis == f"error: {drawn.moved} − {loss.arguments[1].name}"
        at_target = loss(drawn.x - 1, np.full_like(drawn.x, -1), reduction="none", validate=False)
        assert np.allclose(drawn.curves[0].value, at_target)
    else:
        assert not drawn.axis.startswith("error")


def test_an_axis_ends_short_of_poles_but_not_of_peaks() -> None:
    x = np.linspace(0.001, 1, 601)
    low, high = drawing._limits([1 / x, 1 - x])
    assert low < 0
    assert 5 < high < 60
    peak = np.exp(-((x - 0.5) ** 2) / 1e-4)
    low, high = drawing._limits([peak])
    assert high > 1
    assert drawing._limits([np.zeros(601) + 2]) == (1.5, 2.5)
    assert drawing._limits([np.full(601, np.nan)]) == (-0.5, 0.5)


def test_kinks_and_leaps_are_told_from_steep_slopes() -> None:
    x = np.linspace(-4, 4, 601)
    assert drawing._jumps(np.sign(x)).tolist() == [299, 300]
    assert drawing._jumps((np.abs(x) < 1).astype(float)).size == 2
    for smooth in (x, np.abs(x), np.clip(x, -1, 1), np.tanh(9 * x), np.exp(3 * x), 1 / (x + 4.1)):
        assert drawing._jumps(smooth).size == 0


def test_the_picture_reaches_as_far_as_the_loss_bends() -> None:
    for delta in (0.1, 1.0, 50.0):
        drawn = picture(losskit.Huber(delta=delta))
        assert drawn.x[0] < -2 * delta
        assert drawn.x[-1] > 2 * delta
        assert 0.2 < (drawn.curves[0].curvature == 1).mean() < 0.3


def test_settings_of_axes_and_classes_change_no_curve() -> None:
    plain = picture(losskit.CrossEntropy())
    moved = picture(losskit.CrossEntropy(class_axis=-1, ignore_index=0))
    assert np.array_equal(plain.curves[0].value, moved.curves[0].value)
    weighted = picture(losskit.CrossEntropy(class_weight=[2, 1, 1, 1]))
    value = 2 * np.log((np.exp(weighted.x) + 3) / np.exp(weighted.x))
    assert np.allclose(weighted.curves[0].value, value)


@pytest.mark.parametrize("extension", ["png", "PNG", "pdf", "svg"])
def test_each_kind_of_file_is_what_its_name_says(extension: str, tmp_path: Path) -> None:
    file = tmp_path / f"x.{extension}"
    assert explain("hinge", "--plot", file).exit_code == 0
    content = file.read_bytes()
    starts = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}
    assert content.startswith(starts[extension.lower()])
    if extension == "png":
        image = imread(file)
        assert image.shape[0] > 400
        assert image.shape[1] > 1200
        assert len(np.unique(image.reshape(-1, image.shape[-1]), axis=0)) > 50
    assert explain("hinge", "--plot", file).exit_code == 0
    assert file.read_bytes() == content  # the same loss, the same file
    assert os.listdir(tmp_path) == [file.name]


def test_json_is_alone_on_stdout_when_something_is_drawn(tmp_path: Path) -> None:
    result = explain("mse", "--plot", tmp_path / "x.png", "--format", "json")
    assert json.loads(result.stdout)["name"] == "MSE"
    assert (tmp_path / "x.png").exists()


def test_an_existing_file_is_replaced_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, link = tmp_path / "x.svg", tmp_path / "link.svg"
    file.write_text("old")
    link.symlink_to(file)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", full)
        result = explain("mse", "--plot", link)
    assert result.exit_code == 2
    assert result.stderr.endswith("cannot be written: No space left on device\n")
    assert file.read_text() == "old"
    assert sorted(os.listdir(tmp_path)) == ["link.svg", "x.svg"]
    assert explain("mse", "--plot", link).exit_code == 0
    assert link.is_symlink()
    assert "<svg" in file.read_text("utf-8")


def _outside(values, xp, classes):
    wrong = (values < 1) | (values > 3)
    return Violation((0,), "?", "1 to 3") if bool(xp.any(wrong)) else None


WEIGHTS = Contract("Weights", "weights from 1 to 3", 1.0, "", _outside)


@dataclass(frozen=True)
class Strange(Loss):
    """A loss of a kind and with a contract that nothing here knows: of all numbers together."""

    card = replace(
        losskit.MSE.card,
        title="[bold]odd[/bold] $x$ loss",
        summary="Costs [red]all[/red] of them :smile:.",
        arguments=(output("input", WEIGHTS), given("target", WEIGHTS)),
        torch=(),
    )

    def arrange(self, arrays, xp):
        if arrays[0].ndim != 1:
            raise ValueError("one axis only")
        return arrays

    def positions(self, arrays):
        return ()

    def value_at(self, input, target, xp):
        return xp.sum((input - target) ** 2) ** 2

    def pull_back(self, arrays, outer, wanted, xp):
        error = arrays[0] - arrays[1]
        slope = 4 * xp.sum(error**2) * error * outer
        return [slope, -slope]


def test_a_loss_of_an_unknown_kind_is_explained_and_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it was registered at run time; its text is text, and no markup or formula."""
    monkeypatch.setitem(CATALOGUE, "Strange", Strange)
    file = tmp_path / "[red]x.svg"
    result = explain("strange", "--plot", file, FORCE_COLOR="1", COLUMNS="100")
    assert result.exit_code == 0, result.output
    text = read(result.output)
    assert "Strange: [bold]odd[/bold] $x$ loss, regression" in text
    assert "Costs [red]all[/red] of them :smile:." in text
    assert "losskit.torch.StrangeLoss()(input, target)" in text
    drawn = picture(Strange())
    assert (drawn.x[0], drawn.x[-1]) == (1, 3)
    assert drawn.curves[0].curvature is None
    assert np.allclose(drawn.curves[0].value, (drawn.x - 2) ** 4)
    assert f"Picture: {file.resolve()}" in text
    words = texts(file)
    assert "[bold]odd[/bold] $x$ loss: Strange()" in words
    assert "Curvature" not in words
    listed = CliRunner().invoke(app, ["list"], env={"FORCE_COLOR": "1", "COLUMNS": "160"})
    assert "Costs [red]all[/red] of them :smile:." in read(listed.output)
