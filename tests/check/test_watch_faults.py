"""What ``losskit.torch.watch`` sees in real trainings, with faults and without."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import losskit.torch as losses
from losskit.check.catalogue import rules_by_code
from losskit.check.findings import Finding, Severity, Tool
from losskit.torch import watch
from tools.trials.faults import FAULTS, healthy
from tools.trials.healthy import combinations
from tools.trials.tasks import TASKS, Training, run

# Rule → the fault that shows it, and epochs that are enough.
SHOWN: dict[str, tuple[str, int]] = {
    "LK101": ("softmax before cross-entropy", 2),
    "LK102": ("log-softmax before cross-entropy", 2),
    "LK103": ("sigmoid before BCE with logits", 2),
    "LK104": ("raw scores into BCE", 2),
    "LK105": ("cross-entropy on one logit", 2),
    "LK111": ("raw scores into NLL", 2),
    "LK121": ("KL divergence of probabilities", 2),
    "LK122": ("KL divergence averaged over classes", 2),
    "LK124": ("target in log space not said", 2),
    "LK141": ("(N, 1) against (N,)", 2),
    "LK142": ("target before input", 2),
    "LK143": ("padding counted", 2),
    "LK151": ("output detached", 2),
    "LK152": ("loss without the model", 4),
    "LK181": ("squared error on class indices", 2),
    "LK182": ("softmax cross-entropy on several labels", 2),
    "LK201": ("labels from 1 to K", 2),
    "LK202": ("missing values in the data", 2),
    "LK203": ("class axis in the wrong place", 2),
    "LK204": ("class indices as floats", 2),
    "LK207": ("last layer of zeros, and a dead one before it", 6),
    "LK208": ("weights that start too large", 6),
    "LK212": ("one term of a sum dominates", 2),
    "LK213": ("loss summed over the batch", 2),
    "LK214": ("weights that start too large", 2),
    "LK215": ("real targets in the hundreds of thousands", 2),
    "LK216": ("embeddings pulled together only", 30),
    "LK217": ("random triplets, and a tiny margin", 20),
    "LK218": ("KL divergence of probabilities", 2),
    "LK302": ("vanishing gradients: ten layers of sigmoids", 8),
    "LK303": ("dead ReLUs", 8),
    "LK304": ("optimiser of another model", 8),
    "LK305": ("gradients never cleared", 8),
    "LK308": ("batch normalisation and a last batch of a few", 20),
    "LK401": ("labels that do not belong to their inputs", 25),
    "LK406": ("over-fitting: a large network, few samples", 80),
}

ELSEWHERE = {
    "LK123": "test_a_swapped_divergence",
    "LK191": "test_softmax_over_the_batch",
    "LK206": "test_hardly_anything_takes_part",
    "LK209": "test_certainly_wrong_samples_have_no_gradient",
    "LK211": "test_preflight",
    "LK301": "test_exploding_gradients",
    "LK306": "test_preflight",
    "LK307": "test_preflight",
    "LK402": "test_exploding_gradients",
    "LK403": "test_diagnose",
    "LK404": "test_steps_that_are_too_short",
    "LK405": "test_diagnose",
    "LK409": "test_a_loss_that_falls_while_the_accuracy_stays",
}


def entropy(shares: list[float]) -> float:
    return -sum(share * math.log(share) for share in shares)


def collected(training: Training, seed: int = 11, every: int = 4) -> list[Finding]:
    return run(training.but(flight=False), seed, every).during


def test_every_rule_that_watch_reports_is_tried() -> None:
    reported = {code for code, rule in rules_by_code().items() if Tool.WATCH in rule.tools}
    assert reported == {*SHOWN, *ELSEWHERE}


@pytest.mark.parametrize("code", SHOWN)
def test_the_fault_is_seen_in_training(code: str) -> None:
    name, epochs = SHOWN[code]
    fault = next(fault for fault in FAULTS if fault.name == name)
    rng = np.random.default_rng([11, *name.encode()])
    training = fault.put(healthy(fault, rng), rng).but(epochs=epochs)
    codes = [finding.code for finding in collected(training)]
    assert code in codes
    assert all(Tool.WATCH in rules_by_code()[one].tools for one in codes)


def test_healthy_trainings_are_left_in_peace() -> None:
    """A sample of what ``python -m tools.trials.healthy`` runs."""
    for name, training, seed in combinations(8, first=300):
        found = collected(training.but(epochs=30), seed, every=10)
        assert not found, (name, found)


def small(seed: int = 0) -> tuple[nn.Module, Tensor, Tensor]:
    torch.manual_seed(seed)
    task = TASKS["digits"]
    model = nn.Sequential(
        nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 10)
    )
    return model, task.inputs, task.targets


def codes_of(model: nn.Module, loss_fn: Any, steps: int, call: Any, **options: Any) -> list[str]:
    """Train by plain gradient descent, and return what is found."""
    optimizer = torch.optim.SGD(model.parameters(), **{"lr": 0.01, **options})
    found: list[Finding] = []
    with watch(model, loss_fn, every=1, on_finding=found.append) as watching:
        for _ in range(steps):
            optimizer.zero_grad()
            watching.loss_fn(*call(model)).backward()
            optimizer.step()
    return [one.code for one in found]


def test_a_swapped_divergence() -> None:
    model, inputs, targets = small()
    rows = (0.9 * nn.functional.one_hot(targets, 10) + 0.01).log()
    kl = nn.KLDivLoss(reduction="batchmean")
    codes = codes_of(model, kl, 2, lambda model: (rows, model(inputs).softmax(1)))
    assert codes == ["LK123"]


def test_softmax_over_the_batch() -> None:
    model, inputs, targets = small()
    codes = codes_of(model, nn.CrossEntropyLoss(), 2, lambda m: (m(inputs).softmax(0), targets))
    assert "LK191" in codes


def test_hardly_anything_takes_part() -> None:
    model, inputs, targets = small()
    few = torch.where(torch.arange(len(targets)) % 40 == 0, targets, -100)
    codes = codes_of(model, nn.CrossEntropyLoss(), 3, lambda model: (model(inputs), few))
    assert codes == ["LK206"]


def test_certainly_wrong_samples_have_no_gradient() -> None:
    model, inputs, targets = small()
    loss = losses.GeneralizedCrossEntropyLoss()
    codes = codes_of(model, loss, 4, lambda model: (300 * model(inputs), targets), lr=1e-9)
    assert "LK209" in codes


def regressed(lr: float, steps: int) -> list[str]:
    """Fit a linear model to diabetes, all samples in each step."""
    torch.manual_seed(0)
    task = TASKS["diabetes"]
    model = nn.Linear(10, 1)
    call = lambda model: (model(task.inputs), task.targets)  # noqa: E731
    return codes_of(model, nn.MSELoss(), steps, call, lr=lr)


@pytest.mark.parametrize(
    ("labels", "loss_fn", "value"),
    [
        # ln K, ln 2 and the entropy of the labels: what is left where inputs tell nothing.
        (torch.arange(1200) % 10, nn.CrossEntropyLoss(), math.log(10)),
        ((torch.arange(1200) % 2).float(), nn.BCEWithLogitsLoss(), math.log(2)),
        (torch.arange(1200) % 10 // 7, nn.CrossEntropyLoss(), entropy([0.7, 0.3])),
        ((torch.arange(1200) % 10 < 1).float(), nn.BCEWithLogitsLoss(), entropy([0.1, 0.9])),
    ],
)
def test_losses_that_stand_at_a_telling_value(
    labels: Tensor, loss_fn: nn.Module, value: float
) -> None:
    torch.manual_seed(0)
    inputs = torch.randn(1200, 3)
    classes = int(labels.max()) + 1
    model = nn.Linear(3, classes if labels.dtype == torch.int64 else 1)
    call = lambda model: (model(inputs).squeeze(1), labels)  # noqa: E731
    found: list[Finding] = []
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    with watch(model, loss_fn, every=10, on_finding=found.append):
        for _ in range(120):
            optimizer.zero_grad()
            loss_fn(*call(model)).backward()
            optimizer.step()
    assert [one.code for one in found] == ["LK401"]
    assert found[0].numbers["signature"] == pytest.approx(value, abs=1e-3)


def test_the_floor_of_a_second_softmax_is_seen_in_the_curve() -> None:
    """In a function that is no loss of the catalogue, so that only its values tell."""
    task = TASKS["digits"]
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))

    def own(scores: Tensor, target: Tensor) -> Tensor:
        return nn.functional.cross_entropy(scores.softmax(1), target)

    found: list[Finding] = []
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    with watch(model, own, every=10, on_finding=found.append) as watching:
        for _ in range(30):
            for at in torch.arange(len(task.inputs)).split(100):
                optimizer.zero_grad()
                watching.loss_fn(model(task.inputs[at]), task.targets[at]).backward()
                optimizer.step()
            right = (model(task.held_inputs).argmax(1) == task.held_targets).float().mean()
            watching.metric("val_accuracy", float(right))
    assert "LK101" in [one.code for one in found]


def test_exploding_gradients() -> None:
    """Steps somewhat longer than 2 over the curvature grow from step to step."""
    assert not regressed(0.1, 40)
    codes = regressed(0.35, 40)
    assert {"LK301", "LK402"} <= set(codes)


def test_steps_that_are_too_short() -> None:
    assert regressed(0.0001, 200) == ["LK404"]


def test_a_loss_that_falls_while_the_accuracy_stays() -> None:
    """Far too sure of the frequent class at first, and the features tell nothing."""
    torch.manual_seed(0)
    inputs = torch.randn(400, 5)
    targets = (torch.arange(400) % 10 < 3).long()
    model, criterion = nn.Linear(5, 2), nn.CrossEntropyLoss()
    with torch.no_grad():
        model.weight.mul_(0.01)
        model.bias.copy_(torch.tensor([6.0, 0.0]))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
    found: list[Finding] = []
    with watch(model, criterion, every=5, on_finding=found.append):
        for _ in range(12):
            model.train()
            for _ in range(5):
                optimizer.zero_grad()
                criterion(model(inputs), targets).backward()
                optimizer.step()
            model.eval()
            with torch.no_grad():
                criterion(model(inputs), targets)
    finding = next(one for one in found if one.code == "LK409")
    assert finding.numbers["metric"] == pytest.approx(0.7)
    assert finding.severity is Severity.SUSPICIOUS
