"""What a model gives, held against the target."""

import numpy as np
import pytest

import losskit

DRAW = np.random.default_rng(6)
CLASSES = np.repeat([0, 1, 2], 40)


def softmax(scores: np.ndarray) -> np.ndarray:
    rows = np.exp(scores - scores.max(axis=1, keepdims=True))
    return rows / rows.sum(axis=1, keepdims=True)


LOGITS = DRAW.normal(0, 1, (120, 3)) + 3 * np.eye(3)[CLASSES]


@pytest.mark.parametrize(
    ("output", "contract"),
    [
        (LOGITS, "Logits"),
        (softmax(LOGITS), "ProbabilityRows"),
        (np.log(softmax(LOGITS)), "LogProbabilities"),
        (1 / (1 + np.exp(-LOGITS)), "Probabilities"),
        (np.abs(LOGITS) + 2, "RealValues"),
    ],
)
def test_what_the_output_is(output: np.ndarray, contract: str) -> None:
    found = losskit.choose(CLASSES, output=output)
    assert found.fact("output_contract") == contract
    assert found.fact("output_shape") == [120, 3]
    cross_entropy = next(one for one in found if one.name == "CrossEntropy")
    assert bool(cross_entropy.mend) == (
        contract in ("ProbabilityRows", "Probabilities", "LogProbabilities")
    )


def test_softmax_before_cross_entropy_is_found() -> None:
    found = losskit.choose(CLASSES, output=softmax(LOGITS))
    assert "take the values before softmax" in found[0].mend
    assert "mend" in str(found)


def test_log_probabilities_lead_to_the_loss_for_them() -> None:
    assert losskit.choose(CLASSES, output=np.log(softmax(LOGITS)))[0].name == "NLL"
    assert "NLL" not in [one.name for one in losskit.choose(CLASSES, output=LOGITS)]


def test_probabilities_of_a_binary_target() -> None:
    found = losskit.choose(CLASSES > 0, output=DRAW.random(120))
    assert "BinaryCrossEntropy" in [one.name for one in found]
    assert found[0].mend
    exact = next(one for one in found if one.name == "BinaryCrossEntropy")
    assert exact.mend == ""


@pytest.mark.parametrize(
    ("target", "output", "said"),
    [
        (CLASSES, LOGITS[:, :2], "this target needs 3"),
        (DRAW.normal(size=120), LOGITS, "this target needs 1 or 2"),
        (DRAW.normal(size=120), LOGITS[:, :1], "squeeze"),
        (CLASSES, LOGITS, "NaN or infinite"),
        (CLASSES, 1 / (1 + np.exp(-LOGITS)), "do not sum to 1"),
    ],
)
def test_what_does_not_fit_is_warned_about(
    target: np.ndarray, output: np.ndarray, said: str
) -> None:
    output = np.where(np.arange(120)[:, None] == 3, np.nan, output) if "NaN" in said else output
    assert any(said in warning for warning in losskit.choose(target, output=output).warnings)


def test_a_mean_and_a_variance() -> None:
    found = losskit.choose(DRAW.normal(size=120), output=DRAW.normal(size=(120, 2)))
    assert found[0].name == "GaussianNLL"


@pytest.mark.parametrize("form", ["logits", "probabilities", "log"])
def test_labels_that_the_model_is_sure_are_others(form: str) -> None:
    """Twelve of 120 labels are moved to the next class."""
    sure = 12.0 * np.eye(3)[CLASSES]
    wrong = CLASSES.copy()
    wrong[::10] = (wrong[::10] + 1) % 3
    given = {"logits": sure, "probabilities": softmax(sure), "log": np.log(softmax(sure))}[form]
    found = losskit.choose(wrong, output=given)
    assert found.fact("doubted_labels") == pytest.approx(0.1)
    assert losskit.choose(CLASSES, output=given).fact("doubted_labels") == 0
    robust = next(one for one in found if one.name == "GeneralizedCrossEntropy")
    assert any("probably wrong" in reason.text for reason in robust.because)
    names = np.asarray(["a", "b", "c"])[wrong]
    assert losskit.choose(names, output=given).fact("doubted_labels") == pytest.approx(0.1)
