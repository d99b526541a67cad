"""LK172: unstable logarithm."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK172",
    name="unstable-logarithm",
    severity=Severity.SUSPICIOUS,
    summary="A logarithm is taken of a softmax, of a sigmoid, or of 1 minus one.",
    why=(
        "Where the probability rounds to 0, its logarithm is -inf and the gradient NaN. In "
        "float32 that happens at logits of about -104, in float16 at -17."
    ),
    bad="""\
import torch


def loss(logits, target):
    return -(target * torch.log(torch.softmax(logits, dim=1))).sum(dim=1).mean()
""",
    good="""\
import torch


def loss(logits, target):
    return -(target * torch.log_softmax(logits, dim=1)).sum(dim=1).mean()
""",
    mend="Take log_softmax, logsigmoid, or a loss that takes logits.",
    sources=(
        Source(
            "PyTorch, torch.nn.functional.log_softmax",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.log_softmax.html",
        ),
        Source(
            "PyTorch, torch.nn.functional.logsigmoid",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.logsigmoid.html",
        ),
    ),
    tools=(Tool.LINT,),
    fixes=Fixes.SAFE,
)
