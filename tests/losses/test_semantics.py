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
    as_tuple,
    call_options,
    every_case,
    every_classification,
    every_classwise,
    every_loss,
    make_array,
    one_case,
)
from losskit import MSE, CrossEntropy
from losskit.core.batchwise import Batchwise
from losskit.core.classwise import AmbiguousAxisWarning, Classification
from losskit.core.contracts import PROBABILITY_ROWS
from losskit.core.positionwise import Positionwise
from losskit.core.regionwise import Regionwise
from losskit.core.rowwise import Listwise
from losskit.losses import CATALOGUE

NOTHING = [np.nan, np.inf, -np.inf]
UNITS = (Listwise, Batchwise, Regionwise)


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
    loss, target = case.loss, case.arrays[-1]
    mass = np.ones(case.positions)
    weights = loss.class_weight if isinstance(loss, (Classification, Regionwise)) else None
    if weights is not None and isinstance(loss, Regionwise):
        mass = np.broadcast_to(weights, case.positions)
    elif weights is not None and target.dtype == np.int64:
        mass = np.asarray(weights)[target]
    elif weights is not None:
        axis = 0 if target.ndim == 1 else 1
        mass = np.tensordot(target, np.asarray(weights), axes=(axis, 0))
    taking_part = np.ones(case.positions, bool)
    if isinstance(loss, Classification) and loss.ignore_index >= 0:
        taking_part = target != loss.ignore_index
    for option in options:
        mask = option["mask"]
        if isinstance(loss, UNITS):
            # What is masked there changes the values of the rest.
            values = loss(*case.arrays, mask=mask, reduction="none")
            mask = loss.taking_part(*case.arrays, mask=mask)
        else:
            values = loss(*case.arrays, reduction="none")
        mask = taking_part if mask is None else taking_part & mask
        np.testing.assert_allclose(
            loss(*case.arrays, **option),
            reduced_by_hand(values, mass, **option | {"mask": mask}),
            rtol=1e-12,
            atol=1e-15,
        )


@every_loss
@pytest.mark.parametrize("hole", NOTHING)
def test_masked_positions_leave_no_trace(kind, hole):
    """Neither value nor gradient, whatever the arrays and the weight hold there."""
    case = one_case(kind)
    mask = np.ones(case.mask_shape, bool)
    mask[1] = False
    kept = [0, 2, 3, 4]
    clean = case.loss.value_and_gradient(*case.rows(kept))
    arrays = tuple(np.array(array) for array in case.arrays)
    for array in arrays:
        if array.dtype == np.float64 and array.ndim:
            array[1] = hole
    weight = np.ones(case.positions)
    weight[1] = hole
    value, gradients = case.loss.value_and_gradient(*arrays, mask=mask, weight=weight)
    np.testing.assert_allclose(value, clean[0], rtol=1e-12)
    for gradient, expected in zip(as_tuple(gradients), as_tuple(clean[1]), strict=True):
        if gradient.ndim:
            np.testing.assert_allclose(gradient[kept], expected, rtol=1e-11, atol=1e-15)
            assert not gradient[1].any()
        else:
            np.testing.assert_allclose(gradient, expected, rtol=1e-11)
    if case.has_curvature:
        for curvature in as_tuple(case.loss.curvature(*arrays, mask=mask)):
            assert not curvature[1].any()
    values = case.loss(*arrays, mask=mask, reduction="none")
    assert np.isfinite(values).all()
    taking_part = case.loss.taking_part(*arrays, mask=mask)
    assert taking_part.shape == case.positions
    assert taking_part[kept].all()
    assert not taking_part[1].any()


@every_classification
@pytest.mark.parametrize("hole", NOTHING)
def test_ignored_positions_leave_no_trace(kind, hole):
    case = one_case(kind)
    kept = [0, 1, 3, 4]
    clean = case.loss.value_and_gradient(*case.rows(kept))
    arrays = tuple(array.copy() for array in case.arrays)
    for array in arrays[:-1]:
        array[2] = hole
    arrays[-1][2] = -100
    value, gradient = case.loss.value_and_gradient(*arrays)
    np.testing.assert_allclose(value, clean[0], rtol=1e-12)
    np.testing.assert_allclose(gradient[kept], clean[1], rtol=1e-12)
    assert not gradient[2].any()


@every_loss
def test_nothing_takes_part(kind):
    case = one_case(kind)
    nobody = np.zeros(case.mask_shape, bool)
    weightless = np.zeros(case.positions)
    empty = case.rows(slice(0, 0))
    for reduction in ("mean", "sum"):
        for call in ({"mask": nobody}, {"weight": weightless}):
            value, gradients = case.loss.value_and_gradient(
                *case.arrays, reduction=reduction, **call
            )
            assert value == 0
            assert not any(gradient.any() for gradient in as_tuple(gradients))
        assert case.loss(*empty, reduction=reduction) == 0
    assert case.loss(*case.arrays, mask=nobody, normalizer=0) == 0
    assert case.loss(*empty, reduction="none").size == 0
    first = as_tuple(case.loss.value_and_gradient(*empty)[1])[0]
    assert first.shape == empty[0].shape


@every_loss
def test_inputs_are_never_written(kind):
    case = one_case(kind)
    mask = np.arange(math.prod(case.mask_shape)).reshape(case.mask_shape) % 2 == 0
    arrays = [np.array(array) for array in (*case.arrays, np.ones(case.positions), mask)]
    for array in arrays:
        array.flags.writeable = False
    *arrays, weight, mask = arrays
    value, _ = case.loss.value_and_gradient(*arrays, weight=weight, mask=mask)
    assert np.isfinite(value)
    if case.has_curvature:
        for curvature in as_tuple(case.loss.curvature(*arrays, weight=weight, mask=mask)):
            assert np.isfinite(curvature).all()


@every_loss
def test_results_are_not_views_of_the_caller(kind):
    case = one_case(kind)
    value, gradients = case.loss.value_and_gradient(*case.arrays, reduction="none")
    for result in (value, *as_tuple(gradients)):
        assert not any(np.shares_memory(result, array) for array in case.arrays)


@every_loss
def test_half_precision_is_computed_in_float32(kind):
    case = one_case(kind)
    halves = [a.astype(np.float16) if a.dtype == np.float64 else a for a in case.arrays]
    exact = case.loss(*(half.astype(a.dtype) for half, a in zip(halves, case.arrays, strict=True)))
    value, gradients = case.loss.value_and_gradient(*halves)
    assert value.dtype == np.float32
    assert all(gradient.dtype == np.float16 for gradient in as_tuple(gradients))
    np.testing.assert_allclose(value, exact, rtol=1e-6)
    assert case.loss(*halves, reduction="none").dtype == np.float16


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
    if case.positions == rows.shape:
        assert np.isfinite(case.loss(*case.arrays, weight=rows))
        return
    with pytest.raises(ValueError, match=r"weight\[:, None\]"):
        case.loss(*case.arrays, weight=rows)
    stretched = case.loss(*case.arrays, weight=rows[:, None])
    full = np.repeat(rows[:, None], CLASSES, axis=1)
    assert stretched == case.loss(*case.arrays, weight=full)


@every_loss
@pytest.mark.parametrize("name", ["weight", "mask"])
def test_weights_and_masks_must_fit(kind, name):
    case = one_case(kind)
    wrong = np.ones((3, 7)) if name == "weight" else np.ones((3, 7), bool)
    with pytest.raises(ValueError, match=rf"{kind.__name__}: {name} has shape \(3, 7\)"):
        case.loss(*case.arrays, **{name: wrong})


@every_loss
def test_shapes_are_never_broadcast(kind):
    """Whichever array has the length of 1, and however many there are."""
    case = one_case(kind)
    for at, array in enumerate(case.arrays):
        if array.ndim:
            arrays = (*case.arrays[:at], array[:1], *case.arrays[at + 1 :])
            if not case.loss.arguments[at].stretches:
                with pytest.raises(ValueError, match=kind.__name__):
                    case.loss(*arrays)
            arrays = (*case.arrays[:at], array[:, None], *case.arrays[at + 1 :])
            with pytest.raises(ValueError, match=kind.__name__):
                case.loss(*arrays)


@every_loss
def test_every_misuse_is_named(kind):
    case = one_case(kind)
    input, *others = case.arrays
    first, second = (argument.name for argument in case.loss.arguments[:2])
    refused = [
        (ValueError, "reduction", {"reduction": "batchmean"}),
        (ValueError, "normalizer", {"normalizer": -1.0}),
        (ValueError, "normalizer", {"normalizer": float("nan")}),
        (ValueError, "normalizer", {"normalizer": np.ones(3)}),
        (ValueError, "normalizer", {"normalizer": 2.0, "reduction": "sum"}),
        (ValueError, "normalizer is 0, but something", {"normalizer": 0}),
        (ValueError, "normalizer is 0, but something", {"normalizer": np.zeros(())}),
        (ValueError, "weight must be >= 0", {"weight": np.full(case.positions, -1.0)}),
        (ValueError, "weight must be >= 0", {"weight": np.full(case.positions, np.nan)}),
        (TypeError, "mask", {"mask": np.ones(case.mask_shape)}),
        (TypeError, "reductoin'; did you mean reduction", {"reductoin": "sum"}),
        (TypeError, f"got {first} twice", {first: input}),
    ]
    for error, match, options in refused:
        with pytest.raises(error, match=match):
            case.loss(input, *others, **options)
    with pytest.raises(TypeError, match=f"{second}.* missing"):
        case.loss(input)
    with pytest.raises(TypeError, match=f"{kind.__name__} takes {first}"):
        case.loss(*case.arrays, input)
    with pytest.raises(TypeError, match=f"{first} must hold real numbers"):
        case.loss(input.astype(complex), *others)
    with pytest.raises(TypeError, match=f"{first} must hold"):
        case.loss(input > 0, *others)
    with pytest.raises(TypeError, match="real numbers"):
        case.loss(input, np.full(others[0].shape, "a"), *others[1:])
    with pytest.raises(TypeError, match=f"{kind.__name__}: {first} is no array of numbers"):
        case.loss([[1.0], [2.0, 3.0]], *others)
    with pytest.raises(TypeError, match=rf"{second} is no array of numbers.*mask=~array\.mask"):
        case.loss(input, np.ma.masked_less(others[0], 0), *others[1:])


@every_loss
def test_arguments_by_name(kind):
    case = one_case(kind)
    names = [argument.name for argument in case.loss.arguments]
    named = dict(zip(names, case.arrays, strict=True))
    assert case.loss(**named) == case.loss(*case.arrays)
    assert case.loss.value_and_gradient(**named)[0] == case.loss(*case.arrays)


@every_loss
def test_lists_and_integer_masks(kind):
    """Sequences are arrays; whatever is not 0 in a mask takes part, as segment numbers do."""
    case = one_case(kind)
    mask = np.ones(case.mask_shape, int) * np.reshape(
        [0, 0, 1, 2, -3], (5, *(1,) * (len(case.mask_shape) - 1))
    )
    expected = case.loss(*case.rows(slice(2, None)))
    actual = case.loss(*(array.tolist() for array in case.arrays), mask=mask.tolist())
    assert actual == pytest.approx(expected, rel=1e-14)


@given(
    shards=st.lists(st.integers(1, 5), min_size=1, max_size=5),
    seed=st.integers(0, 100),
    kind=st.sampled_from([k for k in CATALOGUE.values() if issubclass(k, Positionwise)]),
)
def test_normalizer_makes_accumulation_exact(shards, seed, kind):
    """Micro-batches of any sizes, each divided by the global count, sum to the whole batch."""
    case = one_case(kind, seed)
    chosen = np.arange(sum(shards)) % 5
    whole = case.loss.value_and_gradient(*case.rows(chosen))
    count = math.prod(case.loss(*case.rows(chosen), reduction="none").shape)
    parts = [
        case.loss.value_and_gradient(*case.rows(rows), normalizer=count)
        for rows in np.split(chosen, np.cumsum(shards)[:-1])
    ]
    assert sum(value for value, _ in parts) == pytest.approx(whole[0], rel=1e-12)
    for at, expected in enumerate(as_tuple(whole[1])):
        gradient = np.concatenate([as_tuple(gradients)[at] for _, gradients in parts])
        np.testing.assert_allclose(gradient, expected, rtol=1e-12)


@every_classwise
def test_class_axis_can_be_said(kind):
    """(N, T, K) with class_axis=-1 is (N, K, T) by default."""
    rng = np.random.default_rng(3)
    moved = tuple(
        make_array(argument, argument.contracts[0], (2, CLASSES, 6), kind(), rng)
        for argument in kind.card.arguments
    )
    arrays = tuple(np.moveaxis(a, 1, -1) if a.ndim == 3 else a for a in moved)
    expected = kind().value_and_gradient(*moved)
    value, gradient = kind(class_axis=-1).value_and_gradient(*arrays)
    assert value == pytest.approx(expected[0], rel=1e-14)
    np.testing.assert_allclose(gradient, np.moveaxis(expected[1], 1, -1), rtol=1e-13)
    if issubclass(kind, Classification):
        with pytest.raises(ValueError, match="class_axis=-1"):
            kind()(*arrays)
    with pytest.raises(ValueError, match="class_axis=3"):
        kind(class_axis=3)(*arrays)


@every_classification
def test_ambiguous_class_axis_warns(kind):
    scores = [np.zeros((2, CLASSES, CLASSES)) for _ in kind.card.arguments[1:]]
    target = np.zeros((2, CLASSES), int)
    with pytest.warns(AmbiguousAxisWarning, match="class_axis=1"):
        kind()(*scores, target)
    assert np.isfinite(kind(class_axis=1)(*scores, target))


@every_classification
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
    soft = PROBABILITY_ROWS in kind.card.targets
    for error, match, settings, input, wrong in refused:
        if soft or np.asarray(wrong).dtype.kind != "f":
            scores = [input for _ in kind.card.arguments[1:]]
            with pytest.raises(error, match=match):
                kind(**settings)(*scores, wrong)


def test_values_are_checked_unless_told_otherwise():
    logits = np.zeros((2, 3))
    unnormalised = np.array([[1.0, 1.0, 0.0], [0.2, 0.0, 0.0]])
    with pytest.raises(ValueError, match="sums to 2"):
        CrossEntropy()(logits, unnormalised)
    expected = (2 * np.log(3) + 0.2 * np.log(3)) / 2
    assert CrossEntropy()(logits, unnormalised, validate=False) == pytest.approx(expected)
