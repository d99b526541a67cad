"""LK171: accumulated without dividing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool
from losskit.check.lint.accumulation import accumulations
from losskit.check.lint.facts import LossCall, Scanned
from losskit.check.lint.seen import Seen

__all__ = ["RULE", "SCALED_RATE"]

RULE = Rule(
    code="LK171",
    name="accumulated-without-dividing",
    severity=Severity.SUSPICIOUS,
    summary=(
        "Gradients are summed over several batches, or over a batch by whose size the learning "
        "rate is multiplied as well, and nothing divides by how many."
    ),
    why=(
        "The effective learning rate grows with the number of accumulation steps or with the "
        "batch size, and changes when either does."
    ),
    bad="""\
import torch.nn.functional as F


def train(model, optimizer, batches, accumulation_steps):
    for i, (inputs, labels) in enumerate(batches):
        loss = F.cross_entropy(model(inputs), labels)
        loss.backward()
        if (i + 1) % accumulation_steps == 0:
            optimizer.step()
            optimizer.zero_grad()
""",
    good="""\
import torch.nn.functional as F


def train(model, optimizer, batches, accumulation_steps):
    for i, (inputs, labels) in enumerate(batches):
        loss = F.cross_entropy(model(inputs), labels) / accumulation_steps
        loss.backward()
        if (i + 1) % accumulation_steps == 0:
            optimizer.step()
            optimizer.zero_grad()
""",
    mend=(
        "Divide the loss by the number of steps, or sum and divide by the number of examples "
        "of all of them."
    ),
    sources=(
        Source(
            "PyTorch, CUDA automatic mixed precision examples: gradient accumulation",
            "https://docs.pytorch.org/docs/stable/notes/amp_examples.html#gradient-accumulation",
        ),
        Source(
            "Gradient accumulation yields a different loss (transformers#34191)",
            "https://github.com/huggingface/transformers/issues/34191",
        ),
    ),
    tools=(Tool.LINT,),
    fixes=Fixes.NEVER,
)


def on_loss_call(call: LossCall) -> Iterator[Seen]:
    """Look at sums over a batch where the learning rate grows with the batch as well."""
    if call.setting("reduction") == "sum" and SCALED_RATE.search(call.unit.source):
        yield Seen(
            f"{call.face.name} sums over the batch, and the learning rate is multiplied by its size"
        )


SCALED_RATE = re.compile(
    r"\b(?:lr|learning_rate)\s*=[^,\n()#=]*?"
    r"(?:\*\s*[\w.]*batch_?size\b|\b[\w.]*batch_?size\s*\*)",
    re.IGNORECASE,
)
"""Learning rates that are multiplied by the size of the batch."""


def on_file(file: Scanned) -> Iterator[Seen]:
    """Look for loops that step once in several rounds."""
    for one in accumulations(file.unit):
        if not (one.divides() or one.finds_outside("step") or one.finds_outside("zero_grad")):
            yield Seen(
                "gradients of several batches are summed, and nothing divides by how many",
                node=one.backward,
            )
