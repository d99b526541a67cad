"""LK171: accumulated without dividing."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool
from losskit.check.lint.facts import Scanned
from losskit.check.lint.seen import Seen

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


_DIVIDING = {"accumulate", "no_sync", "manual_backward", "backward_step"}


def on_file(file: Scanned) -> Iterator[Seen]:
    """Look for loops that step once in several rounds."""
    for loop in ast.walk(file.node):
        if isinstance(loop, (ast.For, ast.While)):
            yield from _accumulates(loop)


def _accumulates(loop: ast.For | ast.While) -> Iterator[Seen]:
    backward: ast.Call | None = None
    steps: list[ast.If] = []
    for node in _own(loop):
        if isinstance(node, (ast.Div, ast.FloorDiv)):
            return
        called = node.func if isinstance(node, ast.Call) else None
        method = called.attr if isinstance(called, ast.Attribute) else ""
        if method in _DIVIDING:
            return
        if isinstance(node, ast.Call) and method == "backward" and not node.args:
            backward = node
        if isinstance(node, ast.If) and _every(node.test) and _calls(node, "step"):
            steps.append(node)
    if backward is None or not steps:
        return
    inside = {id(node) for step in steps for node in ast.walk(step)}
    outside = [node for node in _own(loop) if id(node) not in inside]
    if id(backward) in inside:
        return
    if any(_calls_node(node, "step") or _calls_node(node, "zero_grad") for node in outside):
        return
    yield Seen(
        "gradients of several batches are summed, and nothing divides by how many", node=backward
    )


def _own(loop: ast.For | ast.While) -> Iterator[ast.AST]:
    """All nodes of a loop's body but those of loops within it that hold the whole matter."""
    for statement in loop.body:
        yield from ast.walk(statement)


def _every(test: ast.expr) -> bool:
    """Whether a test is true once in several rounds, as ``(i + 1) % n == 0`` is."""
    return any(
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Mod)
        and not (isinstance(node.left, ast.Constant) and isinstance(node.left.value, str))
        for node in ast.walk(test)
    )


def _calls(node: ast.If, name: str) -> bool:
    return any(_calls_node(one, name) for part in node.body for one in ast.walk(part))


def _calls_node(node: ast.AST, name: str) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == name
        and not node.args
        and "sched" not in ast.dump(node.func.value).lower()
    )
