"""LK103: sigmoid before bce with logits."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool
from losskit.check.lint.blocks import statements
from losskit.check.lint.facts import Activation, LossCall
from losskit.check.lint.kinds import PROBABLE, Kind, breaks
from losskit.check.lint.names import about_loss, loss_calls
from losskit.check.lint.seen import Seen, stripped
from losskit.check.lint.values import Tensor
from losskit.core.contracts import CLASS_INDICES, LOGITS, PROBABILITIES

__all__ = ["RULE"]

RULE = Rule(
    code="LK103",
    name="sigmoid-before-bce-with-logits",
    severity=Severity.BUG,
    summary="A sigmoid is applied before binary cross-entropy with logits, or twice before a loss.",
    why=(
        "The loss applies the sigmoid itself. Of a probability, the second sigmoid gives a "
        "number between 0.5 and 0.73: a positive cannot cost less than 0.31, a negative not "
        "less than 0.69, and gradients shrink."
    ),
    bad="""\
import torch
from torch import nn

criterion = nn.BCEWithLogitsLoss()


def step(model, inputs, labels):
    return criterion(torch.sigmoid(model(inputs)), labels)
""",
    good="""\
from torch import nn

criterion = nn.BCEWithLogitsLoss()


def step(model, inputs, labels):
    return criterion(model(inputs), labels)
""",
    mend="Give the loss the logits, and apply sigmoid where probabilities are read.",
    sources=(
        Source(
            "PyTorch, torch.nn.BCEWithLogitsLoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.BCEWithLogitsLoss.html",
        ),
    ),
    tools=(Tool.LINT, Tool.CHECK, Tool.WATCH),
    fixes=Fixes.UNSAFE,
)


def on_loss_call(call: LossCall) -> Iterator[Seen]:
    """Look at what a binary cross-entropy takes."""
    if not call.face.of_labels:
        return
    node = call.nodes.get(call.input)
    if call.face.contract is LOGITS:
        found, severity = call.found(call.input, lambda tensor: breaks(tensor.kind, LOGITS))
        own = "softmax or sigmoid" if CLASS_INDICES in call.face.targets else "sigmoid"
        if found is not None:
            if found.kind is Kind.DIFFERENCE:
                # Some rankings and relativistic critics compare judgements, and mean it.
                severity = Severity.SUSPICIOUS
            yield Seen(
                f"{call.face.name} applies {own} itself, and gets {found.kind}",
                found.trail,
                f"{call.face.name} takes it, and applies {own}",
                severity,
                fix=stripped(call.unit, node, {"sigmoid", "Sigmoid"}, safe=False),
            )
    elif call.face.contract is PROBABILITIES:
        found = call.seen(call.input, _twice)
        if found is not None:
            yield Seen(
                f"{call.face.name} gets the output of a sigmoid that was applied twice",
                found.trail,
                f"{call.face.name} takes it",
                fix=stripped(call.unit, node, {"sigmoid", "Sigmoid"}, safe=False),
            )


def on_activation(activation: Activation) -> Iterator[Seen]:
    """Look at what losses that the code defines apply a sigmoid to."""
    value = activation.value
    applied = [] if value.trail is None else value.trail.applied()
    if activation.name != "sigmoid" or value.kind not in PROBABLE or not applied:
        return
    if any(not isinstance(one, Tensor) or one.kind not in PROBABLE for one in activation.others):
        return
    if _in_loss(activation):
        yield Seen(
            f"a sigmoid gets {value.kind}, and leaves of them what is between 0.5 and 0.73",
            value.trail,
            "a sigmoid is applied to it",
        )


def _in_loss(activation: Activation) -> bool:
    """Whether this stands in a loss that the code defines, and that takes no other one."""
    line = getattr(activation.node, "lineno", 0)
    around = [
        one
        for one in statements(activation.unit.tree.body)
        if isinstance(one, (ast.FunctionDef, ast.ClassDef))
        and one.lineno <= line <= (one.end_lineno or 0)
    ]
    written_out = not around or next(loss_calls(around[-1].body), None) is None
    return written_out and any(about_loss(one.name) for one in around)


def _twice(tensor: Tensor) -> bool:
    """Whether a sigmoid was applied to probabilities."""
    if tensor.kind not in PROBABLE or tensor.trail is None:
        return False
    applied = tensor.trail.applied()
    return applied[-1:] == ["sigmoid"] and applied[-2:-1] in (["sigmoid"], ["softmax"])
