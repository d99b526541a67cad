"""``losskit.check`` and what takes no part: no trace of it in what is found."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import losskit.torch as own
from cases import every_loss, one_case
from losskit.check.tensors import check
from losskit.core.classwise import Classwise
from losskit.core.regionwise import Regionwise

NAN = float("nan")
LOGITS = torch.randn(64, 3, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(64) % 3
FIRST = torch.arange(64) < 5


def lying_at(mask: np.ndarray, array: Any, loss: Any) -> np.ndarray:
    """Mark what of an array lies at the positions of a mask."""
    if mask.ndim == array.ndim:
        return np.broadcast_to(mask, array.shape)
    axis = 1 if isinstance(loss, (Classwise, Regionwise)) else -1
    return np.broadcast_to(np.expand_dims(mask, axis), array.shape)


@every_loss
def test_masked_numbers_leave_no_trace(kind: type) -> None:
    """What the definition gives a finite value for, with NaN behind the mask, is sound."""
    case = one_case(kind)
    mask = np.ones(case.mask_shape, bool)
    mask[0] = False
    if not mask.any():
        return
    arrays = [np.array(one) for one in case.arrays]
    for array in arrays:
        # Numbers that are given for all positions at once lie behind no mask.
        if array.dtype.kind == "f" and array.ndim >= mask.ndim:
            array[~lying_at(mask, array, case.loss)] = NAN
    assert np.isfinite(case.loss(*arrays, mask=mask))
    report = check(case.loss, *arrays, mask=mask)
    assert "LK202" not in report.codes, str(report)


def test_a_target_that_is_missing_where_it_is_masked() -> None:
    output, target = LOGITS[:, :1], torch.where(FIRST[:, None], NAN, 2 * LOGITS[:, :1])
    assert not check(own.MSELoss(), output, target, mask=~FIRST[:, None])
    assert check(own.MSELoss(), output, target).codes == ("LK202",)
    # One that is not masked is named, and not one behind the mask.
    target[7] = NAN
    [finding] = check(own.MSELoss(), output, target, mask=~FIRST[:, None])
    assert (finding.sight.sample, finding.numbers["places"]) == (7, 1)


@pytest.mark.parametrize(
    "loss",
    [
        own.CrossEntropyLoss(ignore_index=-1),
        functools.partial(own.functional.cross_entropy, ignore_index=-1),
        "cross-entropy:ignore_index=-1",
    ],
)
def test_ignored_rows_may_hold_anything(loss: Any) -> None:
    rows, labels = torch.where(FIRST[:, None], NAN, LOGITS), torch.where(FIRST, -1, LABELS)
    assert not check(loss, rows, labels)
    assert check(loss, rows, LABELS).codes == ("LK202",)
    # Softmax before it is seen in the rows that are left.
    assert check(loss, rows.softmax(1), labels).codes == ("LK101",)


def test_the_losses_of_pytorch_do_what_they_do_there() -> None:
    """The value is finite, and the gradient of a log-softmax is not."""
    labels = torch.where(FIRST, -100, LABELS)
    for loss in (nn.CrossEntropyLoss(), functools.partial(nn.functional.cross_entropy)):
        rows = torch.where(FIRST[:, None], NAN, LOGITS).requires_grad_()
        value = loss(rows, labels)
        value.backward()
        assert value.isfinite()
        assert rows.grad is not None
        assert rows.grad.isnan().any()
        [finding] = check(loss, rows, labels)
        assert finding.code == "LK202"
        assert "the target there is ignored, and still" in finding.message
    logs = torch.where(FIRST[:, None], NAN, LOGITS.log_softmax(1)).requires_grad_()
    nn.NLLLoss()(logs, labels).backward()
    assert logs.grad is not None
    assert logs.grad.isfinite().all()
    assert not check(nn.NLLLoss(), logs, labels)


def test_ranges_are_those_of_what_takes_part() -> None:
    mask = ~FIRST
    shares = torch.where(FIRST, 7.0, LOGITS[:, 0].sigmoid())
    labels = torch.where(FIRST, -1.0, (LABELS == 1).float())
    assert not check(own.BCELoss(), shares, labels, mask=mask)
    assert check(own.BCELoss(), shares, labels).codes[0] in {"LK104", "LK201"}
    shares[9] = 1.5
    [finding] = check(own.BCELoss(), shares, labels, mask=mask)
    assert (finding.code, finding.sight.sample) == ("LK104", 9)
    wrong = torch.where(torch.arange(64) == 9, 2.0, labels)
    [finding] = check(own.BCELoss(), LOGITS[:, 0].sigmoid(), wrong, mask=mask)
    assert (finding.code, finding.sight.sample) == ("LK201", 9)


def test_a_batch_of_which_nothing_takes_part() -> None:
    report = check(own.MSELoss(), LOGITS, torch.full_like(LOGITS, NAN), mask=LOGITS > 99)
    assert report.codes[0] == "LK206", str(report)
    assert "LK202" not in report.codes


def test_segmentation_with_pixels_that_are_ignored() -> None:
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(4, 5, 6, 6, generator=generator)
    labels = torch.randint(0, 5, (4, 6, 6), generator=generator)
    labels[:, 0] = 255
    scores[:, :, 0] = NAN
    for loss in (own.CrossEntropyLoss(ignore_index=255), own.DiceLoss(ignore_index=255)):
        assert not check(loss, scores, labels), str(check(loss, scores, labels))
