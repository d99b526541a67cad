"""Low precision against the float64 truth: no more error than the definition's or PyTorch's own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from kernel_calls import (
    BENT,
    CLASSWISE,
    ELEMENTWISE,
    arrays_for,
    assert_same,
    definition,
    definition_bends,
    error,
    every_kernel,
    kernel,
    kernel_bends,
    kernel_value,
    tensors,
)

from cases import cases
from losskit import (
    BinaryCrossEntropyWithLogits,
    CrossEntropy,
    Distillation,
    Focal,
    GeneralizedCrossEntropy,
    KLDivergence,
    Poly1,
)
from losskit.engines.native import native, plans

LOW = [torch.float32, torch.float16, torch.bfloat16]
low = pytest.mark.parametrize("dtype", LOW, ids=str)
# What the last digits of thousands of numbers may turn out like.
LUCK = 1.2
TARGETS = [native.Kernels(name) for name in native.targets()]


def on_every_target(monkeypatch):
    """Use one instruction set after the other, so that what they are held to is computed once."""
    for kernels in TARGETS:
        monkeypatch.setattr(plans, "KERNELS", kernels)
        monkeypatch.setattr(plans, "_plans", {})
        yield kernels.name


def settings(kind):
    """Each setting once, with the number of the kind of target."""
    found = {}
    for case in cases(kind):
        if case.small:
            which = int(kind in CLASSWISE and case.arrays[-1].dtype.kind == "f")
            found.setdefault((case.loss.spec(), which), (case.loss, which))
    return list(found.values())


def widened(arrays):
    return [array.double() if array.is_floating_point() else array for array in arrays]


def references(loss, arrays, **options):
    """The definition's results, and PyTorch's values where it sums other terms."""
    found = [definition(loss, arrays, **options)]
    if loss.name == "RelativeEntropy":
        theirs = torch.nn.functional.kl_div(*arrays, reduction="none", log_target=loss.log_target)
        found.append((theirs, *found[0][1:]))
    return found


@every_kernel
@low
def test_errors_are_no_larger_than_the_definitions(kind, dtype, monkeypatch):
    """Of each value and each element of the gradients, of few classes and of many."""
    rng = np.random.default_rng(0)
    for loss, which in settings(kind):
        per_class = [getattr(loss, name, None) for name in ("class_weight", "pos_weight")]
        shapes = [(4000, 4)]
        if kind in CLASSWISE and per_class == [None, None]:
            shapes.append((1000, 70))
        for shape in shapes:
            arrays = tensors(arrays_for(loss, shape, rng, which=which, size=1.5), dtype)
            options = {"reduction": "none", "validate": False}
            truth = definition(loss, widened(arrays), **options)
            others = [
                [error(*pair) for pair in zip(truth, theirs, strict=True)]
                for theirs in references(loss, arrays, **options)
            ]
            allowed = [LUCK * max(column) for column in zip(*others, strict=True)]
            for name in on_every_target(monkeypatch):
                found = kernel(loss, arrays, **options)
                for exact, mine, most in zip(truth, found, allowed, strict=True):
                    assert error(exact, mine) <= most, f"{loss.spec()} {shape} on {name}"


@pytest.mark.parametrize("kind", [*ELEMENTWISE, *BENT], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_errors_of_curvatures(kind, dtype, monkeypatch):
    rng = np.random.default_rng(1)

    def as_floats(arrays, wanted):
        return [one.astype(wanted) if one.dtype.kind == "f" else one for one in arrays]

    for loss, which in settings(kind):
        if which:
            continue
        arrays = as_floats(arrays_for(loss, (4000, 4), rng, size=1.5), dtype)
        options = {"reduction": "sum", "validate": False}
        truth = definition_bends(loss, as_floats(arrays, float), **options)
        with np.errstate(over="ignore"):
            theirs = definition_bends(loss, arrays, **options)
        for name in on_every_target(monkeypatch):
            found = kernel_bends(loss, arrays, **options)
            for exact, mine, other in zip(truth, found, theirs, strict=True):
                assert mine.dtype == dtype
                assert error(exact, mine) <= LUCK * error(exact, other), f"{loss.spec()} on {name}"


def error_of_terms(loss, arrays):
    """What the definition's terms are off by in float32, taken together."""
    options = {"reduction": "none", "validate": False}
    narrow = [one.float() if one.is_floating_point() else one for one in arrays]
    terms = definition(loss, narrow, **options)[0]
    truth = definition(loss, widened(arrays), **options)[0]
    return (terms.double() - truth).abs().sum().item()


@every_kernel
@low
def test_reduced_values_are_right_to_the_last_digit(kind, dtype, monkeypatch):
    """Sums are taken in float64: what is left is the rounding of terms, and of the result."""
    loss, rng = kind(), np.random.default_rng(2)
    arrays = tensors(arrays_for(loss, (3000, 4), rng), dtype)
    for reduction in ("mean", "sum"):
        options = {"reduction": reduction, "validate": False}
        exact = definition(loss, widened(arrays), **options)[0].item()
        terms = error_of_terms(loss, arrays) / (arrays[0].numel() if reduction == "mean" else 1)
        for _ in on_every_target(monkeypatch):
            found = kernel_value(loss, arrays, **options)
            assert found.dtype == torch.float32
            assert abs(found.item() - exact) <= terms + 2**-24 * abs(exact)


@low
@pytest.mark.parametrize(
    "loss",
    [CrossEntropy(), Focal(), Poly1(), GeneralizedCrossEntropy(), KLDivergence(), Distillation()],
    ids=lambda loss: loss.name,
)
def test_rows_of_200_000_classes(loss, dtype, monkeypatch):
    rng = np.random.default_rng(3)
    for which in range(len(loss.arguments[-1].contracts)):
        arrays = tensors(arrays_for(loss, (2, 200_000), rng, which=which), dtype)
        truth = definition(loss, widened(arrays), validate=False)
        theirs = definition(loss, arrays, validate=False)
        for _ in on_every_target(monkeypatch):
            found = kernel(loss, arrays, validate=False)
            assert found[0].item() == pytest.approx(truth[0].item(), rel=1e-6)
            assert error(truth[1], found[1]) <= LUCK * error(truth[1], theirs[1])


@pytest.mark.parametrize("classes", [3, 70, 3000])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("kind", CLASSWISE[:4], ids=lambda kind: kind.__name__)
def test_classes_that_are_ruled_out(kind, classes, dtype, target):
    """A logit of -inf is a class with probability 0, and no trouble for the others."""
    rng = np.random.default_rng(4)
    logits, index = arrays_for(kind(), (40, classes), rng)
    logits, index = logits.astype(dtype), np.where(index == 1, 2, index)
    logits[:, 1] = -np.inf
    found = kernel(kind(), (logits, index), reduction="none")
    without = np.delete(logits, 1, axis=1), np.where(index > 1, index - 1, index)
    expected = definition(kind(), without, reduction="none")
    tolerance = 1e-12 if dtype is np.float64 else 1e-6
    assert not found[1][:, 1].any()
    np.testing.assert_allclose(found[0], expected[0], rtol=tolerance * 10, atol=tolerance)
    slopes = np.delete(found[1], 1, axis=1)
    np.testing.assert_allclose(slopes, expected[1], rtol=tolerance * 10, atol=tolerance)


def infinite(classes):
    """Rows of logits that hold infinities, each with an index that they matter for."""
    rows, index = np.random.default_rng(5).normal(size=(5, classes)), np.array([0, 0, 0, 2, 0])
    rows[0, 0] = -np.inf
    rows[1] = -np.inf
    rows[2, 0] = np.inf
    rows[3, 1] = np.inf
    rows[4, 1:] = -np.inf
    return rows, index


@pytest.mark.parametrize("classes", [3, 70, 3000])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    "loss",
    [
        CrossEntropy(),
        CrossEntropy(label_smoothing=0.1),
        Focal(),
        Poly1(),
        GeneralizedCrossEntropy(),
    ],
    ids=str,
)
def test_infinite_logits_mean_what_they_do_in_the_definition(loss, classes, dtype, target):
    rows, index = infinite(classes)
    arrays = rows.astype(dtype), index
    with np.errstate(all="ignore"):
        expected = definition(loss, arrays, reduction="none")
    found = kernel(loss, arrays, reduction="none")
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    assert np.isnan(found[0][1])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("loss", [CrossEntropy(), CrossEntropy(label_smoothing=0.1)], ids=str)
def test_many_classes_in_a_row_that_are_ruled_out(loss, dtype, target):
    """Beside a target that gives them nothing, and one that does, which costs everything."""
    rng = np.random.default_rng(7)
    rows, given = rng.normal(size=(2, 4000)).astype(dtype), rng.uniform(size=(2, 4000))
    rows[:, 1000:3000] = -np.inf
    given[0, 1000:3000] = 0
    given = (given / given.sum(axis=1, keepdims=True)).astype(dtype)
    with np.errstate(all="ignore"):
        expected = definition(loss, (rows, given), reduction="none")
    found = kernel(loss, (rows, given), reduction="none")
    assert found[0][1] == np.inf
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_certain_logits(target):
    """Certainty costs nothing when right, and everything when wrong."""
    input = np.array([np.inf, -np.inf, np.inf, -np.inf])
    for dtype in (np.float64, np.float32):
        arrays = input.astype(dtype), np.array([1, 0, 0, 1], dtype)
        value, gradient = kernel(BinaryCrossEntropyWithLogits(), arrays, reduction="none")
        assert value.tolist() == [0, 0, np.inf, np.inf]
        assert gradient.tolist() == [0, 0, 1, -1]


@every_kernel
@pytest.mark.parametrize("size", [1e4, 1e-310, 1e-40])
def test_large_and_subnormal_numbers(kind, size, monkeypatch):
    for loss, which in settings(kind):
        made = [
            one.astype(np.float32).astype(float)
            if one.dtype.kind == "f" and size != 1e-310
            else one
            for one in arrays_for(loss, (50, 4), np.random.default_rng(6), which=which, size=size)
        ]
        for dtype in (np.float64, np.float32):
            arrays = [one.astype(dtype) if one.dtype.kind == "f" else one for one in made]
            options = {"reduction": "none", "validate": False}
            with np.errstate(all="ignore"):
                expected = definition(loss, arrays, **options)
            for _ in on_every_target(monkeypatch):
                found = kernel(loss, arrays, **options)
                if dtype is np.float64:
                    assert_same(found, expected)
                    truth = expected
                    continue
                # The last digits of so few numbers are a matter of luck.
                for exact, mine, other in zip(truth, found, expected, strict=True):
                    np.testing.assert_array_equal(np.isfinite(mine), np.isfinite(other))
                    assert error(exact, mine) <= LUCK * error(exact, other) + 2**-23


@every_kernel
@pytest.mark.parametrize("classes", [5, 70])
def test_nan_is_never_hidden(kind, classes, target):
    loss = kind()
    made = arrays_for(loss, (70, classes), np.random.default_rng(7))
    for at in loss.outputs(made):
        for dtype in (np.float64, np.float32):
            arrays = [one.astype(dtype) if one.dtype.kind == "f" else one for one in made]
            arrays[at][3] = np.nan
            found = kernel(loss, arrays, reduction="none", validate=False)
            expected = definition(loss, arrays, reduction="none", validate=False)
            for one, other in zip(found, expected, strict=True):
                np.testing.assert_array_equal(np.isnan(one), np.isnan(other))
            assert np.isnan(found[0][3]).all()
            assert np.isnan(kernel_value(loss, arrays, validate=False))
