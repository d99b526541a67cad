"""How a loss is called makes no difference to what ``watch`` sees of it."""

from __future__ import annotations

import functools
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from watch_runs import batches, codes, data, network, trained

import losskit.torch as losses
from losskit.torch import watch

cross_entropy = nn.functional.cross_entropy


def masked(target: Tensor) -> tuple[Tensor, Tensor]:
    """Targets of which every third is missing, and where there is one."""
    there = torch.arange(len(target)) % 3 != 0
    return target.where(there, -1), there


def by_mask(model: nn.Module, loss_fn: Any, inputs: Tensor, target: Tensor) -> Tensor:
    holed, there = masked(target)
    return loss_fn(model(inputs), holed, mask=there)


def by_index(model: nn.Module, loss_fn: Any, inputs: Tensor, target: Tensor) -> Tensor:
    return loss_fn(model(inputs), masked(target)[0], ignore_index=-1)


def by_position(model: nn.Module, loss_fn: Any, inputs: Tensor, target: Tensor) -> Tensor:
    return loss_fn(model(inputs), masked(target)[0], None, None, -1)


@pytest.mark.parametrize(
    ("loss_fn", "call"),
    [
        (losses.CrossEntropyLoss(), by_mask),
        (losses.functional.cross_entropy, by_mask),
        (cross_entropy, by_index),
        (cross_entropy, by_position),
        (functools.partial(cross_entropy, label_smoothing=0.1), by_index),
    ],
)
def test_what_a_call_leaves_out_is_left_out(loss_fn: Any, call: Any) -> None:
    model = network()
    found = trained(model, loss_fn, functools.partial(call, model))
    assert not found


@pytest.mark.parametrize("loss_fn", [nn.CrossEntropyLoss(), cross_entropy])
def test_what_is_not_left_out_is_seen(loss_fn: Any) -> None:
    model, (inputs, target) = network(), data()
    with (
        pytest.warns(losses.TrainingWarning, match="holds the class -1"),
        pytest.raises(IndexError),
        watch(model, loss_fn) as watching,
    ):
        watching.loss_fn(model(inputs), masked(target)[0])


# What compiling a loss of a tensor with a gradient warns of.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")
@pytest.mark.parametrize(
    "loss_fn",
    [
        nn.CrossEntropyLoss(),
        cross_entropy,
        losses.CrossEntropyLoss(),
        torch.compile(nn.CrossEntropyLoss(), backend="eager"),
        torch.compile(losses.functional.cross_entropy, backend="eager"),
    ],
)
def test_a_softmax_is_seen_by_keyword_and_in_compiled_losses(loss_fn: Any) -> None:
    model = network(3, nn.Softmax(1))
    by_keyword = trained(model, loss_fn, lambda c, x, y: c(target=y, input=model(x)), steps=3)
    plain = trained(model, loss_fn, lambda c, x, y: c(model(x), y), steps=3)
    assert codes(by_keyword) == codes(plain) == ["LK101"]


def test_names_of_torch_are_those_of_its_modules() -> None:
    """``PoissonNLLLoss.forward`` calls ``log_input`` what the function calls ``input``."""
    model, loss_fn = network(1), nn.PoissonNLLLoss()
    counts = [torch.tensor(-3.0), torch.tensor(2.0)]
    found = [
        trained(model, loss_fn, lambda c, x, y, n=n: c(log_input=model(x), target=n.expand(32, 1)))
        for n in counts
    ]
    assert "LK201" in codes(found[0])
    assert "LK201" not in codes(found[1])


def test_two_calls_are_one_step() -> None:
    """As of auxiliary heads: the curve is the first one's, and gradients belong together."""
    model, loss_fn = network(), nn.CrossEntropyLoss()
    first: list[float] = []

    def both(loss_fn: Any, inputs: Tensor, target: Tensor) -> Tensor:
        output = model(inputs)
        main = loss_fn(output, target)
        first.append(main.item())
        return main + 0.3 * loss_fn(0.3 * output, target)

    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    with watch(model, loss_fn, on_finding="raise") as watching:
        for inputs, target in batches(20):
            optimizer.zero_grad()
            both(loss_fn, inputs, target).backward()
            optimizer.step()
            model.eval()
            with torch.no_grad():
                both(loss_fn, inputs, target)
            model.train()
        assert watching.steps == 20
    log = watching._record.log()
    assert log is not None
    assert log.train.mean.tolist() == pytest.approx(first[::2])
    assert log.validation is not None
    assert log.validation.mean.tolist() == pytest.approx(first[1::2])


def test_the_second_call_of_a_step_is_checked() -> None:
    model = network()

    def both(loss_fn: Any, inputs: Tensor, target: Tensor) -> Tensor:
        output = model(inputs)
        return loss_fn(output, target) + loss_fn(output.softmax(1), target)

    assert codes(trained(model, nn.CrossEntropyLoss(), both, steps=3)) == ["LK101"]


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_gradients_that_nobody_clears_are_seen_with_any_number_of_calls(calls: int) -> None:
    model, loss_fn = network(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
    found: list[Any] = []
    with watch(model, loss_fn, every=4, on_finding=found.append):
        for inputs, target in batches(40):
            output = model(inputs)
            torch.stack([loss_fn(output / n, target) for n in range(1, calls + 1)]).sum().backward()
            optimizer.step()
    assert codes(found) == ["LK305"]


@pytest.mark.parametrize("once_whole", [True, False])
def test_steps_are_told_apart_where_the_model_is_called_in_parts(once_whole: bool) -> None:
    model, loss_fn = network(), nn.CrossEntropyLoss()
    with watch(model, loss_fn, on_finding="raise") as watching:
        for step, (inputs, target) in enumerate(batches(5)):
            output = model[2](model[1](model[0](inputs)))
            if once_whole and step == 0:
                output = model(inputs)
            loss_fn(output, target).backward()
        # What follows a whole call may belong to it, until backward() has run once more.
        assert watching.steps == 5 - once_whole


def test_accuracy_is_counted_where_there_is_a_target() -> None:
    model, (inputs, target) = network(), data()
    expected = (model(inputs).argmax(1) == target)[1::2].float().mean().item()
    for loss_fn, options in (
        (nn.CrossEntropyLoss(), {}),
        (losses.CrossEntropyLoss(), {"mask": torch.arange(len(target)) % 2 == 1}),
    ):
        known = target.clone()
        known[::2] = 0 if options else -100
        watching = watch(model, loss_fn, on_finding=lambda finding: None)
        watching.loss_fn(model(inputs), known, **options)
        model.eval()
        with torch.no_grad():
            watching.loss_fn(target=known, **{"input": model(inputs)}, **options)
        model.train()
        watching.close()
        accuracy = watching._record.metrics["val_accuracy"].curve()
        assert accuracy.mean.tolist() == pytest.approx([expected])


def test_transforms_of_functions_are_left_alone() -> None:
    model, loss_fn = network(), nn.CrossEntropyLoss()
    inputs, target = data(16)
    weights = {name: p.detach() for name, p in model.named_parameters()}

    def loss(weights: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return loss_fn(functional_call(model, weights, (x[None],)), y[None])

    each = vmap(grad(loss), in_dims=(None, 0, 0))
    expected = each(weights, inputs, target)
    with watch(model, loss_fn, every=1, on_finding="raise") as watching:
        model(inputs)
        for name, found in each(weights, inputs, target).items():
            assert torch.equal(found, expected[name])
        assert watching.steps == 0
