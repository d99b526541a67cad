"""LK111: nll without log probabilities."""

from __future__ import annotations

from collections.abc import Iterator

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool
from losskit.check.lint.facts import Logarithm, LossCall
from losskit.check.lint.kinds import Kind, breaks
from losskit.check.lint.seen import Seen, logged
from losskit.core.contracts import LOG_PROBABILITIES

__all__ = ["RULE"]

RULE = Rule(
    code="LK111",
    name="nll-without-log-probabilities",
    severity=Severity.BUG,
    summary=(
        "A negative log-likelihood gets probabilities or raw scores instead of log-probabilities."
    ),
    why=(
        "NLLLoss only picks the target's entry and changes its sign. Of probabilities it lies "
        "between -1 and 0 and has a gradient that does not grow where the model is wrong; of "
        "raw scores it falls without limit."
    ),
    bad="""\
import torch.nn.functional as F


def step(model, inputs, labels):
    return F.nll_loss(F.softmax(model(inputs), dim=1), labels)
""",
    good="""\
import torch.nn.functional as F


def step(model, inputs, labels):
    return F.nll_loss(F.log_softmax(model(inputs), dim=1), labels)
""",
    mend="Apply log_softmax, or take CrossEntropyLoss on the logits.",
    sources=(
        Source(
            "PyTorch, torch.nn.NLLLoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.NLLLoss.html",
        ),
    ),
    tools=(Tool.LINT, Tool.CHECK, Tool.WATCH),
    fixes=Fixes.UNSAFE,
)


def on_logarithm(log: Logarithm) -> Iterator[Seen]:
    """Look for a likelihood by hand: the logarithm of the score of the target's class."""
    if log.value.kind is Kind.RAW and not log.value.complement:
        yield Seen(
            "the logarithm of raw scores is NaN where they are negative; take log_softmax of all "
            "of them before one is chosen",
            log.value.trail,
            "the logarithm is taken",
        )


def on_loss_call(call: LossCall) -> Iterator[Seen]:
    """Look at what a negative log-likelihood takes."""
    if call.face.contract is not LOG_PROBABILITIES or not call.face.of_classes:
        return
    found, severity = call.found(call.input, lambda tensor: breaks(tensor.kind, LOG_PROBABILITIES))
    if found is not None:
        if call.setting("reduction") == "none":
            # Some pick the probability of each class by it, as for the weight of a focal loss.
            severity = Severity.SUSPICIOUS
        yield Seen(
            f"{call.face.name} takes log-probabilities, and gets {found.kind}",
            found.trail,
            f"{call.face.name} takes it as log-probabilities",
            severity,
            fix=logged(call),
        )
