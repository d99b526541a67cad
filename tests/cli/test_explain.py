"""``losskit explain`` as people and programs call it."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

import losskit
import losskit.torch
from cases import CLASSES, every_loss, one_case
from losskit.cli.main import app
from losskit.cli.output import patience
from losskit.core.cards import Role
from losskit.core.loss import Loss
from losskit.explain import explanation
from losskit.losses import CATALOGUE

SCHEMA = Path(__file__).parents[2] / "docs" / "explain-schema.json"


def explain(*arguments: object, **env: str) -> Result:
    return CliRunner().invoke(app, ["explain", *map(str, arguments)], env=env)


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
    assert "losskit.Focal(gamma=5, class_weight=[1.0, 2.0, 3.0])(input, target)" in text
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
