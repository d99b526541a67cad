"""Losses as objectives of XGBoost, LightGBM and CatBoost, held to the libraries' own."""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import catboost
import lightgbm
import numpy as np
import pytest
import scipy.special
import xgboost
from sklearn.base import clone
from sklearn.metrics import average_precision_score, mean_tweedie_deviance

import losskit
from losskit.boosting import objective

pytestmark = pytest.mark.filterwarnings(
    # CatBoost would like to compile objectives; the second is with numba.
    "ignore:Failed to import numba:UserWarning",
    "ignore:Can't optimze method:UserWarning",
)

RNG = np.random.default_rng(7)
X = RNG.normal(size=(400, 4))
Y = X[:, 0] ** 2 + X[:, 1] + 0.3 * RNG.normal(size=400) + 5
LABELS = (Y > 6).astype(float)
CLASSES = np.digitize(Y, [5, 6.5]).astype(float)
AMOUNTS = np.where(Y < 5, 0, Y - 5)
WEIGHTS = RNG.uniform(0.2, 3, size=400)
ROUNDS = 20

weighted = pytest.mark.parametrize("weight", [None, WEIGHTS], ids=["plain", "weighted"])


def by_xgboost(target, params, chosen=None, weight=None, rounds=ROUNDS):
    data = xgboost.DMatrix(X, target, weight=weight)
    params = {"nthread": 1, "seed": 0, **params}
    booster = xgboost.train(params, data, rounds, obj=chosen)
    return booster.predict(data, output_margin=True)


def by_lightgbm(target, params, weight=None, start=None):
    data = lightgbm.Dataset(X, target, weight=weight, init_score=start)
    params = {"num_threads": 1, "seed": 0, "deterministic": True, "verbose": -1, **params}
    return lightgbm.train(params, data, ROUNDS).predict(X, raw_score=True)


def by_catboost(target, loss, metric, start, weight=None, method="Newton"):
    pool = catboost.Pool(X, target, weight=weight, baseline=start.reshape(len(X), -1))
    model = catboost.CatBoost(
        {
            "loss_function": loss,
            "eval_metric": metric,
            "iterations": ROUNDS,
            "depth": 4,
            "leaf_estimation_method": method,
            "leaf_estimation_iterations": 1,
            "bootstrap_type": "No",
            "random_strength": 0,
            "learning_rate": 0.1,
            "boost_from_average": False,
            "thread_count": 1,
            "verbose": False,
            "allow_writing_files": False,
        }
    )
    return model.fit(pool).predict(X, prediction_type="RawFormulaVal")


def agree(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


# The libraries' own objectives.

SQUARED = (losskit.MSE(), Y, "reg:squarederror", "regression", "RMSE")
LOGISTIC = (
    losskit.BinaryCrossEntropyWithLogits(),
    LABELS,
    "binary:logistic",
    "binary",
    "Logloss",
)
both = pytest.mark.parametrize("case", [SQUARED, LOGISTIC], ids=["squared", "logistic"])


@weighted
@both
def test_xgboost_own(case, weight):
    loss, target, own, _, _ = case
    chosen = objective(loss)
    found = by_xgboost(
        target, {"base_score": chosen.init_score(target, weight)}, chosen, weight=weight
    )
    # XGBoost finds its own first score here, which must be the same.
    agree(found, by_xgboost(target, {"objective": own}, weight=weight))


@weighted
@both
def test_lightgbm_own(case, weight):
    loss, target, _, own, _ = case
    chosen = objective(loss)
    start = chosen.init_score(target, weight)
    found = by_lightgbm(target, {"objective": chosen}, weight, np.full(len(X), start))
    agree(start + found, by_lightgbm(target, {"objective": own}, weight))


@weighted
@both
def test_catboost_own(case, weight):
    loss, target, _, _, own = case
    chosen = objective(loss)
    start = np.full(len(X), chosen.init_score(target, weight))
    found = by_catboost(target, chosen.catboost(), own, start, weight)
    agree(found, by_catboost(target, own, own, start, weight))


@weighted
def test_estimators_of_xgboost_and_lightgbm(weight):
    chosen = objective(losskit.MSE())
    start = chosen.init_score(Y, weight)
    fixed = {"n_estimators": ROUNDS, "n_jobs": 1}
    mine = xgboost.XGBRegressor(objective=chosen, base_score=start, **fixed)
    own = xgboost.XGBRegressor(**fixed)
    agree(
        mine.fit(X, Y, sample_weight=weight).predict(X),
        own.fit(X, Y, sample_weight=weight).predict(X),
    )
    mine = lightgbm.LGBMRegressor(objective=chosen, verbose=-1, **fixed)
    own = lightgbm.LGBMRegressor(verbose=-1, **fixed)
    mine.fit(X, Y, sample_weight=weight, init_score=np.full(len(X), start))
    agree(start + mine.predict(X), own.fit(X, Y, sample_weight=weight).predict(X))


def test_xgboost_classifier_gives_probabilities():
    chosen = objective(losskit.BinaryCrossEntropyWithLogits())
    base = float(chosen.transform(chosen.init_score(LABELS)))
    fixed = {"n_estimators": ROUNDS, "n_jobs": 1}
    mine = xgboost.XGBClassifier(objective=chosen, base_score=base, **fixed).fit(X, LABELS)
    own = xgboost.XGBClassifier(**fixed).fit(X, LABELS)
    agree(mine.predict_proba(X), own.predict_proba(X))


def test_pos_weight_is_xgboosts_scale_pos_weight():
    chosen = objective(losskit.BinaryCrossEntropyWithLogits(pos_weight=3.0))
    found = by_xgboost(LABELS, {"base_score": 0.0}, chosen)
    own = {"objective": "binary:logistic", "scale_pos_weight": 3.0, "base_score": 0.5}
    agree(found, by_xgboost(LABELS, own))


@weighted
def test_classes_of_xgboost(weight):
    chosen = objective(losskit.CrossEntropy())
    params = {"num_class": 3, "base_score": 0.5}
    found = by_xgboost(CLASSES, params, chosen, weight)
    agree(found, by_xgboost(CLASSES, {"objective": "multi:softprob", **params}, None, weight))
    agree(chosen.transform(found), scipy.special.softmax(found, axis=1))


def test_class_weights_are_sample_weights_by_class():
    by_class = np.array([0.5, 1.0, 4.0])
    # Not by histograms, whose borders XGBoost draws by the sample weights as well.
    params = {"num_class": 3, "base_score": 0.5, "tree_method": "exact"}
    found = by_xgboost(CLASSES, params, objective(losskit.CrossEntropy(class_weight=by_class)))
    weight = by_class[CLASSES.astype(int)]
    agree(found, by_xgboost(CLASSES, {"objective": "multi:softprob", **params}, None, weight))


@weighted
def test_classes_of_lightgbm_by_its_own_factor(weight):
    chosen = objective(losskit.CrossEntropy())

    def as_lightgbm(raw, data):
        gradient, hessian = chosen(raw, data)
        return gradient, hessian / 2 * 3 / (3 - 1)

    found = by_lightgbm(CLASSES, {"objective": as_lightgbm, "num_class": 3}, weight)
    own = {"objective": "multiclass", "num_class": 3, "boost_from_average": False}
    agree(found, by_lightgbm(CLASSES, own, weight))


def test_classes_of_catboost_by_gradient_steps():
    chosen = objective(losskit.CrossEntropy())
    start = np.tile(chosen.init_score(CLASSES), (len(X), 1))
    found = by_catboost(CLASSES, chosen.catboost(), "MultiClass", start, WEIGHTS, "Gradient")
    agree(found, by_catboost(CLASSES, "MultiClass", "MultiClass", start, WEIGHTS, "Gradient"))


@pytest.mark.parametrize(
    ("loss", "target", "own"),
    [
        (losskit.Huber(delta=0.5), Y, {"objective": "huber", "alpha": 0.5}),
        (
            losskit.Tweedie(power=1.3),
            AMOUNTS,
            {"objective": "tweedie", "tweedie_variance_power": 1.3},
        ),
        (losskit.GammaNLL(), np.exp(Y / 3), {"objective": "gamma"}),
    ],
)
def test_more_of_lightgbms_own(loss, target, own):
    start = np.full(len(X), objective(loss).init_score(target))
    found = by_lightgbm(target, {"objective": objective(loss)}, start=start)
    agree(found, by_lightgbm(target, own, start=start))


def test_tweedie_and_gamma_are_xgboosts():
    for loss, own in (
        (losskit.Tweedie(power=1.5), "reg:tweedie"),
        (losskit.GammaNLL(), "reg:gamma"),
    ):
        target = AMOUNTS + (own == "reg:gamma")
        found = by_xgboost(target, {"base_score": 0.0}, objective(loss))
        agree(found, by_xgboost(target, {"objective": own, "base_score": 1.0}))


def test_several_targets_of_xgboost():
    targets = np.stack([Y, -Y], axis=1)
    fixed = {"n_estimators": 5, "n_jobs": 1, "base_score": 0.0}
    mine = xgboost.XGBRegressor(objective=objective(losskit.MSE()), **fixed).fit(X, targets)
    agree(mine.predict(X), xgboost.XGBRegressor(**fixed).fit(X, targets).predict(X))


# Losses that the libraries lack, or do otherwise.


@pytest.mark.parametrize("library", ["xgboost", "lightgbm", "catboost"])
def test_focal_ranks_rare_labels(library):
    rng = np.random.default_rng(3)
    labels = (X[:, 0] + X[:, 1] + 0.5 * rng.normal(size=len(X)) > 2.2).astype(float)
    assert 0.03 < labels.mean() < 0.12
    chosen = objective(losskit.BinaryFocal(gamma=2.0))
    start = chosen.init_score(labels)
    many = np.full(len(X), start)
    if library == "xgboost":
        raw = by_xgboost(labels, {"base_score": start}, chosen)
    elif library == "lightgbm":
        raw = start + by_lightgbm(labels, {"objective": chosen}, start=many)
    else:
        raw = by_catboost(labels, chosen.catboost(), "Logloss", many) + start
    before = losskit.BinaryFocal(gamma=2.0)(many, labels)
    assert losskit.BinaryFocal(gamma=2.0)(raw, labels) < 0.5 * before
    assert average_precision_score(labels, raw) > 0.8
    assert np.all(np.abs(raw - start) < ROUNDS)  # no step is longer than 1, so far from no score


@pytest.mark.parametrize("library", ["xgboost", "lightgbm", "catboost"])
def test_quantile_covers_its_share(library):
    chosen = objective(losskit.Quantile(quantile=0.9), hessian=0.5)
    start = chosen.init_score(Y)
    many = np.full(len(X), start)
    if library == "xgboost":
        found = by_xgboost(Y, {"base_score": start, "max_depth": 3}, chosen, rounds=100)
    elif library == "lightgbm":
        found = start + by_lightgbm(Y, {"objective": chosen, "max_depth": 3}, start=many)
    else:
        found = start + by_catboost(Y, chosen.catboost(), "RMSE", many)
    assert 0.87 <= np.mean(found >= Y) <= 0.95
    assert losskit.Quantile(quantile=0.9)(found, Y) < 0.7 * losskit.Quantile(quantile=0.9)(many, Y)


@pytest.mark.parametrize("library", ["xgboost", "lightgbm", "catboost"])
def test_tweedie_fits_amounts_with_zeros_better_than_mse(library):
    rng = np.random.default_rng(5)
    means = np.exp(X[:, 0] + 0.5 * X[:, 1])
    events = rng.poisson(means)
    target = np.where(events > 0, rng.gamma(np.maximum(events, 1) * 2.0, 0.5), 0.0)
    test = np.arange(len(X)) % 2 == 0
    deviance = {}
    for loss in (losskit.Tweedie(power=1.5), losskit.MSE()):
        chosen = objective(loss)
        start = chosen.init_score(target[~test])
        weight = (~test).astype(float)  # the others weigh nothing
        many = np.full(len(X), start)
        if library == "xgboost":
            params = {"base_score": start, "max_depth": 2}
            raw = by_xgboost(target, params, chosen, weight)
        elif library == "lightgbm":
            params = {"objective": chosen, "max_depth": 2}
            raw = start + by_lightgbm(target, params, weight, many)
        else:
            raw = start + by_catboost(target, chosen.catboost(), "RMSE", many, weight)
        predicted = np.maximum(chosen.transform(raw), 1e-3)
        deviance[loss.name] = mean_tweedie_deviance(target[test], predicted[test], power=1.5)
    assert deviance["Tweedie"] < deviance["MSE"]


# Living with the libraries.


@pytest.mark.parametrize(
    "model",
    [
        xgboost.XGBRegressor(objective=objective(losskit.LogCosh()), n_estimators=2, n_jobs=1),
        lightgbm.LGBMRegressor(
            objective=objective(losskit.LogCosh()), n_estimators=2, n_jobs=1, verbose=-1
        ),
        catboost.CatBoostRegressor(
            loss_function=objective(losskit.LogCosh()).catboost(),
            eval_metric="RMSE",
            iterations=2,
            thread_count=1,
            verbose=False,
            allow_writing_files=False,
        ),
    ],
    ids=["xgboost", "lightgbm", "catboost"],
)
def test_models_are_cloned_and_pickled(model):
    fitted = clone(model).fit(X, Y)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict(X), fitted.predict(X))


def test_examples_of_the_documentation():
    page = Path(__file__).parents[1] / "docs" / "boosting.md"
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert [re.findall(r"^import (\w+)$", block, re.MULTILINE)[-1] for block in blocks] == [
        "losskit",
        "xgboost",
        "lightgbm",
        "catboost",
    ]
    check = """
from sklearn.metrics import average_precision_score
assert average_precision_score(labels, probabilities) > 3 * labels.mean()
"""
    blocks[1:] = [block + check for block in blocks[1:]]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join([*blocks, "print(abs(predictions - amounts).mean())"])],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 0.5
