"""Weighted sums of losses and of modules."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

import losskit.torch as lt
from losskit import MAE, MSE, CrossEntropy, Focal, Huber, PoissonNLL, Triplet

LOGITS = np.array([[2.0, 1.0, 0.1], [0.5, 2.5, 0.3]])
TARGET = np.array([0, 1])


def test_value_by_hand():
    """Errors 2 and 0: MSE 2, MAE 1."""
    total, parts = (0.5 * MSE() + 2 * MAE()).with_parts([3.0, 1.0], [1.0, 1.0])
    assert total == 3
    assert parts == {"MSE": 2, "MAE": 1}


def test_derivatives_add_up():
    both = 0.7 * CrossEntropy() + 0.3 * Focal(gamma=1.0)
    value, gradient = both.value_and_gradient(LOGITS, TARGET, reduction="sum")
    one = CrossEntropy().value_and_gradient(LOGITS, TARGET, reduction="sum")
    other = Focal(gamma=1.0).value_and_gradient(LOGITS, TARGET, reduction="sum")
    assert value == pytest.approx(0.7 * one[0] + 0.3 * other[0], rel=1e-15)
    np.testing.assert_allclose(gradient, 0.7 * one[1] + 0.3 * other[1], rtol=1e-14)
    expected = 0.7 * CrossEntropy().curvature(LOGITS, TARGET)
    expected += 0.3 * Focal(gamma=1.0).curvature(LOGITS, TARGET)
    np.testing.assert_allclose(both.curvature(LOGITS, TARGET), expected, rtol=1e-14)


def test_gradient_and_curvature_are_those_of_the_two_calls():
    both = 0.5 * MSE() + 2 * Huber()
    gradient, curvature = both.gradient_and_curvature([3.0, 1.5], [1.0, 1.0], reduction="sum")
    # Errors 2 and 0.5: 0.5 · 2e + 2 · min(e, 1), and 0.5 · 2 + 2 where Huber is a parabola.
    assert gradient.tolist() == [4.0, 1.5]
    assert curvature.tolist() == [1.0, 3.0]
    expected = (CrossEntropy() + Focal()).value_and_gradient(LOGITS, TARGET)[1]
    found = (CrossEntropy() + Focal()).gradient_and_curvature(LOGITS, TARGET)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_what_takes_part_in_any_takes_part():
    both = CrossEntropy(ignore_index=0) + Focal(ignore_index=2)
    target = np.array([0, 2, 1, 1])
    mask = np.array([True, True, True, False])
    logits = np.zeros((4, 3))
    assert both.taking_part(logits, target, mask=mask).tolist() == [True, True, True, False]
    padding = CrossEntropy() + Focal()
    assert padding.taking_part(logits[:2], np.array([-100, 1])).tolist() == [False, True]
    with pytest.raises(ValueError, match=r"\(3,\) and \(3, 3\)"):
        (CrossEntropy() + PoissonNLL()).taking_part(np.zeros((3, 3)), np.eye(3))


def test_options_reach_every_part():
    mask = np.array([True, False])
    both = CrossEntropy() + 2 * Focal()
    assert both(LOGITS, TARGET, mask=mask) == both(LOGITS[:1], TARGET[:1])
    assert both(LOGITS, TARGET, reduction="none").shape == (2,)


def test_algebra():
    a, b, c = MSE(), MAE(), Huber()
    whole = 2 * (0.5 * a + b) + c * 3
    assert whole.terms == ((1.0, a), (2.0, b), (3.0, c))
    assert sum([a, b, c]).terms == ((1.0, a), (1.0, b), (1.0, c))
    assert whole.spec() == "1*MSE + 2*MAE + 3*Huber"
    assert pickle.loads(pickle.dumps(whole)) == whole
    assert hash(whole) == hash(2 * (0.5 * a + b) + c * 3)


def test_numbers_of_arrays_are_weights():
    half = np.float32(0.5)
    assert (half * MSE()).terms == (MSE() * half).terms == ((0.5, MSE()),)
    assert (torch.tensor(0.5) * lt.MSELoss()).weights == (0.5,)
    with pytest.raises(TypeError, match="weighted by a number, got ndarray"):
        np.array([0.7, 0.3]) * MSE()


def test_parts_have_names_of_their_own():
    both = Huber() + Huber(delta=2.0) + MSE() + MSE()
    assert list(both.with_parts([1.0], [0.0])[1]) == ["Huber", "Huber:delta=2", "MSE", "MSE#2"]


@pytest.mark.parametrize(
    ("wrong", "error", "match"),
    [
        (lambda: MSE() * "2", TypeError, "weighted by a number, got str"),
        (lambda: MSE() * True, TypeError, "weighted by a number, got bool"),
        (lambda: float("nan") * MSE(), ValueError, "finite number, got nan"),
        (lambda: MSE() + 1, TypeError, "unsupported operand"),
        (lambda: 1 + MSE(), TypeError, "unsupported operand"),
        (lambda: torch.nn.Parameter(torch.tensor(0.5)) * MSE(), TypeError, "what is learnt"),
        (lambda: lt.MSELoss() * torch.ones((), requires_grad=True), TypeError, "what is learnt"),
        (lambda: lt.MSELoss() * "2", TypeError, "weighted by a number, got str"),
        (lambda: lt.MSELoss() + 1, TypeError, "unsupported operand"),
        (lambda: lt.MSELoss() + MSE(), TypeError, "unsupported operand"),
        (lambda: MSE() + lt.MSELoss(), TypeError, "unsupported operand"),
        (
            lambda: MSE() + Triplet(),
            TypeError,
            "MSE takes input, target and Triplet takes anchor, positive, negative: they cannot",
        ),
        (
            lambda: lt.MSELoss() + lt.TripletMarginLoss(),
            TypeError,
            "MSELoss takes input, target and TripletMarginLoss takes anchor, positive, negative: t",
        ),
    ],
)
def test_misuse_is_named(wrong, error, match):
    with pytest.raises(error, match=match):
        wrong()


def test_values_of_different_shapes_are_not_added():
    """(N, K) element by element and (N,) row by row would be stretched into each other."""
    logits = np.zeros((3, 3))
    rows = np.eye(3)
    both = CrossEntropy() + PoissonNLL()
    with pytest.raises(ValueError, match=r"\(3,\) and \(3, 3\); reduce them"):
        both(logits, rows, reduction="none")
    assert np.isfinite(both(logits, rows))
    modules = lt.CrossEntropyLoss(reduction="none") + lt.PoissonNLLLoss(reduction="none")
    with pytest.raises(ValueError, match=r"\(3,\) and \(3, 3\); give each"):
        modules(torch.zeros(3, 3), torch.eye(3))


class TestModules:
    def test_value_and_gradient(self):
        criterion = 0.7 * lt.CrossEntropyLoss() + 0.3 * lt.FocalLoss(gamma=1.0)
        logits = torch.tensor(LOGITS, requires_grad=True)
        total, parts = criterion.with_parts(logits, torch.tensor(TARGET))
        total.backward()
        expected = (0.7 * CrossEntropy() + 0.3 * Focal(gamma=1.0)).value_and_gradient(
            LOGITS, TARGET
        )
        assert total.item() == pytest.approx(expected[0], rel=1e-14)
        np.testing.assert_allclose(logits.grad, expected[1], rtol=1e-13)
        assert list(parts) == ["CrossEntropyLoss", "FocalLoss"]
        assert parts["CrossEntropyLoss"].item() == pytest.approx(0.3185, abs=5e-5)

    def test_it_is_a_module(self):
        weight = torch.tensor([1.0, 2.0, 3.0])
        criterion = lt.CrossEntropyLoss(weight=weight) + 2 * lt.CrossEntropyLoss()
        assert list(criterion.state_dict()) == ["losses.0.weight"]
        assert criterion.to(torch.float64).losses[0].weight.dtype == torch.float64
        assert criterion.names == ("CrossEntropyLoss(weight=<(3,)>)", "CrossEntropyLoss()")
        clone = pickle.loads(pickle.dumps(criterion))
        arrays = torch.tensor(LOGITS), torch.tensor(TARGET)
        assert clone(*arrays) == criterion(*arrays)

    def test_names_of_tensors_may_differ(self):
        image, text = torch.eye(3), torch.eye(3) + 0.1
        clip, pairs = lt.CLIPLoss(), lt.InfoNCELoss()
        assert (clip + pairs)(image, text) == clip(image, text) + pairs(image, text)

    def test_options_and_sums_of_sums(self):
        criterion = sum([lt.MSELoss(), 0.5 * (lt.L1Loss() + lt.HuberLoss())])
        x, y = torch.tensor([3.0, torch.nan]), torch.tensor([1.0, 0.0])
        # Squared error 4, absolute error 2, Huber 1.5.
        assert criterion(x, y, mask=torch.tensor([True, False])) == 4 + 0.5 * (2 + 1.5)
        assert criterion.weights == (1.0, 0.5, 0.5)

    def test_compiles_in_one_graph(self):
        criterion = 0.7 * lt.CrossEntropyLoss() + 0.3 * lt.FocalLoss()
        arrays = torch.tensor(LOGITS), torch.tensor(TARGET)
        compiled = torch.compile(criterion, fullgraph=True, backend="aot_eager")
        torch.testing.assert_close(compiled(*arrays), criterion(*arrays))
        torch._dynamo.reset()
        definition = 0.7 * CrossEntropy() + 0.3 * Focal()
        compiled = torch.compile(definition, fullgraph=True, backend="aot_eager")
        torch.testing.assert_close(compiled(*arrays), criterion(*arrays))
        torch._dynamo.reset()
