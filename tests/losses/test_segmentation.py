"""Losses of regions: written out pixel by pixel, composed in torch, and worked by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

import losskit.torch
from cases import every_regionwise
from losskit import Dice, Tversky
from losskit.core.classwise import AmbiguousAxisWarning

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(0, 2, (3, 4, 5, 2))
CLASSES = RNG.integers(0, 4, (3, 5, 2))
LABELS = RNG.choice([0.0, 1.0, 0.25], (3, 4, 5, 2))
HOLES = RNG.uniform(size=(3, 5, 2)) < 0.3


def formula(loss, hits, predicted, true):
    """As published, in the sums I, P and T."""
    if isinstance(loss, Dice):
        return 1 - (2 * hits + loss.smooth) / (predicted + true + loss.smooth)
    alarms, misses = predicted - hits, true - hits
    divisor = hits + loss.alpha * alarms + loss.beta * misses + loss.smooth
    return 1 - (hits + loss.smooth) / divisor


def softmax_of(row):
    top = max(row)
    total = sum(math.exp(z - top) for z in row)
    return [math.exp(z - top) / total for z in row]


def by_loops(loss, logits, target, present):
    """One loss for each (sample, class), or each class, with Python's own sums."""
    samples, classes, *space = logits.shape
    indices = target.ndim < logits.ndim
    sums = {}
    for n, at in itertools.product(range(samples), np.ndindex(*space)):
        row = [float(logits[(n, k, *at)]) for k in range(classes)]
        shares = softmax_of(row) if indices else [1 / (1 + math.exp(-z)) for z in row]
        for k, p in enumerate(shares):
            if not present[(n, *at) if indices else (n, k, *at)]:
                continue
            t = float(target[(n, *at)] == k) if indices else float(target[(n, k, *at)])
            region = sums.setdefault(k if loss.per == "batch" else (n, k), [[], [], []])
            for terms, term in zip(region, (p * t, p, t), strict=True):
                terms.append(term)
    shape = (classes,) if loss.per == "batch" else (samples, classes)
    values = np.zeros(shape)
    for region, terms in sums.items():
        values[region] = formula(loss, *(math.fsum(one) for one in terms))
    return values


SETTINGS = [
    {"per": per, "smooth": smooth} for per in ("image", "batch") for smooth in (0.0, 0.1, 1.0, 3.0)
]


@every_regionwise
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("target", [CLASSES, LABELS], ids=["classes", "labels"])
def test_against_loops(kind, settings, target):
    loss = kind(**settings)
    everything = np.ones(target.shape, bool)
    expected = by_loops(loss, LOGITS, target, everything)
    np.testing.assert_allclose(loss(LOGITS, target, reduction="none"), expected, rtol=1e-12)
    mask = ~HOLES if target is CLASSES else np.broadcast_to(~HOLES[:, None], LABELS.shape)
    expected = by_loops(loss, LOGITS, target, mask)
    actual = loss(LOGITS, target, mask=mask, reduction="none")
    np.testing.assert_allclose(actual, expected, rtol=1e-12)
    assert loss(LOGITS, target, mask=mask) == pytest.approx(expected.mean(), rel=1e-12)


@every_regionwise
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("target", [CLASSES, LABELS], ids=["classes", "labels"])
def test_gradient_against_autograd_of_the_formula(kind, settings, target):
    loss = kind(**settings, class_weight=[0.5, 1.0, 2.0, 1.5])
    logits, given = torch.from_numpy(LOGITS).requires_grad_(), torch.from_numpy(target)
    if target is CLASSES:
        p = logits.softmax(1)
        given = torch.nn.functional.one_hot(given, 4).movedim(-1, 1).double()
    else:
        p = logits.sigmoid()
    axes = (0, 2, 3) if loss.per == "batch" else (2, 3)
    sums = ((p * given).sum(axes), p.sum(axes), given.sum(axes))
    weights = torch.tensor([0.5, 1.0, 2.0, 1.5]).double()
    values = formula(loss, *sums)
    expected = (values * weights).sum() / weights.expand(values.shape).sum()
    expected.backward()
    value, gradient = loss.value_and_gradient(LOGITS, target)
    assert value == pytest.approx(expected.item(), rel=1e-12)
    np.testing.assert_allclose(gradient, logits.grad.numpy(), rtol=1e-10, atol=1e-16)


def test_worked_by_hand():
    """Probabilities of 0.5: I = 1, P = 2, T = 2 of four pixels."""
    logits, mask = np.zeros((1, 4)), np.array([[1, 1, 0, 0]])
    assert Dice(smooth=0)(logits, mask) == 0.5
    assert Dice(smooth=1)(logits, mask) == 1 - 3 / 5
    assert Tversky(0.3, 0.7, 0)(logits, mask) == 0.5
    assert Tversky(1, 1, 0)(logits, mask) == pytest.approx(2 / 3)  # 1 - IoU = 1 - 1/3
    one = np.array([[1, 0, 0, 0]])  # I = 0.5, 1.5 false alarms, 0.5 missed
    assert Tversky(0.3, 0.7, 0)(logits, one) == pytest.approx(0.8 / 1.3)
    assert Tversky(0.7, 0.3, 0)(logits, one) == pytest.approx(1.2 / 1.7)


def test_against_optax():
    """Values of optax 0.2.8's dice_loss, per class."""
    logits = np.array([[[[0.5, -1.0], [2.0, 0.0]], [[1.0, 0.5], [-0.5, 0.25]]]])
    classes = np.array([[[0, 1], [0, 1]]])
    values = Dice(smooth=2, class_axis=1)(logits, classes, reduction="none")
    np.testing.assert_allclose(values, [[0.22265819, 0.21693841]], atol=1e-8)
    values = Tversky(0.3, 0.7, 1, class_axis=1)(logits, classes, reduction="none")
    np.testing.assert_allclose(values, [[0.22673575, 0.21289449]], atol=1e-8)
    values = Tversky(0.3, 0.7, 0.5, class_axis=1)(logits, classes, reduction="none")
    np.testing.assert_allclose(values, [[0.27251174, 0.2550782]], atol=1e-8)


def test_dice_is_tversky_of_equal_prices():
    for smooth in (0.0, 1.0):
        dice = Dice(smooth).value_and_gradient(LOGITS, CLASSES)
        tversky = Tversky(0.5, 0.5, smooth / 2).value_and_gradient(LOGITS, CLASSES)
        for one, other in zip(dice, tversky, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-18)


@every_regionwise
def test_ignored_pixels_do_not_count(kind):
    """As if they were not in the picture; smp's losses keep them in the mean (smp#852)."""
    loss = kind(ignore_index=255)
    target = CLASSES.astype(np.uint8)
    target[:, 3:] = 255
    logits = LOGITS.copy()
    logits[:, :, 3:] = np.nan
    expected = kind().value_and_gradient(LOGITS[:, :, :3], CLASSES[:, :3])
    value, gradient = loss.value_and_gradient(logits, target)
    assert value == pytest.approx(expected[0], rel=1e-13)
    np.testing.assert_allclose(gradient[:, :, :3], expected[1], rtol=1e-12)
    assert not gradient[:, :, 3:].any()
    # The same by a mask, and with autograd: an ignored NaN sends none back (pytorch#11551).
    mask = target != 255
    assert kind()(logits, CLASSES, mask=mask) == value
    leaf = torch.from_numpy(logits).requires_grad_()
    loss(leaf, torch.from_numpy(target)).backward()
    np.testing.assert_allclose(leaf.grad.numpy(), gradient, rtol=1e-12)


@every_regionwise
def test_a_mask_is_not_a_probability_of_one_half(kind):
    """MONAI's MaskedLoss multiplies logits by the mask, so that sigmoid gives 0.5 (MONAI#4193)."""
    logits, labels = LOGITS[:, 0], LABELS[:, 0]
    kept = [kind()(logits[n : n + 1, ~HOLES[n]], labels[n : n + 1, ~HOLES[n]]) for n in range(3)]
    np.testing.assert_allclose(kind()(logits, labels, mask=~HOLES, reduction="none"), kept)


@every_regionwise
def test_channels_are_regions_of_their_own(kind):
    """Axis 1 of four axes; with three a whole sample is one region."""
    values = kind()(LOGITS, LABELS, reduction="none")
    assert values.shape == (3, 4)
    for channel in range(4):
        alone = kind()(LOGITS[:, channel], LABELS[:, channel], reduction="none")
        np.testing.assert_allclose(values[:, channel], alone, rtol=1e-14)
    volume = kind()(LOGITS[:, None], LABELS[:, None], reduction="none")
    flat = kind()(LOGITS.reshape(3, -1), LABELS.reshape(3, -1), reduction="none")
    np.testing.assert_allclose(volume[:, 0], flat, rtol=1e-14)
    assert kind(per="batch")(LOGITS[:, 0], LABELS[:, 0], reduction="none").shape == ()


@every_regionwise
@pytest.mark.parametrize("per", ["image", "batch"])
def test_class_axis_can_be_said(kind, per):
    """Anywhere, for both kinds of target, with gradients in the caller's axes."""
    for target in (CLASSES, LABELS):
        mask = ~HOLES if target is CLASSES else np.broadcast_to(~HOLES[:, None], LABELS.shape)
        expected = kind(per=per, skip_absent=True).value_and_gradient(LOGITS, target, mask=mask)
        for axis in (-1, 2, 0):
            moved = [
                np.moveaxis(array, 1, axis) if array.ndim == 4 else array
                for array in (LOGITS, target, mask)
            ]
            loss = kind(per=per, skip_absent=True, class_axis=axis)
            value, gradient = loss.value_and_gradient(*moved[:2], mask=moved[2])
            assert value == pytest.approx(expected[0], rel=1e-13)
            np.testing.assert_allclose(gradient, np.moveaxis(expected[1], 1, axis), rtol=1e-12)


@every_regionwise
def test_integer_and_boolean_masks(kind):
    """In the input's shape, 0/1 integers and booleans are labels, not class indices."""
    labels = LABELS == 1
    expected = kind()(LOGITS, labels.astype(float))
    for dtype in (bool, np.uint8, np.int64):
        assert kind()(LOGITS, labels.astype(dtype)) == expected
        value = kind()(torch.from_numpy(LOGITS), torch.from_numpy(labels.astype(dtype)))
        assert value.item() == pytest.approx(expected, rel=1e-14)


@every_regionwise
def test_absent_classes(kind):
    """They cost what is predicted of them, or take no part and are counted."""
    target = np.where(CLASSES == 3, 0, CLASSES)
    target[1] = 0
    present = np.array([[(target[n] == k).any() for k in range(4)] for n in range(3)])
    all_of_them = kind()(LOGITS, target, reduction="none")
    assert (all_of_them > 0).all()
    loss = kind(skip_absent=True)
    np.testing.assert_array_equal(loss.taking_part(LOGITS, target), present)
    assert loss(LOGITS, target) == pytest.approx(all_of_them[present].mean(), rel=1e-14)
    batch = kind(skip_absent=True, per="batch")
    assert batch.taking_part(LOGITS, target).tolist() == [True, True, True, False]
    labels = (target[:, None] == np.arange(4)[:, None, None]).astype(float)
    np.testing.assert_array_equal(loss.taking_part(LOGITS, labels), present)
    # What takes no part leaves no trace, whatever it holds.
    holes = np.where(present[..., None, None], LOGITS, np.nan)
    value, gradient = loss.value_and_gradient(holes, labels)
    assert value == loss(LOGITS, labels)
    assert not gradient[~present].any()
    assert np.isfinite(gradient).all()
    # A NaN in the target is no absence.
    labels[1, 3] = np.nan
    assert np.isnan(loss(LOGITS, labels, validate=False))


@every_regionwise
def test_a_region_without_pixels_takes_no_part(kind):
    mask = np.ones(CLASSES.shape, bool)
    mask[1] = False
    assert not kind().taking_part(LOGITS, CLASSES, mask=mask)[1].any()
    kept = kind()(LOGITS[[0, 2]], CLASSES[[0, 2]])
    assert kind()(LOGITS, CLASSES, mask=mask) == pytest.approx(kept, rel=1e-14)


@every_regionwise
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_empty_regions_without_smoothing(kind, dtype):
    """0/0 costs nothing; what is predicted where nothing is costs all, with no slope."""
    loss, nothing = kind(smooth=0.0), np.zeros((1, 3), dtype)
    for logit in (-1e4, -740.0, -95.0, -90.0):
        logits = torch.full((1, 3), logit, dtype=getattr(torch, np.dtype(dtype).name))
        value, gradient = loss.value_and_gradient(logits.numpy(), nothing)
        assert value == 1 or value < 1e-37
        assert not gradient.any()
        leaf = logits.requires_grad_()
        (slope,) = torch.autograd.grad(
            loss(leaf, torch.from_numpy(nothing)), leaf, create_graph=True
        )
        assert not slope.any()
    assert loss(np.full((1, 3), -1e4), nothing) == 0
    assert loss(np.zeros((1, 3)), nothing) == 1


@every_regionwise
def test_saturated_logits(kind):
    """Right with certainty costs nothing, wrong with certainty all but the smoothing."""
    target = np.array([[0, 1, 1, 2]])
    right = np.where(np.arange(3)[:, None] == target[:, None], 1e4, -1e4)
    value, gradient = kind(smooth=0.0).value_and_gradient(right, target)
    assert value == 0
    assert not gradient.any()
    value, gradient = kind(smooth=0.0).value_and_gradient(-right * [1, 1, 1, 1], target)
    assert 0.5 < value <= 1
    assert np.isfinite(gradient).all()


@every_regionwise
def test_nearly_right_keeps_its_digits(kind):
    """In float32, where 1 - (2I + s)/(P + T + s) is all rounding, and so is 1 - p."""
    classes = CLASSES
    sure = np.where(np.arange(4)[:, None, None] == classes[:, None], 18.0, 0.0) + LOGITS / 4
    logits = sure.astype(np.float32)
    for target in (classes, (classes[:, None] == np.arange(4)[:, None, None]).astype(np.float32)):
        exact = kind().value_and_gradient(logits.astype(np.float64), target)
        value, gradient = kind().value_and_gradient(logits, target)
        assert value == pytest.approx(exact[0], rel=1e-5)
        np.testing.assert_allclose(gradient, exact[1], rtol=1e-5)


@every_regionwise
def test_class_weights_are_counted(kind):
    weights = [1.0, 0.0, 3.0, 2.0]
    for per in ("image", "batch"):
        values = kind(per=per)(LOGITS, CLASSES, reduction="none")
        weighted = kind(per=per, class_weight=weights)
        expected = np.average(values, weights=np.broadcast_to(weights, values.shape))
        assert weighted(LOGITS, CLASSES) == pytest.approx(expected, rel=1e-13)
        np.testing.assert_allclose(weighted(LOGITS, CLASSES, reduction="none"), values * weights)


@every_regionwise
def test_per_image_accumulates_exactly(kind):
    """Micro-batches, each divided by the count of all regions, sum to the whole batch."""
    whole = kind()(LOGITS, CLASSES)
    parts = [
        kind()(LOGITS[rows], CLASSES[rows], normalizer=12) for rows in (slice(0, 1), slice(1, 3))
    ]
    assert sum(parts) == pytest.approx(whole, rel=1e-13)


def test_long_float32_sums():
    """4e6 pixels of 0.1: a running sum would be off in the third digit."""
    logit = np.float32(-2.0)
    logits = np.full((1, 1, 2000, 2000), logit)
    p = 1 / (1 + math.exp(2))
    target = np.zeros(logits.shape, np.uint8)
    target[..., :1000] = 1
    expected = 1 - 2 * p * 2e6 / (p * 4e6 + 2e6)
    assert Dice(smooth=0)(logits, target) == pytest.approx(expected, rel=1e-6)
    two = np.concatenate([np.zeros_like(logits), logits], axis=1)
    per_class = Dice(smooth=0)(two, target[:, 0], reduction="none")
    assert per_class[0, 1] == pytest.approx(expected, rel=1e-6)


@every_regionwise
def test_ambiguous_class_axis_warns(kind):
    logits, target = np.zeros((2, 4, 4)), np.zeros((2, 4), int)
    with pytest.warns(AmbiguousAxisWarning, match="class_axis=1"):
        kind()(logits, target)
    assert np.isfinite(kind(class_axis=1)(logits, target))


@every_regionwise
def test_misuse_is_named(kind):
    refused = [
        (ValueError, r"\(3, 5, 2\) or 0/1 labels", {}, LOGITS, CLASSES[:, :4]),
        (ValueError, "class_axis=-1", {}, np.moveaxis(LOGITS, 1, -1), CLASSES),
        (ValueError, r"target\[:, 0\]", {}, LOGITS, CLASSES[:, None]),
        (ValueError, r"one class.*target\[:, None\]", {}, LOGITS[:, :1], CLASSES),
        (TypeError, "class indices.*int64", {}, LOGITS, CLASSES.astype(float)),
        (TypeError, "class indices.*int64", {}, LOGITS[:, :2], CLASSES > 1),
        (ValueError, r"position \(0, 0, 0\) is 4.*\[0, 4\)", {}, LOGITS, np.full((3, 5, 2), 4)),
        (ValueError, "is 255, but must be a number in", {}, LOGITS[:, 0], np.full((3, 5, 2), 255)),
        (ValueError, "ignore_index=255 has no", {"ignore_index": 255}, LOGITS, LABELS),
        (ValueError, "4 classes, got shape", {"class_weight": [1, 2]}, LOGITS, CLASSES),
        (ValueError, "class_axis=", {"class_weight": [1, 2]}, LOGITS[:, 0], LABELS[:, 0]),
        (ValueError, "class_axis=4 is not", {"class_axis": 4}, LOGITS, CLASSES),
        (ValueError, "samples", {}, np.float64(1), np.float64(1)),
        (ValueError, "samples", {}, np.zeros(4), np.int64(1)),
    ]
    for error, match, settings, logits, target in refused:
        with pytest.raises(error, match=f"{kind.__name__}: .*{match}"):
            kind(**settings)(logits, target)
    with pytest.raises(ValueError, match="per must be one of 'image', 'batch'"):
        kind(per="pixel")
    with pytest.raises(ValueError, match="smooth"):
        kind(smooth=-1.0)


def test_modules_of_torch():
    module = losskit.torch.TverskyLoss(alpha=0.2, beta=0.8, per="batch", class_weight=[1, 2, 1, 1])
    loss = Tversky(0.2, 0.8, per="batch", class_weight=[1, 2, 1, 1])
    logits, target = torch.from_numpy(LOGITS), torch.from_numpy(CLASSES)
    assert module(logits, target) == loss(logits, target)
    mask = torch.from_numpy(~HOLES)
    assert module(logits, target, mask=mask) == loss(logits, target, mask=mask)
