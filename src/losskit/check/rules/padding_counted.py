"""LK143: padding counted."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

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
