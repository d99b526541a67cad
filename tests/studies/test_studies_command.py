"""The command as people type it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner, Result

from losskit.cli.main import app
from losskit.studies import SEEDS, STUDIES
from losskit.studies.results import schema


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def losskit(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["study", *map(str, arguments)])


def process(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "losskit", "study", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"COLUMNS": "100"},
    )


def test_a_study_end_to_end() -> None:
    running = process("outliers", "--fast", "--seeds", 4)
    output, errors = running.communicate(timeout=120)
    assert (running.returncode, errors) == (0, "")
    first, second, *rest = output.splitlines()
    assert first == "The Huber loss learns the true curve better than the squared error."
    assert second.startswith("The question was: Does the Huber loss")
    assert any(line.startswith("  • [shown] The Huber loss") for line in rest)
    report = Path(rest[-1].removeprefix("Report: "))
    assert report == Path("losskit-reports", "study-outliers", "report.html").resolve()
    assert report.read_text("utf-8").startswith("<!doctype html>")
    results = json.loads(report.with_name("results.json").read_text("utf-8"))
    assert results["seeds"] == [0, 1, 2, 3]
    assert results["fast"] is True


def test_json_is_what_is_written_and_follows_the_schema() -> None:
    result = losskit("one-half:separation=0", "--fast", "--seeds", 2, "--format", "json")
    assert result.exit_code == 0
    printed = json.loads(result.stdout)
    folder = Path("losskit-reports", "study-one-half-separation=0")
    assert printed == json.loads((folder / "results.json").read_text("utf-8"))
    jsonschema.validate(printed, json.loads(schema()))
    assert printed["study"] == "one-half:separation=0"


def test_a_report_is_not_replaced_unasked() -> None:
    asked = ("one-half", "--fast", "--seeds", 2, "--out", "o")
    assert losskit(*asked).exit_code == 0
    again = losskit(*asked)
    assert again.exit_code == 2
    assert "already holds report.html and results.json" in again.stderr
    assert losskit(*asked, "--overwrite").exit_code == 0


def test_the_list() -> None:
    result = losskit("--list")
    first, *lines = result.stdout.splitlines()
    assert first == "Ten studies: losskit study NAME"
    assert [line.split()[0] for line in lines] == list(STUDIES)
    for line, kind in zip(lines, STUDIES.values(), strict=True):
        assert kind.question in line
        assert all(setting in line for setting in kind.settings())
    entries = json.loads(losskit("--list", "--format", "json").stdout)
    assert [one["name"] for one in entries] == list(STUDIES)
    assert entries[3]["settings"][0]["name"] == "share"
    assert "Huber:delta=0.3" in entries[3]["losses"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "study needs a name; losskit study --list shows all"),
        (("outliers", "--list"), "takes a name or --list, not both"),
        (("outlier",), "study 'outlier' is unknown; did you mean outliers?"),
        (("outliers:share=9",), "share must be a finite number >= 0 and <= 0.45, got 9"),
        (("outliers:foo=1",), "has no parameter 'foo'; it takes share"),
        (("outliers", "--seeds", "0"), "seeds is 0; it must be an integer of at least 1"),
        (("outliers", "--out", "/proc/losskit"), "cannot be written"),
    ],
)
def test_bad_input_gets_one_clear_line_and_code_2(
    arguments: tuple[str, ...], why: str, tmp_path: Path
) -> None:
    result = losskit(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("Error: ")
    assert why in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_leaves_no_report_and_no_traceback(tmp_path: Path) -> None:
    running = process("circle", "--out", "new/out")
    while not (tmp_path / "new" / "out").exists():  # the training begins
        time.sleep(0.05)
        assert running.poll() is None
    time.sleep(0.5)
    running.send_signal(signal.SIGINT)
    output, errors = running.communicate(timeout=60)
    assert running.returncode in (130, -signal.SIGINT)
    assert (output, errors) == ("", "Interrupted; no report was written.\n")
    assert list(tmp_path.iterdir()) == []


def test_without_the_extra_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [
        one
        for one in sys.modules
        if one.startswith(("losskit.studies", "losskit.reporting", "plotly"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "losskit.cli.study_view", raising=False)
    monkeypatch.setitem(sys.modules, "plotly", None)
    for arguments in (("outliers",), ("--list",)):
        result = losskit(*arguments)
        assert result.exit_code == 2
        assert result.stderr.splitlines() == [
            "Error: study needs plotly.graph_objects, which is not installed: pip install "
            '"losskit[compare]"'
        ]


def test_help_names_the_real_default() -> None:
    assert f"[default: {SEEDS}]" in re.sub(r"[\s│]+", " ", losskit("--help").output)
