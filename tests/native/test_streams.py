"""Gradients that are more than caches hold are written past them, wherever they begin."""

from __future__ import annotations

import numpy as np
import pytest
from kernel_calls import arrays_for, assert_same, definition

from losskit import (
    MAE,
    MSE,
    BinaryCrossEntropyWithLogits,
    CrossEntropy,
    Distillation,
    Focal,
    KLDivergence,
    MarginRanking,
    Poly1,
)
from losskit.core.newton import Newton
from losskit.core.options import Options
from losskit.engines.native import native
from losskit.engines.native.plans import plan_of

AROUND = 32
# Several stretches of a row, and a number of classes that has rows begin anywhere in a line.
CLASSES = 4099
WEIGHTS = np.random.default_rng(5).uniform(0.5, 2, CLASSES)
OF_CLASSES = [
    CrossEntropy(),
    CrossEntropy(class_weight=WEIGHTS),
    CrossEntropy(label_smoothing=0.1),
    CrossEntropy(label_smoothing=0.1, class_weight=WEIGHTS),
    Focal(gamma=1.5),
    Poly1(),
    KLDivergence(),
    KLDivergence(direction="reverse"),
    Distillation(alpha=0.3),
    Distillation(alpha=0.3, class_weight=WEIGHTS),
]


def rooms(count, dtype, first):
    """Arrays that begin so many elements behind a line of the caches, in ones that show more."""
    found = []
    for _ in range(2):
        whole = np.full(count + AROUND + 16, 7, dtype)
        line = (-whole.ctypes.data // whole.itemsize) % (64 // whole.itemsize)
        found.append((whole, whole[line + first : line + first + count]))
    return found


def rest_is_left_alone(whole, part):
    begin = (part.ctypes.data - whole.ctypes.data) // whole.itemsize
    return (whole[:begin] == 7).all() and (whole[begin + len(part) :] == 7).all()


@pytest.mark.parametrize("first", [0, 1, 5])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gradients(dtype, first, target):
    count = native.STREAMED // np.dtype(dtype).itemsize + 37
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, count)).astype(dtype)
    (whole, gradient), _ = rooms(count, dtype, first)
    value = np.empty((), dtype)
    assert plan_of(MSE()).run((x, y), Options(), value, (gradient,), 2)
    error = x.astype(np.float64) - y
    np.testing.assert_allclose(value, (error**2).mean(), rtol=1e-6)
    np.testing.assert_allclose(gradient, 2 * error / count, rtol=3e-7, atol=1e-15)
    assert rest_is_left_alone(whole, gradient)


def test_with_a_mask_and_weights(target):
    count = native.STREAMED // 4 + 5
    rng = np.random.default_rng(0)
    x, y, weight = rng.uniform(size=(3, count)).astype(np.float32)
    mask = rng.uniform(size=count) < 0.5
    (whole, gradient), _ = rooms(count, np.float32, 3)
    value = np.empty((), np.float32)
    said = Options(weight=weight, mask=mask)
    assert plan_of(MAE()).run((x, y), said, value, (gradient,), 2)
    share = np.where(mask, weight, 0) / weight[mask].sum(dtype=np.float64)
    np.testing.assert_allclose(gradient, np.sign(x - y) * share, rtol=1e-6)
    assert rest_is_left_alone(whole, gradient)


def test_two_gradients(target):
    count = native.STREAMED // 4 + 5
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, count)).astype(np.float32)
    sign = np.where(rng.uniform(size=count) < 0.5, -1, 1).astype(np.float32)
    both = rooms(count, np.float32, 2)
    value = np.empty((), np.float32)
    gradients = tuple(part for _, part in both)
    assert plan_of(MarginRanking()).run((x, y, sign), Options("sum"), value, gradients, 2)
    slope = np.where(sign * (x - y) < 0, -sign, 0)
    np.testing.assert_array_equal(gradients[0], slope)
    np.testing.assert_array_equal(gradients[1], -slope)
    assert all(rest_is_left_alone(whole, part) for whole, part in both)


def test_curvatures(target):
    count = native.STREAMED // 4 + 5
    rng = np.random.default_rng(0)
    x = rng.normal(size=count).astype(np.float32)
    y = (rng.uniform(size=count) < 0.5).astype(np.float32)
    (whole, slope), (other, bend) = rooms(count, np.float32, 7)
    plan = plan_of(BinaryCrossEntropyWithLogits())
    assert plan.bend((x, y), Options("sum"), (slope,), (bend,), Newton(), 2)
    p = 1 / (1 + np.exp(-x.astype(np.float64)))
    np.testing.assert_allclose(slope, p - y, rtol=1e-5)
    np.testing.assert_allclose(bend, p * (1 - p), rtol=1e-5)
    assert rest_is_left_alone(whole, slope)
    assert rest_is_left_alone(other, bend)


@pytest.mark.parametrize("which", [0, -1], ids=["indices", "probabilities"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", OF_CLASSES, ids=lambda loss: loss.spec()[:40])
def test_rows_of_classes(loss, dtype, which, target):
    """The same few rows again and again."""
    few = arrays_for(loss, (20, CLASSES), np.random.default_rng(0), which=which)
    if isinstance(loss, CrossEntropy) and which == 0:
        few[0][3, :7] = -np.inf
        few[1][3] = 9
    few = tuple(one.astype(dtype) if one.dtype.kind == "f" else one for one in few)
    times = native.STREAMED // few[0].nbytes + 1
    many = [np.tile(one, (times, *[1] * (one.ndim - 1))) for one in few]
    (whole, gradient), _ = rooms(many[0].size, dtype, 3)
    value = np.empty((), dtype)
    written = gradient.reshape(times * 20, CLASSES)
    assert plan_of(loss).run(tuple(many), Options("sum"), value, (written,), 2)
    wide = [one.astype(float) if one.dtype.kind == "f" else one for one in few]
    once, slopes = (one.astype(dtype) for one in definition(loss, wide, reduction="sum"))
    tolerance = 1e-5 if dtype is np.float32 else 1e-12
    assert_same([value], [times * once], tolerance)
    for part in np.split(written, times):
        assert_same([part], [slopes], tolerance)
    assert rest_is_left_alone(whole, gradient)
