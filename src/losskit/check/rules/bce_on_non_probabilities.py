"""LK104: bce on non probabilities."""

from __future__ import annotations

from collections.abc import Iterator

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool
from losskit.check.lint.facts import Logarithm, LossCall
from losskit.check.lint.kinds import Flow, Kind, breaks
from losskit.check.lint.seen import Seen
from losskit.core.contracts import PROBABILITIES

__all__ = ["RULE"]

RULE = Rule(
    code="LK104",
    name="bce-on-non-probabilities",
    severity=Severity.BUG,
    summary="A binary cross-entropy on probabilities gets what is no probability.",
    why=(
        "BCELoss takes the logarithm of its input and of 1 minus it. Raw scores leave [0, 1]: "
        "PyTorch raises on the CPU, asserts in a kernel on a GPU, and where no score happens "
        "to leave the interval the loss is of no meaning. Of log-probabilities it is the "
        "same."
    ),
    bad="""\
from torch import nn

model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
criterion = nn.BCELoss()


def step(inputs, labels):
    return criterion(model(inputs), labels)
""",
    good="""\
from torch import nn

model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
criterion = nn.BCEWithLogitsLoss()


def step(inputs, labels):
    return criterion(model(inputs), labels)
""",
    mend="Take BCEWithLogitsLoss, which applies the sigmoid itself.",
    sources=(
        Source(
            "PyTorch, torch.nn.BCELoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.BCELoss.html",
        ),
        Source(
            "PyTorch, torch.nn.BCEWithLogitsLoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.BCEWithLogitsLoss.html",
        ),
    ),
    tools=(Tool.LINT, Tool.CHECK, Tool.WATCH),
    fixes=Fixes.UNSAFE,
)


def on_logarithm(log: Logarithm) -> Iterator[Seen]:
    """Look at ``log(1 - x)`` of what is no probability."""
    value = log.value
    if value.kind is Kind.RAW and value.complement and value.flow is Flow.MODEL:
        yield Seen(
            f"the logarithm of 1 minus {value.kind}, which is nan where a score is above 1",
            value.trail,
            "the logarithm is taken",
        )


def on_loss_call(call: LossCall) -> Iterator[Seen]:
    """Look at what a cross-entropy on probabilities takes."""
    if call.face.contract is not PROBABILITIES:
        return
    if not (call.face.of_labels or call.face.of_classes):
        return
    found, severity = call.found(call.input, lambda tensor: breaks(tensor.kind, PROBABILITIES))
    if found is not None:
        yield Seen(
            f"{call.face.name} takes probabilities, and gets {found.kind}",
            found.trail,
            f"{call.face.name} takes it as a probability",
            severity,
        )
