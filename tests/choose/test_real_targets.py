"""What is recommended for data whose right answer is known from elsewhere."""

import numpy as np
import pytest
from sklearn import datasets

import losskit
from choose.real_targets import (
    BINARY,
    CASES,
    CLASSES,
    ORDINAL,
    SEVERAL,
    SQUARED,
    Case,
)

SCIKIT_LEARN = {
    "iris": (CLASSES, "Fisher (1936): three species"),
    "wine": (CLASSES, "its description: three cultivars"),
    "digits": (CLASSES, "its description: ten digits"),
    "breast_cancer": (BINARY, "its description: malignant or benign"),
    "diabetes": (SQUARED, "Efron et al. (2004), Least Angle Regression: squared error"),
    "linnerud": (SEVERAL, "its description: three measurements of each person"),
}


def families(found: losskit.choose.Recommendations) -> list[set[str]]:
    """Name the first two recommendations as `real_targets` does."""
    named = []
    for one in found[:2]:
        transform = one.transform.name if one.transform else ""
        names = {one.name}
        if transform in ("log", "log1p"):
            names = {f"{one.name} on {transform}"}
        elif one.presented or one.target == "share":
            how = {"ordinal": "steps", "duration": "intervals", "share": "shares"}[one.target]
            names = {f"{one.name} on {how}", *({one.name} if how == "shares" else ())}
            names -= {"BinaryCrossEntropyWithLogits"}
        elif one.target == "several":
            names = {f"{one.name} of several"}
        named.append(names)
    return named


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_right_family_is_first_or_second(case: Case) -> None:
    found = losskit.choose(case.frame())
    assert any(names & case.family for names in families(found)), (found.kind, case.source)


@pytest.mark.parametrize("name", SCIKIT_LEARN)
def test_the_right_family_is_first_for_scikit_learns_data(name: str) -> None:
    family, _ = SCIKIT_LEARN[name]
    found = losskit.choose(getattr(datasets, f"load_{name}")().target)
    assert families(found)[0] & family
    assert len(losskit.choose(f"sklearn:{name}")) == len(found)


def test_there_are_enough_of_them_and_each_has_a_source() -> None:
    assert len({case.id for case in CASES}) + len(SCIKIT_LEARN) >= 45
    assert all(len(case.source) > 20 for case in CASES)
    used = [frozenset(case.family) for case in CASES]
    assert {frozenset(ORDINAL | CLASSES), frozenset(BINARY)} <= set(used)


def test_what_data_were_made_as_is_found() -> None:
    """The other way round: data drawn from the distribution that a loss is the likelihood of."""
    draw = np.random.default_rng(11)
    made = {
        "MSE": draw.normal(3, 2, 800),
        "PoissonNLL": draw.poisson(2.5, 800),
        "Tweedie": np.where(draw.random(800) < 0.5, 0, draw.gamma(1.0, 40.0, 800)),
        "BinaryCrossEntropyWithLogits": draw.random(800) < 0.4,
        "CrossEntropy": draw.integers(0, 4, 800),
        "KLDivergence": draw.dirichlet(np.ones(4), 200),
    }
    for name, target in made.items():
        assert losskit.choose(target)[0].name == name
    gamma = draw.gamma(0.7, 900.0, 800)
    assert "GammaNLL" in [one.name for one in losskit.choose(gamma)[:3]]
    assert "PoissonNLL" in [one.name for one in losskit.choose(draw.poisson(30, 800))[:2]]
    assert losskit.choose(draw.standard_t(1.5, 800))[0].name == "Huber"
    assert losskit.choose(draw.lognormal(8, 1, 800))[0].transform.name == "log"
