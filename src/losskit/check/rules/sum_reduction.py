"""LK213: sum reduction."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool
from losskit.check.lint.blocks import statements
from losskit.check.lint.facts import Backward
from losskit.check.lint.kinds import Kind
from losskit.check.lint.seen import Seen
from losskit.check.lint.units import Unit
from losskit.check.rules.accumulated_without_dividing import SCALED_RATE

__all__ = ["RULE"]

RULE = Rule(
    code="LK213",
    name="sum-reduction",
    severity=Severity.SUSPICIOUS,
    summary="The loss is summed over the batch, not averaged.",
    why=(
        "The gradient grows with the batch: the learning rate that fits depends on the batch "
        "size, the last small batch counts less, and losses cannot be compared between batch "
        "sizes."
    ),
    bad="""\
from torch import nn

criterion = nn.MSELoss(reduction="sum")


def train(model, optimizer, batches):
    for inputs, prices in batches:
        optimizer.zero_grad()
        criterion(model(inputs), prices).backward()
        optimizer.step()
""",
    good="""\
from torch import nn

criterion = nn.MSELoss(reduction="mean")


def train(model, optimizer, batches):
    for inputs, prices in batches:
        optimizer.zero_grad()
        criterion(model(inputs), prices).backward()
        optimizer.step()
""",
    mend=(
        "Average, or divide the sum by the number of samples; under gradient accumulation by "
        "that of all of the batches."
    ),
    sources=(
        Source(
            "PyTorch, torch.nn.MSELoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.MSELoss.html",
        ),
        Source(
            "V. Godbole et al., Deep Learning Tuning Playbook",
            "https://github.com/google-research/tuning_playbook",
        ),
    ),
    tools=(Tool.LINT, Tool.CHECK, Tool.WATCH),
    fixes=Fixes.NEVER,
)


def on_backward(backward: Backward) -> Iterator[Seen]:
    """Look at sums that a gradient is taken of, batch by batch, as they are."""
    value, call, unit = backward.value, backward.value.call, backward.unit
    if value.kind is not Kind.LOSS or value.reduction != "sum" or call is None:
        return
    # Values that are summed by hand may have been weighed by shares of 1 before.
    said = call.setting("reduction") == "sum"
    if said and not SCALED_RATE.search(unit.source) and _of_batch(unit, backward.node):
        yield Seen(
            f"{call.face.name} is summed over the batch, and nothing divides by its size",
            node=call.node,
            unit=call.unit,
        )


def _of_batch(unit: Unit, node: ast.AST) -> bool:
    """Whether something happens for each batch of the data."""
    found = unit.recall("batches", unit.tree, lambda: frozenset(map(id, _within_batches(unit))))
    return id(node) in found


def _within_batches(unit: Unit) -> Iterator[ast.AST]:
    for node in statements(unit.tree.body):
        batches = isinstance(node, ast.FunctionDef) and node.name == "training_step"
        if isinstance(node, ast.For):
            counts = isinstance(node.iter, ast.Call) and ast.unparse(node.iter.func) == "range"
            batches = not counts or "batch" in ast.unparse(node.iter)
        if batches:
            yield from ast.walk(node)
