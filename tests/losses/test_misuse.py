"""Options and arrays that no loss takes: one line that says what, on every engine."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from losskit import MAE, MSE, BinaryCrossEntropy, CrossEntropy, Dice, Huber, ListNet, LogCosh
from losskit.mining import Triplets

LIBRARIES = [np.asarray, torch.from_numpy]
every_library = pytest.mark.parametrize("library", LIBRARIES, ids=["numpy", "torch"])
# With a kernel and without.
LOSSES = [MSE(), MAE(), LogCosh(), BinaryCrossEntropy()]
every_kind_of_loss = pytest.mark.parametrize("loss", LOSSES, ids=str)


def arrays(library):
    return library(np.full((4, 3), 0.5)), library(np.zeros((4, 3)))


@every_library
@every_kind_of_loss
def test_normalizers(loss, library):
    refused = [
        (TypeError, "must be one number, got \\[3\\]", [3]),
        (TypeError, "must be one number, got '3'", "3"),
        (TypeError, "must be one number, got 3j", 3j),
        (TypeError, "must hold real numbers, got dtype .*complex", library(np.array(3j))),
        (ValueError, "must be one number, got shape \\(1,\\)", library(np.ones(1))),
        (ValueError, "must be a finite count >= 0, got inf", library(np.array(np.inf))),
        (ValueError, "must be a finite count >= 0, got inf", np.inf),
        (ValueError, "must be a finite count >= 0, got nan", library(np.array(np.nan))),
    ]
    for error, match, normalizer in refused:
        for call in (loss, loss.value_and_gradient):
            with pytest.raises(error, match=f"{loss.name}: normalizer {match}"):
                call(*arrays(library), normalizer=normalizer)


@every_library
@every_kind_of_loss
def test_reductions_and_targets_that_are_none(loss, library):
    x, y = arrays(library)
    for wrong in (["mean"], None, 3):
        with pytest.raises(ValueError, match=f"{loss.name}: reduction must be 'mean'"):
            loss(x, y, reduction=wrong)
    for call in (loss, loss.value_and_gradient):
        with pytest.raises(TypeError, match=f"{loss.name}: .*target"):
            call(x, None)


@every_library
@every_kind_of_loss
def test_weights_that_are_not_real(loss, library):
    x, y = arrays(library)
    weight = library(np.ones((4, 3)) * 1j)
    for reduction in ("mean", "sum", "none"):
        with pytest.raises(TypeError, match=f"{loss.name}: weight must hold real numbers, got"):
            loss(x, y, weight=weight, reduction=reduction)


@pytest.mark.parametrize("kind", [CrossEntropy, Dice])
def test_ignored_classes_that_no_array_holds(kind):
    for wrong in (2**70, -(2**63) - 1):
        with pytest.raises(ValueError, match="ignore_index must be an integer of 64 bits"):
            kind(ignore_index=wrong)
    for right in (2**63 - 1, -(2**63)):
        loss = kind(ignore_index=right)
        if kind is CrossEntropy:
            assert loss(np.zeros((2, 3)), np.array([0, 1])) == pytest.approx(np.log(3))
            assert loss(torch.zeros(2, 3), torch.tensor([0, 1])).item() == pytest.approx(np.log(3))


def test_parameters_that_would_not_be_learnt():
    with pytest.raises(ValueError, match=r"Huber: delta requires a gradient.*delta\.detach\(\)"):
        Huber(delta=torch.nn.Parameter(torch.tensor(2.0)))
    assert Huber(delta=torch.tensor(2.0)).delta == 2


@every_library
def test_masks_of_parts_are_named(library):
    x, y = arrays(library)
    wrong = library(np.ones(4) > 0)
    pixels = library(np.ones((4, 3), int))
    with pytest.raises(ValueError, match=r"there is one pixel for each of \(4, 3\)"):
        Dice()(x, pixels, mask=wrong)
    with pytest.raises(ValueError, match=r"there is one item for each of \(4, 3\)"):
        ListNet()(x, y, mask=wrong)
    with pytest.raises(ValueError, match=r"there is one loss value for each of \(4, 3\)"):
        MSE()(x, y, mask=wrong)


def test_what_takes_part_depends_on_no_weight():
    x, y = arrays(np.asarray)
    with pytest.raises(TypeError, match="MSE: what takes part does not depend on weight"):
        MSE().taking_part(x, y, weight=y)
    with pytest.raises(TypeError, match="did you mean mask"):
        MSE().taking_part(x, y, mas=y)


def test_tensors_that_are_not_dense():
    x, y = arrays(torch.from_numpy)
    nested = torch.nested.nested_tensor([x, x], layout=torch.jagged)
    for one, form in ((x.to_sparse(), "sparse"), (nested, "nested")):
        with pytest.raises(TypeError, match=f"MSE: input must be a dense array, got .* {form}"):
            MSE()(one, y)
    with pytest.raises(TypeError, match=r"MSE: target must be a dense array, got .* nested"):
        MSE()(x, nested)
    with pytest.raises(TypeError, match=r"MSE: weight must be a dense array, got .* sparse"):
        MSE()(x, y, weight=x.to_sparse())


def test_numbers_of_eight_bits():
    x = torch.full((2,), 0.5)
    small = x.to(torch.float8_e4m3fn)
    for arrays in ((x, small), (small, x)):
        with pytest.raises(TypeError, match="have no dtype in common; convert"):
            MSE()(*arrays)
    assert MSE()(small, small) == 0


def test_embeddings_that_triplets_were_not_found_in():
    at = np.array([0, 1]), np.array([1, 0]), np.array([2, 3])
    found = Triplets(*at, anchors_left_out=0)
    assert len(found.of(np.zeros((4, 2)))) == 3
    with pytest.raises(ValueError, match=r"embeddings has shape \(3, 2\), fewer rows"):
        found.of(np.zeros((3, 2)))
    with pytest.raises(TypeError, match="embeddings is a Tensor, not what they were found in"):
        found.of(torch.zeros(4, 2))
