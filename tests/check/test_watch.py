"""What ``losskit.torch.watch`` sees in real trainings, and that they do not notice it."""

from __future__ import annotations

import logging
import math
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import losskit.torch as losses
from losskit.check.catalogue import rules_by_code
from losskit.check.findings import Finding, Severity, Tool
from losskit.torch import TrainingError, TrainingWarning, watch
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


def trained(watched: bool, loss_fn: Any, every: int | None = 1) -> list[Tensor]:
    """Train with dropout, batch normalisation and momentum; return losses, weights, buffers."""
    model, inputs, targets = small()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    watching = watch(model, loss_fn, every=every) if watched else None
    call = loss_fn if watching is None else watching.loss_fn
    seen = []
    for step in range(40):
        at = torch.randint(len(inputs), (64,))
        loss = call(model(inputs[at]), targets[at])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen.append(loss.detach().clone())
        if step % 10 == 9:
            model.eval()
            with torch.no_grad():
                seen.append(call(model(inputs), targets))
            model.train()
    if watching is not None:
        watching.close()
    return [*seen, *(p.detach() for p in model.parameters()), *model.buffers(), torch.rand(3)]


@pytest.mark.parametrize(
    "loss_fn", [nn.CrossEntropyLoss(), nn.functional.cross_entropy, losses.CrossEntropyLoss()]
)
@pytest.mark.parametrize("every", [1, 7, None])
def test_a_training_is_the_same_to_the_last_bit(loss_fn: Any, every: int | None) -> None:
    plain, watched = trained(False, loss_fn), trained(True, loss_fn, every)
    assert len(plain) == len(watched)
    for one, other in zip(plain, watched, strict=True):
        assert torch.equal(one, other)


def test_all_hooks_are_taken_away() -> None:
    model, inputs, targets = small()
    criterion = nn.CrossEntropyLoss()
    with watch(model, criterion, every=1):
        criterion(model(inputs), targets).backward()
        assert model._forward_pre_hooks
    for module in (*model.modules(), criterion):
        assert not module._forward_hooks
        assert not module._forward_pre_hooks
    for parameter in model.parameters():
        assert not parameter._post_accumulate_grad_hooks


class Broken(nn.Module):
    """Takes the logarithm of a sum that is 0 in one sample."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.log, self.last = nn.Linear(4, 4), Log(), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.log(torch.relu(self.first(x))))


class Log(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.log()


def test_the_first_module_and_sample_of_nan_are_named() -> None:
    torch.manual_seed(0)
    model, criterion = Broken(), nn.CrossEntropyLoss()
    nn.init.constant_(model.first.bias, 5.0)
    nn.init.eye_(model.first.weight)
    inputs = torch.rand(16, 4)
    inputs[9] = -6.0
    before = [p.detach().clone() for p in model.parameters()]
    state = torch.get_rng_state()
    with watch(model, criterion, on_finding=lambda finding: None) as watching:
        criterion(model(inputs), torch.zeros(16, dtype=torch.int64)).backward()
    finding = watching.findings[0]
    assert finding.code == "LK202"
    assert finding.sight is not None
    assert (finding.sight.layer, finding.sight.sample, finding.sight.step) == ("log", 9, 0)
    assert torch.equal(torch.get_rng_state(), state)
    for one, other in zip(before, model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_nan_of_the_data_and_of_the_weights_are_told_apart() -> None:
    model, inputs, targets = small()
    criterion = nn.CrossEntropyLoss()
    holed = inputs[:32].clone()
    holed[5, 3] = torch.inf
    with watch(model, criterion, on_finding=lambda finding: None) as watching:
        criterion(model(holed), targets[:32])
    assert "the input is not finite in sample 5" in watching.findings[0].message
    with torch.no_grad():
        model[4].weight[2, 1] = torch.nan
    with watch(model, criterion, on_finding=lambda finding: None) as watching:
        criterion(model(inputs[:32]), targets[:32])
    assert watching.findings[0].sight.layer == "4.weight"


def test_what_becomes_of_a_finding() -> None:
    model, inputs, targets = small()
    criterion = nn.CrossEntropyLoss()
    with (
        pytest.warns(TrainingWarning, match="LK101 bug: softmax-before-cross-entropy"),
        watch(model, criterion),
    ):
        criterion(model(inputs).softmax(1), targets)
    with (
        pytest.raises(TrainingError, match="LK101") as caught,
        watch(model, criterion, on_finding="raise"),
    ):
        criterion(model(inputs).softmax(1), targets)
    assert caught.value.finding.code == "LK101"
    found: list[Finding] = []
    with watch(model, criterion, on_finding=found.append) as watching:
        for _ in range(3):
            criterion(model(inputs).softmax(1), targets)
    assert [one.code for one in found] == ["LK101"], "a finding is told once"
    assert watching.findings == tuple(found)
    assert watching.report().codes == ("LK101",)
    assert str(watching.report()).startswith("training of Sequential, 3 steps: 1 finding (1 bug)")


def test_a_loss_that_refuses_is_explained() -> None:
    model, inputs, targets = small()
    for loss_fn in (nn.CrossEntropyLoss(), nn.functional.cross_entropy):
        watching = watch(model, loss_fn)
        with (
            pytest.warns(TrainingWarning, match="LK201"),
            pytest.raises(IndexError, match="out of bounds"),
        ):
            watching.loss_fn(model(inputs), targets + 1)
        watching.close()


def test_wrong_arguments_are_refused() -> None:
    model = nn.Linear(2, 2)
    with pytest.raises(TypeError, match=r"watch takes a torch\.nn\.Module, got function"):
        watch(small, nn.MSELoss())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="every must be a number of steps >= 1 or None, got 0"):
        watch(model, nn.MSELoss(), every=0)
    with pytest.raises(ValueError, match="on_finding must be 'warn', 'raise' or callable"):
        watch(model, nn.MSELoss(), on_finding="stop")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="logger must be a TensorBoard SummaryWriter"):
        watch(model, nn.MSELoss(), logger=3)


class Writer:
    """What of TensorBoard's SummaryWriter is used."""

    def __init__(self) -> None:
        self.scalars: list[tuple[str, float, int]] = []
        self.texts: list[str] = []

    def add_scalar(self, name: str, value: float, step: int) -> None:
        self.scalars.append((name, value, step))

    def add_text(self, name: str, text: str, step: int) -> None:
        self.texts.append(text)


def test_numbers_and_findings_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    model, inputs, targets = small()
    criterion, writer = nn.CrossEntropyLoss(), Writer()
    calls: list[Any] = []
    loggers = (writer, logging.getLogger("training"), lambda numbers, step: calls.append(numbers))
    for logger in loggers:
        with (
            caplog.at_level(logging.INFO),
            watch(model, criterion, every=2, on_finding=calls.append, logger=logger),
        ):
            for _ in range(5):
                criterion(model(inputs).softmax(1), targets).backward()
    assert {name for name, _, _ in writer.scalars} >= {"losskit/loss", "losskit/gradient"}
    assert all(math.isfinite(value) for _, value, _ in writer.scalars)
    assert "LK101" in writer.texts[0]
    assert "LK101" in caplog.text
    assert "losskit/loss" in calls[-1]


def test_accumulated_gradients_are_no_mistake() -> None:
    model, inputs, targets = small()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with watch(model, criterion, every=1, on_finding="raise"):
        for step in range(40):
            (criterion(model(inputs[:64]), targets[:64]) / 4).backward()
            if step % 4 == 3:
                optimizer.step()
                optimizer.zero_grad()


def test_frozen_layers_are_no_mistake() -> None:
    model, inputs, targets = small()
    model[0].requires_grad_(False)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD((p for p in model.parameters() if p.requires_grad), lr=0.01)
    with watch(model, criterion, every=2, on_finding="raise"):
        for _ in range(20):
            optimizer.zero_grad()
            criterion(model(inputs[:64]), targets[:64]).backward()
            optimizer.step()


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


def test_a_model_that_returns_its_loss_is_watched() -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Linear(64, 10)

        def forward(self, x: Tensor, labels: Tensor) -> dict[str, Tensor]:
            scores = self.net(x)
            return {"loss": nn.functional.cross_entropy(scores, labels), "logits": scores}

    _, inputs, targets = small()
    model = Own()
    with torch.no_grad():
        model.net.weight[0, 0] = torch.inf
    with watch(model, on_finding=lambda finding: None) as watching:
        model(inputs, labels=targets)
    assert watching.findings[0].sight.layer == "net.weight"
    assert watching.steps == 1


def test_the_default_rate_follows_the_clock() -> None:
    """Looks become rare where steps are quick."""
    model, inputs, targets = small()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with warnings.catch_warnings(), watch(model, criterion) as watching:
        for _ in range(300):
            optimizer.zero_grad()
            criterion(model(inputs[:32]), targets[:32]).backward()
            optimizer.step()
        assert 3 <= watching._look.count < 30
