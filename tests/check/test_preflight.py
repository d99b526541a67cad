"""What ``losskit.torch.preflight`` sees before a training, and in models that are sound."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from losskit.torch import preflight
from tools.trials.faults import FAULTS, Then, healthy
from tools.trials.tasks import TASKS

DIGITS, DIABETES = TASKS["digits"], TASKS["diabetes"]
BATCH = DIGITS.inputs[:128], DIGITS.targets[:128]


def network(outputs: int = 10) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, outputs))


@pytest.mark.parametrize(
    "loss_fn",
    [
        nn.CrossEntropyLoss(),
        nn.CrossEntropyLoss(label_smoothing=0.2),
        nn.functional.cross_entropy,
        nn.MultiMarginLoss(),
    ],
)
def test_sound_models_are_cleared(loss_fn: object) -> None:
    report = preflight(network(), loss_fn, BATCH)
    assert not report, str(report)
    assert "32 samples were learnt" in " ".join(report.notes)


def test_the_model_and_random_numbers_stay_as_they_are() -> None:
    model = network()
    model[1].eval()
    before = copy.deepcopy(model.state_dict())
    state = torch.get_rng_state()
    preflight(model, nn.CrossEntropyLoss(), BATCH, steps=5)
    assert torch.equal(torch.get_rng_state(), state)
    assert model.training
    assert not model[1].training
    assert all(p.grad is None for p in model.parameters())
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("softmax before cross-entropy", "LK101"),
        ("raw scores into BCE", "LK104"),
        ("labels from 1 to K", "LK201"),
        ("class axis in the wrong place", "LK203"),
        ("missing values in the data", "LK202"),
        ("output detached", "LK151"),
        ("loss without the model", "LK152"),
        ("weights that start too large", "LK214"),
        ("samples mixed within the batch", "LK211"),
        ("input thrown away", "LK307"),
        ("loss summed over the batch", "LK213"),
    ],
)
def test_faults_are_seen_before_the_training(fault: str, code: str) -> None:
    put = next(one for one in FAULTS if one.name == fault)
    rng = np.random.default_rng([3, *fault.encode()])
    training = put.put(healthy(put, rng), rng)
    torch.manual_seed(3)
    model, task = training.model(), training.task
    batch = task.inputs[:128], task.targets[:128]
    pairs = training.pairs
    forward = None if pairs is None else (lambda model, given: pairs(model, *given))
    report = preflight(model, training.loss_fn, batch, forward=forward, steps=60)
    assert code in report.codes[:2], str(report)


def test_a_batch_that_cannot_be_learnt() -> None:
    """All samples but for their labels are the same."""
    same = BATCH[0][:1].expand(128, -1), BATCH[1]
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    assert "LK306" in preflight(model, nn.CrossEntropyLoss(), same).codes
    report = preflight(model, nn.CrossEntropyLoss(), BATCH)
    assert "LK306" not in report.codes


def test_a_sum_written_by_hand_is_seen() -> None:
    def summed(input: Tensor, target: Tensor) -> Tensor:
        return ((input - target) ** 2).sum()

    batch = DIABETES.inputs[:64], DIABETES.targets[:64]
    model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1))
    report = preflight(model, summed, batch, steps=60)
    finding = next(one for one in report if one.code == "LK213")
    assert finding.numbers["ratio"] == pytest.approx(2, rel=1e-3)


def test_inputs_of_any_form() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = network()

        def forward(self, first: Tensor, second: Tensor) -> Tensor:
            return self.net(torch.cat([first, second], 1))

    halves = BATCH[0].split(32, 1)
    named = dict(zip(("first", "second"), halves, strict=True))
    for inputs in (halves, list(halves), named):
        report = preflight(Two(), nn.CrossEntropyLoss(), (inputs, BATCH[1]))
        assert not report, str(report)


def test_triplets_by_a_forward_of_ones_own() -> None:
    def forward(model: nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, ...]:
        order = torch.argsort(batch[1], stable=True)
        z = model(batch[0])[order]
        return z, z.roll(1, 0), z.roll(len(z) // 2, 0)

    report = preflight(network(8), nn.TripletMarginLoss(margin=1.0), BATCH, forward=forward)
    assert not report, str(report)


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(TypeError, match="preflight takes a torch"):
        preflight(len, nn.MSELoss(), BATCH)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="batch must be a pair of inputs and target"):
        preflight(network(), nn.MSELoss(), BATCH[0])
    with pytest.raises(ValueError, match="steps must be 1 or more, got 0"):
        preflight(network(), nn.MSELoss(), BATCH, steps=0)
    broken = Then(network(), lambda z: z[:, :, 0])
    with pytest.raises(IndexError):
        preflight(broken, nn.CrossEntropyLoss(), BATCH)
