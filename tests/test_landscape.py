"""Landscapes against surfaces whose shape is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import losskit.torch as lt


def plane_of(model: nn.Module) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Two directions that are the first two weights."""
    (weight,) = model.parameters()
    first, second = torch.zeros_like(weight), torch.zeros_like(weight)
    first[0, 0] = second[0, 1] = 1.0
    return [first], [second]


def test_a_known_surface_by_hand() -> None:
    # (w0 - 1)² + 3 (w1 + 2)² around w = (1, -2): a² + 3 b².
    model = nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[1.0, -2.0]]))
    bowl = torch.tensor([1.0, -2.0])

    def loss(one: nn.Module) -> torch.Tensor:
        away = (one.weight[0] - bowl) ** 2
        return away[0] + 3 * away[1]

    found = lt.landscape(model, loss, points=5, radius=2.0, directions=plane_of(model))
    assert found.x.tolist() == found.y.tolist() == [-2, -1, 0, 1, 2]
    expected = found.x[None, :] ** 2 + 3 * found.y[:, None] ** 2
    np.testing.assert_allclose(found.values, expected, atol=1e-6)
    assert found.centre == 0.0


@pytest.mark.parametrize("normalise", ["filter", "layer", "none"])
def test_directions_have_the_length_of_the_weights(normalise: str) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(2, 4, 3), nn.Flatten(), nn.Linear(4, 3))
    with torch.no_grad():
        model[2].weight.mul_(7.0)
    origin = [one.detach().clone() for one in model.parameters()]
    moved: list[list[torch.Tensor]] = []

    def loss(one: nn.Module) -> torch.Tensor:
        moved.append([w.detach() - o for w, o in zip(one.parameters(), origin, strict=True)])
        return torch.zeros(())

    lt.landscape(model, loss, points=3, radius=1.0, normalise=normalise)
    along_x = moved[5]  # row 1, column 2: one whole step along the first direction
    for step, weight in zip(along_x, origin, strict=True):
        if normalise == "none":
            assert step.abs().max() > 0
        elif weight.ndim == 1:
            assert torch.equal(step, torch.zeros_like(step))
        elif normalise == "filter":
            rows = [one.flatten(1).norm(dim=1) for one in (step, weight)]
            torch.testing.assert_close(*rows)
        else:
            torch.testing.assert_close(step.norm(), weight.norm())
            assert not torch.allclose(step.flatten(1).norm(dim=1), weight.flatten(1).norm(dim=1))


def test_a_network_scaled_against_itself_looks_the_same() -> None:
    """The point of the normalisation: ReLU lets one layer double and the next halve."""
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(3, 8, bias=False), nn.ReLU(), nn.Linear(8, 1, bias=False))
    scaled = nn.Sequential(nn.Linear(3, 8, bias=False), nn.ReLU(), nn.Linear(8, 1, bias=False))
    with torch.no_grad():
        scaled[0].weight.copy_(8 * model[0].weight)
        scaled[2].weight.copy_(model[2].weight / 8)
    x, y = torch.randn(20, 3), torch.randn(20, 1)

    def loss(one: nn.Module) -> torch.Tensor:
        return ((one(x) - y) ** 2).mean()

    for normalise, same in (("filter", True), ("none", False)):
        a, b = (lt.landscape(one, loss, points=5, normalise=normalise) for one in (model, scaled))
        assert np.allclose(a.values, b.values, rtol=1e-5) == same


def test_the_model_is_left_as_it_was() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 1))
    x = torch.randn(8, 2)
    model(x).sum().backward()
    before = {name: one.clone() for name, one in model.state_dict().items()}
    grads = [one.grad.clone() for one in model.parameters()]
    random = torch.get_rng_state()

    def loss(one: nn.Module) -> torch.Tensor:
        return one(x).square().mean()

    found = lt.landscape(model, loss, points=3)
    again = lt.landscape(model, loss, points=3)
    np.testing.assert_array_equal(found.values, again.values)  # dropout draws alike at each point
    assert all(torch.equal(before[name], one) for name, one in model.state_dict().items())
    assert all(torch.equal(a, b.grad) for a, b in zip(grads, model.parameters(), strict=True))
    assert model.training
    assert torch.equal(random, torch.get_rng_state())

    def broken(_: nn.Module) -> torch.Tensor:
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        lt.landscape(model, broken, points=3)
    assert all(torch.equal(before[name], one) for name, one in model.state_dict().items())


def test_what_is_drawn_is_drawn_alike_at_each_point() -> None:
    model = nn.Sequential(nn.Linear(2, 4), nn.Dropout(0.5))
    still = [torch.zeros_like(one) for one in model.parameters()]

    def loss(one: nn.Module) -> torch.Tensor:
        return one(torch.ones(3, 2)).square().mean()

    found = lt.landscape(model, loss, points=3, directions=(still, still))
    assert len(np.unique(found.values)) == 1


def test_seeds_choose_the_plane() -> None:
    model = nn.Linear(4, 2)

    def loss(one: nn.Module) -> torch.Tensor:
        return one(torch.ones(1, 4)).square().sum()

    one, same, other = (lt.landscape(model, loss, points=3, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.values, same.values)
    assert not np.allclose(one.values, other.values)
    assert one.centre == pytest.approx(float(loss(model).detach()))


def test_it_draws_itself() -> None:
    model = nn.Linear(2, 1)
    found = lt.landscape(model, lambda one: one.weight.square().sum(), points=3)
    for figure, kind in ((found.contour(), "contour"), (found.surface(), "surface")):
        assert figure.data[0].type == kind
        np.testing.assert_array_equal(figure.data[0].z, found.values)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"points": 4}, "points must be an odd integer >= 3, got 4"),
        ({"points": 1}, "points must be an odd integer"),
        ({"radius": 0}, "radius must be a finite number > 0"),
        ({"normalise": "row"}, "normalise must be one of 'filter', 'layer', 'none', got 'row'"),
        ({"radius": "far"}, "radius must be a finite number > 0, got 'far'"),
        ({"directions": ([torch.ones(3)], [torch.ones(3)])}, "a direction has the shapes"),
        ({"directions": ([torch.ones(1, 2), torch.ones(1)],)}, "directions must be a pair, got 1"),
        (
            {"normalise": "row", "directions": ([torch.ones(1, 2), torch.ones(1)],) * 2},
            "normalise must be one of",
        ),
    ],
)
def test_mistakes_are_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        lt.landscape(nn.Linear(2, 1), lambda one: one.weight.sum(), **options)


def test_the_loss_must_be_one_number() -> None:
    with pytest.raises(TypeError, match=r"one number, got \(1, 2\)"):
        lt.landscape(nn.Linear(2, 1), lambda one: one.weight, points=3)
    with pytest.raises(TypeError, match=r"a tensor of one number, got 1.5"):
        lt.landscape(nn.Linear(2, 1), lambda one: 1.5, points=3)
    with pytest.raises(ValueError, match="no parameters"):
        lt.landscape(nn.ReLU(), lambda one: torch.zeros(()))
