"""Tokens of padded batches that a loss counts."""

from __future__ import annotations

from pathlib import Path

import pytest
from lint_runs import brief, found

TRANSLATION = """
from torch import nn
from networks import Translator

PAD

def train(model, criterion, batches):
    for batch in batches:
        source, target = batch.source, batch.target
        output = model(source, target)
        output = output[1:].view(-1, output.shape[-1])
        rest = LABELS
        loss = criterion(output, rest)
        loss.backward()

train(Translator(), nn.CrossEntropyLoss(SETTINGS), batches())
"""


def _lines(folder: Path, labels: str, pad: str, settings: str = "") -> list[tuple]:
    text = TRANSLATION.replace("LABELS", labels).replace("PAD", pad)
    return brief(found(folder, {"go.py": text.replace("SETTINGS", settings)}), folder)


SEEN = [("LK143", "suspicious", "go.py", 13)]


@pytest.mark.parametrize(
    "labels",
    [
        "target[1:].view(-1)",
        "target[:, 1:].contiguous().view(-1)",
        "target[:, 1:].reshape(-1)",
        "target[1:].flatten()",
    ],
)
@pytest.mark.parametrize("pad", ["pad = vocabulary.stoi['<pad>']", "PAD_IDX = 1"])
def test_all_tokens_behind_the_first_are_counted(labels: str, pad: str, tmp_path: Path) -> None:
    assert _lines(tmp_path, labels, pad) == SEEN


@pytest.mark.parametrize(
    ("output", "seen"),
    [("output.permute(0, 2, 1)", SEEN), ("output.transpose(1, 2)", SEEN), ("output", [])],
)
def test_sequences_need_not_be_flat(output: str, seen: list[tuple], tmp_path: Path) -> None:
    text = TRANSLATION.replace("output = output[1:].view(-1, output.shape[-1])", "pad_idx = 1")
    text = text.replace("criterion(output, rest)", f"criterion({output}, rest)")
    text = text.replace("LABELS", "target[:, 1:]").replace("PAD", "").replace("SETTINGS", "")
    assert brief(found(tmp_path, {"go.py": text}), tmp_path) == seen


@pytest.mark.parametrize(
    ("labels", "pad", "settings"),
    [
        ("target[1:].view(-1)", "pad_idx = 1", "ignore_index=pad_idx"),
        ("target[1:].view(-1)", "pad_idx = 1", "weight=weights"),
        # Text without padding, as language models are trained with.
        ("target[1:].view(-1)", "step = 1", ""),
        ("target.view(-1)", "pad_idx = 1", ""),
        ("target[1:].view(-1)", "pad_idx, ignored = 1, -100", ""),
    ],
)
def test_what_is_not_counted(labels: str, pad: str, settings: str, tmp_path: Path) -> None:
    assert _lines(tmp_path, labels, pad, settings) == []
