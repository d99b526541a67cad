"""Each study's measures against a run of its recipe in plain PyTorch, one network at a time.

Only the data and the choice of triplets are shared with the studies; networks, losses, training
and what is measured are those of PyTorch, scikit-learn and torchmetrics.
"""

# Each function is called before the loop that it stands in goes on.
# ruff: noqa: B023

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest
import torch
from sklearn import metrics as sk
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor, nn
from torch.nn import functional
from torchmetrics.functional.classification import binary_calibration_error

from losskit.mining import random_triplets, semi_hard
from losskit.studies import STUDIES, StudyResults, study
from losskit.studies.data import blobs, circle, draws

EPOCHS = 3


def shortened(monkeypatch: pytest.MonkeyPatch, name: str, steps: int = 0) -> StudyResults:
    """The study of one seed, trained for a moment only."""
    short = {"_epochs": EPOCHS, "_steps": steps, "_points": 5}
    for method, amount in short.items():
        if hasattr(STUDIES[name], method):
            monkeypatch.setattr(STUDIES[name], method, lambda self, fast, n=amount: n)
    return study(name).run(1, fast=True)


def check(results: StudyResults, arm: str, rel: float = 2e-3, **expected: float) -> None:
    for measure, value in expected.items():
        (found,) = (one.value for one in results.values if (one.arm, one.measure) == (arm, measure))
        assert found == pytest.approx(float(value), rel=rel, abs=1e-4), (arm, measure)


def network(sizes: Sequence[int], activation: type[nn.Module], seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), activation()]
    return nn.Sequential(*layers[:-1])


def orders(rows: int, size: int) -> Iterator[tuple[Tensor, ...]]:
    """The batches of every epoch, for seed 0."""
    generator = torch.Generator().manual_seed(10_000)
    while True:
        yield torch.randperm(rows, generator=generator).split(size)


def epochs(
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    rows: int,
    size: int,
    loss: Callable[[Tensor], Tensor],
    number: int = EPOCHS,
) -> Iterator[list[list[float]]]:
    """Train, and after each epoch give the norms of each layer's gradient at its steps."""
    for batches in itertools.islice(orders(rows, size), number):
        norms: list[list[float]] = []
        for batch in batches:
            optimiser.zero_grad()
            loss(batch).backward()
            layers = [one for one in model.modules() if isinstance(one, nn.Linear)]
            norms.append(
                [
                    float(torch.cat([one.weight.grad.flatten(), one.bias.grad]).norm())
                    for one in layers
                ]
            )
            optimiser.step()
        yield norms


def drawn(*arguments: object, **options: object) -> tuple[Tensor, Tensor]:
    x, y = blobs(*arguments, **options)
    return torch.as_tensor(x).float(), torch.as_tensor(y)


def focal(z: Tensor, y: Tensor) -> Tensor:
    p = torch.where(y == 1, z.sigmoid(), 1 - z.sigmoid())
    return (-((1 - p) ** 2) * p.log()).mean()


SIGMOID = {
    "mse": lambda z, y: functional.mse_loss(z.sigmoid(), y),
    "bce": functional.binary_cross_entropy_with_logits,
    "focal": focal,
}


def test_one_half(monkeypatch: pytest.MonkeyPatch) -> None:
    results = shortened(monkeypatch, "one-half")
    (x, y), (fresh, truth) = (drawn(400, (1, 1), 3.0, 0, part=part) for part in (0, 1))
    for arm, loss in SIGMOID.items():
        model = network((2, 16, 1), nn.Tanh)
        nn.init.zeros_(model[2].weight)
        nn.init.zeros_(model[2].bias)
        optimiser = torch.optim.SGD(model.parameters(), lr=0.02)
        away = []
        steps = epochs(model, optimiser, 400, 20, lambda b: loss(model(x[b])[:, 0], y[b].float()))
        for _ in steps:
            p = model(fresh)[:, 0].sigmoid().detach()
            away.append(float((p - 0.5).abs().mean()))
        far = [epoch for epoch, value in enumerate(away, 1) if value >= 0.25]
        accuracy = sk.accuracy_score(truth, p > 0.5)
        check(results, arm, distance=away[-1], epochs=(far or [EPOCHS])[0], accuracy=accuracy)


def test_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    results = shortened(monkeypatch, "gradients")
    x, y = (torch.as_tensor(one).float() for one in circle(300, 0))
    for arm in ("mse", "bce"):
        model = network((2, 16, 16, 16, 1), nn.Tanh)
        nn.init.constant_(model[-1].bias, 6.0)
        optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
        loss = SIGMOID[arm]
        first, *_ = epochs(model, optimiser, 300, 10, lambda b: loss(model(x[b])[:, 0], y[b]))
        norms = np.mean(first, axis=0)
        check(results, arm, first=norms[0], last=norms[-1], depth=norms[0] / norms[-1])
        curves = [one for one in results.curves if (one.arm, one.quantity) == (arm, "gradient")]
        assert [one.y[0] for one in curves] == pytest.approx(norms, rel=2e-3)
        check(results, arm, accuracy=sk.accuracy_score(y, model(x)[:, 0] > 0))


def test_outliers(monkeypatch: pytest.MonkeyPatch) -> None:
    results = shortened(monkeypatch, "outliers")
    x, y, _ = (torch.as_tensor(one).float() for one in study("outliers")._draw(0))
    grid = torch.linspace(-np.pi, np.pi, 101, dtype=torch.float64)
    losses = {
        "mse": functional.mse_loss,
        "huber": lambda one, other: functional.huber_loss(one, other, delta=0.3),
        "mae": functional.l1_loss,
    }
    for arm, loss in losses.items():
        model = network((1, 32, 32, 1), nn.Tanh)
        optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
        list(epochs(model, optimiser, 400, 40, lambda b: loss(model(x[b])[:, 0], y[b])))
        off = (model(grid[:, None].float())[:, 0] - grid.sin()).abs().detach()
        check(results, arm, error=off.square().mean().sqrt(), worst=off.max())


def test_imbalance(monkeypatch: pytest.MonkeyPatch) -> None:
    results = shortened(monkeypatch, "imbalance")
    (x, y), (fresh, truth) = (
        drawn(rows, (0.9, 0.1), 2.0, 0, part=part) for part, rows in enumerate((2000, 4000))
    )
    nine = torch.tensor(9.0)
    losses = SIGMOID | {
        "weighted": lambda z, t: functional.binary_cross_entropy_with_logits(z, t, pos_weight=nine)
    }
    for arm in ("bce", "focal", "weighted"):
        model, loss = network((2, 16, 1), nn.ReLU), losses[arm]
        optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
        steps = epochs(model, optimiser, 2000, 100, lambda b: loss(model(x[b])[:, 0], y[b].float()))
        list(steps)
        p = model(fresh)[:, 0].sigmoid().detach()
        guess = p > 0.5
        check(
            results,
            arm,
            recall=sk.recall_score(truth, guess),
            precision=sk.precision_score(truth, guess),
            accuracy=sk.accuracy_score(truth, guess),
            calibration=binary_calibration_error(p, truth, n_bins=10),
        )


def test_smoothing(monkeypatch: pytest.MonkeyPatch) -> None:
    results = shortened(monkeypatch, "smoothing", steps=30)
    (x, y), (fresh, truth) = (
        drawn(rows, [1.0] * 5, 3.0, 0, dimensions=10, part=part)
        for part, rows in enumerate((300, 3000))
    )
    for arm, smoothing in (("plain", 0.0), ("smoothed", 0.1)):
        model = network((10, 64, 5), nn.ReLU)
        loss = nn.CrossEntropyLoss(label_smoothing=smoothing)
        optimiser = torch.optim.Adam(model.parameters(), lr=0.005)
        list(epochs(model, optimiser, 300, 30, lambda b: loss(model(x[b]), y[b]), 3))
        output = model(fresh).detach()
        sure, guess = output.softmax(dim=1).max(dim=1)
        right = guess == truth
        check(
            results,
            arm,
            confidence=sure.mean(),
            accuracy=sk.accuracy_score(truth, guess),
            log_loss=functional.cross_entropy(output, truth),
            calibration=binary_calibration_error(sure, right.long(), n_bins=10),
        )


def test_a_teacher(monkeypatch: pytest.MonkeyPatch) -> None:
    results = shortened(monkeypatch, "kl", steps=9)
    (x, y), (few, labels), (fresh, truth) = (
        drawn(rows, [1.0] * 5, 3.0, 0, dimensions=10, part=part)
        for part, rows in enumerate((2000, 60, 2000))
    )
    teacher = network((10, 32, 5), nn.ReLU, seed=100)
    optimiser = torch.optim.Adam(teacher.parameters(), lr=0.01)
    taught = epochs(
        teacher, optimiser, 2000, 200, lambda b: functional.cross_entropy(teacher(x[b]), y[b]), 10
    )
    list(taught)
    shown = (teacher(few).detach() / 3).log_softmax(dim=1)

    def distilled(z: Tensor, b: Tensor) -> Tensor:
        soft = functional.kl_div(
            (z / 3).log_softmax(dim=1), shown[b], reduction="batchmean", log_target=True
        )
        return 0.9 * 9 * soft + 0.1 * functional.cross_entropy(z, labels[b])

    losses = {"labels": lambda z, b: functional.cross_entropy(z, labels[b]), "teacher": distilled}
    for arm, loss in losses.items():
        model = network((10, 32, 5), nn.ReLU)
        optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
        list(epochs(model, optimiser, 60, 20, lambda b: loss(model(few[b]), b), 3))
        output = model(fresh).detach()
        right = sk.accuracy_score(truth, output.argmax(dim=1))
        check(results, arm, accuracy=right, log_loss=functional.cross_entropy(output, truth))


def known(model: nn.Module, x: Tensor, y: Tensor, fresh: Tensor, truth: Tensor) -> float:
    with torch.no_grad():
        return KNeighborsClassifier(5).fit(model(x), y).score(model(fresh), truth)


def test_triplets(monkeypatch: pytest.MonkeyPatch) -> None:
    results = shortened(monkeypatch, "triplets")
    (x, y), (fresh, truth) = (
        drawn(400, [1.0] * 5, 5.0, 0, dimensions=20, part=part) for part in (0, 1)
    )
    for arm in ("random", "semi-hard"):
        model = network((20, 32, 2), nn.ReLU)
        optimiser = torch.optim.Adam(model.parameters(), lr=0.002)
        step = itertools.count(1)
        active: list[float] = []

        def loss(batch: Tensor) -> Tensor:
            z = model(x[batch])
            one = next(step)
            found = (
                random_triplets(y[batch], per_anchor=9, seed=1000 * one)
                if arm == "random"
                else semi_hard(z.detach(), y[batch])
            )
            chosen = found.of(z)
            each = functional.triplet_margin_loss(*chosen, margin=0.5, eps=0.0, reduction="none")
            active.append(float((each > 0).double().mean()))
            return each.mean()

        right = [known(model, x, y, fresh, truth) for _ in epochs(model, optimiser, 400, 50, loss)]
        check(results, arm, active=np.mean(active[-8:]))
        # Ties in the vote may fall differently.
        check(results, arm, rel=0.02, early=np.mean(right), neighbours=right[-1])


def test_collapse(monkeypatch: pytest.MonkeyPatch) -> None:
    results = shortened(monkeypatch, "collapse")
    (x, _), (fresh, _) = (
        drawn(200, [1.0] * 5, 4.0, 0, dimensions=20, part=part) for part in (0, 1)
    )

    def spread(model: nn.Module) -> float:
        z = model(fresh).detach().double()
        return float(((z - z.mean(dim=0)) ** 2).sum(dim=1).mean().sqrt())

    losses = {
        "pairs": lambda one, other: ((one - other) ** 2).sum(dim=1).mean() / 2,
        "info-nce": lambda one, other: functional.cross_entropy(
            functional.normalize(one) @ functional.normalize(other).T / 0.2, torch.arange(len(one))
        ),
    }
    for arm, loss in losses.items():
        model = network((20, 32, 2), nn.ReLU)
        optimiser = torch.optim.Adam(model.parameters(), lr=0.003)
        before, noise = spread(model), draws(0, 5)
        views: list[Tensor] = []

        def blurred() -> list[Tensor]:
            blur = torch.as_tensor(noise.standard_normal((400, 20))).float()
            return [x + 0.5 * blur[:200], x + 0.5 * blur[200:]]

        views = blurred()
        steps = epochs(
            model, optimiser, 200, 50, lambda b: loss(model(views[0][b]), model(views[1][b]))
        )
        for _ in steps:
            views = blurred()
        check(results, arm, spread=spread(model) / before)


def test_landscapes(monkeypatch: pytest.MonkeyPatch) -> None:
    results = shortened(monkeypatch, "landscapes")
    x, y = drawn(200, (1, 1), 3.0, 0)
    for arm in ("mse", "bce"):
        model, loss = network((2, 16, 1), nn.Tanh), SIGMOID[arm]
        optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
        list(epochs(model, optimiser, 200, 20, lambda b: loss(model(x[b])[:, 0], y[b].float())))
        (w1, b1), (w2, b2) = (
            (one.weight.detach(), one.bias.detach()) for one in (model[0], model[2])
        )
        generator = torch.Generator().manual_seed(0)
        directions = []
        for _ in range(2):
            noise = [torch.randn(one.shape, generator=generator) for one in (w1, b1, w2, b2)]
            directions.append(
                [
                    rows * own.norm(dim=1, keepdim=True) / rows.norm(dim=1, keepdim=True)
                    for rows, own in ((noise[0], w1), (noise[2], w2))  # biases stay
                ]
            )
        (one1, one2), (other1, other2) = directions
        side = np.linspace(-3, 3, 5)
        values = np.asarray(
            [
                [
                    float(
                        loss(
                            torch.tanh(x @ (w1 + a * one1 + b * other1).T + b1)
                            @ (w2 + a * one2 + b * other2)[0]
                            + b2,
                            y.float(),
                        )
                    )
                    for a in side
                ]
                for b in side
            ]
        )
        grid = next(one for one in results.grids if one.arm == arm)
        np.testing.assert_allclose(grid.values, values, rtol=2e-3)
        # Five points a side: the rim is where the radius is 3 within a quarter of it, half-way 1.5.
        radius = np.hypot(*np.meshgrid(side, side))
        rim, half = (values[np.abs(radius - at) <= 0.75].mean() for at in (3.0, 1.5))
        centre = values[2, 2]
        steepening = (rim - half) / (half - centre)
        check(results, arm, centre=centre, rim=rim, steepening=steepening)
