"""Trainings do not notice ``losskit.torch.watch``, and hear of what it sees as they want to."""

from __future__ import annotations

import logging
import math
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import losskit.torch as losses
from losskit.check.findings import Finding
from losskit.torch import TrainingError, TrainingWarning, watch
from tools.trials.tasks import TASKS


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


class Plain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(64, 16), nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.first(x).relu())


@pytest.mark.parametrize("in_place", [True, False])
def test_a_compiled_model_is_compiled_once(in_place: bool) -> None:
    """Hooks within it would be compiled as well, again for each look."""
    graphs: list[Any] = []

    def backend(graph: Any, inputs: Any) -> Any:
        graphs.append(graph)
        return graph.forward

    _, inputs, targets = small()
    torch.compiler.reset()
    inner = Plain()
    if in_place:
        inner.compile(backend=backend, fullgraph=True)
    model = inner if in_place else torch.compile(inner, backend=backend, fullgraph=True)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    found: list[Finding] = []
    with watch(model, criterion, every=3, on_finding=found.append) as watching:
        for step in range(12):
            optimizer.zero_grad()
            scores = model(inputs[:64])
            criterion(scores.softmax(1) if step > 6 else scores, targets[:64]).backward()
            optimizer.step()
    assert (len(graphs), watching.steps) == (1, 12)
    assert [(one.code, one.sight.step) for one in found] == [("LK101", 9)]


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
    for every in (0, True, 2.5, math.nan, "3"):
        with pytest.raises(
            ValueError, match=f"every must be a number of steps >= 1 or None, got {every!r}"
        ):
            watch(model, nn.MSELoss(), every=every)  # type: ignore[arg-type]
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
    with watch(model, criterion, every=1, on_finding="raise") as watching:
        for step in range(40):
            (criterion(model(inputs[:64]), targets[:64]) / 4).backward()
            if step % 4 == 3:
                optimizer.step()
                optimizer.zero_grad()
    assert not watching.findings


def test_frozen_layers_are_no_mistake() -> None:
    model, inputs, targets = small()
    model[0].requires_grad_(False)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD((p for p in model.parameters() if p.requires_grad), lr=0.01)
    with watch(model, criterion, every=2, on_finding="raise") as watching:
        for _ in range(20):
            optimizer.zero_grad()
            criterion(model(inputs[:64]), targets[:64]).backward()
            optimizer.step()
    assert not watching.findings


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
