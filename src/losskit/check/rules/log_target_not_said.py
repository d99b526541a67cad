"""LK124: log target not said."""

from __future__ import annotations

from collections.abc import Iterator

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool
from losskit.check.lint.facts import LossCall
from losskit.check.lint.kinds import IN_LOGS
from losskit.check.lint.seen import Seen

__all__ = ["RULE"]

RULE = Rule(
    code="LK124",
    name="log-target-not-said",
    severity=Severity.BUG,
    summary="The target of a KL divergence is in log space, and the loss is not told.",
    why=(
        "Without log_target=True the target is taken for probabilities: logarithms of "
        "negative numbers become NaN or, where the loss guards against them, 0."
    ),
    bad="""\
import torch.nn.functional as F


def step(student, teacher, inputs):
    p = F.log_softmax(student(inputs), dim=1)
    q = F.log_softmax(teacher(inputs).detach(), dim=1)
    return F.kl_div(p, q, reduction="batchmean")
""",
    good="""\
import torch.nn.functional as F


def step(student, teacher, inputs):
    p = F.log_softmax(student(inputs), dim=1)
    q = F.log_softmax(teacher(inputs).detach(), dim=1)
    return F.kl_div(p, q, reduction="batchmean", log_target=True)
""",
    mend="Say log_target=True, or give probabilities.",
    sources=(
        Source(
            "PyTorch, torch.nn.KLDivLoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.KLDivLoss.html",
        ),
    ),
    tools=(Tool.LINT, Tool.CHECK, Tool.WATCH),
    fixes=Fixes.UNSAFE,
)


def on_loss_call(call: LossCall) -> Iterator[Seen]:
    """Look at the target of a KL divergence."""
    if not call.face.of_distributions or call.setting("log_target") or call.unsettled("log_target"):
        return
    found = call.seen("target", lambda tensor: tensor.kind in IN_LOGS)
    if found is None or call.seen(call.input, lambda tensor: tensor.kind in IN_LOGS) is None:
        return
    yield Seen(
        f"{call.face.name} takes probabilities as its target, and gets {found.kind}",
        found.trail,
        f"{call.face.name} takes it as probabilities",
    )
