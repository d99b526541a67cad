"""LK121: kl input not log."""

from __future__ import annotations

from collections.abc import Iterator

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool
from losskit.check.lint.facts import LossCall
from losskit.check.lint.kinds import IN_LOGS, breaks
from losskit.check.lint.seen import Seen, logged
from losskit.core.contracts import LOG_PROBABILITIES

__all__ = ["RULE"]

RULE = Rule(
    code="LK121",
    name="kl-input-not-log",
    severity=Severity.BUG,
    summary="The input of a KL divergence is not in log space.",
    why=(
        "kl_div takes the model's log-probabilities. Of probabilities the value is no "
        "divergence and may be negative; with raw scores it falls without limit."
    ),
    bad="""\
import torch.nn.functional as F


def step(student, teacher, inputs):
    p = F.softmax(student(inputs), dim=1)
    q = F.softmax(teacher(inputs).detach(), dim=1)
    return F.kl_div(p, q, reduction="batchmean")
""",
    good="""\
import torch.nn.functional as F


def step(student, teacher, inputs):
    p = F.log_softmax(student(inputs), dim=1)
    q = F.softmax(teacher(inputs).detach(), dim=1)
    return F.kl_div(p, q, reduction="batchmean")
""",
    mend="Apply log_softmax to the model's logits.",
    sources=(
        Source(
            "PyTorch, torch.nn.KLDivLoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.KLDivLoss.html",
        ),
        Source(
            "KLDivLoss gives negative values (pytorch#69230)",
            "https://github.com/pytorch/pytorch/issues/69230",
        ),
    ),
    tools=(Tool.LINT, Tool.CHECK, Tool.WATCH),
    fixes=Fixes.UNSAFE,
)


def on_loss_call(call: LossCall) -> Iterator[Seen]:
    """Look at what a KL divergence takes as its input."""
    if not call.face.of_distributions:
        return
    found = call.seen(call.input, lambda tensor: breaks(tensor.kind, LOG_PROBABILITIES))
    in_logs = call.seen("target", lambda tensor: tensor.kind in IN_LOGS) is not None
    if found is None or (in_logs and not call.setting("log_target")):
        # Where the target is in logs, and nothing says so, the two are exchanged.
        return
    yield Seen(
        f"{call.face.name} takes log-probabilities as its input, and gets {found.kind}",
        found.trail,
        f"{call.face.name} takes it as log-probabilities",
        fix=logged(call),
    )
