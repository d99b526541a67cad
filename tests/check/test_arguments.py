"""``losskit.check`` and what it is called with: weights, single samples, losses of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from typer.testing import CliRunner

import losskit.torch as own
from losskit.check.tensors import check
from losskit.cli.main import app

X = torch.randn(64, 3, generator=torch.Generator().manual_seed(0))
Y = torch.arange(64) % 3
CE, MSE = nn.CrossEntropyLoss(), nn.MSELoss()


@pytest.mark.parametrize(
    ("weight", "why"),
    [
        (np.ones(5), r"weight has shape \(5,\), but there is one loss value for each of \(64,\)"),
        (np.where(np.arange(64) == 3, np.nan, 1), r"weight at \(3,\) is nan"),
        (np.where(np.arange(64) == 3, np.inf, 1), r"weight at \(3,\) is inf"),
        (np.where(np.arange(64) == 3, -2.0, 1), r"weight at \(3,\) is -2"),
    ],
)
def test_weights_that_cannot_be_are_refused(weight: Any, why: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=why):
        check(CE, X, Y, weight=weight)
    files = {"x": X.numpy(), "y": Y.numpy(), "w": weight}
    for name, array in files.items():
        np.save(tmp_path / f"{name}.npy", array)
    given = {"input": "x", "target": "y", "weight": "w"}
    options = [f"--{name}={tmp_path}/{file}.npy" for name, file in given.items()]
    result = CliRunner().invoke(app, ["check", "--loss=cross-entropy", *options])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "weight" in result.stderr


def test_weights_that_fit_are_taken() -> None:
    assert not check(CE, X, Y, weight=np.ones(64))
    # Behind the mask, a weight is none.
    weight, mask = np.where(np.arange(64) < 5, np.nan, 1), np.arange(64) >= 5
    assert not check(own.CrossEntropyLoss(), X, Y, weight=weight, mask=mask)
    # The function of PyTorch takes weights of the classes.
    weight = torch.tensor([1.0, 2.0, 3.0])
    report = check(F.cross_entropy, X, Y, weight=weight)
    assert not report, str(report)
    assert report.numbers["loss"] == pytest.approx(F.cross_entropy(X, Y, weight=weight).item())
    with pytest.raises(ValueError, match="weight must hold one weight for each of the 3"):
        check(F.cross_entropy, X, Y, weight=torch.ones(64))


@pytest.mark.parametrize(
    ("loss", "input", "target"),
    [
        (CE, torch.zeros(5), torch.tensor(2)),
        (CE, torch.randn(5), torch.randn(5).softmax(0)),
        (nn.NLLLoss(), torch.randn(5).log_softmax(0), torch.tensor(2)),
        (nn.MultiMarginLoss(), torch.randn(5), torch.tensor(2)),
        (MSE, torch.tensor(0.3), torch.tensor(0.5)),
        (nn.BCEWithLogitsLoss(), torch.tensor(0.3), torch.tensor(1.0)),
        (nn.BCELoss(), torch.tensor(0.3), torch.tensor(1.0)),
    ],
)
def test_single_samples_without_a_batch(loss: nn.Module, input: Tensor, target: Tensor) -> None:
    assert loss(input, target).isfinite()
    report = check(loss, input, target)
    assert not report, str(report)


def test_a_loss_of_ones_own_may_take_anything() -> None:
    class Own(nn.Module):
        def forward(self, *arrays: Tensor) -> Tensor:
            return (arrays[0] - arrays[1]).square().mean()

    same = torch.ones(64, 3)
    for rest in ((), (X,), (X, X), (X, [1, 2], None, "words", {"a": X}, [X, [X]])):
        assert not check(Own(), X, X, *rest)
        assert check(Own(), same, X, *rest).codes == ("LK207",)
    assert check(Own(), X, X, torch.full((64,), torch.nan)).codes == ("LK202",)
    assert check(lambda reconstructed, mean: 0, reconstructed=same, mean=X).codes == ("LK207",)
    # In which order it takes them is not known.
    assert not check(lambda target, output: 0, X, X.clone().requires_grad_())
    with pytest.raises(TypeError, match="takes what the model gives; it is missing"):
        check(Own())


def test_a_loss_of_pytorch_that_losskit_has_not() -> None:
    arrays = torch.randn(50, 16, 20).log_softmax(2), torch.randint(1, 20, (16, 30))
    lengths = torch.full((16,), 50), torch.full((16,), 20)
    assert nn.CTCLoss()(*arrays, *lengths).isfinite()
    assert not check(nn.CTCLoss(), *arrays, *lengths)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")
def test_tensors_without_numbers_to_look_at(tmp_path: Path) -> None:
    kinds = {
        "meta": torch.empty(4, 4, device="meta"),
        "nested": torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
        "layout sparse_coo": torch.eye(4).to_sparse(),
        "quantized": torch.quantize_per_tensor(torch.eye(4), 0.1, 0, torch.quint8),
    }
    np.save(tmp_path / "y.npy", np.eye(4))
    for kind, tensor in kinds.items():
        with pytest.raises(TypeError, match=rf"numbers cannot be looked at in a .*{kind}"):
            check(MSE, tensor, torch.eye(4))
        torch.save(tensor, tmp_path / "x.pt")
        options = [f"--input={tmp_path}/x.pt", f"--target={tmp_path}/y.npy"]
        result = CliRunner().invoke(app, ["check", "--loss=mse", *options])
        assert (result.exit_code, result.stdout) == (2, ""), kind
        assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "why"),
    [("loss", "see --loss"), ("mask", "see --mask"), ("batch", "models are checked in Python")],
)
def test_arrays_by_the_names_of_options(name: str, why: str, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.eye(4))
    array = f"--array={name}={tmp_path}/x.npy"
    result = CliRunner().invoke(app, ["check", "--loss=mse", array])
    assert (result.exit_code, result.stdout) == (2, "")
    assert why in result.stderr


@pytest.mark.parametrize(
    ("loss", "symmetric"),
    [
        (MSE, True),
        (nn.L1Loss(), True),
        (nn.HuberLoss(), True),
        (own.LogCoshLoss(), True),
        (own.QuantileLoss(0.9), False),
        (nn.PoissonNLLLoss(), False),
    ],
)
def test_exchanged_arguments_are_no_mistake_where_the_loss_is_the_same(
    loss: nn.Module, symmetric: bool
) -> None:
    """As a VQ-VAE writes its commitment loss: MSE of what is fixed, and what should come near."""
    fixed = torch.randn(64, 3).abs() + 0.5
    moving = (X * 2).abs().requires_grad_()
    there, back = loss(fixed, moving), loss(moving, fixed)
    assert torch.isclose(there, back).item() is symmetric
    report = check(loss, fixed, moving)
    assert report.codes == (() if symmetric else ("LK142",)), str(report)
