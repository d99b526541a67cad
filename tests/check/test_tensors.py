"""What ``losskit.check`` finds in a batch, each beside the same batch without the mistake."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import load_diabetes, load_wine
from torch import nn

import losskit.torch as own
from cases import every_loss, one_case
from losskit.check.catalogue import rules_by_code
from losskit.check.findings import Severity, Tool
from losskit.check.tensors import check
from losskit.check.tensors.leakage import unchanged
from losskit.check.values import log_sums_to_one, sums_to_one

Report = Any


class Batch:
    """Wine's classes and diabetes' progression, and untrained models of them."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        wine, diabetes = load_wine(), load_diabetes()
        x = torch.tensor(wine.data, dtype=torch.float32)
        self.x = (x - x.mean(0)) / x.std(0)
        self.y = torch.tensor(wine.target)
        self.binary = (self.y == 1).float()
        self.model = nn.Sequential(nn.Linear(13, 16), nn.ReLU(), nn.Linear(16, 3))
        self.scores = self.model(self.x)
        self.score = nn.Linear(13, 1)(self.x)
        self.shares = torch.softmax(torch.randn(178, 3), 1)
        self.progress = torch.tensor(diabetes.target[:178], dtype=torch.float32)
        scaled = (self.progress - self.progress.mean()) / self.progress.std()
        self.scaled = scaled[:, None]


B = Batch()
CE, BCE, MSE = nn.CrossEntropyLoss(), nn.BCEWithLogitsLoss(), nn.MSELoss()
KL = nn.KLDivLoss(reduction="batchmean")


def embeddings(spread: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    anchor = torch.randn(64, 8)
    return anchor, anchor + 0.1 * torch.randn(64, 8), anchor + spread * torch.randn(64, 8)


def sequences(ignore: int) -> Report:
    """Sequences of different lengths, filled up with 0."""
    torch.manual_seed(0)
    lengths = torch.randint(3, 20, (32, 1))
    target = torch.where(torch.arange(20) < lengths, torch.randint(1, 9, (32, 20)), 0)
    return check(nn.CrossEntropyLoss(ignore_index=ignore), torch.randn(32, 9, 20), target)


class Mixing(nn.Module):
    """Subtracts the mean of the batch, or of the features."""

    def __init__(self, axis: int) -> None:
        super().__init__()
        self.head, self.axis = nn.Linear(13, 3), axis

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(x - x.mean(self.axis, keepdim=True))


def mixed(axis: int) -> Report:
    model = Mixing(axis)
    return check(CE, model(B.x), B.y, model=model, batch=B.x)


def imbalanced(positives: int, **settings: Any) -> Report:
    labels = (torch.arange(178) < positives).float()
    return check(nn.BCEWithLogitsLoss(**settings), B.score[:, 0], labels)


def weighed(*weights: float) -> Report:
    labels = torch.where(torch.arange(178) < 140, 0, torch.arange(178) % 2 + 1)
    return check(nn.CrossEntropyLoss(weight=torch.tensor(weights)), B.scores, labels)


CASES: dict[str, tuple[Callable[[], Report], Callable[[], Report]]] = {
    "LK101": (lambda: check(CE, B.scores.softmax(1), B.y), lambda: check(CE, B.scores, B.y)),
    "LK102": (
        lambda: check(F.cross_entropy, B.scores.log_softmax(1), B.y),
        lambda: check(F.nll_loss, B.scores.log_softmax(1), B.y),
    ),
    "LK103": (
        lambda: check(BCE, B.score.sigmoid(), B.binary[:, None]),
        lambda: check(nn.BCELoss(), B.score.sigmoid(), B.binary[:, None]),
    ),
    "LK104": (
        lambda: check(nn.BCELoss(), B.score[:, 0], B.binary),
        lambda: check(BCE, B.score[:, 0], B.binary),
    ),
    "LK105": (
        lambda: check(CE, B.score, torch.zeros(178, dtype=torch.int64)),
        lambda: check(BCE, B.score[:, 0], B.binary),
    ),
    "LK111": (
        lambda: check(nn.NLLLoss(), B.scores.softmax(1), B.y),
        lambda: check(nn.NLLLoss(), B.scores.log_softmax(1), B.y),
    ),
    "LK121": (
        lambda: check(KL, B.scores.softmax(1), B.shares),
        lambda: check(KL, B.scores.log_softmax(1), B.shares),
    ),
    "LK122": (
        lambda: check(nn.KLDivLoss(), B.scores.log_softmax(1), B.shares),
        lambda: check(KL, B.scores.log_softmax(1), B.shares),
    ),
    "LK123": (
        lambda: check(KL, B.shares, B.scores.log_softmax(1)),
        lambda: check(KL, B.scores.log_softmax(1), B.shares),
    ),
    "LK124": (
        lambda: check(KL, B.scores.log_softmax(1), B.shares.log()),
        lambda: check(
            nn.KLDivLoss(reduction="batchmean", log_target=True),
            B.scores.log_softmax(1),
            B.shares.log(),
        ),
    ),
    "LK141": (
        lambda: check(MSE, B.score, B.scaled[:, 0]),
        lambda: check(MSE, B.score, B.scaled),
    ),
    "LK142": (
        lambda: check(BCE, B.binary.numpy(), B.score[:, 0].detach().numpy()),
        lambda: check(BCE, B.score[:, 0].detach().numpy(), B.binary.numpy()),
    ),
    "LK143": (lambda: sequences(-100), lambda: sequences(0)),
    "LK181": (
        lambda: check(MSE, B.score[:, 0], B.y.float()),
        lambda: check(MSE, B.score, B.scaled),
    ),
    "LK182": (
        lambda: check(CE, B.scores, (B.shares > 0.2).float()),
        lambda: check(BCE, B.scores, (B.shares > 0.2).float()),
    ),
    "LK183": (lambda: weighed(3.0, 1.0, 1.0), lambda: weighed(0.3, 1.0, 1.0)),
    "LK191": (
        lambda: check(CE, B.scores.softmax(0), B.y),
        lambda: check(CE, B.scores, B.y),
    ),
    "LK201": (lambda: check(CE, B.scores, B.y + 1), lambda: check(CE, B.scores, B.y)),
    "LK202": (
        lambda: check(CE, torch.where(torch.arange(178)[:, None] == 7, torch.nan, B.scores), B.y),
        lambda: check(CE, B.scores, B.y),
    ),
    "LK203": (
        lambda: check(CE, torch.randn(4, 7, 5), torch.randint(0, 5, (4, 7))),
        lambda: check(CE, torch.randn(4, 5, 7), torch.randint(0, 5, (4, 7))),
    ),
    "LK204": (
        lambda: check(CE, B.scores, B.y.float()),
        lambda: check(CE, B.scores, B.y),
    ),
    "LK205": (
        lambda: check(CE, B.scores, F.one_hot(B.y, 3).float()),
        lambda: check(CE, B.scores, B.shares),
    ),
    "LK206": (
        lambda: check(CE, B.scores, torch.where(torch.arange(178) < 9, B.y, -100)),
        lambda: check(CE, B.scores, torch.where(torch.arange(178) < 90, B.y, -100)),
    ),
    "LK207": (lambda: check(CE, B.model(0 * B.x), B.y), lambda: check(CE, B.scores, B.y)),
    "LK208": (
        lambda: check(CE, 1000 * B.scores, B.y),
        # As certain, but right: a model that has learnt its data.
        lambda: check(CE, 40.0 * F.one_hot(B.y, 3), B.y),
    ),
    "LK209": (
        lambda: check(own.GeneralizedCrossEntropyLoss(), 1000 * B.scores, B.y),
        lambda: check(own.GeneralizedCrossEntropyLoss(), B.scores, B.y),
    ),
    "LK210": (lambda: imbalanced(3), lambda: imbalanced(3, pos_weight=torch.tensor([58.0]))),
    "LK211": (lambda: mixed(0), lambda: mixed(1)),
    "LK212": (
        lambda: check(1000 * own.MSELoss() + own.L1Loss(), B.score, B.scaled),
        lambda: check(0.5 * own.MSELoss() + own.L1Loss(), B.score, B.scaled),
    ),
    "LK213": (
        lambda: check(nn.MSELoss(reduction="sum"), B.score, B.scaled),
        lambda: check(nn.MSELoss(), B.score, B.scaled),
    ),
    "LK214": (
        lambda: check(CE, 200 * B.scores, B.y, untrained=True),
        lambda: check(CE, B.scores, B.y, untrained=True),
    ),
    "LK215": (
        lambda: check(MSE, B.score[:, 0], B.progress),
        lambda: check(MSE, B.score, B.scaled),
    ),
    "LK216": (
        lambda: check(own.InfoNCELoss(), *(1 + 1e-3 * torch.randn(2, 32, 8))),
        lambda: check(own.InfoNCELoss(), *torch.randn(2, 32, 8)),
    ),
    "LK217": (
        lambda: check(nn.TripletMarginLoss(margin=0.01), *embeddings(5.0)),
        lambda: check(nn.TripletMarginLoss(margin=0.5), *embeddings(0.3)),
    ),
    "LK218": (
        lambda: check(nn.NLLLoss(), B.scores.softmax(1), B.y),
        lambda: check(nn.NLLLoss(), B.scores.log_softmax(1), B.y),
    ),
}


def test_every_rule_that_check_reports_is_tried() -> None:
    reported = {code for code, rule in rules_by_code().items() if Tool.CHECK in rule.tools}
    assert reported == set(CASES)


@pytest.mark.parametrize("code", CASES)
def test_the_mistake_is_found_and_its_absence_is_not(code: str) -> None:
    wrong, right = CASES[code]
    report = wrong()
    assert code in report.codes, str(report)
    # At most one other finding stands above it: what is wrong comes before what follows from it.
    assert report.codes.index(code) <= 1, str(report)
    assert not right(), str(right())


def test_the_value_each_way_is_told() -> None:
    [finding] = check(MSE, B.score, B.scaled[:, 0])
    with pytest.warns(UserWarning, match="broadcast"):
        broadcast = F.mse_loss(B.score, B.scaled[:, 0]).item()
    assert finding.numbers["broadcast"] == pytest.approx(broadcast, rel=1e-5)
    aligned = F.mse_loss(B.score, B.scaled).item()
    assert finding.numbers["aligned"] == pytest.approx(aligned, rel=1e-5)
    assert f"{aligned:.4g}" in finding.message


def test_the_floor_is_that_of_a_perfect_model() -> None:
    [finding] = check(CE, B.scores.softmax(1), B.y)
    perfect = F.cross_entropy(F.one_hot(B.y, 3).float(), B.y).item()
    assert finding.numbers["floor"] == pytest.approx(perfect, abs=1e-6)
    [finding] = check(BCE, B.score.sigmoid(), B.binary[:, None])
    perfect = F.binary_cross_entropy_with_logits(B.binary, B.binary).item()
    assert finding.numbers["floor"] == pytest.approx(perfect, abs=1e-6)


def test_notes_tell_where_to_start() -> None:
    labels = (torch.arange(178) < 18).float()
    text = " ".join(check(BCE, B.score[:, 0], labels).notes)
    assert f"{math.log(18 / 160):.3f}" in text
    entropy = nn.BCEWithLogitsLoss()(torch.full((178,), math.log(18 / 160)), labels).item()
    assert f"costs {entropy:.4f}" in text
    text = " ".join(check(MSE, B.scaled + 0.5, B.scaled + 5).notes)
    assert f"{float((B.scaled + 5).mean()):.4g}" in text


def test_samples_are_named() -> None:
    inputs = B.scores.detach().clone()
    inputs[7, 1] = torch.nan
    [finding] = check(CE, inputs, B.y)
    assert (finding.sight.argument, finding.sight.sample) == ("input", 7)
    report = check(nn.BCELoss(), torch.tensor([0.2, 0.5, 1.5, 0.1]), torch.zeros(4))
    assert report.findings[0].sight.sample == 2


def test_models_are_left_as_they_were() -> None:
    model = nn.Sequential(nn.Linear(13, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 3))
    model[2].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    output = model(B.x)
    after_forward = {name: value.clone() for name, value in model.state_dict().items()}
    torch.set_rng_state(state)
    assert not check(CE, output, B.y, model=model, batch=B.x)
    assert torch.equal(torch.get_rng_state(), state)
    assert model.training
    assert not model[2].training
    for name, value in model.state_dict().items():
        assert torch.equal(value, after_forward[name])
    assert not torch.equal(before["1.running_mean"], after_forward["1.running_mean"])
    with unchanged(model), pytest.raises(RuntimeError):
        model(torch.ones(2, 3))
    assert model.training


def test_logits_that_look_like_probabilities_by_chance_are_let_be() -> None:
    """Few numbers, or ones that a linear layer made, may lie in [0, 1]."""
    linear = nn.Linear(13, 1)
    nn.init.constant_(linear.bias, 0.5)
    nn.init.normal_(linear.weight, std=0.02)
    assert not check(BCE, linear(B.x), B.binary[:, None])
    assert not check("BCEWithLogitsLoss", [0.2, 0.6, 0.9], [0.0, 1.0, 1.0])


@every_loss
def test_sound_batches_of_every_loss_are_clean(kind: type) -> None:
    """The samples that its own tests compute: no bug in any."""
    case = one_case(kind)
    report = check(kind(), *case.arrays)
    assert all(finding.severity is not Severity.BUG for finding in report), str(report)


@every_loss
def test_losses_that_are_never_negative_are_not(kind: type) -> None:
    rng = np.random.default_rng(0)
    lowest = np.inf
    case = one_case(kind)
    for scale in (0.01, 1, 10):
        head = case.arrays[0]
        moved = head * scale if kind.card.input.bounds is None else head
        try:
            value = kind()(moved, *case.arrays[1:], validate=False)
        except (ValueError, TypeError):
            continue
        lowest = min(lowest, float(value))
    assert rng is not None
    if kind.card.never_negative:
        assert lowest > -1e-6


def test_losses_that_nobody_knows_are_checked_too() -> None:
    assert check(lambda input, target: 0, B.model(0 * B.x), B.y).codes == ("LK207",)


def test_words_that_name_no_loss_are_refused() -> None:
    with pytest.raises(ValueError, match="did you mean Huber"):
        check("hubber", [1.0], [1.0])


def test_arrays_that_cannot_go_together_are_refused() -> None:
    with pytest.raises(ValueError, match=r"input has shape \(4, 3\) but target has shape \(5,\)"):
        check("mse", np.zeros((4, 3)), np.zeros(5))
    with pytest.raises(TypeError, match="target is missing"):
        check("mse", np.zeros(3))
    with pytest.raises(TypeError, match="batch is missing"):
        check("mse", np.zeros(3), np.zeros(3), model=nn.Linear(1, 1))
    with pytest.raises(TypeError, match="input holds <U1, not real numbers"):
        check("mse", ["a"], ["b"])


def test_batches_without_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match=r"input has shape \(0, 3\) and holds no numbers"):
        check(CE, np.zeros((0, 3)), np.zeros(0, np.int64))
    with pytest.raises(ValueError, match="reduction must be one of mean, sum, none, got 'batchm"):
        check(MSE, np.zeros(3), np.zeros(3), reduction="batchmean")


def test_numbers_whose_squares_overflow_are_told_apart() -> None:
    """Warnings are errors here; and samples that differ are no constant."""
    huge = 1e300 * np.random.default_rng(0).normal(size=50)
    assert not check("l1", huge, huge)
    assert check("l1", np.full(50, 1e300), huge).codes[0] == "LK207"


def test_long_batches_are_thinned_out() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(50_000, 100)).astype(np.float32)
    assert not check("cross-entropy", logits, rng.integers(0, 100, 50_000))
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert check("cross-entropy", shares, rng.integers(0, 100, 50_000)).codes == ("LK101",)


def test_half_precision_rounds() -> None:
    for dtype in (torch.bfloat16, torch.float16):
        rows = B.scores.detach().softmax(1).to(dtype)
        assert sums_to_one(rows.float().numpy())
        assert check(CE, rows, B.y).codes == ("LK101",)
    assert log_sums_to_one(B.scores.detach().log_softmax(1).numpy())


def test_a_report_is_told_in_words_and_as_data() -> None:
    report = check(CE, B.scores.softmax(1), B.y)
    assert str(report).splitlines()[0] == "CrossEntropyLoss: 1 finding (1 bug)"
    assert report.as_dict()["findings"][0]["code"] == "LK101"
    assert len(report) == 1
    assert str(check(CE, B.scores, B.y)).startswith("CrossEntropyLoss: nothing found")
