"""Dtypes, and what takes no part, whatever it holds; on every instruction set."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from kernel_calls import (
    CLASSWISE,
    ELEMENTWISE,
    arrays_for,
    assert_same,
    declines,
    definition,
    every_elementwise,
    every_kernel,
    kernel,
    kernel_bends,
    tensors,
)

from losskit import (
    NLL,
    BinaryCrossEntropy,
    BinaryCrossEntropyWithLogits,
    BinaryFocal,
    CrossEntropy,
    Distillation,
    Focal,
    GeneralizedCrossEntropy,
    KLDivergence,
    Poly1,
)
from losskit.core.classwise import Classification
from losskit.core.contracts import CLASS_INDICES, PROBABILITY_ROWS

INTEGERS = [np.int8, np.int16, np.int32, np.int64, np.uint8]
FLOATS = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
OF_CLASSES = [kind for kind in CLASSWISE if issubclass(kind, Classification)]
of_classes = pytest.mark.parametrize("kind", OF_CLASSES, ids=lambda kind: kind.__name__)
# Few classes are computed in columns, many in rows.
few_and_many = pytest.mark.parametrize("classes", [5, 70])


def same_tensors(found, expected, rtol=1e-12):
    assert_same(
        [one.double().numpy() for one in found], [one.double().numpy() for one in expected], rtol
    )


@pytest.mark.parametrize("dtype", [*INTEGERS, bool])
@pytest.mark.parametrize("kind", [BinaryCrossEntropy, BinaryCrossEntropyWithLogits, BinaryFocal])
def test_labels_of_every_dtype(kind, dtype, target):
    rng = np.random.default_rng(0)
    input = arrays_for(kind(), (300,), rng)[0]
    labels = rng.integers(0, 2, 300)
    expected = definition(kind(), (input, labels.astype(float)))
    assert_same(kernel(kind(), (input, labels.astype(dtype))), expected)
    given = torch.from_numpy(input), torch.from_numpy(labels.astype(dtype))
    assert_same([one.numpy() for one in kernel(kind(), given)], expected)


@pytest.mark.parametrize("dtype", INTEGERS)
@few_and_many
@of_classes
def test_class_indices_of_every_dtype(kind, classes, dtype, target):
    arrays = arrays_for(kind(), (70, classes), np.random.default_rng(1))
    expected = definition(kind(), arrays)
    arrays = *arrays[:-1], arrays[-1].astype(dtype)
    assert_same(kernel(kind(), arrays), expected)
    assert_same([one.numpy() for one in kernel(kind(), tensors(arrays))], expected)


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32, np.uint64])
def test_other_indices_are_left_to_the_definition(dtype):
    arrays = arrays_for(CrossEntropy(), (7, 5), np.random.default_rng(2))
    given = arrays[0], arrays[1].astype(dtype)
    assert declines(CrossEntropy(), given)
    assert CrossEntropy()(*given) == pytest.approx(definition(CrossEntropy(), arrays)[0], rel=1e-12)


@pytest.mark.parametrize("dtype", [bool, *INTEGERS])
def test_masks_of_every_dtype(dtype, target):
    rng = np.random.default_rng(3)
    for loss in (BinaryFocal(), CrossEntropy()):
        arrays = arrays_for(loss, (40, 6), rng)
        mask = rng.integers(0, 2, 40 if loss.name == "CrossEntropy" else (40, 6))
        # Every number but 0 is true.
        given = (mask * 3).astype(dtype)
        expected = definition(loss, arrays, mask=mask != 0)
        assert_same(kernel(loss, arrays, mask=given), expected)
        found = kernel(loss, tensors(arrays), mask=torch.from_numpy(given))
        assert_same([one.numpy() for one in found], expected)


@pytest.mark.parametrize("dtype", [*INTEGERS, np.float16, np.float32, np.float64])
def test_weights_of_every_dtype(dtype, target):
    rng = np.random.default_rng(4)
    for loss in (BinaryFocal(), CrossEntropy()):
        arrays = arrays_for(loss, (40, 6), rng)
        weight = rng.integers(0, 4, 40 if loss.name == "CrossEntropy" else (40, 6))
        expected = definition(loss, arrays, weight=weight.astype(float))
        assert_same(kernel(loss, arrays, weight=weight.astype(dtype)), expected)


@pytest.mark.parametrize("first", FLOATS, ids=str)
@pytest.mark.parametrize("others", FLOATS, ids=str)
@every_kernel
def test_mixed_dtypes(kind, first, others):
    """Computed in the widest; gradients in the dtype of what they are of."""
    loss = kind()
    made = tensors(arrays_for(loss, (40, 5), np.random.default_rng(5), which=1))
    floats = [one.is_floating_point() for one in made]
    arrays = tuple(
        one.to(first if at == 0 else others) if float_ else one
        for at, (one, float_) in enumerate(zip(made, floats, strict=True))
    )
    # Rounded rows do not sum to 1, and rounded probabilities may be beyond 1.
    options = {"validate": False}
    expected = definition(loss, arrays, **options)
    found = kernel(loss, arrays, **options)
    wide = torch.float64 in {one.dtype for one in arrays}
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        ulp = {torch.float16: 2**-10, torch.bfloat16: 2**-7}.get(one.dtype)
        rtol = ulp or (1e-12 if wide and one.dtype is torch.float64 else 5e-6)
        torch.testing.assert_close(one, other, rtol=rtol, atol=rtol / 50)
    values = kernel(loss, arrays, reduction="none", **options)[0]
    assert values.dtype == definition(loss, arrays, reduction="none", **options)[0].dtype


@every_kernel
@pytest.mark.parametrize("junk", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize("classes", [5, 70])
def test_masked_positions_hold_anything(kind, junk, classes, target):
    """Value, gradient and curvature are those of the rest, and 0 where masked."""
    loss, rng = kind(), np.random.default_rng(6)
    arrays = arrays_for(loss, (70, classes), rng)
    mask = rng.uniform(size=(70, classes) if kind in ELEMENTWISE else 70) < 0.6
    dirty = [array.copy() for array in arrays]
    for array in dirty:
        array[~mask] = junk if array.dtype.kind == "f" else -77
    dirty_weight = np.where(mask, 1.5, junk)
    for options in ({}, {"weight": dirty_weight}):
        clean = {name: np.where(mask, value, 1) for name, value in options.items()}
        for reduction in ("mean", "sum", "none"):
            said = {"mask": mask, "reduction": reduction}
            expected = definition(loss, arrays, **said, **clean)
            found = kernel(loss, dirty, **said, **options)
            assert_same(found, expected)
            assert not any(one[~mask].any() for one in found[1:])
            if kind in ELEMENTWISE:
                bent = kernel_bends(loss, dirty, **said, **options)
                assert_same(bent, kernel_bends(loss, arrays, **said, **clean))


@of_classes
@few_and_many
@pytest.mark.parametrize("ignored", [-100, -1, 2, 255])
def test_ignored_positions_hold_anything(kind, classes, ignored, target):
    loss, rng = kind(ignore_index=ignored), np.random.default_rng(7)
    *scores, index = arrays_for(loss, (70, classes), rng)
    index = np.where(rng.uniform(size=70) < 0.3, ignored, index)
    out = index == ignored
    dirty = [np.where(out[:, None], np.nan, array) for array in scores]
    mask = rng.uniform(size=70) < 0.8
    kept = kind()
    harmless = np.where(out, 0, index)
    for options in ({}, {"mask": mask}, {"weight": rng.uniform(size=70)}):
        said = {**options, "mask": options.get("mask", True) & ~out}
        expected = definition(kept, (*scores, harmless), **said)
        assert_same(kernel(loss, (*dirty, index), **options), expected)


def weights_of(classes, rng):
    numbers = rng.uniform(0.5, 2, classes)
    numbers[1] = 0
    return [
        tuple(numbers.tolist()),
        numbers,
        torch.from_numpy(numbers),
        torch.from_numpy(np.repeat(numbers, 2))[::2],
    ]


@of_classes
@few_and_many
def test_class_weights(kind, classes, target):
    """A tuple, an array or a tensor; for indices and for probabilities, counted or not."""
    rng = np.random.default_rng(8)
    contracts = kind.card.targets
    ways = [contract for contract in (CLASS_INDICES, PROBABILITY_ROWS) if contract in contracts]
    for which in range(len(ways)):
        arrays = arrays_for(kind(), (70, classes), rng, which=which)
        options = {"weight": rng.uniform(size=70), "mask": rng.uniform(size=70) < 0.8}
        for weights in weights_of(classes, rng):
            loss, plain = kind(class_weight=weights), kind(class_weight=np.asarray(weights))
            for counts in (True, False):
                for more in ({}, options, {"reduction": "none"}):
                    said = {**more, "class_weight_counts": counts}
                    expected = definition(plain, arrays, **said)
                    assert_same(kernel(loss, arrays, **said), expected)


def test_class_weights_of_a_tensor_may_change():
    weights = torch.tensor([1.0, 2.0, 3.0])
    loss = CrossEntropy(class_weight=weights)
    arrays = np.array([[0.5, -1.0, 2.0], [1.0, 0.0, 0.0]]), np.array([0, 2])
    before = kernel(loss, arrays)[0]
    weights[0] = 30.0
    expected = definition(CrossEntropy(class_weight=(30.0, 2.0, 3.0)), arrays)
    assert_same(kernel(loss, arrays), expected)
    assert before != expected[0]


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@few_and_many
def test_label_smoothing_is_that_of_pytorch(smoothing, classes, target):
    rng = np.random.default_rng(9)
    for which in (0, 1):
        arrays = arrays_for(CrossEntropy(), (70, classes), rng, which=which)
        weights = torch.from_numpy(rng.uniform(0.5, 2, classes))
        loss = CrossEntropy(label_smoothing=smoothing, class_weight=weights)
        leaf, given = tensors(arrays)
        leaf.requires_grad_()
        theirs = torch.nn.functional.cross_entropy(
            leaf, given, weights, label_smoothing=smoothing, reduction="none"
        )
        theirs.sum().backward()
        found = kernel(loss, arrays, reduction="none")
        assert_same(found, [theirs.detach().numpy(), leaf.grad.numpy()])


@pytest.mark.parametrize(
    ("shape", "pos_weight"),
    [((300, 5), (5,)), ((40, 5, 6), (5, 1)), ((40, 5, 6), (1, 6)), ((40,), ()), ((3, 4), (1,))],
)
def test_pos_weight_is_that_of_pytorch(shape, pos_weight, target):
    rng = np.random.default_rng(10)
    arrays = arrays_for(BinaryCrossEntropyWithLogits(), shape, rng)
    weights = rng.uniform(0.5, 5, pos_weight)
    for given in (weights, torch.from_numpy(np.asarray(weights))):
        loss = BinaryCrossEntropyWithLogits(pos_weight=given)
        leaf, labels = tensors(arrays)
        leaf.requires_grad_()
        theirs = torch.nn.functional.binary_cross_entropy_with_logits(
            leaf, labels, pos_weight=torch.from_numpy(np.asarray(weights))
        )
        theirs.backward()
        expected = [np.asarray(theirs.detach()), leaf.grad.numpy()]
        assert_same(kernel(loss, arrays), expected)
        found = kernel(loss, tensors(arrays))
        assert_same([one.numpy() for one in found], expected)


@pytest.mark.parametrize("kind", [CrossEntropy, Focal, Poly1, GeneralizedCrossEntropy, NLL])
@few_and_many
def test_a_class_out_of_range_is_left_to_be_refused(kind, classes, target):
    for wrong in (-1, classes, 2**40):
        for mask in (None, np.arange(70) % 2 == 0):
            arrays = arrays_for(kind(), (70, classes), np.random.default_rng(11))
            arrays[1][68] = wrong
            options = {} if mask is None else {"mask": mask}
            assert declines(kind(), arrays, **options)
            with pytest.raises(ValueError, match=f"{kind.__name__}: target at position"):
                kind()(*arrays, **options)


@pytest.mark.parametrize("loss", [CrossEntropy(), Distillation(), KLDivergence()], ids=str)
def test_rows_that_are_no_distributions_are_left_to_be_refused(loss, target):
    for wrong in (np.nan, 1.5, -0.1, 0.9):
        arrays = arrays_for(loss, (70, 5), np.random.default_rng(12), which=1)
        arrays[-1][69, 3] = wrong
        assert declines(loss, arrays)
        with pytest.raises(ValueError, match=f"{loss.name}: target at position"):
            loss(*arrays)
        with np.errstate(invalid="ignore"):
            expected = definition(loss, arrays, validate=False)
        assert_same(kernel(loss, arrays, validate=False), expected)


@every_elementwise
def test_values_out_of_range_are_left_to_be_refused(kind, target):
    loss = kind()
    for at, argument in enumerate(loss.arguments):
        bounds = argument.contracts[0].bounds
        if bounds is None:
            continue
        for wrong in (np.nan, bounds.low - 1 if np.isfinite(bounds.low) else bounds.high + 1):
            arrays = arrays_for(loss, (9000,), np.random.default_rng(13))
            arrays[at][8999] = 0.5 if bounds.of_size and not np.isnan(wrong) else wrong
            assert declines(loss, arrays)
            with pytest.raises(ValueError, match=f"{kind.__name__}: {argument.name} at position"):
                loss(*arrays)


@every_kernel
def test_weights_below_0_are_left_to_be_refused(kind, target):
    arrays = arrays_for(kind(), (70, 5), np.random.default_rng(14))
    positions = (70, 5) if kind in ELEMENTWISE else (70,)
    for wrong in (-1.0, np.nan):
        weight = np.ones(positions)
        weight[69] = wrong
        assert declines(kind(), arrays, weight=weight)
        with pytest.raises(ValueError, match=f"{kind.__name__}: weight must be >= 0"):
            kind()(*arrays, weight=weight)
    weight[69] = -1.0
    expected = definition(kind(), arrays, weight=weight, reduction="sum")
    assert_same(kernel(kind(), arrays, weight=weight, reduction="sum"), expected)


@every_kernel
def test_callers_arrays_are_left_alone(kind):
    """Also by the deferred gradients of autograd."""
    loss, rng = kind(), np.random.default_rng(15)
    made = arrays_for(loss, (70, 5), rng)
    arrays = [array.copy() for array in made]
    mask = rng.uniform(size=(70, 5) if kind in ELEMENTWISE else 70) < 0.6
    kernel(loss, arrays, mask=mask)
    leaves = tensors(arrays)
    leaves[0].requires_grad_()
    loss(*leaves, reduction="none").sum().backward()
    for before, after in zip(made, arrays, strict=True):
        np.testing.assert_array_equal(before, after)
