"""LK122: kl mean over classes."""

from __future__ import annotations

from collections.abc import Iterator

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool
from losskit.check.lint.facts import Averaged, LossCall
from losskit.check.lint.seen import Seen

__all__ = ["RULE"]

RULE = Rule(
    code="LK122",
    name="kl-mean-over-classes",
    severity=Severity.SUSPICIOUS,
    summary="A KL divergence is divided by the number of classes too.",
    why=(
        'The default reduction "mean" divides by all elements, so that the loss is the '
        "divergence divided by the number of classes: beside another loss it hardly counts. "
        "The divergence per row is the sum over the classes."
    ),
    bad="""\
import torch.nn.functional as F


def step(student, teacher, inputs):
    p = F.log_softmax(student(inputs), dim=1)
    q = F.softmax(teacher(inputs).detach(), dim=1)
    return F.kl_div(p, q)
""",
    good="""\
import torch.nn.functional as F


def step(student, teacher, inputs):
    p = F.log_softmax(student(inputs), dim=1)
    q = F.softmax(teacher(inputs).detach(), dim=1)
    return F.kl_div(p, q, reduction="batchmean")
""",
    mend='Say reduction="batchmean", or sum over the classes before the mean.',
    sources=(
        Source(
            "PyTorch, torch.nn.KLDivLoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.KLDivLoss.html",
        ),
        Source(
            "KLDivLoss averages over classes (pytorch#6622)",
            "https://github.com/pytorch/pytorch/issues/6622",
        ),
    ),
    tools=(Tool.LINT, Tool.CHECK, Tool.WATCH),
    fixes=Fixes.UNSAFE,
)


def on_loss_call(call: LossCall) -> Iterator[Seen]:
    """Look at how a KL divergence is reduced."""
    twin = call.face.twin
    if not call.face.of_distributions or twin is None or not twin.batchmean:
        return
    if any(call.unsettled(name) for name in ("reduction", "size_average", "reduce")):
        return
    if call.setting("reduction") in {None, "mean"}:
        yield Seen(
            f"{call.face.name} is divided by the number of classes too; "
            'reduction="batchmean" gives the divergence per row'
        )


def on_averaged(mean: Averaged) -> Iterator[Seen]:
    """Look at a mean of a KL divergence's terms."""
    if mean.call.face.of_distributions:
        yield Seen(
            f"the mean of {mean.call.face.name}'s terms divides by the number of classes; "
            "sum over the classes first"
        )
