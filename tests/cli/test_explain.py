"""``losskit explain`` as people and programs call it, and the pictures that it draws."""

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import numpy as np
import pytest
import torch
from matplotlib.image import imread
from typer.testing import CliRunner, Result

import losskit
import losskit.torch
from cases import CLASSES, every_elementwise_and_classwise, every_loss, one_case
from losskit.cli.main import app
from losskit.cli.output import patience
from losskit.core.cards import Role, given, output
from losskit.core.contracts import Contract, Violation
from losskit.core.elementwise import Residual
from losskit.core.loss import Loss
from losskit.explain import drawing, explanation, picture
from losskit.losses import CATALOGUE

SCHEMA = Path(__file__).parents[2] / "docs" / "explain-schema.json"
SVG = "{http://www.w3.org/2000/svg}"
COLOURS = ("#0072b2", "#d55e00", "#009e73")


def explain(*arguments: object, **env: str) -> Result:
    return CliRunner().invoke(app, ["explain", *map(str, arguments)], env=env)


def read(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"\x1b\[[\d;]*m", "", text))


@every_loss
def test_everything_on_the_card_is_told(kind: type[Loss]) -> None:
    result = explain(kind.__name__)
    assert result.exit_code == 0, result.output
    card, text = kind.card, result.output
    assert text.splitlines()[:2] == [f"{kind.__name__}: {card.title}, {card.family}", card.summary]
    assert "\x1b" not in text
    told = [
        card.formula, card.gradient, card.curvature, card.output_layer, str(card.outliers),
        *card.use_when, *card.avoid_when, *card.pitfalls, *card.metrics, *map(str, card.sources),
        *card.equivalents, *card.equivalents.values(),
    ]  # fmt: skip
    told += [name for twin in card.torch for name in (twin.module, twin.function)]
    for argument in kind().arguments:
        told += [f"takes {argument.name}", *(one.title for one in argument.contracts)]
    for name, declared in kind.parameters().items():
        told += [f"{name} = ", declared.doc]
    for piece in told:
        assert piece in text, piece


@every_loss
def test_json_follows_the_documented_schema(kind: type[Loss]) -> None:
    schema = json.loads(SCHEMA.read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    result = explain(kind.__name__, "--format", "json")
    content = json.loads(result.stdout)
    jsonschema.validate(content, schema)
    assert content["spec"] == content["name"] == kind.__name__
    assert content["formula"] == kind.card.formula


@every_loss
def test_the_code_runs_as_it_is_written(kind: type[Loss]) -> None:
    case = one_case(kind)
    named = {
        argument.name: array
        for argument, array in zip(case.loss.arguments, case.arrays, strict=True)
        if argument.role is not Role.LEARNED
    }
    code = explanation(kind())["code"]
    value = eval(code["numpy"], {"losskit": losskit}, named)
    tensors = {name: torch.as_tensor(array) for name, array in named.items()}
    known = {"losskit": losskit, "torch": torch}
    assert torch.isfinite(eval(code["torch"], known, tensors)).all()
    assert np.isfinite(value)
    for name, declared in kind.parameters().items():
        if declared.kind == "array":
            code = explanation(kind(**{name: [1.0] * CLASSES}))["code"]
            assert "1.0, 1.0" in code["torch"]
            assert np.isfinite(eval(code["numpy"], {"losskit": losskit}, named))
            assert torch.isfinite(eval(code["torch"], known, tensors)).all()


def test_the_schemas_agree() -> None:
    """What both commands print means the same in both."""
    listed = json.loads(SCHEMA.with_name("list-schema.json").read_text("utf-8"))["$defs"]
    explained = json.loads(SCHEMA.read_text("utf-8"))
    for name, meaning in listed["loss"]["properties"].items():
        if name != "parameters":
            assert explained["properties"][name] == meaning
    of_list = listed["loss"]["properties"]["parameters"]["items"]["properties"]
    of_explain = explained["properties"]["parameters"]["items"]["properties"]
    assert of_list == {key: one for key, one in of_explain.items() if key != "value"}


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("huber", "Huber"),
        ("HuberLoss", "Huber"),
        ("l1_loss", "MAE"),
        ("pinball", "Quantile"),
        ("cross-entropy", "CrossEntropy"),
    ],
)
def test_names_are_read_as_everywhere(asked: str, name: str) -> None:
    assert explain(asked).output.startswith(f"{name}: ")


def test_parameters_are_given_and_shown() -> None:
    text = explain("focal:gamma=5,class_weight=[1,2,3]").output
    assert text.startswith("Focal:class_weight=[1,2,3],gamma=5: focal loss")
    assert re.search(r"gamma = 5 .*number >= 0; default 2\.0", text)
    assert "losskit.Focal(class_weight=[1.0, 2.0, 3.0], gamma=5)(input, target)" in text
    content = json.loads(explain("CrossEntropy:class_weight=[1,2]", "--format", "json").output)
    weight = next(one for one in content["parameters"] if one["name"] == "class_weight")
    assert (weight["default"], weight["value"]) == (None, [1.0, 2.0])
    assert content["code"]["torch"] == (
        "losskit.torch.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0]))(input, target)"
    )


def test_what_a_parameter_changes_is_shown_changed() -> None:
    assert "predicted rates >= 0" not in explain("poisson").output
    assert "predicted rates >= 0" in explain("poisson:log_input=False").output


BAD = {
    "typo": (["hubr"], "no loss is called 'hubr'; did you mean Huber?"),
    "markup": (["[bold]x[/bold]"], "no loss is called '[bold]x[/bold]'"),
    "empty": ([""], "no loss is called ''"),
    "parameter": (["huber:delt=1"], "Huber has no parameter 'delt'; it takes delta"),
    "value": (["huber:delta=-1"], "delta must be a finite number > 0, got -1"),
    "no number": (["huber:delta=wide"], "delta=wide is not a number"),
    "needs data": (["focal:class_weight=balanced"], "needs data; give numbers"),
    "extension": (["huber", "--plot", "x.jpg"], "must end with one of .png, .svg, .pdf"),
    "no extension": (["huber", "--plot", "x"], "must end with one of"),
    "no folder": (["huber", "--plot", "none/x.png"], "there is no folder 'none'"),
    "a folder": (["huber", "--plot", "is.png"], "is a folder"),
    "unwritable": (["huber", "--plot", "/proc/x.png"], "cannot be written"),
    "undrawable": (["focal:class_weight=3", "--plot", "x.png"], "class_weight must hold one"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_one_clear_line_and_code_2(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "is.png").mkdir()
    arguments, why = BAD[case]
    result = explain(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("Error: ")
    assert why in result.stderr
    assert os.listdir(tmp_path) == ["is.png"]


def test_in_a_real_process_and_without_torch(tmp_path: Path) -> None:
    blocked = "import sys; sys.modules['torch'] = None; from losskit.cli.main import run; run()"
    file = tmp_path / "huber.svg"
    done = subprocess.run(
        [sys.executable, "-c", blocked, "explain", "huber:delta=2", "--plot", file],
        capture_output=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
        timeout=120,
        check=True,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == f"Picture: {file.resolve()}"
    assert "losskit.torch.HuberLoss(delta=2)(input, target)" in done.stdout
    assert "<svg" in file.read_text("utf-8")
    failed = subprocess.run(
        [sys.executable, "-m", "losskit", "explain", "hubr"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (failed.returncode, failed.stdout) == (2, "")
    assert failed.stderr == "Error: no loss is called 'hubr'; did you mean Huber?\n"


def test_a_pipe_without_the_letters_of_formulas() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "losskit", "explain", "mse"],
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        timeout=60,
        check=True,
    )
    assert b"(x - y)?" in done.stdout


def test_without_matplotlib_there_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "losskit.explain.drawing", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = explain("huber", "--plot", tmp_path / "x.png")
    assert result.exit_code == 2
    assert result.stderr == (
        'Error: --plot needs matplotlib, which is not installed: pip install "losskit[plot]"\n'
    )


def test_commands_wait_for_what_they_need() -> None:
    code = (
        "import sys; from losskit.cli.main import app; app(['explain', 'huber'], "
        "standalone_mode=False); print({'torch', 'matplotlib', 'polars'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


@pytest.mark.parametrize("width", [24, 40, 70, 140])
@pytest.mark.parametrize("name", ["BinaryCrossEntropyWithLogits", "Focal"])
def test_narrow_terminals_lose_nothing(width: int, name: str) -> None:
    result = explain(name, FORCE_COLOR="1", COLUMNS=str(width), TERM="xterm")
    assert "\x1b[1m" in result.output
    lines = re.sub(r"\x1b\[[\d;]*m", "", result.output).splitlines()
    assert all(len(line) <= width for line in lines)
    text = "".join("".join(lines).split())
    card = CATALOGUE[name].card
    for piece in (*card.use_when, *card.pitfalls, f"losskit.torch.{losskit_module(name)}"):
        words = piece.split()
        # Beside names, a text is broken into lines with those names between.
        assert all(word in text for word in words) if width < 70 else "".join(words) in text
    assert "…" not in text


def losskit_module(name: str) -> str:
    twins = CATALOGUE[name].card.torch
    return twins[0].module if twins else f"{name}Loss"


# Pictures.


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


def test_a_spinner_shows_only_where_one_waits(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    with patience("Drawing", after=60):
        pass
    assert "Drawing" not in capsys.readouterr().err
    with patience("Drawing", after=0.01):
        time.sleep(0.3)
    assert "Drawing" in capsys.readouterr().err
    monkeypatch.delenv("FORCE_COLOR")
    with patience("Drawing", after=0.01):
        time.sleep(0.1)
    assert capsys.readouterr().err == ""


def test_help_says_how() -> None:
    text = re.sub(r"[\s│]+", " ", explain("--help").output)
    assert "losskit explain huber:delta=2 --plot huber.svg" in text
    assert ".png, .svg or .pdf" in text
