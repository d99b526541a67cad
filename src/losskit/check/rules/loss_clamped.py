"""LK173: loss clamped."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK173",
    name="loss-clamped",
    severity=Severity.SUSPICIOUS,
    summary="The value of a loss is clamped before backward().",
    why=(
        "Outside the bounds a clamp has gradient 0: just where the loss is largest, nothing "
        "is learnt. What was meant is to bound the gradients."
    ),
    bad="""\
import torch
import torch.nn.functional as F


def step(model, optimizer, inputs, targets):
    loss = F.mse_loss(model(inputs), targets)
    loss = torch.clamp(loss, max=10.0)
    loss.backward()
    optimizer.step()
""",
    good="""\
import torch
import torch.nn.functional as F


def step(model, optimizer, inputs, targets):
    loss = F.mse_loss(model(inputs), targets)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=10.0)
    optimizer.step()
""",
    mend=(
        "Clip the gradients with clip_grad_norm_, or take a loss that grows slowly, such as "
        "Huber's."
    ),
    sources=(
        Source(
            "PyTorch, torch.nn.utils.clip_grad_norm_",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_norm_.html",
        ),
    ),
    tools=(Tool.LINT,),
    fixes=Fixes.NEVER,
)
