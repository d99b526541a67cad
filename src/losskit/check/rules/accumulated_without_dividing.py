"""LK171: accumulated without dividing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool
from losskit.check.lint.blocks import statements
from losskit.check.lint.facts import LossCall, Scanned
from losskit.check.lint.seen import Seen

__all__ = ["RULE", "SCALED_RATE"]

RULE = Rule(
    code="LK171",
    name="accumulated-without-dividing",
    severity=Severity.SUSPICIOUS,
    summary=(
        "Gradients are summed over several batches, or over a batch by whose size the learning "
        "rate is multiplied as well, and nothing divides by how many."
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


def on_loss_call(call: LossCall) -> Iterator[Seen]:
    """Look at sums over a batch where the learning rate grows with the batch as well."""
    if call.setting("reduction") == "sum" and SCALED_RATE.search(call.unit.source):
        yield Seen(
            f"{call.face.name} sums over the batch, and the learning rate is multiplied by its size"
        )


SCALED_RATE = re.compile(
    r"\b(?:lr|learning_rate)\s*=[^,\n()#=]*?"
    r"(?:\*\s*[\w.]*batch_?size\b|\b[\w.]*batch_?size\s*\*)",
    re.IGNORECASE,
)
"""Learning rates that are multiplied by the size of the batch."""


def on_file(file: Scanned) -> Iterator[Seen]:
    """Look for loops that step once in several rounds."""
    source = file.unit.source
    if "backward(" not in source or ".zero_grad(" not in source:
        return
    for loop in statements(file.unit.tree.body):
        if isinstance(loop, (ast.For, ast.While)):
            yield from _accumulates(loop)


@dataclass(frozen=True)
class _Names:
    """What a loop does to names: what it gives to them, and which of them count its rounds."""

    given: dict[str, list[ast.expr]]
    counters: set[str]

    @classmethod
    def of(cls, loop: ast.For | ast.While) -> _Names:
        """Look through a loop."""
        given: dict[str, list[ast.expr]] = {}
        counted, reset = set(), set()
        for node in _own(loop):
            if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
                if isinstance(node.value, ast.Constant) and node.value.value == 1:
                    counted.add(node.target.id)
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                name = node.targets[0].id
                given.setdefault(name, []).append(node.value)
                if isinstance(node.value, ast.Constant) and node.value.value == 0:
                    reset.add(name)
        return cls(given, counted & reset)

    def every(self, test: ast.expr) -> bool:
        """Whether a test is true once in several rounds, as ``(i + 1) % n == 0`` is.

        Also by a name that the loop gives to such a test, or by a counter that begins again.
        """
        if any(_is_remainder(node) for part in self.asked(test) for node in ast.walk(part)):
            return True
        return isinstance(test, ast.Compare) and not _names(test.left).isdisjoint(self.counters)

    def asked(self, test: ast.expr) -> list[ast.expr]:
        """Return a test, and what the loop gives to the names that it asks for."""
        names = {one.id for one in ast.walk(test) if isinstance(one, ast.Name)}
        return [test, *(value for name in names for value in self.given.get(name, ())[:_MOST])]

    def numbers(self, test: ast.expr) -> Iterator[str]:
        """Yield the names of what a test takes the remainder by, or holds a counter against."""
        for part in self.asked(test):
            for node in ast.walk(part):
                if _is_remainder(node) and isinstance(node, ast.BinOp):
                    yield from _called(node.right)
        if isinstance(test, ast.Compare) and _names(test.left) & self.counters:
            yield from _called(test.comparators[0])


_MOST = 8
"""Values of a name that are looked at."""


def _accumulates(loop: ast.For | ast.While) -> Iterator[Seen]:
    backward: ast.Call | None = None
    steps: list[ast.If] = []
    names = _Names.of(loop)
    for node in _own(loop):
        called = node.func if isinstance(node, ast.Call) else None
        method = called.attr if isinstance(called, ast.Attribute) else ""
        if method in _DIVIDING:
            return
        if isinstance(node, ast.Call) and method == "backward" and not node.args:
            later = backward is None or node.lineno > backward.lineno
            backward = node if later else backward
        if isinstance(node, ast.If) and names.every(node.test) and _steps(node):
            steps.append(node)
    if backward is None or not steps or _divides(loop, backward, steps, names):
        return
    inside = {id(node) for step in steps for node in ast.walk(step)}
    if id(backward) in inside:
        return
    inside |= _otherwise(loop, steps)
    outside = [node for node in _own(loop) if id(node) not in inside]
    if any(_calls_node(node, "step") or _calls_node(node, "zero_grad") for node in outside):
        return
    yield Seen(
        "gradients of several batches are summed, and nothing divides by how many", node=backward
    )


def _divides(
    loop: ast.For | ast.While, backward: ast.Call, steps: list[ast.If], names: _Names
) -> bool:
    """Whether the loss is divided, or something is by the number of batches."""
    losses = _names(backward.func) - {"self", "scaler", "amp"}
    numbers = {name for step in steps for name in names.numbers(step.test)}
    asked = [one for step in steps for one in names.asked(step.test)]
    tests = {id(node) for one in asked for node in ast.walk(one)}
    for node in _own(loop):
        if isinstance(node, ast.Assign) and losses & {
            name for target in node.targets for name in _names(target)
        }:
            if any(isinstance(one, ast.Div) for one in ast.walk(node.value)):
                return True
        elif isinstance(node, ast.AugAssign) and isinstance(node.op, (ast.Div, ast.Mult)):
            if losses & _names(node.target):
                return True
        elif isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Div, ast.Mult)):
            if id(node) not in tests and numbers & (_names(node.right) | _names(node.left)):
                return True
        elif isinstance(node, ast.Call) and any(
            numbers & _names(one) for one in (*node.args, *(key.value for key in node.keywords))
        ):
            return True
    return any(isinstance(one, ast.Div) for one in ast.walk(backward.func))


def _names(node: ast.AST) -> set[str]:
    """All names in an expression, those of attributes as well."""
    found = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    return found | {one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute)}


def _called(node: ast.expr) -> set[str]:
    """What a number is called, without what holds it."""
    return {node.attr} if isinstance(node, ast.Attribute) else _names(node)


def _otherwise(loop: ast.For | ast.While, steps: list[ast.If]) -> set[int]:
    """What runs where gradients are not accumulated: other sides of what holds the steps."""
    wanted = {id(step) for step in steps}
    found: set[int] = set()
    for node in _own(loop):
        if isinstance(node, ast.If) and node.orelse:
            held = {id(one) for part in node.body for one in ast.walk(part)}
            if wanted & held:
                found |= {id(one) for part in node.orelse for one in ast.walk(part)}
    # Both ways of a choice, such as that of precision, may accumulate.
    for step in steps:
        found -= {id(one) for one in ast.walk(step)}
    return found


def _own(loop: ast.For | ast.While) -> Iterator[ast.AST]:
    """All nodes of a loop's body but those of loops within it that hold the whole matter."""
    for statement in loop.body:
        yield from ast.walk(statement)


def _is_remainder(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Mod)
        and not (isinstance(node.left, ast.Constant) and isinstance(node.left.value, str))
    )


def _steps(node: ast.If) -> bool:
    """Whether the weights change, by whatever name, and gradients begin anew."""
    return _calls(node, "step") or (_calls(node, "update") and _calls(node, "zero_grad"))


def _calls(node: ast.If, name: str) -> bool:
    return any(_calls_node(one, name) for part in node.body for one in ast.walk(part))


def _calls_node(node: ast.AST, name: str) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == name
        and (not node.args or "scaler" in ast.dump(node.func.value).lower())
        and "sched" not in ast.dump(node.func.value).lower()
    )
