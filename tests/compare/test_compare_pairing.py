"""How outputs meet losses: by contracts, for whatever is in the catalogue."""

import numpy as np
import pytest
import torch

from losskit.compare.candidates import (
    Candidate,
    default_candidates,
    named_candidates,
    resolve,
)
from losskit.compare.errors import CompareError
from losskit.compare.pairing import PAIRINGS, fits, pair
from losskit.compare.task import TASKS, Target
from losskit.losses import CATALOGUE

VALUES = {
    "regression": np.linspace(-50, 350, 41) ** 1.0,
    "binary": np.array([0, 0, 0, 1] * 8),
    "multiclass": np.array([0, 1, 2, 2, 2] * 8),
}
CLASSES = {"regression": (), "binary": ("no", "yes"), "multiclass": ("a", "b", "c")}


def target(task):
    values = VALUES[task]
    return Target("y", task, "the test says so", values, CLASSES[task], np.ones(len(values), bool))


def loss_of(name, task, output, truth, **parameters):
    pairing = pair(CATALOGUE[name], target(task))
    loss = CATALOGUE[name](**parameters)
    classes = len(CLASSES[task])
    return loss(pairing.shown_input.function(output), pairing.targets(truth, classes))


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", CATALOGUE)
def test_every_loss_fits_and_has_a_gradient_or_is_refused(name: str, task: str) -> None:
    kind = CATALOGUE[name]
    if not fits(kind, target(task)):
        with pytest.raises(
            CompareError, match=f"loss '{name}' does not fit the target 'y'.*these fit: "
        ):
            pair(kind, target(task))
        return
    classes = len(CLASSES[task])
    shape = (20, classes) if classes > 2 else (20,)
    output = torch.randn(shape, generator=torch.Generator().manual_seed(0)).requires_grad_()
    truth = torch.arange(20) % classes if classes else torch.linspace(-2, 2, 20)
    loss_of(name, task, output, truth).backward()
    assert torch.isfinite(output.grad).all()
    assert output.grad.abs().sum() > 0
    probabilities = pair(kind, target(task)).predict(output.detach().double())
    if classes:
        assert probabilities.shape == (20, classes)
        torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(20, dtype=torch.float64))


def test_all_likelihoods_of_one_output_agree() -> None:
    # One network output z: the same loss, whichever way it is presented.
    output, truth = torch.tensor([1.5, -0.5, 2.0]), torch.tensor([1, 0, 1])
    names = ["BinaryCrossEntropyWithLogits", "BinaryCrossEntropy", "CrossEntropy", "NLL"]
    # MISSION's worked number for these logits.
    for name in names:
        assert float(loss_of(name, "binary", output, truth)) == pytest.approx(0.2675, abs=5e-5)


def test_mse_sees_the_probability() -> None:
    output, truth = torch.tensor([0.0, 0.0]), torch.tensor([0, 1])
    assert float(loss_of("MSE", "binary", output, truth)) == pytest.approx(0.25)
    rows, classes = torch.zeros(2, 3), torch.tensor([0, 2])
    one = ((1 - 1 / 3) ** 2 + 2 * (1 / 3) ** 2) / 3
    assert float(loss_of("MSE", "multiclass", rows, classes)) == pytest.approx(one)


def test_one_against_the_rest() -> None:
    output = torch.tensor([[2.0, -1.0, 0.5]])
    expected = torch.nn.functional.binary_cross_entropy_with_logits(
        output, torch.tensor([[0.0, 0.0, 1.0]])
    )
    found = loss_of("BinaryCrossEntropyWithLogits", "multiclass", output, torch.tensor([2]))
    torch.testing.assert_close(found, expected)
    share = torch.sigmoid(output.double())
    predicted = pair(CATALOGUE["BinaryCrossEntropyWithLogits"], target("multiclass")).predict(
        output.double()
    )
    torch.testing.assert_close(predicted, share / share.sum())


def test_the_code_says_what_the_function_does() -> None:
    for task, pairings in PAIRINGS.items():
        classes = len(CLASSES[task])
        output = torch.randn((6, classes) if classes > 2 else (6,))
        truth = torch.arange(6) % max(classes, 1)
        for pairing in pairings:
            names = {"torch": torch, "output": output, "target": truth, "classes": classes}
            said = eval(pairing.shown_input.code, names)
            torch.testing.assert_close(said, pairing.shown_input.function(output))
            torch.testing.assert_close(
                eval(pairing.target_code, names), pairing.targets(truth, classes)
            )


@pytest.mark.parametrize("task", TASKS)
def test_default_losses_are_different_and_more_than_one(task: str) -> None:
    candidates, notes = default_candidates(target(task))
    labels = [candidate.label for candidate in candidates]
    assert len(set(labels)) == len(labels) >= 3
    named = {candidate.kind.__name__ for candidate in candidates}
    # Nothing that fits is passed over in silence.
    rest = {name for name, kind in CATALOGUE.items() if fits(kind, target(task))} - named
    assert all(any(name in note for note in notes) for name in rest)


def test_defaults_follow_the_data() -> None:
    regression, _ = default_candidates(target("regression"))
    huber = next(one for one in regression if one.kind.__name__ == "Huber")
    # Evenly spread over 400: the median deviation is 100.
    assert huber.parameters["delta"] == pytest.approx(1.345 * 1.4826 * 100, rel=1e-2)
    binary = [one.label for one in default_candidates(target("binary"))[0]]
    assert binary[0] == "BinaryCrossEntropyWithLogits"
    assert {"MSE", "BinaryCrossEntropyWithLogits:pos_weight=balanced"} <= set(binary)
    assert not any("label_smoothing" in label for label in binary)
    multiclass = [one.label for one in default_candidates(target("multiclass"))[0]]
    assert "CrossEntropy:class_weight=balanced" in multiclass
    assert "CrossEntropy:label_smoothing=0.1" in multiclass


def test_balanced_classes_are_not_weighted() -> None:
    values = np.array([0, 1] * 20)
    even = Target("y", "binary", "", values, ("a", "b"), np.ones(40, bool))
    assert not any("balanced" in one.label for one in default_candidates(even)[0])


def test_balanced_weights_by_hand() -> None:
    counts = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 2])
    kind = CATALOGUE["CrossEntropy"]
    weights = resolve(Candidate(kind, {"class_weight": "balanced"}), counts, 3, 1.0).class_weight
    assert weights.tolist() == pytest.approx([10 / 18, 10 / 9, 10 / 3])
    kind = CATALOGUE["BinaryCrossEntropyWithLogits"]
    weight = resolve(Candidate(kind, {"pos_weight": "balanced"}), counts.clip(0, 1), 2, 1.0)
    assert float(np.asarray(weight.pos_weight)) == pytest.approx(6 / 4)


def test_parameters_in_the_targets_unit_are_scaled_with_it() -> None:
    values = VALUES["regression"]
    kind = CATALOGUE["Huber"]
    assert resolve(Candidate(kind, {"delta": 50.0}), values, 0, 25.0).delta == 2
    # The default is a number in the target's unit as well.
    assert resolve(Candidate(kind, {}), values, 0, 25.0).delta == pytest.approx(1 / 25)
    assert resolve(Candidate(kind, {}), VALUES["binary"], 2, 1.0).delta == 1


REFUSED = {
    "unknown loss": (["Hubr"], "regression", "Huber"),
    "unknown parameter": (["Huber:gamma=1"], "regression", "gamma"),
    "bad value": (["Huber:delta=-1"], "regression", "delta"),
    "named twice": (["Huber", "Huber:delta=1.0"], "regression", "named twice"),
    "does not fit": (["CrossEntropy"], "regression", "these fit: MAE|these fit: Huber"),
    "weights of other classes": (["CrossEntropy:class_weight=[1,2]"], "multiclass", "class_weight"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_losses_that_cannot_be_meant_are_refused_in_one_line(case: str) -> None:
    names, task, why = REFUSED[case]
    with pytest.raises(CompareError, match=why) as caught:
        named_candidates(names, target(task))
    assert "\n" not in str(caught.value)


def test_a_loss_object_is_as_good_as_its_text() -> None:
    (one,) = named_candidates([CATALOGUE["Huber"](delta=2.0)], target("regression"))
    (other,) = named_candidates(["Huber:delta=2"], target("regression"))
    assert one == other
