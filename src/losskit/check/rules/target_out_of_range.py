"""LK201: target out of range."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK201",
    name="target-out-of-range",
    severity=Severity.BUG,
    summary="A target has a value that the loss has no meaning for.",
    why=(
        "A class index outside [0, K) raises on the CPU and asserts in a kernel on a GPU; a "
        "label of -1 or 2 where 0 and 1 belong is computed silently, and the loss can fall "
        "without limit."
    ),
    bad="""\
from torch import nn, tensor

logits = tensor([[0.2, 0.1, 0.7]])
loss = nn.CrossEntropyLoss()(logits, tensor([3]))
""",
    good="""\
from torch import nn, tensor

logits = tensor([[0.2, 0.1, 0.7]])
loss = nn.CrossEntropyLoss()(logits, tensor([2]))
""",
    mend=(
        "Code the labels as the loss takes them: classes from 0 to K - 1, binary labels as 0 and 1."
    ),
    sources=(
        Source(
            "PyTorch, torch.nn.CrossEntropyLoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html",
        ),
        Source(
            "BCEWithLogitsLoss takes targets outside [0, 1] (pytorch#23782)",
            "https://github.com/pytorch/pytorch/issues/23782",
        ),
    ),
    tools=(Tool.CHECK, Tool.WATCH),
    fixes=Fixes.NEVER,
)
