"""LK143: padding counted."""

from __future__ import annotations

import re
from collections.abc import Iterator

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool
from losskit.check.lint.facts import LossCall
from losskit.check.lint.seen import Seen

__all__ = ["RULE"]

RULE = Rule(
    code="LK143",
    name="padding-counted",
    severity=Severity.SUSPICIOUS,
    summary="The data is padded with a value that the loss does not ignore.",
    why=(
        "Padded positions count as if they were targets: the model learns to predict padding, "
        "and the mean depends on how long the longest sequence of the batch is. It is seen "
        "where targets are filled up in the code, and where a file that knows a padding token "
        "gives all tokens behind the first to a loss that ignores none."
    ),
    bad="""\
from torch import nn
from torch.nn.utils.rnn import pad_sequence

criterion = nn.CrossEntropyLoss()


def step(model, inputs, sequences):
    targets = pad_sequence(sequences, batch_first=True)
    logits = model(inputs)
    return criterion(logits.view(-1, logits.size(-1)), targets.view(-1))
""",
    good="""\
from torch import nn
from torch.nn.utils.rnn import pad_sequence

criterion = nn.CrossEntropyLoss(ignore_index=0)


def step(model, inputs, sequences):
    targets = pad_sequence(sequences, batch_first=True)
    logits = model(inputs)
    return criterion(logits.view(-1, logits.size(-1)), targets.view(-1))
""",
    mend="Say ignore_index with the value that pads, or pad targets with -100.",
    sources=(
        Source(
            "PyTorch, torch.nn.CrossEntropyLoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html",
        ),
        Source(
            "PyTorch, torch.nn.utils.rnn.pad_sequence",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.rnn.pad_sequence.html",
        ),
    ),
    tools=(Tool.LINT, Tool.CHECK, Tool.WATCH),
    fixes=Fixes.NEVER,
)


def _of_batches(call: LossCall) -> Iterator[Seen]:
    """Look at tokens behind the first of whole batches, in a file that knows what pads them."""
    if "ignore_index" in call.settings or call.face.library != "torch" or not call.graded:
        return
    source = _COMMENT.sub("", call.unit.source)
    if _IGNORES.search(source) is not None or not _in_sight(call, _PADS):
        return
    masked = "mask" in source
    if _is_rest(call) or (not masked and _is_written(call) and _in_sight(call, _WRITES)):
        yield Seen(
            f"targets are all tokens of padded batches, and {call.face.name} ignores none of them"
        )


def _in_sight(call: LossCall, wanted: re.Pattern[str]) -> bool:
    """Whether the file, or one that it leads to or that led to it, has something in it."""
    return any(wanted.search(one.source) for one in (call.unit, *call.beside()))


_PADS = re.compile(
    r"<pad>|['\"]_pad_?['\"]|BucketIterator|\bpad_?(?:idx|id|index|token|int)|_(?:idx|id|int)_pad\b",
    re.IGNORECASE,
)
_WRITES = re.compile(
    r"<(?:eos|sos|/s)>|</[se]>|\b(?:eos|sos)_?(?:idx|id|index|token)", re.IGNORECASE
)
"""What there is where a model writes sequences, which end somewhere."""
_IGNORES = re.compile(r"ignore_index|-100\b|mask(?:ed)?_select|[lL]oss\w*_mask|mask\w*_loss")
_COMMENT = re.compile(r"#.*")
_REST = r"\[(?::, )?1:\](?:\.contiguous\(\))?"
"""Tokens of which each follows those that a decoder gets."""

_FLAT = re.compile(_REST + r"\.(?:(?:view|reshape)\(-1\)|flatten\(\))$")
_WHOLE = re.compile(_REST + "$")
_TURNED = re.compile(r"\.(?:permute\(0, 2, 1\)|transpose\((?:1, 2|2, 1|-1, -2|-2, -1)\))$")
"""Where the classes come to stand where a loss of sequences wants them."""


def _is_rest(call: LossCall) -> bool:
    """Whether a target is all tokens behind the first of whole batches."""
    target = call.written("target")
    if _FLAT.search(target) is not None:
        return True
    turned = _TURNED.search(call.written(call.input)) is not None
    return turned and _WHOLE.search(target) is not None


def _is_written(call: LossCall) -> bool:
    """Whether all tokens of whole batches are compared with what a decoder gives."""
    target, output = call.written("target"), call.written(call.input)
    return all(map(_ALL.search, (target, output))) and bool(
        _WRITTEN.search(target) or _WRITTEN.search(output)
    )


_ALL = re.compile(r"\.(?:(?:view|reshape)\(-1\b.*\)|flatten\((?:0, 1)?\))$")
_WRITTEN = re.compile(r"^(?:trg|tgt|dec|caption)", re.IGNORECASE)
"""How what a decoder is to write is called, and what it gives."""

_IGNORED = -100
"""What cross-entropy ignores where nothing is said."""


def on_loss_call(call: LossCall) -> Iterator[Seen]:
    """Look at padded targets."""
    if not call.face.of_classes or "target" not in call.values:
        return
    if {"mask", "weight"} & call.settings.keys():
        # A weight of the token that pads may be 0.
        return
    if call.setting("reduction") == "none" or call.unsettled("ignore_index"):
        return
    padded = call.seen("target", lambda tensor: tensor.padding is not None)
    if padded is None or padded.padding is None:
        yield from _of_batches(call)
        return
    ignored = call.setting("ignore_index")
    if isinstance(padded.padding.value, str) and ignored is not None:
        # By its name only, nobody knows whether it is that number.
        return
    ignored = _IGNORED if ignored is None else ignored
    if padded.padding.value != ignored:
        yield Seen(
            f"targets are padded with {padded.padding.value}, and {call.face.name} ignores "
            f"{ignored}",
            padded.trail,
            f"{call.face.name} counts the padding",
        )
