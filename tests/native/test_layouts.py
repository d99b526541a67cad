"""Sizes around the borders of the loops, and arrays as they lie in memory."""

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
    every_kernel,
    kernel,
    kernel_bends,
    kernel_value,
    tensors,
)

from losskit import (
    MSE,
    BinaryCrossEntropyWithLogits,
    CrossEntropy,
    Distillation,
    Focal,
    GaussianNLL,
    Huber,
    KLDivergence,
)
from losskit.core.newton import Newton
from losskit.core.options import Options
from losskit.engines.native import on_numpy, on_torch

# A tile holds 256 doubles or 512 floats, and a thread takes blocks of 8192 elements.
LENGTHS = [1, 2, 15, 255, 256, 257, 511, 512, 513, 8191, 8192, 8193, 16385]
# Up to 64 classes are computed in columns, 32 positions side by side; rows in stretches of 1024.
CLASSES = [1, 2, 16, 17, 63, 64, 65, 1023, 1024, 1025, 2049, 8193]


@pytest.fixture(autouse=True)
def _two_threads(monkeypatch):
    for module in (on_numpy, on_torch):
        monkeypatch.setattr(module, "threads", lambda: 2)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("loss", [MSE(), GaussianNLL(), BinaryCrossEntropyWithLogits()], ids=str)
def test_lengths(loss, length, target):
    rng = np.random.default_rng(length)
    arrays = arrays_for(loss, (length,), rng)
    for options in (
        {},
        {"weight": rng.uniform(0, 2, length), "mask": rng.uniform(size=length) < 0.6},
    ):
        for reduction in ("mean", "none"):
            said = {**options, "reduction": reduction}
            expected = definition(loss, arrays, **said)
            assert_same(kernel(loss, arrays, **said), expected)
            assert_same([kernel_value(loss, arrays, **said)], expected[:1])
            assert_same(kernel_bends(loss, arrays, **said)[: len(expected) - 1], expected[1:])


@pytest.mark.parametrize("classes", CLASSES)
@pytest.mark.parametrize(
    ("loss", "which"),
    [
        (CrossEntropy(), 0),
        (CrossEntropy(), 1),
        (CrossEntropy(label_smoothing=0.1), 0),
        (CrossEntropy(label_smoothing=0.1), 1),
        (Focal(), 0),
        (KLDivergence(direction="reverse"), 0),
        (Distillation(), 0),
    ],
    ids=str,
)
def test_numbers_of_classes(loss, which, classes, target):
    for rows in (1, 33):
        arrays = arrays_for(loss, (rows, classes), np.random.default_rng(classes), which=which)
        for reduction in ("mean", "none"):
            expected = definition(loss, arrays, reduction=reduction)
            assert_same(kernel(loss, arrays, reduction=reduction), expected)
            assert_same([kernel_value(loss, arrays, reduction=reduction)], expected[:1])


@pytest.mark.parametrize("classes", CLASSES)
@pytest.mark.parametrize(
    "loss", [CrossEntropy(), CrossEntropy(label_smoothing=0.1), Focal(ignore_index=0)], ids=str
)
def test_steps_of_classes(loss, classes, target):
    """A step is held to its bounds before it is weighed, and lies as its scores do."""
    newton, rng = Newton(1.5, 2.0, least=1e-3, share=0.5), np.random.default_rng(classes)
    input, index = arrays_for(loss, (37, classes), rng, size=3.0)
    weight = rng.uniform(0, 2, 37)
    part = np.where(index == loss.ignore_index, 0.0, weight)[:, None]
    gradient = 1.5 * loss.gradient_at(input, np.maximum(index, 0), np)
    curvature = 2 * loss.curvature_at(input, np.maximum(index, 0), np)
    curvature = np.maximum(np.maximum(curvature, 1e-3), np.abs(gradient) / 2)
    options = Options("sum", weight=weight)
    for given in (input, np.asfortranarray(input)):
        found = on_numpy.bend(loss, (given, index), options, newton)
        assert_same([one[0] for one in found], [gradient * part, curvature * part])
        assert all(one[0].strides == given.strides for one in found)


@pytest.mark.parametrize("classes", [1, 2, 3, 4, 5, 6, 7, 8, 11, 64])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_steps_in_float32(dtype, classes, target):
    """Rows of few classes are turned by fours, and doubles rounded on the way."""
    rng = np.random.default_rng(classes)
    for rows in (3, 32, 70):
        input, index = arrays_for(CrossEntropy(), (rows, classes), rng, size=3.0)
        exact = input.astype(dtype).astype(np.float64)
        expected = (
            CrossEntropy().gradient_at(exact, index, np),
            CrossEntropy().curvature_at(exact, index, np),
        )
        found = on_numpy.bend(
            CrossEntropy(), (input.astype(dtype), index), Options("sum"), Newton(), in_float=True
        )
        for (one,), other in zip(found, expected, strict=True):
            assert one.dtype == np.float32
            np.testing.assert_allclose(one, other, rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize("rows", [1, 31, 32, 33, 255, 256, 257, 513, 2047, 2049])
@pytest.mark.parametrize("loss", [CrossEntropy(), Focal(gamma=1.5)], ids=str)
def test_numbers_of_rows(loss, rows, target):
    """Blocks of positions side by side, the last of which are not full."""
    rng = np.random.default_rng(rows)
    for classes in (4, 65):
        arrays = arrays_for(loss, (rows, classes), rng)
        mask, weight = rng.uniform(size=rows) < 0.6, rng.uniform(0, 2, rows)
        for options in ({}, {"mask": mask, "weight": weight}):
            assert_same(kernel(loss, arrays, **options), definition(loss, arrays, **options))


def views(array):
    """The same numbers in other places."""
    backwards = (slice(None, None, -1),) * array.ndim
    fixed = array.copy()
    fixed.flags.writeable = False
    return {
        "Fortran's order": np.asfortranarray(array),
        "every second": np.repeat(np.repeat(array, 2, 0), 3, -1)[::2, ..., ::3],
        "backwards": array[backwards].copy()[backwards],
        "axes swapped": array.swapaxes(0, -1).copy().swapaxes(0, -1),
        "read-only": fixed,
    }


@every_kernel
@pytest.mark.parametrize("shape", [(6, 5), (3, 4, 7), (2, 4, 3, 5)], ids=str)
def test_views(kind, shape):
    """The gradient of a view has a memory of its own."""
    loss, rng = kind(), np.random.default_rng(6)
    input, *others = arrays_for(loss, shape, rng)
    expected = definition(loss, (input, *others), reduction="none")
    apart = [views(one)["every second"] if one.ndim > 1 else one for one in others]
    for name, view in views(input).items():
        # Positions before and after the classes must each lie in one row.
        turned = name in {"axes swapped", "Fortran's order"}
        if kind in CLASSWISE and len(shape) == 4 and turned:
            assert declines(loss, (view, *others))
            continue
        for given in ((view, *others), (view, *apart)):
            found = kernel(loss, given, reduction="none")
            assert_same(found, expected)
            assert not any(np.shares_memory(found[1], one) for one in given)


@pytest.mark.parametrize("kind", ELEMENTWISE, ids=lambda kind: kind.__name__)
def test_views_of_tensors(kind):
    loss, rng = kind(), np.random.default_rng(7)
    arrays = tensors(arrays_for(loss, (2, 4, 6, 5), rng))
    expected = definition(loss, arrays)
    strange = [
        [array.to(memory_format=torch.channels_last) for array in arrays],
        [arrays[0].to(memory_format=torch.channels_last), *arrays[1:]],
        [array.transpose(0, 3).contiguous().transpose(0, 3) for array in arrays],
        [array.repeat_interleave(2, 3)[..., ::2] for array in arrays],
        [
            arrays[0],
            *(array.permute(3, 1, 0, 2).contiguous().permute(2, 1, 3, 0) for array in arrays[1:]),
        ],
    ]
    for given in strange:
        assert_same(kernel(loss, given), expected)


@pytest.mark.parametrize("kind", CLASSWISE, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("classes", [4, 70])
def test_images(kind, classes):
    """Channels last and channels first, where positions or classes lie side by side."""
    loss, rng = kind(), np.random.default_rng(8)
    arrays = tensors(arrays_for(loss, (2, classes, 9, 5), rng))
    expected = definition(loss, arrays, reduction="none")
    last = [one.to(memory_format=torch.channels_last) if one.ndim == 4 else one for one in arrays]
    for given in (arrays, last, (last[0], *arrays[1:]), (arrays[0], *last[1:])):
        assert_same(kernel(loss, given, reduction="none"), expected)


@pytest.mark.parametrize("kind", CLASSWISE, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("axis", [0, 1, 2, 3, -1, -4])
@pytest.mark.parametrize("classes", [3, 70])
def test_class_axis_anywhere(kind, axis, classes):
    rng = np.random.default_rng(9)
    shape = [4, 5, 2, 7]
    shape[axis] = classes
    rows = int(np.prod(shape)) // classes
    plain = arrays_for(kind(), (rows, classes), rng)
    positions = [length for at, length in enumerate(shape) if at != axis % 4]
    arrays = [
        np.moveaxis(one.reshape(*positions, classes), -1, axis)
        if one.ndim == 2
        else one.reshape(positions)
        for one in plain
    ]
    value, gradient = definition(kind(), plain, reduction="none")
    expected = (
        value.reshape(positions),
        np.moveaxis(gradient.reshape(*positions, classes), -1, axis),
    )
    loss = kind(class_axis=axis)
    for given in (arrays, [np.ascontiguousarray(one) for one in arrays]):
        assert_same(kernel(loss, given, reduction="none"), expected)
    mean, slope = definition(kind(), plain)
    slope = np.moveaxis(slope.reshape(*positions, classes), -1, axis)
    assert_same(kernel(loss, arrays), (mean, slope))


@every_kernel
def test_stretched_arrays(kind):
    """Stride 0: one row for all, as `expand` and `broadcast_to` give."""
    loss, rng = kind(), np.random.default_rng(10)
    made = arrays_for(loss, (1, 5), rng)
    arrays = [np.broadcast_to(one, (600, *one.shape[1:])) for one in made]
    expected = definition(loss, [one.copy() for one in arrays], reduction="none")
    assert_same(kernel(loss, arrays, reduction="none"), expected)
    expanded = [one.expand(600, *one.shape[1:]) for one in tensors(made)]
    found = kernel(loss, expanded, reduction="none")
    assert_same([one.numpy() for one in found], expected)


@every_kernel
def test_weights_along_axes_of_length_1(kind):
    loss, rng = kind(), np.random.default_rng(11)
    arrays = arrays_for(loss, (6, 4, 5), rng)
    positions = (6, 4, 5) if kind in ELEMENTWISE else (6, 5)
    for axis in range(len(positions)):
        shape = [1 if at == axis else length for at, length in enumerate(positions)]
        weight, mask = rng.uniform(0, 2, shape), rng.uniform(size=shape) < 0.7
        for reduction in ("mean", "none"):
            options = {"weight": weight, "mask": mask, "reduction": reduction}
            assert_same(kernel(loss, arrays, **options), definition(loss, arrays, **options))


def test_weights_as_views():
    rng = np.random.default_rng(12)
    arrays = arrays_for(CrossEntropy(), (5, 4, 6), rng)
    weight = rng.uniform(size=(12, 5))[::2].T
    mask = (rng.uniform(size=(5, 6)) < 0.6)[::-1, ::-1]
    options = {"weight": weight, "mask": mask}
    expected = definition(CrossEntropy(), arrays, **options)
    assert_same(kernel(CrossEntropy(), arrays, **options), expected)


@pytest.mark.parametrize("loss", [MSE(), BinaryCrossEntropyWithLogits(), Huber(delta=0.5)], ids=str)
def test_numbers_without_axes(loss):
    arrays = [np.asarray(0.75), np.asarray(0.25)]
    for options in ({}, {"weight": np.asarray(2.0), "mask": np.asarray(True)}):
        for reduction in ("mean", "none"):
            said = {**options, "reduction": reduction}
            assert_same(kernel(loss, arrays, **said), definition(loss, arrays, **said))
            found = kernel(loss, tensors(arrays), reduction=reduction)
            assert_same(
                [one.numpy() for one in found], definition(loss, arrays, reduction=reduction)
            )


@pytest.mark.parametrize("axes", range(1, 10))
def test_numbers_of_axes(axes):
    """Eight at most; with more, the definition computes it."""
    rng = np.random.default_rng(axes)
    shape = (3, 1, 2, 2, 1, 2, 2, 2, 2)[:axes]
    # In the order of no memory, so that no two axes become one.
    order = rng.permutation(axes)
    arrays = [
        rng.normal(size=[shape[at] for at in order]).transpose(np.argsort(order)),
        rng.normal(size=shape)[..., ::-1],
    ]
    expected = MSE().value_and_gradient(*(one.ravel() for one in arrays))
    assert declines(MSE(), arrays) == (axes > 8)
    assert declines(MSE(), tensors([one.copy() for one in arrays])) == (axes > 8)
    value, gradient = MSE().value_and_gradient(*arrays)
    assert_same([value, gradient.ravel()], expected)


def byte_swapped(array):
    return array.astype(array.dtype.newbyteorder())


def misaligned(array):
    room = np.zeros(array.nbytes + 1, np.uint8)[1:]
    moved = room.view(array.dtype).reshape(array.shape)
    moved[...] = array
    return moved


def of_records(array):
    records = np.zeros(array.shape, [("tag", np.int8), ("number", array.dtype)])
    records["number"] = array
    return records["number"]


@every_kernel
@pytest.mark.parametrize("change", [byte_swapped, misaligned, of_records])
def test_what_no_processor_reads_at_once(kind, change):
    """The definition computes it, and right."""
    loss, rng = kind(), np.random.default_rng(13)
    arrays = arrays_for(loss, (6, 5), rng)
    expected = definition(loss, arrays)
    for at in range(len(arrays)):
        given = [change(one) if at == which else one for which, one in enumerate(arrays)]
        assert declines(loss, given)
        value, gradients = loss.value_and_gradient(*given)
        found = gradients if isinstance(gradients, tuple) else (gradients,)
        for one, other in zip((value, *found), expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12)


@pytest.mark.parametrize("change", [byte_swapped, misaligned, of_records])
def test_weights_that_no_processor_reads_at_once(change):
    rng = np.random.default_rng(14)
    arrays, weight = rng.normal(size=(2, 30)), rng.uniform(size=30)
    assert declines(MSE(), arrays, weight=change(weight))
    expected = np.average((arrays[0] - arrays[1]) ** 2, weights=weight)
    assert MSE()(*arrays, weight=change(weight)) == pytest.approx(expected, rel=1e-12)


@every_kernel
def test_nothing_at_all(kind):
    """Empty arrays cost 0; so do positions without classes, or classes without positions."""
    loss, rng = kind(), np.random.default_rng(15)
    for shape in ((0, 4), (0,)) if kind in ELEMENTWISE else ((0, 4), (2, 4, 0)):
        arrays = arrays_for(loss, (2, 4, 2) if len(shape) == 3 else (3, 4)[: len(shape)], rng)
        empty = [one[..., :0] if len(shape) == 3 else one[:0] for one in arrays]
        if kind not in ELEMENTWISE and len(shape) == 1:
            continue
        for given in (empty, tensors(empty)):
            assert declines(loss, given)
            value, gradients = loss.value_and_gradient(*given)
            first = gradients[0] if isinstance(gradients, tuple) else gradients
            assert value == 0
            assert tuple(first.shape) == tuple(given[0].shape)
