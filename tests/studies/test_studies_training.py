"""Many networks at once against PyTorch training them one by one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn import metrics as sk
from sklearn.neighbors import KNeighborsClassifier
from torch import nn
from torchmetrics.functional.classification import binary_calibration_error

import losskit.torch as lt
from losskit.studies.arms import Arm
from losskit.studies.data import blobs, circle
from losskit.studies.measures import (
    calibration_error,
    first_epochs,
    neighbours,
    recall_and_precision,
)
from losskit.studies.record import Record
from losskit.studies.stack import Stack
from losskit.studies.training import Trial, shuffled


def network(stack: Stack, run: int) -> nn.Sequential:
    """Make a plain PyTorch network with the weights of one of the stack's."""
    layers: list[nn.Module] = []
    for weight, bias in zip(stack.weights, stack.biases, strict=True):
        layer = nn.Linear(weight.shape[1], weight.shape[2])
        with torch.no_grad():
            layer.weight.copy_(weight[run].T)
            layer.bias.copy_(bias[run, 0])
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


@pytest.mark.parametrize("optimiser", [torch.optim.SGD, torch.optim.Adam])
def test_a_stack_trains_what_pytorch_trains_one_by_one(optimiser: type) -> None:
    arms = (
        Arm("mse", "squared error", "MSE", "", "sigmoid"),
        Arm("bce", "cross-entropy", "BinaryCrossEntropyWithLogits", ""),
    )
    seeds, epochs = range(3), 4
    drawn = [circle(60, seed) for seed in seeds]
    x = torch.as_tensor(np.stack([one for one, _ in drawn])).float()
    y = torch.as_tensor(np.stack([one for _, one in drawn])).float()
    stack = Stack((2, 5, 1), [*seeds] * 2)
    plain = [network(stack, run) for run in range(6)]
    assert torch.equal(stack.weights[0][1], stack.weights[0][4])  # a seed's weights, in each arm
    record = Record(seeds, fast=True)
    trial = Trial(record, arms, stack, x, lambda arm, out, rows: arm(out, y.gather(1, rows)))
    trial.watch("loss", x, lambda arm, out: arm(out, y).mean(dim=1))
    own = optimiser(stack.parameters(), lr=0.05)
    trial.train(shuffled(60, 16, seeds), own, epochs, norms=True)

    functions = [lambda z, t: nn.functional.mse_loss(z.sigmoid(), t)] * 3
    functions += [nn.functional.binary_cross_entropy_with_logits] * 3
    order = shuffled(60, 16, seeds)
    others = [optimiser(one.parameters(), lr=0.05) for one in plain]
    norms = []
    for epoch in range(epochs):
        steps = []
        for rows in order(epoch):
            step = []
            for run, (model, other) in enumerate(zip(plain, others, strict=True)):
                at = rows[run % 3]
                other.zero_grad()
                functions[run](model(x[run % 3, at])[:, 0], y[run % 3, at]).backward()
                step.append(list(lt.gradient_norms(model).values()))
                other.step()
            steps.append(step)
        norms.append(np.mean(steps, axis=0))
    for run, model in enumerate(plain):
        model.requires_grad_(False)
        for mine, theirs in zip(network(stack, run).parameters(), model.parameters(), strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)
        expected = functions[run](model(x[run % 3])[:, 0], y[run % 3]).item()
        assert trial.curve("loss")[run // 3, run % 3, -1] == pytest.approx(expected, rel=1e-4)
        taken_out = stack.one(run)(x[run % 3])
        torch.testing.assert_close(taken_out, model(x[run % 3]), rtol=1e-4, atol=1e-5)
    # Norms: layers, arms, seeds, epochs against epochs, runs, layers.
    expected = np.asarray(norms).transpose(2, 1, 0).reshape(2, 2, 3, epochs)
    np.testing.assert_allclose(trial.norms(), expected, rtol=1e-3)


def test_every_row_once_an_epoch_and_the_same_for_a_seed() -> None:
    one, again, other = shuffled(10, 4, [3, 4]), shuffled(10, 4, [3]), shuffled(10, 4, [5])
    first = torch.cat(list(one(1)), dim=1)
    assert [sorted(row) for row in first.tolist()] == [list(range(10))] * 2
    assert torch.equal(first[:1], torch.cat(list(again(1)), dim=1))
    assert not torch.equal(first[:1], torch.cat(list(other(1)), dim=1))
    assert not torch.equal(first, torch.cat(list(one(2)), dim=1))


def test_data_are_what_the_setup_says() -> None:
    points, labels = circle(20_000, 0)
    assert np.abs(points).max() < 2
    np.testing.assert_array_equal(labels, points[:, 0] ** 2 + points[:, 1] ** 2 < 1.5)
    assert labels.mean() == pytest.approx(np.pi * 1.5 / 16, abs=0.01)
    for classes, dimensions in ((2, 2), (5, 20), (5, 2)):
        x, y = blobs(50_000, [1] * classes, 3.0, 1, dimensions=dimensions)
        centres = np.stack([x[y == label].mean(axis=0) for label in range(classes)])
        assert np.linalg.norm(centres[0] - centres[1]) == pytest.approx(3.0, abs=0.1)
        assert x[y == 0].std(axis=0) == pytest.approx(np.ones(dimensions), abs=0.03)
    _, y = blobs(1000, (0.9, 0.1), 2.0, 0)
    assert np.bincount(y).tolist() == [900, 100]
    one, other = blobs(50, (1, 1), 2.0, 0), blobs(50, (1, 1), 2.0, 0, part=1)
    assert not np.array_equal(one[0], other[0])
    np.testing.assert_array_equal(one[0], blobs(50, (1, 1), 2.0, 0)[0])


def test_measures_are_those_of_other_libraries() -> None:
    random = np.random.default_rng(0)
    p, y = random.random(500), random.integers(2, size=500)
    assert calibration_error(p, y.astype(float)) == pytest.approx(
        float(binary_calibration_error(torch.as_tensor(p), torch.as_tensor(y), n_bins=10))
    )
    guess = (p > 0.5).astype(int)
    recall, precision = recall_and_precision(y, guess)
    assert recall == pytest.approx(sk.recall_score(y, guess))
    assert precision == pytest.approx(sk.precision_score(y, guess))
    assert np.isnan(recall_and_precision(y, np.zeros_like(y))[1])
    x, labels = blobs(120, [1, 1, 1], 2.0, 0)
    new, truth = blobs(80, [1, 1, 1], 2.0, 0, part=1)
    known = KNeighborsClassifier(5).fit(x, labels).score(new, truth)
    own = neighbours(*map(torch.as_tensor, (x, labels, new, truth)))
    assert own == pytest.approx(known, abs=0.02)  # ties in the vote may fall differently


def test_first_epochs_by_hand() -> None:
    curves = np.asarray([[[0.1, 0.95, 0.2], [0.91, 0.92, 0.93], [0.1, 0.2, 0.3]]])
    assert first_epochs(curves, 0.9).tolist() == [[2, 1, 3]]
