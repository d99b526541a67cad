"""LK143: padding counted."""

from __future__ import annotations

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
        "and the mean depends on how long the longest sequence of the batch is."
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


_IGNORED = -100
"""What cross-entropy ignores where nothing is said."""


def on_loss_call(call: LossCall) -> Iterator[Seen]:
    """Look at padded targets."""
    if not call.face.of_classes or "mask" in call.settings or "target" not in call.values:
        return
    if call.setting("reduction") == "none" or call.unsettled("ignore_index"):
        return
    padded = call.seen("target", lambda tensor: tensor.padding is not None)
    if padded is None or padded.padding is None:
        return
    ignored = call.setting("ignore_index")
    ignored = _IGNORED if ignored is None else ignored
    if padded.padding.value != ignored:
        yield Seen(
            f"targets are padded with {padded.padding.value}, and {call.face.name} ignores "
            f"{ignored}",
            padded.trail,
            f"{call.face.name} counts the padding",
        )
