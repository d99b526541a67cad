"""LK171: accumulated without dividing."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK171",
    name="accumulated-without-dividing",
    severity=Severity.SUSPICIOUS,
    summary=(
        "Gradients are summed over several batches, or over the examples of a batch, and "
        "nothing divides by how many."
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
