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


FILLED = """
import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

criterion = nn.CrossEntropyLoss(SETTINGS)

def collate(rows):
    most = max(len(row) for row in rows)
    labels = FILL
    MORE
    return labels

def train(model, data):
    for labels in DataLoader(data, batch_size=4, collate_fn=collate):
        output = model(labels)
        loss = criterion(output.view(-1, 9), labels.view(-1))
"""
BY_HAND = "torch.tensor([row + [PAD] * (most - len(row)) for row in rows])"
BY_TORCH = "pad_sequence(rows, True, PAD)"


@pytest.mark.parametrize("fill", [BY_HAND, BY_TORCH])
@pytest.mark.parametrize(
    ("pad", "more", "settings", "lines"),
    [
        ("2", "pass", "", [18]),
        ("words.pad_id", "pass", "", [18]),
        ("words['<PAD>']", "pass", "ignore_index=-100", []),
        ("words['<PAD>']", "pass", "ignore_index=0", []),
        ("words['<PAD>']", "pass", "ignore_index=words['<PAD>']", []),
        ("words.pad_id", "labels[labels == words.pad_id] = -100", "", []),
        ("words.label_pad_id", "pass", "", []),
        ("PAD_100", "pass", "", []),
        ("words.unknown", "pass", "", []),
        ("2", "pass", "weight=weights", []),
    ],
)
def test_what_rows_are_filled_up_with_is_counted(
    fill: str, pad: str, more: str, settings: str, lines: list[int], tmp_path: Path
) -> None:
    text = FILLED.replace("FILL", fill).replace("PAD]", f"{pad}]").replace("PAD)", f"{pad})")
    text = text.replace("SETTINGS", settings).replace("MORE", more)
    seen = [one for one in found(tmp_path, {"go.py": text}) if one.code == "LK143"]
    assert [one.place.line for one in seen if one.place] == lines


LEFT_OUT = """
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

criterion = nn.CrossEntropyLoss()

def loss(model, rows, lengths, mask, n):
    y = pad_sequence(rows, batch_first=True)
    out = model(y)
    return criterion(GIVEN)
"""


@pytest.mark.parametrize(
    ("given", "count"),
    [
        ("out[:, 1:], y[:, 1:]", 1),
        ("out[:, 0], y[:, 0]", 1),
        ("out[mask], y[mask]", 0),
        ("out[y != 0], y[y != 0]", 0),
        ("out[0, :n], y[0, :n]", 0),
        ("out.masked_select(mask), y.masked_select(mask)", 0),
        ("out, pack_padded_sequence(y, lengths)[0]", 0),
        ("out, pack_padded_sequence(y, lengths).data", 0),
    ],
)
def test_what_is_chosen_may_hold_no_padding(given: str, count: int, tmp_path: Path) -> None:
    seen = found(tmp_path, {"go.py": LEFT_OUT.replace("GIVEN", given)})
    assert [one.code for one in seen].count("LK143") == count


@pytest.mark.parametrize(
    ("elsewhere", "seen"), [("PAD_ID = 0", SEEN), ("pad_idx = 0", SEEN), ("size = 0", [])]
)
def test_another_file_may_pad(elsewhere: str, seen: list[tuple], tmp_path: Path) -> None:
    text = TRANSLATION.replace("LABELS", "target[1:].view(-1)").replace("SETTINGS", "")
    text = text.replace("PAD", "from data import batches")
    files = {
        "go.py": text,
        "data.py": f"{elsewhere}\ndef batches(): return load({elsewhere[:3]})\n",
    }
    assert brief(found(tmp_path, files), tmp_path) == seen


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        ("# criterion had ignore_index", SEEN),
        ("attention_mask = None", SEEN),
        ("ignore_index = 1", []),
        ("keep = rest.masked_select", []),
    ],
)
def test_what_ignores_padding_is_no_comment_and_no_mask_of_attention(
    said: str, seen: list[tuple], tmp_path: Path
) -> None:
    assert _lines(tmp_path, "target[1:].view(-1)", f"pad_idx = 1; {said}") == seen


@pytest.mark.parametrize(
    ("rest", "pad", "seen"),
    [
        ("target_label.view(-1)", "<pad> <eos>", []),
        ("decoded.view(-1)", "<pad> <eos>", SEEN),
        ("tgt_tokens.flatten()", "<pad> </s>", SEEN),
        ("decoded.view(-1)", "<pad>", []),
        ("decoded.view(-1)", "<eos>", []),
        ("decoded.view(-1)", "<pad> <eos> mask", []),
    ],
)
def test_a_decoder_writes_whole_sequences(
    rest: str, pad: str, seen: list[tuple], tmp_path: Path
) -> None:
    assert _lines(tmp_path, rest, f"words = '{pad}'") == seen
