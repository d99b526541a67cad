"""What holds for every loss: reduction, taking part, shapes, values, precision."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import (
    CLASSES,
    Case,
    call_options,
    every_case,
    every_classwise,
    every_loss,
    one_case,
)
from losskit import MSE, CrossEntropy
from losskit.core.classwise import AmbiguousAxisWarning, Classwise
from losskit.losses import CATALOGUE

NOTHING = [np.nan, np.inf, -np.inf]


def reduced_by_hand(values, mass, reduction, weight, mask, normalizer):
    """Semantics written out with Python's own sums."""
    taking_part = np.ones(values.shape, bool) if mask is None else mask
    weights = np.ones(values.shape) if weight is None else weight
    weighted = np.where(taking_part, weights * values, 0.0)
    if reduction == "none":
        return weighted
    total = math.fsum(weighted.flat)
    if reduction == "sum":
        return total
    counted = math.fsum((weights * mass)[taking_part].flat)
    return total / (counted if normalizer is None else normalizer)


@every_case
def test_reductions(case: Case):
    options = call_options(case, np.random.default_rng(2))
    loss = case.loss
    values = loss(case.input, case.target, reduction="none")
    mass = np.ones(case.positions)
    weights = getattr(loss, "class_weight", None)
    if weights is not None and case.target.dtype == np.int64:
        mass = np.asarray(weights)[case.target]
    elif weights is not None:
        axis = 0 if case.target.ndim == 1 else 1
        mass = np.tensordot(case.target, np.asarray(weights), axes=(axis, 0))
    if getattr(loss, "ignore_index", -100) >= 0:
        ignored = case.target == loss.ignore_index
        for option in options:
            option["mask"] = ~ignored if option["mask"] is None else option["mask"]
        mass = np.where(ignored, 0.0, mass)
    for option in options:
        np.testing.assert_allclose(
            loss(case.input, case.target, **option),
            reduced_by_hand(values, mass, **option),
            rtol=1e-12,
            atol=1e-15,
        )


@every_loss
@pytest.mark.parametrize("hole", NOTHING)
def test_masked_positions_leave_no_trace(kind, hole):
    """Neither value nor gradient, whatever input, target and weight hold there."""
    case = one_case(kind)
    mask = np.ones(case.positions, bool)
    mask[1] = False
    kept = mask if issubclass(kind, Classwise) else mask[:, 0]
    clean = case.loss.value_and_gradient(case.input[kept], case.target[kept])

    input, target = case.input.copy(), case.target.astype(case.target.dtype, copy=True)
    input[1] = hole
    if target.dtype == np.float64:
        target[1] = hole
    weight = np.where(mask, 1.0, hole)
    value, gradient = case.loss.value_and_gradient(input, target, mask=mask, weight=weight)
    np.testing.assert_allclose(value, clean[0], rtol=1e-12)
    np.testing.assert_allclose(gradient[kept], clean[1], rtol=1e-12)
    assert not gradient[1].any()
    assert not case.loss.curvature(input, target, mask=mask)[1].any()
    values = case.loss(input, target, mask=mask, reduction="none")
    assert np.isfinite(values).all()


@every_classwise
@pytest.mark.parametrize("hole", NOTHING)
def test_ignored_positions_leave_no_trace(kind, hole):
    case = one_case(kind)
    input, target = case.input.copy(), case.target.copy()
    clean = case.loss.value_and_gradient(np.delete(input, 2, 0), np.delete(target, 2))
    input[2], target[2] = hole, -100
    value, gradient = case.loss.value_and_gradient(input, target)
    np.testing.assert_allclose(value, clean[0], rtol=1e-12)
    np.testing.assert_allclose(np.delete(gradient, 2, 0), clean[1], rtol=1e-12)
    assert not gradient[2].any()


@every_loss
def test_nothing_takes_part(kind):
    case = one_case(kind)
    nobody = np.zeros(case.positions, bool)
    empty = (case.input[:0], case.target[:0])
    for reduction in ("mean", "sum"):
        for call in (
            {"mask": nobody},
            {"weight": nobody.astype(float)},
        ):
            value, gradient = case.loss.value_and_gradient(
                case.input, case.target, reduction=reduction, **call
            )
            assert value == 0
            assert not gradient.any()
        assert case.loss(*empty, reduction=reduction) == 0
    assert case.loss(case.input, case.target, mask=nobody, normalizer=0) == 0
    assert case.loss(*empty, reduction="none").size == 0
    assert case.loss.value_and_gradient(*empty)[1].shape == case.input[:0].shape


@every_loss
def test_inputs_are_never_written(kind):
    case = one_case(kind)
    mask = np.arange(math.prod(case.positions)).reshape(case.positions) % 2 == 0
    arrays = [case.input.copy(), case.target.copy(), np.ones(case.positions), mask.copy()]
    for array in arrays:
        array.flags.writeable = False
    input, target, weight, mask = arrays
    value, _ = case.loss.value_and_gradient(input, target, weight=weight, mask=mask)
    assert np.isfinite(value)
    assert np.isfinite(case.loss.curvature(input, target, weight=weight, mask=mask)).all()


@every_loss
def test_results_are_not_views_of_the_caller(kind):
    case = one_case(kind)
    for result in case.loss.value_and_gradient(case.input, case.target, reduction="none"):
        assert not np.shares_memory(result, case.input)
        assert not np.shares_memory(result, case.target)


@every_loss
def test_half_precision_is_computed_in_float32(kind):
    case = one_case(kind)
    half = case.input.astype(np.float16)
    target = case.target.astype(np.float16) if case.target.dtype == np.float64 else case.target
    exact = case.loss(half.astype(np.float64), target.astype(case.target.dtype))
    value, gradient = case.loss.value_and_gradient(half, target)
    assert value.dtype == np.float32
    assert gradient.dtype == np.float16
    np.testing.assert_allclose(value, exact, rtol=1e-6)
    assert case.loss(half, target, reduction="none").dtype == np.float16


def test_long_half_precision_sums():
    """float16 counts no further than 2048 by ones, and ends at 65504."""
    n = 100_000
    ones, zeros = np.ones(n, np.float16), np.zeros(n, np.float16)
    assert MSE()(ones, zeros, reduction="sum") == n
    assert MSE()(ones, zeros) == 1


@every_loss
def test_weight_of_one_number_per_row_needs_axes(kind):
    """(N,) against (N, D) would be stretched along the wrong axis."""
    case = one_case(kind)
    rows = np.arange(1.0, 6.0)
    if issubclass(kind, Classwise):
        assert np.isfinite(case.loss(case.input, case.target, weight=rows))
        return
    with pytest.raises(ValueError, match=r"weight\[:, None\]"):
        case.loss(case.input, case.target, weight=rows)
    stretched = case.loss(case.input, case.target, weight=rows[:, None])
    full = np.repeat(rows[:, None], CLASSES, axis=1)
    assert stretched == case.loss(case.input, case.target, weight=full)


@every_loss
@pytest.mark.parametrize("name", ["weight", "mask"])
def test_weights_and_masks_must_fit(kind, name):
    case = one_case(kind)
    wrong = np.ones((3, 7)) if name == "weight" else np.ones((3, 7), bool)
    with pytest.raises(ValueError, match=rf"{kind.__name__}: {name} has shape \(3, 7\)"):
        case.loss(case.input, case.target, **{name: wrong})


@every_loss
def test_shapes_are_never_broadcast(kind):
    case = one_case(kind)
    with pytest.raises(ValueError, match=rf"{kind.__name__}: .*\(5, 4\).*\(1, 4\)"):
        case.loss(case.input, np.full((1, CLASSES), 0.25))
    with pytest.raises(ValueError, match=kind.__name__):
        case.loss(case.input[:, :1], np.full(5, 0.5))


@every_loss
def test_every_misuse_is_named(kind):
    case = one_case(kind)
    input, target = case.input, case.target
    refused = [
        (ValueError, "reduction", {"reduction": "batchmean"}),
        (ValueError, "normalizer", {"normalizer": -1.0}),
        (ValueError, "normalizer", {"normalizer": float("nan")}),
        (ValueError, "normalizer", {"normalizer": np.ones(3)}),
        (ValueError, "normalizer", {"normalizer": 2.0, "reduction": "sum"}),
        (ValueError, "weight must be >= 0", {"weight": np.full(case.positions, -1.0)}),
        (ValueError, "weight must be >= 0", {"weight": np.full(case.positions, np.nan)}),
        (TypeError, "mask", {"mask": np.ones(case.positions)}),
    ]
    for error, match, options in refused:
        with pytest.raises(error, match=match):
            case.loss(input, target, **options)
    with pytest.raises(TypeError, match="input must hold real numbers"):
        case.loss(input.astype(complex), target)
    with pytest.raises(TypeError, match="input must hold"):
        case.loss(input > 0, target)
    with pytest.raises(TypeError, match="real numbers"):
        case.loss(input, np.full(target.shape, "a"))
    with pytest.raises(TypeError, match=f"{kind.__name__}: input is no array of numbers"):
        case.loss([[1.0], [2.0, 3.0]], target)
    with pytest.raises(TypeError, match=r"target is no array of numbers.*mask=~array\.mask"):
        case.loss(input, np.ma.masked_less(target, 0))


@every_loss
def test_lists_and_integer_masks(kind):
    """Sequences are arrays; whatever is not 0 in a mask takes part, as segment numbers do."""
    case = one_case(kind)
    column = () if issubclass(kind, Classwise) else (1,)
    mask = np.reshape([0, 0, 1, 2, -3], (5, *column))
    expected = case.loss(case.input[2:], case.target[2:])
    actual = case.loss(case.input.tolist(), case.target.tolist(), mask=mask.tolist())
    assert actual == pytest.approx(expected, rel=1e-14)


@given(
    shards=st.lists(st.integers(1, 5), min_size=1, max_size=5),
    seed=st.integers(0, 100),
    kind=st.sampled_from(list(CATALOGUE.values())),
)
def test_normalizer_makes_accumulation_exact(shards, seed, kind):
    """Micro-batches of any sizes, each divided by the global count, sum to the whole batch."""
    case = one_case(kind, seed)
    repeat = -(-sum(shards) // 5)
    input = np.concatenate([case.input] * repeat)[: sum(shards)]
    target = np.concatenate([case.target] * repeat)[: sum(shards)]
    whole = case.loss.value_and_gradient(input, target)
    count = math.prod(case.loss(input, target, reduction="none").shape)
    edges = np.cumsum(shards)[:-1]
    parts = [
        case.loss.value_and_gradient(x, y, normalizer=count)
        for x, y in zip(np.split(input, edges), np.split(target, edges), strict=True)
    ]
    assert sum(value for value, _ in parts) == pytest.approx(whole[0], rel=1e-12)
    np.testing.assert_allclose(np.concatenate([g for _, g in parts]), whole[1], rtol=1e-12)


@every_classwise
def test_class_axis_can_be_said(kind):
    """(N, T, K) with class_axis=-1 is (N, K, T) by default."""
    rng = np.random.default_rng(3)
    logits = rng.normal(size=(2, 6, CLASSES))
    target = rng.integers(0, CLASSES, (2, 6))
    last = kind(class_axis=-1)
    moved = kind().value_and_gradient(np.moveaxis(logits, -1, 1), target)
    value, gradient = last.value_and_gradient(logits, target)
    assert value == pytest.approx(moved[0], rel=1e-14)
    np.testing.assert_allclose(gradient, np.moveaxis(moved[1], 1, -1), rtol=1e-14)
    with pytest.raises(ValueError, match="class_axis=-1"):
        kind()(logits, target)
    with pytest.raises(ValueError, match="class_axis=3"):
        kind(class_axis=3)(logits, target)


@every_classwise
def test_ambiguous_class_axis_warns(kind):
    square = np.zeros((2, CLASSES, CLASSES))
    target = np.zeros((2, CLASSES), int)
    with pytest.warns(AmbiguousAxisWarning, match="class_axis=1"):
        kind()(square, target)
    assert np.isfinite(kind(class_axis=1)(square, target))


@every_classwise
def test_classwise_misuse_is_named(kind):
    logits, target = np.zeros((4, 3)), np.array([0, 1, 2, 0])
    refused = [
        (TypeError, "integers", {}, logits, target == 0),
        (ValueError, "int64", {}, logits, target.astype(float)),
        (ValueError, r"target\[\.\.\., 0\]", {}, logits, target[:, None]),
        (ValueError, "one-hot", {}, logits, np.eye(3, dtype=int)[target]),
        (ValueError, "position \\(2,\\) is 3", {}, logits, np.array([0, 1, 3, 0])),
        (ValueError, "position \\(1,\\) is -1", {}, logits, np.array([0, -1, 2, 0])),
        (ValueError, "sums to 0.5", {}, logits, np.full((4, 3), 0.5 / 3)),
        (ValueError, "position \\(0, 0\\) is -0.5", {}, logits, np.tile([-0.5, 1, 0.5], (4, 1))),
        (ValueError, "ignore_index=2", {"ignore_index": 2}, logits, np.full((4, 3), 1 / 3)),
        (ValueError, "3 classes, got shape \\(2,\\)", {"class_weight": [1, 2]}, logits, target),
        (ValueError, "axis of classes", {}, np.float64(1), 0),
    ]
    for error, match, settings, input, wrong in refused:
        with pytest.raises(error, match=match):
            kind(**settings)(input, wrong)


def test_values_are_checked_unless_told_otherwise():
    logits = np.zeros((2, 3))
    unnormalised = np.array([[1.0, 1.0, 0.0], [0.2, 0.0, 0.0]])
    with pytest.raises(ValueError, match="sums to 2"):
        CrossEntropy()(logits, unnormalised)
    expected = (2 * np.log(3) + 0.2 * np.log(3)) / 2
    assert CrossEntropy()(logits, unnormalised, validate=False) == pytest.approx(expected)
