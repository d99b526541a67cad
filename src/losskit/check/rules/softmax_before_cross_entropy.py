"""LK101: softmax before cross entropy."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool
from losskit.check.lint.facts import Combined, LossCall
from losskit.check.lint.kinds import Kind
from losskit.check.lint.seen import Seen, stripped
from losskit.check.lint.values import Tensor
from losskit.core.contracts import LOG_PROBABILITIES, LOGITS, PROBABILITIES

__all__ = ["RULE", "softmaxed_twice"]

RULE = Rule(
    code="LK101",
    name="softmax-before-cross-entropy",
    severity=Severity.BUG,
    summary="A softmax is applied before a cross-entropy that applies its own.",
    why=(
        "Cross-entropy takes logits and applies log-softmax itself. Of probabilities, the "
        "second softmax makes an almost even distribution: with K classes the loss cannot "
        "fall below log(1 + (K - 1) / e), which is 0.31 for two classes and 1.46 for ten, and "
        "gradients nearly vanish. Training still seems to work, slowly and to a worse end."
    ),
    bad="""\
from torch import nn

model = nn.Sequential(nn.Linear(8, 3), nn.Softmax(dim=1))
criterion = nn.CrossEntropyLoss()


def step(inputs, labels):
    return criterion(model(inputs), labels)
""",
    good="""\
from torch import nn

model = nn.Sequential(nn.Linear(8, 3))
criterion = nn.CrossEntropyLoss()


def step(inputs, labels):
    return criterion(model(inputs), labels)
""",
    mend="Give the loss the logits, and apply softmax where probabilities are read.",
    sources=(
        Source(
            "PyTorch, torch.nn.CrossEntropyLoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html",
        ),
    ),
    tools=(Tool.LINT, Tool.CHECK, Tool.WATCH, Tool.DIAGNOSE),
    fixes=Fixes.UNSAFE,
)


def on_loss_call(call: LossCall) -> Iterator[Seen]:
    """Look at what a cross-entropy takes, or a loss whose input a log-softmax makes."""
    takes_logits = call.face.contract is LOGITS and call.face.of_classes
    of_classes = call.face.contract is PROBABILITIES and not call.face.of_labels
    if takes_logits or of_classes or call.face.contract is LOG_PROBABILITIES:
        kind = Kind.SOFTMAX if of_classes else Kind.LOG_SOFTMAX
        found, severity = call.found(
            call.input, lambda tensor: tensor.kind is kind and softmaxed_twice(tensor)
        )
        if found is not None:
            yield Seen(
                f"{call.face.name} gets the output of a softmax that was applied twice",
                found.trail,
                f"{call.face.name} takes it",
                severity,
            )
            return
    if not takes_logits:
        return
    found, severity = call.found(
        call.input, lambda tensor: tensor.kind in {Kind.SOFTMAX, Kind.SCALED}
    )
    if found is not None:
        if found.kind is Kind.SCALED:
            severity = Severity.SUSPICIOUS
        yield Seen(
            f"{call.face.name} applies softmax itself, and gets {found.kind}",
            found.trail,
            f"{call.face.name} takes it, and applies softmax again",
            severity,
            fix=stripped(call.unit, call.nodes.get(call.input), {"softmax", "Softmax"}, safe=False),
        )


def on_combined(pair: Combined) -> Iterator[Seen]:
    """Look at a cross-entropy that is written out, as of smoothed labels."""
    for one in (pair.left, pair.right):
        product = isinstance(pair.node, ast.BinOp) and isinstance(pair.node.op, ast.Mult)
        if product and one.kind is Kind.LOG_SOFTMAX and softmaxed_twice(one):
            steps = [step for step in one.trail or () if step.text.endswith("softmax is applied")]
            last = steps[-1]
            yield Seen(
                "the log-softmax is taken of the output of a softmax",
                last.before,
                "log_softmax is applied again",
                node=last.node,
                unit=last.unit,
            )
            return


def softmaxed_twice(tensor: Tensor) -> bool:
    """Whether a softmax was applied to probabilities."""
    if tensor.trail is None:
        return False
    applied = tensor.trail.applied()
    again = {"softmax", "log_softmax"}
    return any(
        first == "softmax" and second in again for first, second in itertools.pairwise(applied)
    )
