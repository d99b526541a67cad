"""LK202: not finite."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK202",
    name="not-finite",
    severity=Severity.BUG,
    summary="A value is NaN or infinite.",
    why=(
        "One NaN in a batch makes the loss NaN, its gradient NaN, and after one step of the "
        "optimiser every weight: nothing is learnt from then on."
    ),
    bad="""\
import torch


def loss_of(p, y):
    return -(y * torch.log(p) + (1 - y) * torch.log(1 - p)).mean()
""",
    good="""\
import torch.nn.functional as F


def loss_of(logits, y):
    return F.binary_cross_entropy_with_logits(logits, y)
""",
    mend=(
        "Look at the first module and sample that are named: missing values in the data, a "
        "logarithm or a root of 0, a division by 0, or a learning rate that lets the weights "
        "overflow."
    ),
    sources=(
        Source(
            "PyTorch, torch.autograd.set_detect_anomaly",
            "https://docs.pytorch.org/docs/stable/autograd.html#anomaly-detection",
        ),
        Source(
            "PyTorch, torch.nn.BCEWithLogitsLoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.BCEWithLogitsLoss.html",
        ),
    ),
    tools=(Tool.CHECK, Tool.WATCH, Tool.DIAGNOSE),
    fixes=Fixes.NEVER,
)
