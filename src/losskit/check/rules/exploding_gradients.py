"""LK301: exploding gradients."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK301",
    name="exploding-gradients",
    severity=Severity.SUSPICIOUS,
    summary="Gradients have grown by orders of magnitude.",
    why=(
        "Steps become larger than the region where the gradient means anything; the loss "
        "leaps, and often ends in NaN."
    ),
    bad="""\
def step(loss, optimizer):
    loss.backward()
    optimizer.step()
""",
    good="""\
import torch


def step(loss, model, optimizer):
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
""",
    mend=(
        "Lower the learning rate or warm it up, clip the norm of the gradients, and normalise "
        "activations."
    ),
    sources=(
        Source(
            "R. Pascanu et al., On the difficulty of training recurrent neural networks",
            "https://arxiv.org/abs/1211.5063",
        ),
        Source(
            "PyTorch, torch.nn.utils.clip_grad_norm_",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_norm_.html",
        ),
    ),
    tools=(Tool.WATCH, Tool.DIAGNOSE),
    fixes=Fixes.NEVER,
)
