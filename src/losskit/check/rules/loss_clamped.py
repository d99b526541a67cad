"""LK173: loss clamped."""

from __future__ import annotations

from collections.abc import Iterator

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool
from losskit.check.lint.facts import Backward
from losskit.check.lint.kinds import Kind
from losskit.check.lint.seen import Seen

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


def on_backward(backward: Backward) -> Iterator[Seen]:
    """Look at what backward() is called on."""
    value = backward.value
    if value.kind is not Kind.LOSS or not value.shifted or value.trail is None:
        return
    clamps = [step for step in value.trail if step.text == "the loss is clamped"]
    if clamps and value.reduction != "none":
        yield Seen(
            "the loss is clamped: where it is largest it has no gradient",
            value.trail,
            node=clamps[0].node,
            unit=clamps[0].unit,
        )
