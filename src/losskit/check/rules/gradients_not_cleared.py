"""LK305: gradients not cleared."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool
from losskit.check.lint.blocks import statements
from losskit.check.lint.facts import Scanned
from losskit.check.lint.interest import leaf_of
from losskit.check.lint.seen import Seen

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
import torch


def train(model, criterion, batches, epochs):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(epochs):
        for inputs, targets in batches:
            loss = criterion(model(inputs), targets)
            loss.backward()
            optimizer.step()
""",
    good="""\
import torch


def train(model, criterion, batches, epochs):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(epochs):
        for inputs, targets in batches:
            optimizer.zero_grad()
            loss = criterion(model(inputs), targets)
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
    tools=(Tool.LINT, Tool.WATCH),
    fixes=Fixes.NEVER,
)


def on_file(file: Scanned) -> Iterator[Seen]:
    """Look for loops that take steps, in files in which nothing clears a gradient."""
    source = file.unit.source
    if ".backward()" not in source or "torch" not in source or _CLEARS.search(source):
        return
    loops = [one for one in statements(file.unit.tree.body) if isinstance(one, _LOOPS)]
    stepping = {id(loop): found for loop in loops if (found := list(_stepping(loop)))}
    inner: set[int] = set()
    for loop in loops:
        within = {id(one) for one in ast.walk(loop) if one is not loop}
        inner |= within
        if not stepping.keys().isdisjoint(within):
            # What steps in a loop inside is told of there.
            stepping.pop(id(loop), None)
    for loop_id, calls in stepping.items():
        # Whole trainings, of epochs and batches, with an optimizer whose steps clear nothing.
        sure = _BUILT.search(source) is not None and loop_id in inner
        for backward in calls:
            yield Seen(
                "nothing clears the gradients of earlier rounds, to which these are added",
                severity=None if sure else Severity.SUSPICIOUS,
                node=backward,
            )


_LOOPS = (ast.For, ast.While)
_CLEARS = re.compile(
    r"zero_?grad|\.grad\b(?!\()|(?:clear|reset|clean)_?\w*grad|set_to_none|ccelerat|deepspeed|manual_",
    re.IGNORECASE,
)
"""What may clear gradients, or takes steps that do."""

_BUILT = re.compile(r"\boptim\.[A-Z]\w+\(|from torch\.optim import")
"""Optimizers of PyTorch, whose steps clear nothing."""


def _stepping(loop: ast.For | ast.While) -> Iterator[ast.Call]:
    """Yield the calls of ``backward`` that steps follow in each round of a loop."""
    if any(isinstance(one, (ast.Return, ast.Break)) for one in loop.body):
        return
    calls = [
        one
        for statement in loop.body
        for one in ast.walk(statement)
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute)
    ]
    steps = [one.lineno for one in calls if leaf_of(one.func) == "step" and _is_step(one)]
    for one in calls:
        bare = leaf_of(one.func) == "backward" and not one.args and not one.keywords
        if bare and one.lineno <= max(steps, default=0):
            yield one


def _is_step(call: ast.Call) -> bool:
    """Whether an optimizer takes a step, and no schedule does."""
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    name = "" if owner is None else ast.unparse(owner).lower()
    return "opt" in name and not call.args
