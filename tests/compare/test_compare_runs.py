"""Training: the same for every loss, and the same every time."""

import math

import numpy as np
import polars as pl
import pytest
import torch

from losskit.compare import Results, compare, plan, run
from losskit.compare.candidates import resolve
from losskit.compare.fit import Recipe, start
from losskit.compare.pairing import pair
from losskit.compare.training import _Course, train
from losskit.losses import CATALOGUE

TIMES = {"created": True, "machine": True, "runs": {"__all__": {"seconds"}}}


@pytest.mark.parametrize("data", ["sklearn:diabetes", "sklearn:iris"])
def test_the_same_command_gives_the_same_numbers(data: str) -> None:
    torch.manual_seed(1)
    one = compare(data, seeds=2, epochs=3)
    torch.manual_seed(2)
    other = compare(data, seeds=2, epochs=3)
    assert one.model_dump(exclude=TIMES) == other.model_dump(exclude=TIMES)


def test_losses_do_not_disturb_each_other() -> None:
    alone = compare("sklearn:diabetes", losses=["MAE"], seeds=2, epochs=3)
    among = compare("sklearn:diabetes", losses=["MSE", "MAE"], seeds=2, epochs=3)
    runs = [run for run in among.runs if run.loss == "MAE"]
    assert [run.metrics for run in runs] == [run.metrics for run in alone.runs]
    assert [run.curves for run in runs] == [run.curves for run in alone.runs]


def test_the_same_loss_in_other_words_trains_the_same_network() -> None:
    # One output z and the pair (0, z) are the same model, weights and batches.
    results = compare(
        "sklearn:breast_cancer",
        losses=["BinaryCrossEntropyWithLogits", "CrossEntropy"],
        seeds=1,
        epochs=2,
    )
    one, other = results.runs
    assert one.curves.train_loss == pytest.approx(other.curves.train_loss, rel=1e-3)
    assert results.training.outputs == 1


def test_seeds_vary_rows_weights_and_order() -> None:
    study = plan("sklearn:iris", seeds=2, epochs=1)
    one, other = (start(study, seed) for seed in (0, 1))
    assert set(one.split.test) != set(other.split.test)
    assert not torch.equal(one.weights["0.weight"], other.weights["0.weight"])
    (candidate, *_) = study.candidates
    loss = resolve(candidate, one.train.truth, 3, 1.0)
    pairing = pair(candidate.kind, study.target)

    def course(begin):
        return _Course(begin, loss, pairing, Recipe(1, 16), study.metric)

    orders = [
        torch.cat([rows for rows, _ in course(begin)._batches()]) for begin in (one, one, other)
    ]
    assert torch.equal(orders[0], orders[1])
    back = [(row[None] == one.train.features).all(dim=1).nonzero()[0] for row in orders[0]]
    there = [(row[None] == other.train.features).all(dim=1).nonzero()[0] for row in orders[2]]
    assert back != there
    parts = np.concatenate([one.split.train, one.split.validation, one.split.test])
    assert sorted(parts) == list(range(150))
    # Every class in the same share.
    for part in (one.split.train, one.split.validation, one.split.test):
        counts = np.bincount(study.target.values[part])
        assert len(set(counts)) == 1


def test_the_best_epoch_is_kept() -> None:
    study = plan("sklearn:diabetes", losses=["MSE"], seeds=1, epochs=25)
    begin = start(study, 0)
    (candidate,) = study.candidates
    loss = resolve(candidate, begin.train.truth, 0, begin.scale)
    recipe = Recipe(25, 16, 0.03)  # a high rate, so that the last epoch is not the best
    fit = train(begin, loss, pair(candidate.kind, study.target), recipe, study.metric, print)
    assert fit.best_epoch == 1 + int(np.argmin(fit.validation_loss)) < 25
    # Trained for just so long, it predicts the same.
    again = Recipe(fit.best_epoch, 16, 0.03)
    short = train(begin, loss, pair(candidate.kind, study.target), again, study.metric, print)
    assert np.array_equal(short.predicted, fit.predicted)


def test_the_unit_of_the_target_does_not_matter() -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=200)
    y = 3 * x + draw.normal(size=200)
    metres = pl.DataFrame({"x": x, "y": y})
    millimetres = pl.DataFrame({"x": x, "y": 1024 * y})  # a power of two rounds nothing
    one = compare(metres, "y", ["Huber:delta=0.5"], seeds=1, epochs=3)
    other = compare(millimetres, "y", ["Huber:delta=512"], seeds=1, epochs=3)
    assert one.runs[0].curves.train_loss == other.runs[0].curves.train_loss
    assert 1024 * one.runs[0].metrics["mae"] == pytest.approx(other.runs[0].metrics["mae"])
    assert one.runs[0].metrics["r2"] == pytest.approx(other.runs[0].metrics["r2"])


def test_it_learns() -> None:
    # A verdict that the data force: outliers in a tenth of the targets, judged on the median.
    draw = np.random.default_rng(1)
    x = draw.uniform(-2, 2, 600)
    y = np.sin(2 * x) + draw.normal(0, 0.05, 600)
    y[draw.random(600) < 0.1] += 30
    frame = pl.DataFrame({"x": x, "y": y})
    results = compare(
        frame, "y", ["MSE", "Huber:delta=0.1"], seeds=3, epochs=30, metric="median_ae"
    )
    assert results.verdict.leader == "Huber:delta=0.1"
    assert results.verdict.decided
    assert results.comparisons[0].conclusion == "worse"
    blobs = pl.DataFrame({"x": np.repeat([-1.0, 1.0], 100) + draw.normal(0, 0.1, 200)})
    blobs = blobs.with_columns(
        y=pl.when(pl.int_range(200) < 100).then(pl.lit("a")).otherwise(pl.lit("b"))
    )
    found = compare(blobs, "y", seeds=1, epochs=10)
    assert {cell.mean for cell in found.summary if cell.metric == "accuracy"} == {1.0}


def test_a_run_that_diverges_is_told_not_hidden() -> None:
    # Targets near the end of single precision overflow when squared.
    class Overflow(CATALOGUE["MSE"]):
        def value_at(self, input, target, xp):
            return super().value_at(input * 1e30, target, xp)

    study = plan("sklearn:diabetes", losses=["MSE"], seeds=1, epochs=2)
    begin = start(study, 0)
    pairing = pair(CATALOGUE["MSE"], study.target)
    fit = train(begin, Overflow(), pairing, Recipe(2, 16), study.metric, print)
    assert not any(map(math.isfinite, fit.validation_loss))
    assert fit.best_epoch == 2


def test_progress_counts_every_epoch() -> None:
    seen = []
    compare("sklearn:iris", losses=["MSE", "NLL"], seeds=2, epochs=3, progress=seen.append)
    assert [step.done for step in seen] == list(range(1, 13))
    assert {step.total for step in seen} == {12}
    assert {(step.loss, step.seed) for step in seen} == {
        (loss, seed) for loss in ("MSE", "NLL") for seed in (0, 1)
    }


def test_nothing_is_printed_and_threads_are_given_back(capfd: pytest.CaptureFixture[str]) -> None:
    torch.set_num_threads(2)
    run(plan("sklearn:linnerud", seeds=1, epochs=1))
    assert capfd.readouterr() == ("", "")
    assert torch.get_num_threads() == 2


def test_results_hold_what_they_should(
    regression: Results, binary: Results, multiclass: Results
) -> None:
    for results in (regression, binary, multiclass):
        seeds, losses = len(results.training.seeds), len(results.losses)
        assert len(results.runs) == seeds * losses
        assert len(results.summary) == len(results.metrics) * losses
        assert len(results.comparisons) == len(results.metrics) * (losses - 1)
        for one in results.runs:
            assert len(one.curves.train_loss) == results.training.epochs
        parts = results.training
        rows = parts.train_rows + parts.validation_rows + parts.test_rows
        assert rows == results.data.used_rows
    assert [one.loss for one in regression.residuals] == [one.label for one in regression.losses]
    assert binary.target.positive == "malignant"
    assert len(multiclass.recall) == 3 * len(multiclass.losses)
    tested = len(binary.training.seeds) * binary.training.test_rows
    assert all(sum(one.rows) == tested for one in binary.calibration)
