"""LK211 in models of all layouts: rows per token, time first; and in those that do mix samples."""

from __future__ import annotations

from collections import namedtuple

import pytest
import torch
from torch import Tensor, nn

import losskit
from losskit.check.tensors.leakage import leakage
from losskit.torch import preflight

CE = nn.CrossEntropyLoss()
TOKENS = torch.randint(0, 20, (48, 7), generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(64) % 3


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


class Language(nn.Module):
    """Logits of each next token, in rows for all tokens of all samples."""

    def __init__(self, *, leaks: bool = False) -> None:
        super().__init__()
        self.embed, self.head, self.leaks = nn.Embedding(20, 32), nn.Linear(32, 20), leaks
        self.layer = nn.GRU(32, 32, batch_first=True)

    def forward(self, tokens: Tensor) -> Tensor:
        h = self.layer(self.embed(tokens))[0]
        return self.head(h - h.mean(0) if self.leaks else h).reshape(-1, 20)


class Recurrent(nn.Module):
    """A GRU in PyTorch's default layout, (T, B, F)."""

    def __init__(self, outputs: int, *, last: bool) -> None:
        super().__init__()
        self.layer, self.head, self.last = nn.GRU(4, 16), nn.Linear(16, outputs), last

    def forward(self, x: Tensor) -> Tensor:
        h = self.layer(x)[0]
        return self.head(h[-1] if self.last else h)


def test_rows_for_each_token_are_those_of_their_sample() -> None:
    batch = TOKENS[:, :-1], TOKENS[:, 1:].reshape(-1)
    report = preflight(Language(), CE, batch, steps=100)
    assert not report, str(report)
    # 32 samples with the targets of 32: the loss takes them.
    assert "32 samples were learnt" in " ".join(report.notes)
    mixing = Language(leaks=True)
    assert "LK211" in preflight(mixing, CE, batch, steps=1).codes
    report = losskit.check(CE, mixing(batch[0]), batch[1], model=mixing, batch=batch[0])
    assert report.codes == ("LK211",)


@pytest.mark.parametrize("steps", [12, 16])  # 64 samples are no multiple, and one
def test_time_first_with_an_output_for_each_sample(steps: int) -> None:
    model, x = Recurrent(3, last=True), torch.randn(steps, 64, 4)
    report = losskit.check(CE, model(x), LABELS, model=model, batch=x)
    assert not report, str(report)
    for axis in (None, 1) if steps == 12 else (1,):
        report = preflight(model, CE, (x, LABELS), batch_axis=axis)
        assert not report, str(report)
        assert "32 samples were learnt" in " ".join(report.notes)


def test_time_first_with_an_output_for_each_step() -> None:
    """It looks like samples that leak on axis 0: a note says so, and what to say."""
    model, x = Recurrent(1, last=False), torch.randn(12, 64, 4)
    findings, [note] = leakage(model, x)
    assert not findings
    assert "say batch_axis=0" in note
    assert leakage(model, x, axis=1) == ([], [])
    [finding] = leakage(model, x, axis=0)[0]
    assert finding.code == "LK211"
    report = preflight(model, nn.MSELoss(), (x, x.mean(2, keepdim=True)), batch_axis=1)
    assert not report, str(report)


def test_samples_that_mix_on_axis_1() -> None:
    class Mixing(Recurrent):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x - x.mean(1, keepdim=True))

    model, x = Mixing(3, last=False), torch.randn(12, 64, 4)
    assert [one.code for one in leakage(model, x, axis=1)[0]] == ["LK211"]
    # Along neither axis they are kept apart: axis 0 is that of the samples, and leaks.
    assert [one.code for one in leakage(model, x)[0]] == ["LK211"]


def test_what_cannot_be_assigned_is_not_judged() -> None:
    class Pooled(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.cumsum(0)[:-3]

    findings, [note] = leakage(Pooled(), torch.randn(16, 4))
    assert not findings
    assert "is not judged: of a batch of shape (16, 4) the output has the shape (13, 4)" in note


def test_what_is_no_sample_is_left_alone() -> None:
    """A mask of positions, as long as sequences are, is the same for all samples."""

    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

        def forward(self, x: Tensor, mask: Tensor) -> Tensor:
            return self.layer(x, src_mask=mask)

    mask = nn.Transformer.generate_square_subsequent_mask(6)
    assert leakage(Masked(), (torch.randn(10, 6, 8), mask)) == ([], [])


def test_a_batch_with_names() -> None:
    Pair = namedtuple("Pair", "x y")
    model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 3))
    report = preflight(model, CE, Pair(torch.randn(64, 8), LABELS))
    assert not report, str(report)


def test_a_last_layer_of_zeros_that_learns() -> None:
    model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 3))
    nn.init.zeros_(model[2].weight)
    nn.init.zeros_(model[2].bias)
    batch = torch.randn(64, 8), LABELS
    report = preflight(model, CE, batch)
    assert not report, str(report)
    assert "begin with the same output, and learn to differ" in " ".join(report.notes)
    # With dead units before it, only its bias learns.
    nn.init.constant_(model[0].bias, -50.0)
    assert "LK207" in preflight(model, CE, batch).codes


def test_an_axis_that_cannot_be_is_refused() -> None:
    model, x = nn.Linear(4, 3), torch.randn(8, 4)
    for call in (
        lambda: preflight(model, CE, (x, LABELS[:8]), batch_axis=2),
        lambda: losskit.check(CE, model(x), LABELS[:8], model=model, batch=x, batch_axis=2),
    ):
        with pytest.raises(ValueError, match="batch_axis must be 0, 1 or None, got 2"):
            call()
