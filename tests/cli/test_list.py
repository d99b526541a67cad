"""``losskit list`` as people and programs call it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner, Result

from losskit.cli.main import app
from losskit.losses import CATALOGUE

SCHEMA = Path(__file__).parents[2] / "docs" / "list-schema.json"
FAMILIES = {str(kind.card.family) for kind in CATALOGUE.values()}


def losskit(*arguments: str, **env: str) -> Result:
    return CliRunner().invoke(app, ["list", *arguments], env=env)


def terminal(width: int, *arguments: str, **env: str) -> Result:
    return losskit(*arguments, FORCE_COLOR="1", COLUMNS=str(width), TERM="xterm", **env)


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[\d;]*m", "", text)


def test_a_full_disk_gets_one_line():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "losskit", "list"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 2
    assert done.stderr == "Error: the output cannot be written: No space left on device\n"


def test_in_a_pipe_every_loss_is_a_line_of_its_own() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "losskit", "list"],
        capture_output=True,
        encoding="utf-8",
        env=os.environ | {"COLUMNS": "40", "PYTHONIOENCODING": "utf-8"},
        timeout=60,
        check=True,
    )
    assert done.stderr == ""
    first, *lines = done.stdout.splitlines()
    assert first == f"{len(CATALOGUE)} losses in {len(FAMILIES)} families"
    assert "\x1b" not in done.stdout
    for kind in CATALOGUE.values():
        names = ", ".join(kind.parameters())
        signature = f"{kind.__name__}({names})" if names else kind.__name__
        [line] = [line for line in lines if line.partition("  ")[0] == signature]
        assert kind.card.summary in line
        assert all(f"{argument.name}: " in line for argument in kind.card.arguments)
        assert all(twin.module in line for twin in kind.card.torch)
        assert line == line.rstrip()


def test_a_family_is_found_by_its_words() -> None:
    binary = "binary and multilabel"
    count = sum(kind.card.family == binary for kind in CATALOGUE.values())
    for asked in (binary, "binary", "Multilabel", "BINARY  and multilabel", "bin"):
        result = losskit("--family", asked)
        assert result.exit_code == 0
        assert result.output.splitlines()[0] == f"{count} losses in 1 family: {binary}"
        assert "SquaredHinge" in result.output
        assert "\nHuber" not in result.output


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ("nothing", "is unknown; there is regression, binary and multilabel"),
        ("", "is unknown"),
        ("[bold]", "'[bold]' is unknown"),
        ("multi", "could be several; there is binary and multilabel, multiclass"),
    ],
)
def test_an_unknown_family_gets_one_line_and_code_2(asked: str, why: str) -> None:
    result = losskit("--family", asked)
    assert (result.exit_code, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("Error: --family ")
    assert why in result.stderr


def test_json_follows_the_documented_schema() -> None:
    schema = json.loads(SCHEMA.read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    content = json.loads(losskit("--format", "json").stdout)
    jsonschema.validate(content, schema)
    assert {loss["name"] for loss in content} == set(CATALOGUE)
    huber = next(loss for loss in content if loss["name"] == "Huber")
    assert huber["parameters"] == [
        {
            "name": "delta",
            "doc": "error where the parabola turns into a line",
            "type": "number",
            "default": 1.0,
            "optional": False,
            "choices": [],
            "above": 0,
            "below": None,
            "at_least": None,
            "at_most": None,
            "unit": "target",
        }
    ]
    assert huber["torch"] == [{"module": "HuberLoss", "function": "huber_loss"}]
    assert [argument["role"] for argument in huber["arguments"]] == ["output", "given"]
    some = json.loads(losskit("--format", "json", "--family", "regression").stdout)
    assert some == [loss for loss in content if loss["family"] == "regression"]


@pytest.mark.parametrize("width", [30, 60, 119, 120, 140, 200])
def test_names_are_whole_in_every_terminal(width: int) -> None:
    result = terminal(width)
    assert "\x1b[1m" in result.output
    lines = plain(result.output).splitlines()
    assert all(len(line) <= width for line in lines[1:])
    # The narrowest shows a name over two lines, rather than a part of it.
    text = "".join(line.strip() for line in lines) if width < 40 else plain(result.output)
    assert all(name in text for name in CATALOGUE)
    assert "…" not in text


def test_no_color_is_heeded() -> None:
    colours = re.compile(r"\x1b\[(\d+;)*(3[0-7]|9[0-7])(;\d+)*m")
    assert not colours.search(terminal(80, NO_COLOR="1").output)


def test_what_was_registered_at_run_time_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CATALOGUE, "Mine", type("Mine", (CATALOGUE["Huber"],), {}))
    assert "\nMine(delta)" in losskit().output


def test_help_says_how() -> None:
    text = re.sub(r"[\s│]+", " ", losskit("--help").output)
    assert "losskit list --family regression" in text
    assert "docs/list-schema.json" in text
