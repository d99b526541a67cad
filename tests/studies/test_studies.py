"""Every study: its numbers against other computations, and its conclusion against its data."""

from __future__ import annotations

import doctest
import json
import sys
from collections.abc import Callable
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import torch
from torch.nn import functional

import losskit
import losskit.studies
from losskit.core.spec import parse_loss
from losskit.losses import CATALOGUE
from losskit.reporting.errors import RequestError
from losskit.studies import STUDIES, Progress, StudyResults, study
from losskit.studies.circle import ROWS, Circle
from losskit.studies.data import circle, draws
from losskit.studies.report import render
from losskit.studies.results import main, schema
from losskit.studies.stack import Stack

Run = Callable[[str], StudyResults]
ROOT = Path(__file__).parents[2]
every_study = pytest.mark.parametrize("name", STUDIES)
TIMES = {"created": True, "machine": True}


def values(results: StudyResults, arm: str, measure: str) -> np.ndarray:
    found = [one.value for one in results.values if (one.arm, one.measure) == (arm, measure)]
    return np.asarray(found, dtype=np.float64)


def last(results: StudyResults, arm: str, quantity: str) -> np.ndarray:
    curves = [one for one in results.curves if (one.arm, one.quantity) == (arm, quantity)]
    return np.asarray([one.y[-1] for one in curves], dtype=np.float64)


def quick(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let a study train for a moment only."""
    for method, amount in (("_epochs", 2), ("_steps", 20), ("_points", 5)):
        if hasattr(STUDIES[name], method):
            monkeypatch.setattr(STUDIES[name], method, lambda self, fast, n=amount: n)


# What the whole lot has in common.


@every_study
def test_it_is_repeatable_to_the_bit(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    quick(monkeypatch, name)
    torch.manual_seed(1)
    np.random.seed(1)
    seen: list[Progress] = []
    one = study(name).run(2, fast=True, progress=seen.append)
    torch.manual_seed(2)
    np.random.seed(2)
    random = torch.get_rng_state()
    other = study(name).run(2, fast=True)
    assert one.model_dump(exclude=TIMES) == other.model_dump(exclude=TIMES)
    assert torch.equal(random, torch.get_rng_state())  # nobody else's random numbers are used up
    assert len({one.value for one in one.values}) > 2
    # And it says how far it is.
    shares = [step.share for step in seen]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
    assert all(step.doing for step in seen)


@every_study
def test_results_are_whole(name: str, run: Run) -> None:
    results = run(name)
    content = json.loads(results.model_dump_json())
    jsonschema.validate(content, json.loads(schema()))
    assert StudyResults.model_validate_json(results.model_dump_json()) == results
    assert results.study == name
    assert results.headline
    assert len(results.findings) == len(study(name).claims)
    for one in results.findings:
        assert one.words
        assert not one.words.endswith(".")
    for arm in results.arms:
        assert parse_loss(arm.loss, CATALOGUE).kind.__name__ in CATALOGUE
    measured = {(one.arm, one.measure) for one in results.values}
    assert {one.measure for one in results.values} == {one.name for one in results.measures}
    assert all(len(values(results, *key)) == len(results.seeds) for key in measured)
    assert results.curves
    assert results.shapes


@every_study
def test_the_page_says_what_was_found_and_draws_it(name: str, run: Run) -> None:
    results = run(name)
    page = render(study(name), results)
    text = page.split("<script")[0]
    assert results.title in text
    for one in results.findings:
        assert one.words.replace("'", "&#39;") in text
    for one in results.measures:
        assert one.meaning[:20].replace("'", "&#39;") in text
    assert f"losskit study {name} --seeds 5 --fast" in text
    assert text.count('data-plot="') > 3
    assert "default-src 'none'" in text


# The conclusion follows the data: where the effect vanishes, it says so.

CHANGED = [
    ("circle", "stalls", "confirmed", "circle:bias=0", "no effect"),
    ("one-half", "leaves", "confirmed", "one-half:separation=0", "no effect"),
    ("one-half", "focal", "confirmed", "one-half:separation=0", "no effect"),
    ("gradients", "more", "confirmed", "gradients:bias=0", "no effect"),
    ("outliers", "huber", "confirmed", "outliers:share=0", "no effect"),
    ("imbalance", "weighted", "confirmed", "imbalance:share=0.5", "no effect"),
    ("imbalance", "precision", "confirmed", "imbalance:share=0.5", "no effect"),
    ("triplets", "early", "open", "triplets:separation=30", "no effect"),
    ("kl", "believable", "confirmed", "kl:labels=4000", "no effect"),
    ("smoothing", "calibration", "confirmed", "smoothing:rows=10000", "contradicted"),
    ("landscapes", "levels", "confirmed", "landscapes:radius=0.1", "no effect"),
    ("collapse", "collapse", "confirmed", "collapse:negatives=1", "no effect"),
    ("imbalance", "believable", "confirmed", "imbalance:share=0.5", "no effect"),
]


@pytest.mark.parametrize(("name", "claim", "before", "changed", "after"), CHANGED)
def test_the_conclusion_changes_with_the_data(
    name: str, claim: str, before: str, changed: str, after: str, run: Run
) -> None:
    one, other = run(name).finding(claim), run(changed).finding(claim)
    assert (one.outcome, other.outcome) == (before, after)
    assert one.words != other.words


def test_every_study_is_among_them() -> None:
    assert {name for name, *_ in CHANGED} == set(STUDIES)


# Each study's numbers, computed in another way.


def by_hand(runs: list[tuple[str, int, float]], epochs: int) -> list[dict[str, np.ndarray]]:
    """The circle's recipe in plain NumPy, with gradients written out: one point at a time.

    A run is a loss, a seed and an output bias; they are computed side by side.
    """
    drawn = [circle(ROWS, seed) for _, seed, _ in runs]
    x, y = (np.stack([one[part] for one in drawn]) for part in (0, 1))
    stack = Stack((2, 8, 1), [seed for _, seed, _ in runs], deviation=0.5)
    w1, w2 = (one.detach().double().numpy() for one in stack.weights)
    b1, w2, b2 = np.zeros((len(runs), 8)), w2[..., 0], np.asarray([bias for *_, bias in runs])
    squared = np.asarray([loss == "mse" for loss, *_ in runs])
    seen: dict[str, list[np.ndarray]] = {"loss": [], "accuracy": [], "first": [], "norm": []}

    def cost(z: np.ndarray, label: np.ndarray, kind: np.ndarray) -> np.ndarray:
        return np.where(kind, (1 / (1 + np.exp(-z)) - label) ** 2, np.logaddexp(0, z) - label * z)

    for _ in range(epochs):
        running, norms = [], []
        for at in range(ROWS):
            point, label = x[:, at], y[:, at]
            hidden = np.maximum((point[:, :, None] * w1).sum(axis=1) + b1, 0)
            z = (hidden * w2).sum(axis=1) + b2
            p = 1 / (1 + np.exp(-z))
            running.append(cost(z, label, squared))
            slope = (p - label) * np.where(squared, 2 * p * (1 - p), 1)
            back = slope[:, None] * w2 * (hidden > 0)
            outer = point[:, :, None] * back[:, None, :]
            norms.append(np.sqrt(np.square(outer).sum(axis=(1, 2)) + np.square(back).sum(axis=1)))
            w2, b2 = w2 - 0.1 * slope[:, None] * hidden, b2 - 0.1 * slope
            w1, b1 = w1 - 0.1 * outer, b1 - 0.1 * back
        z = (np.maximum(x @ w1 + b1[:, None], 0) * w2[:, None]).sum(axis=2) + b2[:, None]
        seen["loss"].append(cost(z, y, squared[:, None]).mean(axis=1))
        seen["accuracy"].append(((z > 0) == y).mean(axis=1))
        seen["first"].append(np.mean(running, axis=0))
        seen["norm"].append(np.mean(norms, axis=0))
    return [
        {key: np.asarray(rows)[:, one] for key, rows in seen.items()} for one in range(len(runs))
    ]


def test_circle_against_numpy(run: Run) -> None:
    results = run("circle")
    arms = {
        f"{loss}-{start}": (loss, 0, bias)
        for loss in ("mse", "bce")
        for start, bias in (("easy", 0.0), ("wrong", 10.0))
    }
    for arm, expected in zip(arms, by_hand([*arms.values()], 5), strict=True):
        for quantity in ("loss", "accuracy"):
            one = next(c for c in results.curves if (c.arm, c.quantity) == (arm, quantity))
            assert one.y[:5] == pytest.approx(expected[quantity], rel=2e-3, abs=1e-4)
        first, norm = expected["first"][0], expected["norm"][0]
        assert values(results, arm, "first_loss")[0] == pytest.approx(first, rel=1e-3)
        assert values(results, arm, "gradient")[0] == pytest.approx(norm, rel=1e-3)


REFERENCE = {
    # loss in the first epoch, after 51 and after 200; gradient in the first epoch
    "mse": (0.2071, 0.0192, 0.0086, 0.368),
    "bce": (0.5542, 0.0444, 0.0219, 0.658),
}


def test_circle_against_figures_of_a_run_elsewhere() -> None:
    """One seed elsewhere against the median of five: within a factor of two, with 98 % right."""
    runs = [(loss, seed, 0.0) for loss in REFERENCE for seed in range(5)]
    found = by_hand(runs, 200)
    for loss, reference in REFERENCE.items():
        own = [one for (kind, *_), one in zip(runs, found, strict=True) if kind == loss]
        figures = [(r["first"][0], r["loss"][50], r["loss"][199], r["norm"][0]) for r in own]
        for mine, theirs in zip(np.median(figures, axis=0), reference, strict=True):
            assert 0.5 < mine / theirs < 2
        for epoch, share in ((50, 0.98), (199, 0.99)):
            reached = np.median([one["accuracy"][epoch] for one in own])
            assert reached == pytest.approx(share, abs=0.02)


def test_one_half_against_the_formulas(run: Run) -> None:
    results = run("one-half")
    log2 = np.log(2)
    focal = 0.25 * (0.5 + 2 * 0.5 * log2)  # (1 - p)^2 (1 - p - 2 p log p) at one half
    expected = {"mse": (0.25, 0.25), "bce": (log2, 0.5), "focal": (0.25 * log2, focal)}
    for arm, (value, slope) in expected.items():
        assert values(results, arm, "value") == pytest.approx(value, abs=1e-12)
        assert values(results, arm, "slope") == pytest.approx(slope, abs=1e-12)


def test_outliers_against_numpy(run: Run) -> None:
    results = run("outliers")
    for arm in ("mse", "huber", "mae"):
        fits = [one for one in results.curves if (one.arm, one.quantity) == (arm, "fit")]
        errors = [np.sqrt(np.mean((np.asarray(one.y) - np.sin(one.x)) ** 2)) for one in fits]
        assert values(results, arm, "error") == pytest.approx(errors, rel=1e-3)
        worst = [np.abs(np.asarray(one.y) - np.sin(one.x)).max() for one in fits]
        assert values(results, arm, "worst") == pytest.approx(worst, rel=1e-3)
    data = results.points[0]
    assert np.mean(data.group) == 0.05
    off = np.abs(np.asarray(data.y) - np.sin(data.x))
    assert (off > 1).tolist() == [group == 1 for group in data.group]


def test_imbalance_and_smoothing_against_their_bins() -> None:
    for name, arms in (("imbalance", ("bce", "focal", "weighted")), ("smoothing", ("plain",))):
        results = study(name).run(1, fast=True)
        for arm in arms:
            bins = next(one for one in results.bins if one.arm == arm)
            gaps = np.abs(np.subtract(bins.confidence, bins.observed)) * bins.rows
            expected = gaps.sum() / np.sum(bins.rows)
            assert values(results, arm, "calibration") == pytest.approx(expected, abs=1e-4)
    plain = next(one for one in results.bins if one.arm == "plain")
    confidence = np.average(plain.confidence, weights=plain.rows)
    assert values(results, "plain", "confidence") == pytest.approx(confidence, abs=1e-4)
    accuracy = np.average(plain.observed, weights=plain.rows)
    assert values(results, "plain", "accuracy") == pytest.approx(accuracy, abs=1e-4)


def test_kl_is_cross_entropy_by_pytorch(run: Run) -> None:
    results = run("kl")
    assert values(results, "kl", "gradient_gap").max() < 1e-12
    assert values(results, "kl", "value_gap").max() < 1e-12
    assert values(results, "kl", "soft_gap").max() < 1e-12
    random = draws(0, 4)
    logits = torch.as_tensor(random.normal(0, 4, (256, 5))).requires_grad_()
    labels = torch.as_tensor(random.integers(5, size=256))
    hard = functional.one_hot(labels, 5).double()
    slopes = [
        torch.autograd.grad(loss, logits)[0]
        for loss in (
            functional.cross_entropy(logits, labels, reduction="sum"),
            functional.kl_div(logits.log_softmax(dim=1), hard, reduction="sum"),
        )
    ]
    assert float((slopes[0] - slopes[1]).abs().max()) < 1e-12
    _, own = losskit.KLDivergence().value_and_gradient(logits.detach(), hard, reduction="sum")
    assert float((own - slopes[0]).abs().max()) < 1e-12


def test_landscapes_start_from_the_trained_loss(run: Run) -> None:
    results = run("landscapes")
    for arm in ("mse", "bce", "contrastive"):
        assert values(results, arm, "centre") == pytest.approx(last(results, arm, "loss"), rel=1e-3)
        grid = next(one for one in results.grids if one.arm == arm)
        middle = grid.values[len(grid.y) // 2][len(grid.x) // 2]
        assert middle == pytest.approx(values(results, arm, "centre")[0], rel=1e-3)
    # The squared error of a probability cannot exceed 1.
    assert np.max(next(one for one in results.grids if one.arm == "mse").values) <= 1


@pytest.mark.parametrize("name", ["triplets", "collapse"])
def test_embeddings_are_those_that_are_drawn(name: str, run: Run) -> None:
    results = run(name)
    for arm in results.arms:
        moments = [one for one in results.points if one.arm == arm.label]
        assert moments[0].moment == "the start"
        assert len(moments) > 5
        assert len(set(moments[0].group)) == 5
    spreads = {}
    for arm in results.arms:
        ends = [one for one in results.points if one.arm == arm.label]
        first, final = (np.asarray([one.x, one.y]) for one in (ends[0], ends[-1]))
        spreads[arm.label] = final.std(axis=1), first.std(axis=1)
    if name == "collapse":
        for label, (now, before) in spreads.items():
            expected = np.sqrt(np.square(now).sum() / np.square(before).sum())
            assert values(results, label, "spread")[0] == pytest.approx(expected, rel=1e-3)


# Asking for them.


def test_the_python_face() -> None:
    assert losskit.study("outliers", share=0.2) == study("outliers:share=0.2")
    assert study("circle:bias=2").spec() == "circle:bias=2"
    assert study("circle").spec() == "circle"
    assert isinstance(losskit.study("circle"), Circle)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("outlier", "study 'outlier' is unknown; did you mean outliers?"),
        ("outliers:shar=1", "outliers has no parameter 'shar'; it takes share"),
        ("outliers:share=2", "outliers: share must be a finite number >= 0 and <= 0.45, got 2"),
        ("outliers:share=x", "share=x is not a number"),
        ("kl:labels=60.5", "labels must be an integer"),
    ],
)
def test_mistakes_are_named(text: str, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        study(text)
    with pytest.raises(RequestError, match="is no setting of it; it takes share"):
        study("outliers", bias=1)
    with pytest.raises(RequestError, match="share is given twice"):
        study("outliers:share=0", share=0)
    for seeds in (0, True, 1.5):
        with pytest.raises(RequestError, match="seeds is"):
            study("outliers").run(seeds)


def test_the_documented_schema_is_up_to_date() -> None:
    assert main(["--check", "--file", str(ROOT / "docs" / "study-schema.json")]) == 0


def test_examples_run() -> None:
    assert doctest.testmod(sys.modules["losskit.studies"]).failed == 0
