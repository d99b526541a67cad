"""Losses as objectives of boosted trees: rules, first scores, refusals."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
import scipy.optimize
import scipy.special
from sklearn.ensemble import HistGradientBoostingRegressor

import losskit
import losskit.boosting
from cases import cases, every_loss
from losskit.boosting import objective
from losskit.boosting.curvature import Rule

RNG = np.random.default_rng(7)
X = RNG.normal(size=(400, 4))
Y = X[:, 0] ** 2 + X[:, 1] + 0.3 * RNG.normal(size=400) + 5
LABELS = (Y > 6).astype(float)
CLASSES = np.digitize(Y, [5, 6.5]).astype(float)
AMOUNTS = np.where(Y < 5, 0, Y - 5)
WEIGHTS = RNG.uniform(0.2, 3, size=400)

# Scores to start from.


def test_first_scores_with_a_closed_form():
    share = np.average(LABELS, weights=WEIGHTS)
    shares = np.bincount(CLASSES.astype(int), WEIGHTS) / WEIGHTS.sum()
    for loss, target, expected in (
        (losskit.MSE(), Y, np.average(Y, weights=WEIGHTS)),
        (losskit.BinaryCrossEntropyWithLogits(), LABELS, math.log(share / (1 - share))),
        (losskit.PoissonNLL(), AMOUNTS, math.log(np.average(AMOUNTS, weights=WEIGHTS))),
        (losskit.Tweedie(), AMOUNTS, math.log(np.average(AMOUNTS, weights=WEIGHTS))),
        (losskit.CrossEntropy(), CLASSES, np.log(shares)),
    ):
        np.testing.assert_allclose(
            objective(loss).init_score(target, WEIGHTS), expected, atol=1e-9, err_msg=loss.name
        )
    for q in (0.1, 0.5, 0.9):
        found = objective(losskit.Quantile(quantile=q)).init_score(Y[:399])
        assert found == pytest.approx(np.quantile(Y[:399], q, method="inverted_cdf"))


@pytest.mark.parametrize("loss", [losskit.BinaryFocal(alpha=0.25), losskit.Huber(delta=0.3)])
def test_first_score_by_scipy(loss):
    target = LABELS if loss.name == "BinaryFocal" else Y
    best = scipy.optimize.minimize_scalar(
        lambda score: float(loss(np.full(len(X), score), target)),
        bounds=(-10, 10),
        method="bounded",
    )
    assert objective(loss).init_score(target) == pytest.approx(best.x, abs=1e-4)


def test_first_scores_of_classes_by_scipy():
    loss = losskit.Focal(gamma=2.0, class_weight=[1.0, 2.0, 3.0])
    indices = CLASSES.astype(int)
    best = scipy.optimize.minimize(
        lambda scores: float(loss(np.tile(scores, (len(X), 1)), indices)), np.zeros(3), tol=1e-10
    )
    found = objective(loss).init_score(CLASSES)
    np.testing.assert_allclose(
        scipy.special.softmax(found), scipy.special.softmax(best.x), atol=1e-4
    )


def test_one_label_only_starts_from_a_finite_score():
    assert objective(losskit.BinaryCrossEntropyWithLogits()).init_score(np.ones(5)) == 15
    found = objective(losskit.CrossEntropy()).init_score([2, 2, 2])
    np.testing.assert_allclose(found, [math.log(1e-15), math.log(1e-15), 0], atol=1e-9)
    assert math.isfinite(objective(losskit.PoissonNLL()).init_score(np.zeros(5)))


# Hessians, scales and extremes.


@pytest.mark.parametrize(
    ("loss", "rule"),
    [
        (losskit.MAE(), Rule.ERROR),
        (losskit.Huber(), Rule.ERROR),
        (losskit.BinaryCrossEntropyWithLogits(pos_weight=[1.0, 2.0]), Rule.CONVEX),
        (losskit.CrossEntropy(class_weight=[1.0, 2.0]), Rule.CONVEX),
        (losskit.Tweedie(), Rule.CONVEX),
        (losskit.BinaryFocal(), Rule.NOT_CONVEX),
        (losskit.BinaryFocal(gamma=0.0), Rule.CONVEX),
        (losskit.Focal(), Rule.NOT_CONVEX),
        (losskit.Hinge(), Rule.FLAT),
    ],
)
def test_rules(loss, rule):
    assert objective(loss).rule is rule


@every_loss
def test_every_loss_is_boosted_or_refused_by_its_name(kind):
    for case in cases(kind):
        refused = None
        try:
            chosen = objective(case.loss)
        except (TypeError, ValueError) as error:
            refused = str(error)
        if refused is not None:
            assert refused.startswith(kind.__name__)
            continue
        length = np.size(getattr(case.loss, "class_weight", None)) if chosen.multiclass else 1
        shape = (41, max(length, 2)) if chosen.multiclass else (41,)
        raw = np.zeros(shape)
        raw[(..., *(0,) * (len(shape) - 1))] = np.linspace(-30, 30, 41)
        if np.size(getattr(case.loss, "pos_weight", 1.0)) > 1:
            raw = np.tile(raw[:, None], (1, np.size(case.loss.pos_weight)))
        target = np.ones(raw.shape)
        if chosen.multiclass:
            target = np.full(41, 0 if case.loss.ignore_index == 1 else 1)
        gradient, hessian = chosen.derivatives(raw, target)
        assert np.all(np.isfinite(gradient))
        assert np.all(np.isfinite(hessian))
        assert np.all(hessian > 0)


@every_loss
def test_derivatives_are_the_formulas_by_the_rule(kind):
    """However they are computed: scaled, held above what the rule says, and weighed last."""
    rng = np.random.default_rng(3)
    for case in cases(kind):
        try:
            chosen = objective(case.loss, scale=1.7)
        except (TypeError, ValueError):
            continue
        if chosen.multiclass or not chosen.bends or case.loss.parameters().keys() & {"pos_weight"}:
            continue
        loss, raw = case.loss, rng.normal(scale=3.0, size=900)
        target = next(
            target
            for other in (-1.0, 0.0, 2.0)
            for target in [np.where(rng.random(900) < 0.4, 1.0, other)]
            if kind.card.targets[0].violation(target, np, classes=1) is None
        )
        weight = rng.uniform(0.1, 3, size=900)
        gradient = 1.7 * loss.gradient_at(raw, target, np)
        hessian = 1.7 * loss.curvature_at(raw, target, np)
        if chosen.rule in (Rule.ERROR, Rule.FLAT):
            hessian = np.where(hessian < 1, 1, hessian)
        elif chosen.rule is Rule.NOT_CONVEX:
            hessian = np.where(hessian < np.abs(gradient), np.abs(gradient), hessian)
        found = chosen.derivatives(raw, target, weight)
        for one, expected in zip(found, (gradient, hessian), strict=True):
            np.testing.assert_allclose(one, expected * weight, rtol=1e-9, atol=1e-13, err_msg=kind)


def test_raw_scores_of_a_thousand():
    """Peer: scikit-learn's half binomial loss gave NaN at raw = -1e3 (scikit-learn#28048)."""
    for loss in (losskit.BinaryCrossEntropyWithLogits(), losskit.BinaryFocal()):
        gradient, hessian = objective(loss).derivatives([-1e3, -1e3, 1e3], [0.0, 1.0, 0.0])
        np.testing.assert_array_equal(gradient, [0, -1, 1])
        assert np.all(np.isfinite(hessian))
        assert np.all(hessian > 0)


def test_scale_and_constant_hessian():
    gradient, hessian = objective(losskit.MSE()).derivatives([3.0, 1.0], [1.0, 1.0])
    assert (gradient.tolist(), hessian.tolist()) == ([2, 0], [1, 1])
    gradient, hessian = objective(losskit.MSE(), scale=1).derivatives([3.0], [1.0])
    assert (gradient.tolist(), hessian.tolist()) == ([4], [2])
    gradient, hessian = objective(losskit.SmoothL1(beta=4.0)).derivatives([3.0], [1.0])
    assert (gradient.tolist(), hessian.tolist()) == ([2], [1])
    _, hessian = objective(losskit.MAE(), hessian=0.25).derivatives([3.0, 0.0], [1.0, 1.0], [1, 2])
    assert hessian.tolist() == [0.25, 0.5]


@pytest.mark.parametrize("weight", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "loss",
    [
        losskit.MSE(),
        losskit.BinaryFocal(),
        losskit.BinaryCrossEntropyWithLogits(pos_weight=2.0),
        losskit.Hinge(),
        losskit.CrossEntropy(),
        losskit.Focal(ignore_index=1),
    ],
    ids=str,
)
def test_dtypes(loss, dtype, weight):
    """Scores and labels are taken as they come, and libraries get float32, which they keep."""
    chosen = objective(loss)
    raw = RNG.normal(size=(len(X), 3) if chosen.multiclass else len(X)).astype(dtype)
    target = CLASSES if chosen.multiclass else 2 * LABELS - 1 if loss.name == "Hinge" else LABELS
    truth = chosen.derivatives(raw.astype(np.float64), target, weight)
    kept = chosen.derivatives(raw, target.astype(np.float32), weight)
    asked = chosen(target.astype(np.float32), raw, weight)
    for found, expected in ((kept, dtype), (asked, np.float32)):
        for one, exact in zip(found, truth, strict=True):
            assert one.dtype == expected
            np.testing.assert_allclose(one, exact, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize(
    "loss",
    [
        losskit.BinaryFocal(),
        losskit.Asymmetric(clip=0.0),
        losskit.BinaryCrossEntropyWithLogits(),
        losskit.BinaryCrossEntropyWithLogits(pos_weight=3.0),
    ],
    ids=str,
)
def test_wide_scores_for_narrow_results(loss):
    """What float32 keeps is as exact as if the scores had not been rounded to it."""
    raw = np.concatenate([RNG.uniform(-85, 85, 4000), [1e39, -1e39, np.inf, -np.inf, np.nan]])
    for label in (0.0, 1.0):
        target = np.full(len(raw), label)
        gradient, hessian = objective(loss).derivatives(raw, target)
        found = objective(loss)(target.astype(np.float32), raw)
        tiny = np.finfo(np.float32).tiny
        np.testing.assert_allclose(found[0], gradient, rtol=1e-6, atol=tiny)
        np.testing.assert_allclose(found[1], hessian, rtol=5e-6)
        wide = objective(loss)(target / 3, raw)
        exact = objective(loss).derivatives(raw, target / 3)
        np.testing.assert_array_equal(wide, np.asarray(exact, np.float32))


def test_focal_never_steps_further_than_1():
    raw = np.linspace(-20, 20, 401)
    for alpha in (1.0, 0.25):
        focal = objective(losskit.BinaryFocal(gamma=2.0, alpha=alpha))
        for label in (0.0, 1.0):
            gradient, hessian = focal.derivatives(raw, np.full(401, label))
            assert np.all(np.abs(gradient) <= hessian)


def test_ignored_examples_count_nothing():
    chosen = objective(losskit.CrossEntropy(ignore_index=-1))
    gradient, hessian = chosen.derivatives([[1.0, 2.0], [0.0, 1.0]], [-1.0, 1.0])
    assert gradient[0].tolist() == hessian[0].tolist() == [0, 0]
    assert np.all(hessian[1] > 0)
    row, diagonal = chosen.catboost().calc_ders_multi([1.0, 2.0], -1.0, 1.0)
    assert not np.any(row)
    assert not np.any(diagonal)
    assert chosen.init_score([-1, 0, 1, 1, 1]) == pytest.approx(np.log([0.25, 0.75]))


def test_transforms():
    raw = np.array([-1.0, 0.5])
    same = objective(losskit.MSE()).transform(raw)
    np.testing.assert_array_equal(same, raw)
    np.testing.assert_allclose(objective(losskit.Tweedie()).transform(raw), np.exp(raw))
    np.testing.assert_allclose(
        objective(losskit.BinaryFocal()).transform(raw), scipy.special.expit(raw)
    )
    np.testing.assert_allclose(
        objective(losskit.Focal()).transform(raw[None]), scipy.special.softmax(raw)[None]
    )


# Refusals.


@pytest.mark.parametrize(
    ("loss", "match"),
    [
        (losskit.MSE, r"got its class; pass MSE\(\)"),
        ("MSE", "takes a loss of losskit, got str: 'MSE'"),
        (losskit.BinaryCrossEntropy(), "probabilities.*use BinaryCrossEntropyWithLogits"),
        (losskit.NLL(), "NLL takes log-probabilities.*CrossEntropy"),
        (losskit.PoissonNLL(log_input=False), r"rates.*use PoissonNLL\(log_input=True\)"),
        (losskit.CrossEntropy(class_axis=0), "class_axis must be None, 1 or -1, got 0"),
    ],
)
def test_refused_losses(loss, match):
    with pytest.raises((TypeError, ValueError), match=match):
        objective(loss)


@pytest.mark.parametrize(
    ("loss", "raw", "target", "weight", "match"),
    [
        (losskit.MSE(), [1.0], [1.0, 2.0], None, r"MSE: raw has shape \(1,\) but target"),
        (losskit.MSE(), [[1.0], [2.0]], [1.0, 2.0, 3.0], None, "raw has shape"),
        (losskit.MSE(), ["a"], [1.0], None, "MSE: raw must hold real numbers"),
        (losskit.MSE(), [1.0], None, None, "MSE: target must hold real numbers, got NoneType"),
        (losskit.MSE(), [1.0], [1.0], [1.0, 2.0], r"each of the 1 examples, got shape \(2,\)"),
        (losskit.SoftMargin(), [1.0, 1.0], [1.0, 0.0], None, "turn 0/1 labels into 2 "),
        (losskit.CrossEntropy(), [1.0, 2.0], [0, 1], None, r"\(2, K\).*num_class=K"),
        (losskit.CrossEntropy(), [[1.0, 2.0]], [0.5], None, "position 0 is 0.5.*number the"),
        (losskit.CrossEntropy(), [[1.0, 2.0]], [np.nan], None, "position 0 is nan"),
        (losskit.CrossEntropy(), [[1.0, 2.0]], [2.0], None, r"class index in \[0, 2\)"),
        (losskit.CrossEntropy(), [[1.0, 2.0]], [[0.0, 1.0]], None, "one class index for each"),
    ],
)
def test_refused_arrays(loss, raw, target, weight, match):
    with pytest.raises((TypeError, ValueError), match=match):
        objective(loss).derivatives(raw, target, weight)


@pytest.mark.parametrize(
    "options",
    [
        {"hessian": 0},
        {"hessian": "one"},
        {"hessian": None},
        {"hessian": [1]},
        {"hessian": np.ones(2)},
        {"hessian": True},
        {"hessian": math.nan},
        {"scale": -1.0},
        {"scale": "auto"},
        {"scale": [1.0]},
    ],
    ids=str,
)
def test_refused_settings(options):
    with pytest.raises(ValueError, match=r"MSE: (hessian|scale) must be .*a number > 0"):
        objective(losskit.MSE(), **options)


def test_refused_first_scores():
    with pytest.raises(ValueError, match="needs targets"):
        objective(losskit.MSE()).init_score([])
    with pytest.raises(ValueError, match=r"class indices in \[0, 2\), got 0 to 4"):
        objective(losskit.CrossEntropy()).init_score([0, 4], classes=2)
    with pytest.raises(ValueError, match="MSE has no classes"):
        objective(losskit.MSE()).init_score([1.0], classes=2)
    with pytest.raises(ValueError, match=r"class index in \[0, 2\)"):
        objective(losskit.CrossEntropy()).catboost().calc_ders_multi([0.0, 0.0], 2.0, 1.0)


@pytest.mark.parametrize("classes", ["a", 2.0, True, 0, -1])
def test_classes_must_be_a_count(classes):
    with pytest.raises((TypeError, ValueError), match="CrossEntropy: classes must be an integer"):
        objective(losskit.CrossEntropy()).init_score([0, 1], classes=classes)
    assert objective(losskit.CrossEntropy()).init_score([0, 1], classes=np.int64(2)).shape == (2,)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_first_scores_need_finite_targets(wrong):
    """A quantile of them is NaN, and so would be every tree after it."""
    with pytest.raises(ValueError, match=rf"MSE: target at position \(1,\) is {wrong:g}, but must"):
        objective(losskit.MSE()).init_score([1.0, wrong])
    with pytest.raises(ValueError, match=r"Huber: target at position \(1, 0\) is"):
        objective(losskit.Huber()).init_score([[1.0, 2.0], [wrong, 0.0]])


@pytest.mark.parametrize("weight", [[0.0, 0.0], [math.nan, 1.0], [math.inf, 1.0]])
def test_first_scores_need_weights_that_count(weight):
    for loss in (losskit.MSE(), losskit.CrossEntropy()):
        match = f"{loss.name}: weight must hold finite numbers, of which one at least is above 0"
        with pytest.raises(ValueError, match=match):
            objective(loss).init_score([0, 1], weight)


def test_scikit_learn_takes_no_loss():
    model = HistGradientBoostingRegressor(loss=objective(losskit.MSE()))
    with pytest.raises(ValueError, match="The 'loss' parameter"):
        model.fit(X, Y)


def test_import_brings_no_library():
    code = (
        "import sys, losskit.boosting;"
        "print({'xgboost', 'lightgbm', 'catboost', 'sklearn', 'scipy', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
