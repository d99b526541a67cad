"""A model and rows of one's own, several processes, interruptions."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner, Result

from losskit.cli.main import app
from losskit.compare import CompareError, Keeping, Processes, Results, Store, compare, plan, run
from losskit.compare.own import function_named
from losskit.compare.store import UNFINISHED

pytestmark = pytest.mark.usefixtures("own_project")


def losskit(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["compare", *map(str, arguments)])


def own(load: str = "load", model: str | None = "build", **options: object) -> Results:
    given = None if model is None else f"own_project:{model}"
    asked = {"seeds": 2, "epochs": 2} | options
    return compare(function_named("--data", f"own_project:{load}"), model=given, **asked)


def same(one: Results, other: Results) -> bool:
    times = {"created": True, "machine": True, "runs": {"__all__": {"seconds"}}}
    return one.model_dump(exclude=times) == other.model_dump(exclude=times)


# The contract.


def test_a_model_and_rows_end_to_end() -> None:
    result = losskit(
        "--data", "own_project:load", "--model", "own_project:build", "--seeds", 2,
        "--epochs", 12, "--batch-size", 20, "--learning-rate", 0.01,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("own_project:load: 120 rows, one feature, target 'target'")
    report = Path("losskit-reports", "own_project", "report.html")
    results = Results.model_validate_json(report.with_name("results.json").read_text("utf-8"))
    assert results.training.model == "own_project:build"
    assert (results.training.batch_size, results.training.learning_rate) == (20, 0.01)
    assert results.data.inputs == 12
    assert results.data.features == {"inputs": "float32, 2 × 6"}
    assert results.training.hidden == []
    text = report.read_text("utf-8")
    assert "<code>own_project:build</code>" in text
    # Three classes that lie apart are learnt, batch normalisation and dropout notwithstanding.
    assert results.cell(results.verdict.leader, "accuracy").mean > 0.9
    exec(compile(results.code, "program", "exec"), {})
    assert "from own_project import build" in results.code
    assert "build(outputs=3)" in results.code


@pytest.mark.parametrize(
    ("load", "model", "task"),
    [
        ("numbers", None, "regression"),
        ("numbers", "line", "regression"),
        ("tokens", "embed", "binary"),
        ("dataset", "build", "multiclass"),
        ("divided", "build", "multiclass"),
    ],
)
def test_what_may_be_returned(load: str, model: str | None, task: str) -> None:
    results = own(load, model, seeds=1)
    assert results.target.task == task
    assert results.training.divided == (load == "divided")
    if load == "divided":
        parts = results.training
        assert (parts.train_rows, parts.validation_rows, parts.test_rows) == (60, 30, 30)
    exec(compile(results.code, load, "exec"), {})


def test_a_model_for_a_table() -> None:
    Path("t.csv").write_text(
        "a,b,y\n" + "".join(f"{i * 7 % 13},{i % 5},{i % 2}\n" for i in range(60))
    )
    arguments = ("-t", "y", "--model", "own_project:line", "--seeds", 1, "--epochs", 1)
    assert losskit("t.csv", *arguments).exit_code == 0


def test_own_rows_are_compared_as_a_table_of_them_is(tmp_path: Path) -> None:
    """Another way to the same numbers: standardised columns, through a file."""
    import numpy as np
    import polars as pl

    draw = np.random.default_rng(0)
    x = draw.normal(size=(100, 3))
    y = x @ [1.0, 2.0, 3.0]
    table = pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "target": y})
    asked = {"losses": ["MSE"], "seeds": 1, "epochs": 20}
    by_table = compare(table, "target", **asked)
    by_rows = compare(lambda: (x, y), **asked)
    assert by_rows.runs[0].metrics["mae"] == pytest.approx(by_table.runs[0].metrics["mae"], rel=0.3)
    assert by_rows.training.weights == by_table.training.weights


def test_functions_are_taken_in_python() -> None:
    def load() -> tuple[torch.Tensor, torch.Tensor]:
        return torch.randn(60, 3, generator=torch.Generator().manual_seed(0)), torch.arange(60) % 2

    def build(inputs: int) -> torch.nn.Module:
        return torch.nn.Linear(inputs, 1)

    results = compare(load, model=build, losses=["MSE"], seeds=1, epochs=1)
    assert results.training.weights == 4
    assert results.training.model.endswith("build")


def test_a_model_that_fails_while_it_learns_is_named() -> None:
    result = losskit("--data", "own_project:load", "--model", "own_project:late")
    assert result.exit_code == 2
    assert re.search(r"--model 'own_project:late': RuntimeError in .*own_project.py:\d+: only when "
                     "it learns", result.stderr)  # fmt: skip
    assert not Path("losskit-reports").exists()


def test_dropout_does_not_tie_runs_together() -> None:
    """What one loss draws is no other's affair, nor that of random numbers before."""
    torch.manual_seed(5)
    alone = own(losses=["Focal"])
    torch.manual_seed(6)
    among = own(losses=["CrossEntropy", "Focal"])
    runs = [one for one in among.runs if one.loss == "Focal"]
    assert [one.curves for one in runs] == [one.curves for one in alone.runs]


# Processes.


def test_processes_share_the_runs() -> None:
    tasks = [{task for task in range(7) if Processes(rank, 3).own(task)} for rank in range(3)]
    assert sorted(task for some in tasks for task in some) == list(range(7))
    assert Processes().gather("alone") == ["alone"]


def torchrun(processes: int, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    return subprocess.run(
        [*command, f"--nproc-per-node={processes}", "-m", "losskit", "compare",
         *map(str, arguments)],
        capture_output=True, text=True, timeout=240, check=False,
        env=os.environ | {"COLUMNS": "100", "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def test_two_processes_give_the_table_of_one() -> None:
    asked = ("--data", "own_project:load", "--model", "own_project:build",
             "--seeds", 3, "--epochs", 2)  # fmt: skip
    assert losskit(*asked, "--out", "one").exit_code == 0
    done = torchrun(2, *asked, "--out", "two")
    assert done.returncode == 0, done.stderr
    assert "two processes" in done.stdout
    assert done.stdout.count("own_project:load: 120 rows") == 1  # one of them speaks
    one, two = (
        Results.model_validate_json(Path(name, "results.json").read_text("utf-8"))
        for name in ("one", "two")
    )
    assert same(one, two)
    assert sorted(file.name for file in Path("two").iterdir()) == ["report.html", "results.json"]


def test_what_one_process_refuses_ends_all() -> None:
    Path("full").mkdir()
    Path("full", "report.html").write_text("")
    done = torchrun(2, "sklearn:iris", "--epochs", 1, "--seeds", 1, "--out", "full")
    assert done.returncode != 0
    assert done.stderr.count("Error: report folder 'full' already holds report.html") == 1


# Interruptions.


class InterruptionError(Exception):
    """An interruption."""


@pytest.mark.parametrize("at", [5, 8, 11])
def test_an_interrupted_comparison_goes_on_to_the_same_bits(at: int, tmp_path: Path) -> None:
    study = plan(
        function_named("--data", "own_project:load"),
        losses=["CrossEntropy", "Focal"],
        model="own_project:build",
        seeds=2,
        epochs=4,
    )
    whole = run(study)
    seen = []

    def stop(step: object) -> None:
        seen.append(step)
        if len(seen) == at:
            raise InterruptionError

    # Every epoch is kept here, so that it goes on in the middle of a run.
    with pytest.raises(InterruptionError):
        run(study, stop, keeping=Keeping(Store(tmp_path / "kept", every=0.0)))
    store = Store(tmp_path / "kept", every=0.0)
    assert store.holds == ((at - 1) // 4, 1)
    after: list[object] = []
    again = run(study, after.append, keeping=Keeping(store, resume=True))
    assert len(after) == 16 - at
    assert same(whole, again)
    assert store.kept == 4


def test_more_seeds_and_losses_go_on_from_fewer(tmp_path: Path) -> None:
    def asked(losses: list[str], seeds: int) -> Results:
        study = plan("sklearn:iris", losses=losses, seeds=seeds, epochs=2)
        keeping = Keeping(Store(tmp_path / "kept"), resume=True)
        steps.clear()
        return run(study, steps.append, keeping=keeping)

    steps: list[object] = []
    asked(["CrossEntropy"], 2)
    more = asked(["CrossEntropy", "Focal"], 3)
    assert len(steps) == 2 * (6 - 2)
    whole = compare("sklearn:iris", losses=["CrossEntropy", "Focal"], seeds=3, epochs=2)
    assert same(more, whole)


def test_another_comparison_is_refused(tmp_path: Path) -> None:
    def begin(epochs: int = 1, **options: bool) -> None:
        study = plan("sklearn:iris", losses=["CrossEntropy"], seeds=1, epochs=epochs)
        run(study, keeping=Keeping(Store(tmp_path / "kept"), **options))

    begin()
    with pytest.raises(CompareError, match="holds an interrupted comparison; go on with --resume"):
        begin()
    with pytest.raises(CompareError, match=r"differs in recipe \(epochs 1.*then, epochs 2.*now\)"):
        begin(2, resume=True)
    begin(2, overwrite=True)
    described = tmp_path / "kept" / "comparison.json"
    described.write_text("{")
    with pytest.raises(CompareError, match="cannot be read"):
        begin(2, resume=True)


def test_a_broken_file_counts_as_nothing_and_runs_no_code(tmp_path: Path) -> None:
    import pickle

    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return Path(tmp_path / "touched").touch, ()

    store = Store(tmp_path)
    for content in (b"", b"\x80", pickle.dumps(Evil())):
        store._file("MSE", 0, "done").write_bytes(content)
        assert store.finished("MSE", 0) is None
    assert not (tmp_path / "touched").exists()


def test_ctrl_c_keeps_what_is_done_and_resume_goes_on(tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "losskit", "compare", "sklearn:digits", "--loss", "CrossEntropy",
        "--loss", "Focal", "--seeds", "3", "--epochs", "3", "--out", "out",
    ]  # fmt: skip
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    kept = tmp_path / "out" / UNFINISHED
    while not list(kept.glob("*.done")):
        time.sleep(0.01)
        assert running.poll() is None
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 130
    found = re.fullmatch(
        r"Interrupted; (\d) finished runs? kept in out.unfinished: the same command with --resume "
        r"goes on from there\.\n",
        errors,
    )
    assert found, errors
    assert not (tmp_path / "out" / "report.html").exists()
    refused = losskit(*command[4:])
    assert refused.exit_code == 2
    assert "holds an interrupted comparison" in refused.stderr
    resumed = losskit(*command[4:], "--resume")
    assert resumed.exit_code == 0, resumed.output
    results = Results.model_validate(json.loads((tmp_path / "out" / "results.json").read_text()))
    whole = compare("sklearn:digits", losses=["CrossEntropy", "Focal"], seeds=3, epochs=3)
    assert same(results, whole)
    assert not kept.exists()
