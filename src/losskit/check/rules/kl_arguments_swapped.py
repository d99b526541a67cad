"""LK123: kl arguments swapped."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool
from losskit.check.lint.facts import LossCall
from losskit.check.lint.kinds import IN_LOGS, PROBABLE, Flow
from losskit.check.lint.seen import Seen, replacing
from losskit.check.lint.values import UNKNOWN, flow_of

__all__ = ["RULE"]

RULE = Rule(
    code="LK123",
    name="kl-arguments-swapped",
    severity=Severity.BUG,
    summary="Input and target of a KL divergence are exchanged.",
    why=(
        "kl_div(input, target) takes the model's log-probabilities first and the truth, as "
        "probabilities, second. Exchanged, logarithms are taken of what is in log space "
        "already, or the gradient flows through the wrong argument."
    ),
    bad="""\
import torch.nn.functional as F


def step(student, teacher, inputs):
    p = F.log_softmax(student(inputs), dim=1)
    q = F.softmax(teacher(inputs).detach(), dim=1)
    return F.kl_div(q, p, reduction="batchmean")
""",
    good="""\
import torch.nn.functional as F


def step(student, teacher, inputs):
    p = F.log_softmax(student(inputs), dim=1)
    q = F.softmax(teacher(inputs).detach(), dim=1)
    return F.kl_div(p, q, reduction="batchmean")
""",
    mend="Give the model's log-probabilities first, then the probabilities of the truth.",
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
    """Look at both arguments of a KL divergence."""
    if not call.face.of_distributions or call.unsettled("log_target"):
        return
    in_logs = call.setting("log_target") is True
    target = call.seen("target", lambda tensor: tensor.kind in IN_LOGS)
    found = call.seen(call.input, lambda tensor: tensor.kind in PROBABLE)
    if target is not None and found is not None and not in_logs:
        nodes = [call.nodes.get(name) for name in (call.input, "target")]
        fix = None
        if nodes[0] is not None and nodes[1] is not None:
            texts = [call.unit.text(node) for node in nodes if node is not None]
            edits = ((nodes[0], texts[1]), (nodes[1], texts[0]))
            fix = replacing(call.unit, *edits, safe=False)
        yield Seen(
            f"{call.face.name} gets probabilities as its input and log-probabilities as its target",
            found.trail,
            f"{call.face.name} takes it as its input, and logarithms as its target",
            fix=fix,
        )
        return
    if _named(call, call.input) == "teacher" and _named(call, "target") == "student":
        yield Seen(
            f"{call.face.name} takes the student as its input, and gets the teacher there",
            severity=Severity.SUSPICIOUS,
        )
        return
    found = call.seen(call.input, lambda tensor: tensor.flow is Flow.CUT)
    target = call.seen(
        "target",
        lambda tensor: (
            tensor.kind in (IN_LOGS if in_logs else PROBABLE)
            and tensor.flow in {Flow.MODEL, Flow.UNKNOWN}
        ),
    )
    flows = [flow_of(call.values.get(name, UNKNOWN)) for name in (call.input, "target")]
    backwards = (
        f"{call.face.name} gets what has no gradient as its input, and what has one as its target"
    )
    if target is not None and found is not None:
        yield Seen(
            backwards,
            found.trail,
            f"{call.face.name} takes it as the model's output",
            Severity.SUSPICIOUS if found.kind in IN_LOGS else None,
        )
    elif flows == [Flow.CUT, Flow.MODEL]:
        # Of a teacher's logarithms it is the reverse divergence, which may be meant.
        yield Seen(backwards, severity=Severity.SUSPICIOUS)


def _named(call: LossCall, argument: str) -> str:
    """Whose output an argument is by the names in it; nothing, where it names both."""
    node = call.nodes.get(argument)
    text = "" if node is None else ast.unparse(node).lower()
    found = [word for word in ("teacher", "student") if word in text]
    return found[0] if len(found) == 1 else ""
