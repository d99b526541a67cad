"""The benchmarks: what they compute from times, that all compute the same, that the command runs.

No test here says how fast something is.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import benchmarks
from benchmarks.arrays import arrays_of
from benchmarks.cases import BOOSTING, FORWARD, TRAINING, Case, all_cases, chosen
from benchmarks.contenders import CONTENDERS
from benchmarks.contenders.composed import COMPOSED
from benchmarks.contenders.prepared import Prepared, UnavailableError
from benchmarks.contenders.pytorch import tensor
from benchmarks.figures import as_results, best_of, disagreeing, is_steady, ratio
from benchmarks.processes import WorkerDiedError
from benchmarks.report import show
from benchmarks.rounds import Effort, Measured, Timing, measure
from benchmarks.worker import times
from losskit.losses import CATALOGUE

HOME = Path(benchmarks.__file__).parent


def smallest() -> list[Case]:
    """The first shape of every case that is not for trees."""
    found: dict[str, Case] = {}
    for case in all_cases():
        if not case.boosting:
            found.setdefault(case.label, case)
    return list(found.values())


# What is computed from times.


def test_ratios_are_those_of_turns_in_the_same_round():
    """In the second round the machine was slow for both, in the third for one."""
    assert ratio([1.0, 10.0, 9.0], [2.0, 20.0, 2.0]) == 0.5
    assert ratio([], []) is None


def test_unsteady_ratios_are_marked():
    """One round of five may be off, two may not."""
    assert is_steady([1.0, 1.1, 1.2, 1.3, 50.0], [1.0] * 5)
    assert not is_steady([1.0, 1.1, 1.2, 40.0, 50.0], [1.0] * 5)
    assert is_steady([1.0, 50.0], [2.0, 100.0])
    assert is_steady([1.0], [2.0])


def test_best_is_the_fastest_that_took_part():
    timings = {
        "eager": Timing([0.1]),
        "eager+thp": Timing([3.0, 1.0, 9.0]),
        "compiled+thp": Timing([2.0, 2.5, 2.1]),
    }
    assert best_of(timings) == "compiled+thp"
    assert best_of({"eager": Timing([0.1]), "eager+thp": Timing([5.0])}) == "eager+thp"
    assert best_of({"eager": Timing([0.1]), "eager+thp": Timing([])}) is None


def test_results_of_made_up_times():
    case = Case("CrossEntropy", (4, 8), "float32")
    timings = {
        "copy": Timing([1.0, 2.0, 1.0]),
        "losskit": Timing([6.0, 8.0, 5.0], peak_bytes=3 * 2**20),
        "eager": Timing([12.0, 16.0, 20.0], peak_bytes=6 * 2**20),
        "eager+thp": Timing([5.0, 8.0, 4.0]),
    }
    # A copy moves 2 * 128 bytes; the limit is 3 * 128 and the four indices.
    measured = Measured(case, {TRAINING: timings}, moved={"copy": 256})
    found = as_results(measured)["passes"][TRAINING]
    assert found["limit_bytes"] == 3 * 128 + 4 * 8
    assert found["limit_seconds"] == 416 / 256
    assert found["contenders"]["losskit"]["median_seconds"] == 6.0
    ratios = found["ratios"]["losskit"]
    assert ratios["time"] == {"eager": 0.5, "eager+thp": 1.2}
    assert (ratios["best"], ratios["best_is"]) == (1.2, "eager+thp")
    assert ratios["limit"] == pytest.approx(5.0 * 256 / 416)
    assert ratios["memory"] == 0.5
    assert ratios["unsteady"] == []


def test_memory_of_pages_is_no_ratio():
    timings = {"losskit": Timing([1.0], peak_bytes=0), "eager": Timing([1.0], peak_bytes=4096)}
    measured = Measured(Case("MSE", (10,), "float32"), {FORWARD: timings})
    assert as_results(measured)["passes"][FORWARD]["ratios"]["losskit"]["memory"] is None


def test_who_computes_something_else_is_named():
    values = {"losskit": 1.0, "eager": 1.00001, "optax": 2.0}
    measured = Measured(Case("MSE", (10,), "float32"), values=values)
    assert list(disagreeing(measured)) == ["optax"]


@pytest.mark.parametrize(
    ("case", "which", "expected"),
    [
        (Case("MSE", (1000,), "float32"), FORWARD, 8000),
        (Case("MSE", (1000,), "float32"), TRAINING, 12000),
        (Case("MSE", (1000,), "bfloat16"), TRAINING, 6000),
        (Case("GaussianNLL", (10,), "float64"), TRAINING, 400),
        (Case("CrossEntropy", (2, 4), "float32"), FORWARD, 32 + 16),
        (Case("CrossEntropy", (2, 4), "float32", soft=True), TRAINING, 5 * 32),
        (Case("Distillation", (2, 4), "float32"), TRAINING, 5 * 32 + 16),
        (Case("CosineEmbedding", (2, 4), "float32"), TRAINING, 4 * 32 + 8),
        (Case("MSE", (1000,), "float64", boosting=True), BOOSTING, 20000),
        (Case("CrossEntropy", (200, 5), "float32", boosting=True), BOOSTING, 12800),
        (Case("InfoNCE", (4, 4), "float32"), TRAINING, None),
    ],
)
def test_bytes_that_have_to_be_moved(case, which, expected):
    assert case.limit_bytes(which) == expected


def test_effort():
    effort = Effort(seconds=2.0, turn=0.01, fewest=5, most=40, longest=12.0)
    assert [effort.repeats(step) for step in (1e-3, 1.0, 1e-9)] == [10, 1, 1000]
    assert [effort.rounds(turns) for turns in (0.1, 0.001, 2.0)] == [20, 40, 5]
    assert [effort.rounds(turns) for turns in (3.0, 100.0)] == [4, 3]
    assert dataclasses.replace(effort, fewest=2, most=2).rounds(100.0) == 2
    assert dataclasses.replace(effort, longest=None).rounds(100.0) == 5


# Taking turns.


class Fake:
    """A worker whose step takes one second more each time, and which may die."""

    def __init__(self, name: str, log: list[str], dies_at: float = math.inf) -> None:
        self.name, self.log, self.dies_at = name, log, dies_at
        self.turns = 0

    def prepare(self, case):
        return {"passes": [FORWARD], "value": 1.0, "moved": 0}

    def run(self, which, repeats):
        self.turns += 1
        if self.turns >= self.dies_at:
            raise WorkerDiedError("no memory")
        self.log.append(self.name)
        return [float(self.turns)] * repeats

    def peak(self, which):
        return 7

    def release(self):
        self.log.append(f"{self.name} released")


def test_all_take_turns_and_another_begins_each_round():
    log: list[str] = []
    workers = {name: Fake(name, log) for name in "abc"}
    case = Case("MSE", (10,), "float32")
    measured = measure(case, workers, Effort(fewest=3, most=3))
    assert "".join(log[:12]) == "abc" + "abc" + "bca" + "cab"
    timing = measured.passes[FORWARD]["b"]
    assert (timing.rounds, timing.repeats, timing.peak_bytes) == ([2.0, 3.0, 4.0], 1, 7)
    assert measured.passes[TRAINING] == {}
    assert log[12:] == ["a released", "b released", "c released"]


@pytest.mark.parametrize("dies_at", [1, 3])
def test_the_death_of_one_stops_nobody_else(dies_at):
    workers = {"a": Fake("a", []), "b": Fake("b", [], dies_at)}
    measured = measure(Case("MSE", (10,), "float32"), workers, Effort(fewest=3, most=3))
    assert list(measured.passes[FORWARD]) == ["a"]
    assert len(measured.passes[FORWARD]["a"].rounds) == 3
    assert measured.failed == {"b": "no memory"}


def test_steps_use_the_sets_in_turn_and_drop_what_they_made():
    log: list[str] = []
    prepared = Prepared(
        {FORWARD: lambda number: log.append(f"step {number}")},
        sets=2,
        reset=lambda number: log.append(f"reset {number}"),
    )
    assert len(times(prepared, FORWARD, 2)) == 2
    # One more than asked, for the caches.
    assert log == [f"{what} {number}" for number in (0, 1, 0) for what in ("step", "reset")]
    log.clear()
    assert len(times(prepared, FORWARD, 1)) == 1
    assert log == ["step 0", "reset 0"]


PEAK = """
import numpy as np
from benchmarks.cases import FORWARD
from benchmarks.contenders.prepared import Prepared
from benchmarks.worker import peak_bytes
def step(number):
    np.ones(2**22)
    return np.ones(2**22), np.ones(2**22)
print(peak_bytes(Prepared({FORWARD: step}, 1), FORWARD))
"""


def test_peak_of_memory():
    """Two arrays of 32 MiB, one after the other, and one of 64 at the same time.

    In a process of its own, as a contender has one: what others have freed would not be seen.
    """
    done = subprocess.run(
        [sys.executable, "-c", PEAK], cwd=HOME.parent, check=True, capture_output=True, text=True
    )
    if sys.platform.startswith("linux"):
        assert 0.9 * 2**26 < int(done.stdout) < 1.2 * 2**26
    else:
        assert done.stdout == "None\n"


# That contenders compute the same.


def test_every_loss_has_cases_and_names_are_unique():
    cases = all_cases(["float32", "bfloat16"])
    assert {type(case.loss).__name__ for case in cases} == set(CATALOGUE)
    assert len({case.name for case in cases}) == len(cases)
    assert all(Case.from_dict(json.loads(json.dumps(case.as_dict()))) == case for case in cases)


def test_patterns():
    names = {case.name for case in chosen(all_cases(), ["crossentropy/*10", "Huber/1000/float32"])}
    assert names == {"CrossEntropy/128x10/float32", "Huber/1000/float32"}


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")  # kl_div says so at each call
@pytest.mark.parametrize("case", smallest(), ids=lambda case: case.label)
def test_contenders_compute_the_same(case):
    """Losskit on both kinds of arrays, PyTorch's loss or the composed one, scikit-learn's."""
    values = {}
    for name in ("losskit", "losskit-numpy", "eager", "scikit-learn"):
        try:
            prepared = CONTENDERS[name].prepare(case)
        except UnavailableError:
            continue
        for which in case.passes:
            assert len(times(prepared, which, 1)) == 1
        if prepared.value is not None:
            values[name] = prepared.value
    assert {"losskit", "losskit-numpy"} <= set(values)
    has_peer = type(case.loss).card.torch or type(case.loss).__name__ in COMPOSED
    assert ("eager" in values) == bool(has_peer)
    assert disagreeing(Measured(case, values=values)) == {}


@pytest.mark.parametrize("name", COMPOSED)
def test_composed_losses_have_the_gradient(name):
    case = next(case for case in smallest() if case.spec == name)
    arrays = arrays_of(case, 0)
    input, *others = (tensor(array, "float64") for array in arrays)
    COMPOSED[name](input.requires_grad_(), *others).backward()
    wide = [array.astype(np.float64) if array.dtype.kind == "f" else array for array in arrays]
    gradient = case.loss.value_and_gradient(*wide)[1]
    gradient = gradient[0] if isinstance(gradient, tuple) else gradient
    np.testing.assert_allclose(input.grad.numpy(), gradient, rtol=1e-6, atol=1e-9)


# The command.


def test_the_command(tmp_path):
    out = tmp_path / "found" / "results.json"
    patterns = ["Huber/1000", "CrossEntropy/128x10", "boosting-CrossEntropy/200x5/float64"]
    names = ["losskit", "eager", "eager+thp", "losskit-numpy", "scikit-learn"]
    options = [*(f"--case={one}" for one in patterns), *(f"--contender={one}" for one in names)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *options, "--rounds=1", f"--out={out}"],
        capture_output=True,
        text=True,
        check=False,
        cwd=HOME.parent,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    results = json.loads(out.read_text(encoding="utf-8"))
    assert [case["name"] for case in results["cases"]] == [
        "CrossEntropy/128x10/float32",
        "Huber/1000/float32",
        "boosting-CrossEntropy/200x5/float64",
    ]
    readme = (HOME / "README.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"`(\w+)`", readme.partition("## The JSON")[2]))
    case = results["cases"][0]
    found = case["passes"][TRAINING]
    for part in (results, case, found, found["contenders"]["eager"], found["ratios"]["losskit"]):
        assert set(part) <= documented
    assert set(found["contenders"]) == {"copy", *names}
    assert set(found["ratios"]) == {"losskit", "losskit-numpy"}
    assert all(ratio > 0 for ratio in found["ratios"]["losskit"]["time"].values())
    assert found["ratios"]["losskit"]["best_is"] == "eager+thp"
    assert results["contenders"]["eager+thp"]["environment"] == {"THP_MEM_ALLOC_ENABLE": "1"}
    trees = results["cases"][2]["passes"][BOOSTING]
    assert set(trees["contenders"]) == {"copy", "losskit-numpy", "scikit-learn"}
    for line in (
        "Huber/1000/float32",
        "÷ eager",
        "÷ limit",
        "Took no part: Losskit in memory that is new",
    ):
        assert line in done.stdout


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--case=Nothing", "no case fits Nothing"),
        ("--dtype=float8", "float32, float64, bfloat16"),
        ("--contender=me", "losskit, losskit-unkept, eager"),
    ],
)
def test_wrong_options(option, message):
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", option],
        capture_output=True,
        text=True,
        check=False,
        cwd=HOME.parent,
        timeout=120,
    )
    assert done.returncode == 2
    assert message in done.stderr


def test_troubles_are_told(capsys):
    """What failed, what is not the same, what was left out, and what is unsteady."""
    measured = Measured(Case("MSE", (10,), "float32"), failed={"eager": "no memory"})
    measured.values = {"losskit": 1.0, "optax": 2.0}
    timings = {"losskit": Timing([1.0] * 4), "eager": Timing([1.0, 2.0, 3.0, 4.0])}
    measured.passes = {FORWARD: timings | {"eager+thp": Timing([4.0] * 4)}}
    results = {
        "machine": {"processor": None, "architecture": "x", "cores": 1, "system": "y"}
        | {"huge_pages": None},
        "versions": {"torch": "1", "optax": None},
        "date": "today",
        "cases": [as_results(measured)],
        "skipped": ["MSE/1e12"],
    }
    show(results, Console(width=200))
    said = capsys.readouterr().out
    row = next(line for line in said.splitlines() if line.startswith("MSE/10/float32"))
    assert row.split()[1:] == ["forward", "1", "s", "~0.42", "0.25", "eager+thp", "–", "–", "–"]
    assert "Failed: MSE/10/float32: eager: no memory" in said
    assert "Not comparable: MSE/10/float32: optax has 2.0, not 1.0" in said
    assert "Skipped: MSE/1e12" in said
