"""LK152: loss without the model."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool
from losskit.check.lint.facts import Backward, LossCall, Scanned
from losskit.check.lint.idle import idle
from losskit.check.lint.kinds import Flow, Kind
from losskit.check.lint.names import MAKERS, leaf_of
from losskit.check.lint.optimizers import mistaken
from losskit.check.lint.seen import Seen
from losskit.check.lint.untrained import untrained
from losskit.check.lint.values import Tensor

__all__ = ["RULE"]

RULE = Rule(
    code="LK152",
    name="loss-without-the-model",
    severity=Severity.BUG,
    summary="A loss whose gradient is taken does not depend on any output of the model.",
    why=(
        "It is computed from the wrong variable: the targets against themselves, the inputs, or "
        "the output of another model than the one by whose optimizer the step is taken. The model "
        "does not learn from it; nor does one that no optimizer was given."
    ),
    bad="""\
import torch.nn.functional as F


def step(model, optimizer, inputs, labels):
    outputs = model(inputs)
    loss = F.mse_loss(labels, labels)
    loss.backward()
    optimizer.step()
""",
    good="""\
import torch.nn.functional as F


def step(model, optimizer, inputs, labels):
    outputs = model(inputs)
    loss = F.mse_loss(outputs, labels)
    loss.backward()
    optimizer.step()
""",
    mend="Give the loss the model's output, and the optimizer the model's parameters.",
    sources=(
        Source(
            "PyTorch, Tensor.backward",
            "https://docs.pytorch.org/docs/stable/generated/torch.Tensor.backward.html",
        ),
    ),
    tools=(Tool.LINT, Tool.WATCH),
    fixes=Fixes.NEVER,
)


def on_backward(backward: Backward) -> Iterator[Seen]:
    """Look at what a loss, or each term of a sum, was computed from."""
    for value in (backward.value, *backward.value.lost):
        call = value.call
        if value.kind is not Kind.LOSS or call is None:
            continue
        # A term without a gradient was most likely meant to be of the model that is trained.
        ungraded = value is not backward.value and value.flow is Flow.CUT and value.cut is None
        if value.flow is Flow.DATA or ungraded or _itself(call):
            yield Seen(
                f"{call.face.name} depends on no output of the model that has a gradient",
                node=call.node,
                unit=call.unit,
            )


def _itself(call: LossCall) -> bool:
    """Whether a value is held against itself."""
    given, target = call.values.get(call.input), call.values.get("target")
    if isinstance(given, Tensor) and isinstance(target, Tensor) and given.ident == target.ident:
        return True
    # Names of what is unknown are no proof: a["x"] and b["x"] have the same.
    nodes = [call.nodes.get(name) for name in (call.input, "target")]
    texts = {ast.dump(node) for node in nodes if node is not None}
    return None not in nodes and len(texts) == 1 and not any(_draws(node) for node in nodes)


def _draws(node: ast.AST | None) -> bool:
    """Whether an expression may hold other numbers where it is evaluated again."""
    called = [one.func for one in ast.walk(node) if isinstance(one, ast.Call)] if node else []
    return any(leaf_of(one) not in _KEEPING for one in called)


_KEEPING = MAKERS | {"to", "cuda", "float", "view", "squeeze", "detach"}


def on_file(file: Scanned) -> Iterator[Seen]:
    """Look for optimizers of models to which no gradient gets."""
    for one in idle(file.unit):
        if not one.cut and not one.cleared:
            yield Seen(
                f"no gradient of this loss gets to {one.model}, by which {one.optimizer} steps",
                node=one.node,
            )
    for node, optimizer, model in mistaken(file.unit):
        text = f"{optimizer} gets the parameters of {model}, which has an optimizer of its own"
        yield Seen(text, node=node)
    for model, backward in untrained(file.unit):
        yield Seen(f"no optimizer has the parameters of {model}, which is trained", node=backward)
