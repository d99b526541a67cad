"""LK305: gradients not cleared."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK305",
    name="gradients-not-cleared",
    severity=Severity.BUG,
    summary="Gradients of earlier steps are still there when the next ones are added.",
    why=(
        "backward() adds. Without zero_grad() each step goes along the sum of all gradients "
        "so far: the training overshoots more and more."
    ),
    bad="""\
def step(loss, optimizer):
    loss.backward()
    optimizer.step()
""",
    good="""\
def step(loss, optimizer):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
""",
    mend="Call optimizer.zero_grad() once for each optimizer.step().",
    sources=(
        Source(
            "PyTorch, torch.optim.Optimizer.zero_grad",
            "https://docs.pytorch.org/docs/stable/generated/torch.optim.Optimizer.zero_grad.html",
        ),
    ),
    tools=(Tool.WATCH,),
    fixes=Fixes.NEVER,
)
