"""LK182: cross entropy on several labels."""

from __future__ import annotations

from collections.abc import Iterator

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool
from losskit.check.lint.facts import LossCall
from losskit.check.lint.kinds import Kind
from losskit.check.lint.seen import Seen
from losskit.core.contracts import LOGITS

__all__ = ["RULE"]

RULE = Rule(
    code="LK182",
    name="cross-entropy-on-several-labels",
    severity=Severity.BUG,
    summary="A softmax cross-entropy gets targets of which several can be 1 at once.",
    why=(
        "Softmax makes the labels compete: a row with three of them wants each to have a "
        "third of the probability, and rows with more labels weigh more."
    ),
    bad="""\
from torch import nn

criterion = nn.CrossEntropyLoss()


def step(model, inputs, scores):
    return criterion(model(inputs), (scores > 0.5).float())
""",
    good="""\
from torch import nn

criterion = nn.BCEWithLogitsLoss()


def step(model, inputs, scores):
    return criterion(model(inputs), (scores > 0.5).float())
""",
    mend="Take BCEWithLogitsLoss, one logit for each label.",
    sources=(
        Source(
            "PyTorch, torch.nn.CrossEntropyLoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html",
        ),
        Source(
            "PyTorch, torch.nn.BCEWithLogitsLoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.BCEWithLogitsLoss.html",
        ),
    ),
    tools=(Tool.LINT, Tool.CHECK, Tool.WATCH),
    fixes=Fixes.NEVER,
)


def on_loss_call(call: LossCall) -> Iterator[Seen]:
    """Look at the target of a cross-entropy of classes."""
    if call.face.contract is not LOGITS or not call.face.of_classes or "target" not in call.values:
        return
    found = call.seen("target", lambda tensor: tensor.kind is Kind.MULTI_HOT)
    if found is not None:
        yield Seen(
            f"{call.face.name} gets {found.kind}; softmax makes them compete",
            found.trail,
            f"{call.face.name} takes it as one distribution",
        )
