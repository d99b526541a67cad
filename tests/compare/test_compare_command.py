"""The command as people type it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from losskit.cli.compare_view import table
from losskit.cli.main import app
from losskit.compare import Results, compare
from losskit.compare.metrics import METRICS
from losskit.compare.study import EPOCHS, SEEDS
from losskit.reporting.folder import REPORT, RESULTS

QUICK = ["--seeds", "2", "--epochs", "2"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def losskit(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["compare", *map(str, arguments)])


def process(*arguments: object, **options: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "losskit", "compare", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"COLUMNS": "100"},
        **options,
    )


def test_a_real_table_end_to_end(house_file: Path) -> None:
    running = process(house_file, "--target", "price", *QUICK)
    output, errors = running.communicate(timeout=120)
    assert running.returncode == 0, errors
    assert errors == ""
    first, *rest = output.splitlines()
    assert first.startswith("häuser.csv: 156 rows, four features, target 'price': regression")
    assert "4 rows were left out" in output
    assert "'id': it numbers the rows" in output
    assert "mean absolute error ↓" in output
    assert "two seeds can show" in output or "chance explains" in output
    report = Path(rest[-1].removeprefix("Report: "))
    assert report == Path("losskit-reports", "häuser", "report.html").resolve()
    assert report.read_text(encoding="utf-8").startswith("<!doctype html>")
    results = json.loads(report.with_name("results.json").read_text(encoding="utf-8"))
    assert results["data"]["rows"] == 160
    assert results["training"]["seeds"] == [0, 1]


def test_json_goes_to_stdout_alone() -> None:
    running = process("sklearn:iris", *QUICK, "--format", "json", "--out", "out")
    output, errors = running.communicate(timeout=120)
    assert running.returncode == 0
    assert errors == ""
    assert json.loads(output) == json.loads(Path("out/results.json").read_text("utf-8"))


def test_quiet_says_the_verdict_only() -> None:
    result = losskit("sklearn:iris", *QUICK, "--quiet")
    assert result.exit_code == 0
    assert "↑" not in result.output
    assert "Report: " in result.output


def test_every_option_does_what_it_says(house_file: Path) -> None:
    options = ["--metric", "r2", "--loss", "MAE", "--loss", "Huber:delta=5000", "--out", "o"]
    result = losskit(house_file, "-t", "price", "--seeds", 3, "--epochs", 1, *options)
    assert result.exit_code == 0, result.output
    results = json.loads(Path("o/results.json").read_text("utf-8"))
    assert [arm["label"] for arm in results["losses"]] == ["MAE", "Huber:delta=5000"]
    assert results["verdict"]["metric"] == "r2"
    assert results["training"]["epochs"] == 1
    assert results["training"]["seeds"] == [0, 1, 2]
    again = losskit(house_file, "-t", "price", *QUICK, "--out", "o")
    assert again.exit_code == 2
    assert "already holds" in again.output
    other = losskit(
        "sklearn:digits", "--task", "regression", "--seeds", 1, "--epochs", 1, "--loss", "MSE",
        "--out", "o", "--overwrite",
    )  # fmt: skip
    assert other.exit_code == 0, other.output
    results = json.loads(Path("o/results.json").read_text("utf-8"))
    assert results["target"]["task"] == "regression"
    assert "may be chance" not in other.output
    assert "no other loss was compared" in other.output


def text(name: str, content: str) -> str:
    Path(name).write_text(content, encoding="utf-8")
    return name


def rows(values: list[object]) -> str:
    return "x,y\n" + "".join(f"{i * 7 % 13},{value}\n" for i, value in enumerate(values))


BAD = {
    "no such file": (lambda: ["nothing.csv", "-t", "y"], "'nothing.csv': no such file"),
    "folder": (lambda: [".", "-t", "y"], "is a folder"),
    "extension": (lambda: [text("a.xls", "x"), "-t", "y"], "unknown extension '.xls'"),
    "0 bytes": (lambda: [text("a.csv", ""), "-t", "y"], "is empty (0 bytes)"),
    "header only": (lambda: [text("a.csv", "x,y\n"), "-t", "y"], "no rows"),
    "malformed CSV": (lambda: [text("a.csv", "x,y\n1,2\n1,2,3\n"), "-t", "y"], "read as csv"),
    "malformed Parquet": (lambda: [text("a.parquet", "x"), "-t", "y"], "read as parquet"),
    "malformed JSONL": (lambda: [text("a.jsonl", "{x"), "-t", "y"], "read as jsonl"),
    "no target": (lambda: [text("a.csv", rows([1, 2]))], "name the column to predict"),
    "no such column": (lambda: ["sklearn:iris", "-t", "tarjet"], "did you mean target"),
    "constant": (lambda: [text("a.csv", rows([5] * 30)), "-t", "y"], "is constant"),
    "rare class": (
        lambda: [text("a.csv", rows(["a", "b"] * 20 + ["c"])), "-t", "y"],
        "the class 'c' has 1 row",
    ),
    "too few rows": (lambda: [text("a.csv", rows([1.5, 2.5, 3])), "-t", "y"], "at least 20"),
    "all missing": (lambda: [text("a.csv", rows(["NA"] * 30)), "-t", "y"], "missing in all 30"),
    "free text": (
        lambda: [text("a.csv", rows([f"text {i}" for i in range(30)])), "-t", "y"],
        "is free text",
    ),
    "infinite": (lambda: [text("a.csv", rows(["inf", 1.5, 2] * 10)), "-t", "y"], "infinite"),
    "no feature": (
        lambda: [text("a.csv", "x,y\n" + "1,0.5\n1,1.5\n" * 15), "-t", "y"],
        "no feature column is usable",
    ),
    "sklearn name": (lambda: ["sklearn:iriss"], "did you mean iris"),
    "unknown loss": (lambda: ["sklearn:iris", "--loss", "CrossEntrpy"], "CrossEntropy"),
    "unknown parameter": (lambda: ["sklearn:iris", "--loss", "MSE:delta=1"], "delta"),
    "misfit": (
        lambda: ["sklearn:diabetes", "--loss", "CrossEntropy"],
        "'CrossEntropy' does not fit the target 'target'",
    ),
    "unknown metric": (lambda: ["sklearn:iris", "--metric", "mae"], "metric 'mae' is unknown"),
    "seeds": (
        lambda: ["sklearn:iris", "--seeds", "0"],
        "seeds is 0; it must be an integer of at least 1",
    ),
    "epochs": (lambda: ["sklearn:iris", "--epochs", "-3"], "epochs is -3"),
    "out is a file": (lambda: ["sklearn:iris", "--out", text("f", "")], "is a file"),
    "out below a file": (lambda: ["sklearn:iris", "--out", text("f", "") + "/a"], "be written"),
    "out unwritable": (lambda: ["sklearn:iris", "--out", "/proc/losskit"], "be written"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_one_clear_line_and_code_2(case: str, tmp_path: Path) -> None:
    arguments, why = BAD[case]
    given = arguments()
    before = set(tmp_path.rglob("*"))
    result = losskit(*given)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("Error: ")
    assert why in result.stderr
    assert set(tmp_path.rglob("*")) == before


def test_bad_input_in_a_real_process() -> None:
    running = process("nothing.csv", "--target", "y")
    output, errors = running.communicate(timeout=60)
    assert (running.returncode, output) == (2, "")
    assert errors == (
        "Error: DATA 'nothing.csv': no such file (for a bundled data set write sklearn:NAME)\n"
    )


def test_without_the_extra_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [one for one in sys.modules if one.startswith("losskit.compare")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "losskit.cli.compare_view", raising=False)
    monkeypatch.setitem(sys.modules, "polars", None)
    result = losskit("sklearn:iris")
    assert result.exit_code == 2
    assert result.stderr == (
        'Error: compare needs polars, which is not installed: pip install "losskit[compare]"\n'
    )


@pytest.mark.parametrize("existing", [False, True])
def test_an_interrupt_leaves_no_report_and_no_traceback(existing: bool, tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    if existing:
        out.mkdir(parents=True)
        for name in (REPORT, RESULTS):
            (out / name).write_text("of an earlier run", encoding="utf-8")
    before = {file.name: file.read_bytes() for file in out.glob("*")}
    running = process("sklearn:digits", "--epochs", 10000, "--out", out, "--overwrite")
    assert running.stdout is not None
    running.stdout.readline()  # what was found; the training begins
    time.sleep(0.7)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=60)
    # Python dies of the signal where it struck an import that evaluates text, as torch's lazy
    # ones do; a shell reports both as 130.
    assert running.returncode in (130, -signal.SIGINT)
    assert errors == "Interrupted; no report was written.\n"
    assert {file.name: file.read_bytes() for file in out.glob("*")} == before
    assert out.parent.exists() == existing


def test_help_names_every_metric_and_the_real_defaults() -> None:
    help_text = re.sub(r"[\s│]+", " ", losskit("--help").output)
    for metrics in METRICS.values():
        assert all(metric.name in help_text for metric in metrics)
    assert f"[default: {SEEDS}]" in help_text
    assert f"[default: {EPOCHS}]" in help_text


def test_the_command_line_stays_light() -> None:
    code = (
        "import sys; import losskit.cli.main; "
        "print([m for m in ('torch', 'polars', 'sklearn', 'pydantic') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.fixture(scope="module")
def five_losses() -> Results:
    names = ["CrossEntropy", "Focal", "MSE", "NLL", "BinaryCrossEntropy"]
    return compare("sklearn:iris", losses=names, seeds=2, epochs=2)


@pytest.mark.parametrize(("width", "blocks"), [(80, 2), (60, 3), (300, 1)])
def test_many_losses_share_a_narrow_terminal(
    width: int,
    blocks: int,
    five_losses: Results,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No column is squeezed out: losses that do not fit go into a further table."""
    monkeypatch.setenv("COLUMNS", str(width))
    table(five_losses)
    output = capsys.readouterr().out
    assert output.count("balanced accuracy ↑") == blocks
    assert output.count("  95 % interval") == blocks
    tables = output.partition("* best mean")[0]
    assert all(name in tables for name in ("CrossEntropy", "Focal", "MSE", "NLL", "BinaryCross"))
    assert "…" not in tables
