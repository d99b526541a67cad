"""Parameters, initial biases and facts, against formulas and SciPy."""

import numpy as np
import pytest
from scipy import stats

import losskit

DRAW = np.random.default_rng(5)


def chosen(found: losskit.choose.Recommendations, loss: str, parameter: str) -> object:
    one = next(one for one in found if one.name == loss and parameter in one.spec)
    return next(item.value for item in one.parameters if item.name == parameter)


def test_huber_bends_at_the_robust_deviation() -> None:
    target = DRAW.normal(0, 1, 4001)
    spread = stats.median_abs_deviation(target, scale="normal")
    assert chosen(losskit.choose(target), "Huber", "delta") == pytest.approx(
        1.345 * spread, rel=2e-3
    )


def test_a_threshold_is_in_the_unit_of_what_is_learnt() -> None:
    target = DRAW.normal(500, 40, 2000)
    found = losskit.choose(target, goal="robust")
    assert found[0].name == "Huber"
    assert found[0].transform.name == "standardise"
    scale = found[0].transform.scale
    assert scale == pytest.approx(target.std(ddof=1), rel=1e-3)
    assert found[0].in_target_unit.delta == pytest.approx(found[0].loss.delta * scale, rel=1e-3)
    assert found[0].in_target_unit.delta == pytest.approx(1.345 * 40, rel=0.1)


def test_pos_weight_is_negatives_per_positive() -> None:
    found = losskit.choose([0] * 90 + [1] * 10)
    assert found[0].loss.pos_weight == 9
    flags = np.zeros((200, 2))
    flags[:20, 0] = flags[:50, 1] = 1
    found = losskit.choose(flags, goal="rare-recall")
    assert chosen(found, "BinaryCrossEntropyWithLogits", "pos_weight") == [9, 3]


def test_class_weights_even_out_and_are_held() -> None:
    found = losskit.choose(np.repeat([0, 1, 2], [600, 300, 100]))
    assert chosen(found, "CrossEntropy", "class_weight") == pytest.approx(
        [1000 / 1800, 1000 / 900, 1000 / 300], rel=1e-3
    )
    found = losskit.choose(np.repeat([0, 1, 2], [9000, 900, 9]))
    weights = chosen(found, "CrossEntropy", "class_weight")
    assert max(weights) == pytest.approx(20 * min(weights), rel=1e-3)


@pytest.mark.parametrize("power", [1.2, 1.5, 1.8])
def test_the_tweedie_power_of_a_compound_poisson_sample(power: float) -> None:
    """Mean 3, dispersion 2: a Poisson number of gamma amounts (Jørgensen, 1987)."""
    mean, dispersion = 3.0, 2.0
    rate = mean ** (2 - power) / (dispersion * (2 - power))
    shape, scale = (2 - power) / (power - 1), dispersion * (power - 1) * mean ** (power - 1)
    events = DRAW.poisson(rate, 60_000)
    target = np.where(events > 0, DRAW.gamma(np.maximum(events * shape, 1e-9), scale), 0.0)
    found = losskit.choose(target, kind="amount-with-zeros")
    assert found[0].loss.power == pytest.approx(power, abs=0.04)


def test_the_quantile_is_the_one_asked_for() -> None:
    found = losskit.choose(DRAW.normal(0, 1, 500), goal="quantile=0.9")
    assert found[0].loss == losskit.Quantile(quantile=0.9)
    assert found[0].output_bias == pytest.approx(1.2816, abs=0.2)


def test_the_bias_starts_at_the_constant_that_costs_least() -> None:
    counts = DRAW.poisson(2.5, 3000)
    bias = {one.name: one.output_bias for one in losskit.choose(counts)}
    assert bias["PoissonNLL"] == pytest.approx(np.log(counts.mean()), abs=1e-4)
    real = DRAW.gumbel(0, 1, 2001)
    bias = {one.name: one.output_bias for one in losskit.choose(real, kind="real")}
    assert bias["MSE"] == pytest.approx(real.mean(), abs=2e-3)
    assert bias["MAE"] == pytest.approx(np.median(real), abs=2e-3)
    found = losskit.choose([0] * 80 + [1] * 20, goal="calibrated")
    assert found[0].output_bias == pytest.approx(np.log(0.2 / 0.8), abs=1e-5)
    found = losskit.choose(np.repeat([0, 1, 2], [50, 30, 20]))
    assert found[0].spec == "CrossEntropy"
    assert found[0].output_bias == pytest.approx(np.log([0.5, 0.3, 0.2]), abs=1e-5)
    stars = np.repeat([1, 2, 3, 4, 5], [10, 20, 30, 30, 10])
    found = losskit.choose(stars, kind="ordinal")
    assert found[0].output_bias == pytest.approx(
        [stats.logistic.ppf(share) for share in (0.9, 0.7, 0.4, 0.1)], abs=1e-5
    )


def test_facts_are_those_of_scipy() -> None:
    target = DRAW.gamma(2, 3, 5000)
    found = losskit.choose(target)
    assert found.fact("mean") == pytest.approx(target.mean())
    assert found.fact("deviation") == pytest.approx(target.std(ddof=1))
    assert found.fact("median") == pytest.approx(np.median(target))
    assert found.fact("skewness") == pytest.approx(stats.skew(target))
    assert found.fact("log_skewness") == pytest.approx(stats.skew(np.log(target)))
    spread = stats.median_abs_deviation(target, scale="normal")
    assert found.fact("robust_deviation") == pytest.approx(spread, rel=1e-4)
    far = np.abs(target - np.median(target)) > 5 * spread
    assert found.fact("outliers") == pytest.approx(far.mean(), abs=1e-9)
    assert found.fact("distinct") == 5000
    normal = losskit.choose(DRAW.normal(0, 1, 100_000))
    assert normal.fact("tail_weight") == pytest.approx(1, abs=0.03)
    counts = DRAW.negative_binomial(2, 0.3, 5000)
    found = losskit.choose(counts)
    assert found.fact("dispersion") == pytest.approx(counts.var(ddof=1) / counts.mean())
    assert any("negative binomial" in warning for warning in found.warnings)


def test_reasons_cite_facts_that_are_there() -> None:
    for target in (
        DRAW.standard_t(1.2, 500),
        DRAW.poisson(3, 500),
        np.r_[np.zeros(95), np.ones(5)],
        np.repeat([1, 2, 3], [90, 9, 30]),
        DRAW.lognormal(3, 1, 500),
        DRAW.random((99, 4)) < 0.1,
        np.where(DRAW.random(500) < 0.4, 0, DRAW.gamma(1, 9, 500)),
    ):
        found = losskit.choose(target)
        names = {fact.name for fact in found.facts}
        cited = {name for one in found for reason in one.because for name in reason.facts}
        assert cited
        assert cited <= names, cited - names
        assert found[0].because[0].facts
