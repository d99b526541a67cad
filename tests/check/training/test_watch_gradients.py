"""Gradients that are scaled, accumulated or left, and those that explode."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from watch_runs import batches, codes, data, network, trained

from losskit.check.findings import Finding
from losskit.torch import watch


@pytest.mark.parametrize(("every", "count"), [(None, 40), (1, 64), (7, 100)])
def test_gradients_may_be_accumulated_over_many_batches(every: int | None, count: int) -> None:
    model, loss_fn = network(), nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    with watch(model, loss_fn, every=every, on_finding="raise"):
        for step, (inputs, target) in enumerate(batches(3 * count, size=4)):
            (loss_fn(model(inputs), target) / count).backward()
            if step % count == count - 1:
                optimizer.step()
                optimizer.zero_grad()


@pytest.mark.parametrize("clears", [True, False])
def test_an_optimizer_of_another_model_is_seen(clears: bool) -> None:
    model, other, loss_fn = network(), network(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(other.parameters(), lr=1e-2)
    found: list[Finding] = []
    with watch(model, loss_fn, every=4, on_finding=found.append):
        for inputs, target in batches(60):
            (model if clears else optimizer).zero_grad()
            loss_fn(model(inputs), target).backward()
            optimizer.step()
    assert codes(found)[0] == "LK304"


def test_a_step_that_is_never_called_is_seen() -> None:
    model, loss_fn = network(), nn.CrossEntropyLoss()
    found: list[Finding] = []
    with watch(model, loss_fn, every=8, on_finding=found.append):
        for inputs, target in batches(160):
            model.zero_grad()
            loss_fn(model(inputs), target).backward()
    assert "LK304" in codes(found)


def test_weights_that_are_set_by_hand() -> None:
    """``torch.autograd.grad`` leaves no gradient in any weight."""
    model, loss_fn = network(), nn.CrossEntropyLoss()
    with watch(model, loss_fn, every=2, on_finding="raise"):
        for inputs, target in batches(80):
            loss = loss_fn(model(inputs), target)
            gradients = torch.autograd.grad(loss, [*model.parameters()])
            with torch.no_grad():
                for parameter, gradient in zip(model.parameters(), gradients, strict=True):
                    parameter.sub_(0.1 * gradient)
    assert loss.item() < 0.7


def test_a_gradient_of_something_else_is_seen() -> None:
    model, loss_fn = network(), nn.CrossEntropyLoss()
    stray = torch.zeros(32, 3, requires_grad=True)
    found: list[Finding] = []
    with watch(model, loss_fn, every=1, on_finding=found.append):
        for inputs, target in batches(3):
            loss_fn(model(inputs).detach() + stray, target).backward()
    assert "LK152" in codes(found)


def test_a_head_alone_may_be_trained() -> None:
    """What its optimizer does not hold keeps its gradients, which harms nobody."""
    model = network()
    optimizer = torch.optim.Adam(model[2].parameters(), lr=1e-2)
    loss_fn = nn.CrossEntropyLoss()
    found: list[Finding] = []
    with watch(model, loss_fn, every=2, on_finding=found.append):
        for inputs, target in batches(30):
            optimizer.zero_grad(set_to_none=False)
            loss_fn(model(inputs), target).backward()
            optimizer.step()
    assert not found


class Adapted(nn.Module):
    """A fixed layer with a correction of low rank that begins at 0."""

    def __init__(self) -> None:
        super().__init__()
        self.fixed = nn.Linear(8, 32).requires_grad_(False)
        self.down, self.up = nn.Linear(8, 4, bias=False), nn.Linear(4, 32, bias=False)
        nn.init.zeros_(self.up.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.fixed(x) + self.up(self.down(x))


def test_layers_may_begin_at_zero() -> None:
    headed = network()
    nn.init.zeros_(headed[2].weight)
    adapted = nn.Sequential(Adapted(), nn.ReLU(), nn.Linear(32, 3).requires_grad_(False))
    for model in (headed, adapted):
        assert not trained(model, nn.CrossEntropyLoss(), lambda c, x, y, m=model: c(m(x), y))


@pytest.mark.parametrize("scale", [2.0**16, 2.0**40])
def test_a_scaled_loss_has_no_exploding_gradients(scale: float) -> None:
    model, loss_fn = network(1), nn.MSELoss()
    scaler = torch.amp.GradScaler("cpu", init_scale=scale, growth_interval=5)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    with watch(model, loss_fn, every=4, on_finding="raise"):
        for inputs, _ in batches(100):
            optimizer.zero_grad()
            loss = loss_fn(model(inputs), 50 + 20 * inputs[:, :1])
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
    assert scaler.get_scale() >= 1000 * scale, "grown so far that it would show"


@pytest.mark.parametrize("steps", [50, 400])
def test_gradients_that_explode_slowly_are_seen(steps: int) -> None:
    """Whatever the pace, 100,000 times what they began with."""
    model, (inputs, _) = network(), data()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-12)

    def growing(output: Tensor, target: Tensor, factor: float) -> Tensor:
        return factor * (output - target).square().mean()

    found: list[Finding] = []
    with watch(model, growing, every=1, on_finding=found.append) as watching:
        for step in range(steps):
            optimizer.zero_grad()
            factor = 1e5 ** (step / (steps - 1))
            watching.loss_fn(model(inputs), inputs[:, :3], factor=factor).backward()
            optimizer.step()
    exploding = [one for one in found if one.code == "LK301"]
    assert len(exploding) == 1
    # The medians of five looks lie two looks after the first.
    begun = 1e5 ** (2 / (steps - 1))
    assert exploding[0].numbers["gradient"] / exploding[0].numbers["first"] > 1e3
    level: Any = exploding[0].numbers["gradient"] / 1e5 ** (exploding[0].sight.step / (steps - 1))
    assert exploding[0].numbers["first"] == pytest.approx(level * begun, rel=0.01)


def test_the_way_off_a_plateau_is_no_explosion() -> None:
    """Four small matrices in a row: gradients grow 1,000 times where the loss begins to fall."""
    torch.manual_seed(0)
    sizes = [8, 32, 32, 32, 3]
    model = nn.Sequential(*(nn.Linear(a, b, bias=False) for a, b in itertools.pairwise(sizes)))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(0.1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    found = trained(
        model, nn.CrossEntropyLoss(), lambda c, x, y: c(model(x), y), 600, optimizer, every=2
    )
    assert "LK301" not in codes(found)
