"""LK105: cross entropy on one logit."""

from __future__ import annotations

from collections.abc import Iterator

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool
from losskit.check.lint.facts import LossCall
from losskit.check.lint.kinds import Kind
from losskit.check.lint.seen import Seen
from losskit.check.lint.values import Tensor
from losskit.core.contracts import LOGITS, PROBABILITIES

__all__ = ["RULE"]

RULE = Rule(
    code="LK105",
    name="cross-entropy-on-one-logit",
    severity=Severity.BUG,
    summary=(
        "A softmax gets a single logit, or a cross-entropy over classes the output of a sigmoid."
    ),
    why=(
        "The softmax of one logit is 1, so that the loss is the same whatever the model says and "
        "nothing is learnt. After a sigmoid, the scores of two classes differ by less than 1, "
        "and the loss cannot fall below 0.31."
    ),
    bad="""\
from torch import nn

model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
criterion = nn.CrossEntropyLoss()


def step(inputs, labels):
    return criterion(model(inputs), labels)
""",
    good="""\
from torch import nn

model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
criterion = nn.CrossEntropyLoss()


def step(inputs, labels):
    return criterion(model(inputs), labels)
""",
    mend=(
        "For one logit take BCEWithLogitsLoss, for one number no activation; for K classes give "
        "one logit for each, without an activation."
    ),
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
    """Look at what a cross-entropy takes, and at softmaxes of one output before any loss."""
    if call.face.of_classes or call.face.of_labels or call.face.of_numbers:
        found = call.seen(call.input, _always_one)
        if found is not None:
            yield Seen(
                f"{call.face.name} gets the softmax of a single output, which is always 1",
                found.trail,
                f"{call.face.name} takes it",
                Severity.SUSPICIOUS if call.guards else None,
            )
            return
    if not call.face.of_classes:
        return
    if call.face.contract is PROBABILITIES:
        yield from _of_probabilities(call)
    if call.face.contract is not LOGITS:
        return
    found = call.seen(call.input, lambda tensor: tensor.kind is Kind.SIGMOID)
    if found is not None:
        yield Seen(
            f"{call.face.name} applies softmax over the classes, and gets {found.kind}",
            found.trail,
            f"{call.face.name} takes it as logits",
        )
    found = call.seen(call.input, lambda tensor: tensor.kind is Kind.RAW and tensor.units == 1)
    if found is not None:
        # Where the task is chosen, the number of outputs may be as well.
        yield Seen(
            f"{call.face.name} gets a single logit, whose softmax is always 1",
            found.trail,
            f"{call.face.name} takes it as the logits of all classes",
            Severity.SUSPICIOUS if call.guards else None,
        )


def _of_probabilities(call: LossCall) -> Iterator[Seen]:
    """Look at what a cross-entropy takes for the probabilities of classes."""
    if call.face.of_labels:
        return
    found = call.seen(call.input, lambda tensor: tensor.kind is Kind.SIGMOID)
    if found is not None:
        alone = found.units == 1
        # It divides by the sum, so that only a single output teaches nothing.
        yield Seen(
            f"{call.face.name} wants a softmax over the classes, and gets {found.kind}"
            + (", a single one, whose share is always 1" if alone else ""),
            found.trail,
            f"{call.face.name} takes it as the probabilities of all classes",
            None if alone and not call.guards else Severity.SUSPICIOUS,
        )


def _always_one(tensor: Tensor) -> bool:
    """Whether it is a softmax over the one output that there is."""
    of_classes = tensor.kind in {Kind.SOFTMAX, Kind.LOG_SOFTMAX} and tensor.axis in {1, -1}
    return of_classes and tensor.units == 1
