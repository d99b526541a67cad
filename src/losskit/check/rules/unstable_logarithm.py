"""LK172: unstable logarithm."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losskit.check.findings import Fix, Fixes, Rule, Severity, Source, Tool
from losskit.check.lint.facts import Logarithm
from losskit.check.lint.kinds import Kind
from losskit.check.lint.seen import Seen, inner, replacing

__all__ = ["RULE"]

RULE = Rule(
    code="LK172",
    name="unstable-logarithm",
    severity=Severity.SUSPICIOUS,
    summary="A logarithm is taken of a softmax, of a sigmoid, or of 1 minus one.",
    why=(
        "Where the probability rounds to 0, its logarithm is -inf and the gradient NaN. In "
        "float32 that happens at logits of about -104, in float16 at -17."
    ),
    bad="""\
import torch


def loss(logits, target):
    return -(target * torch.log(torch.softmax(logits, dim=1))).sum(dim=1).mean()
""",
    good="""\
import torch


def loss(logits, target):
    return -(target * torch.log_softmax(logits, dim=1)).sum(dim=1).mean()
""",
    mend="Take log_softmax, logsigmoid, or a loss that takes logits.",
    sources=(
        Source(
            "PyTorch, torch.nn.functional.log_softmax",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.log_softmax.html",
        ),
        Source(
            "PyTorch, torch.nn.functional.logsigmoid",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.logsigmoid.html",
        ),
    ),
    tools=(Tool.LINT,),
    fixes=Fixes.SAFE,
)


def on_logarithm(log: Logarithm) -> Iterator[Seen]:
    """Look at what a logarithm is taken of."""
    value = log.value
    if value.kind is Kind.SOFTMAX and not value.complement:
        yield Seen(
            f"the logarithm of {value.kind} is -inf where a probability rounds to 0; take "
            "log_softmax",
            value.trail,
            "the logarithm is taken",
            fix=_fixed(log),
        )
    elif value.kind is Kind.RATIO:
        yield Seen(
            f"the logarithm of {value.kind} overflows where a score is large; take logsumexp of "
            "the scores, or a cross-entropy",
            value.trail,
            "the logarithm is taken",
        )
    elif value.kind is Kind.SIGMOID:
        what = "1 minus the output of a sigmoid" if value.complement else str(value.kind)
        mend = "logsigmoid of minus the logit" if value.complement else "logsigmoid"
        yield Seen(
            f"the logarithm of {what} is -inf where it rounds to 0; take {mend}",
            value.trail,
            "the logarithm is taken",
        )


def _fixed(log: Logarithm) -> Fix | None:
    """Turn ``torch.log(F.softmax(x, dim=1))`` into ``F.log_softmax(x, dim=1)``."""
    node = log.node
    softmax = inner(node, {"log"})
    if not isinstance(node, ast.Call) or not isinstance(softmax, ast.Call):
        return None
    function = softmax.func
    if not isinstance(function, ast.Attribute) or function.attr != "softmax" or node.keywords:
        return None
    if not isinstance(function.value, ast.Name) or function.value.id not in {"F", "torch"}:
        return None
    text = log.unit.text(softmax)
    start = log.unit.text(function)
    if not text.startswith(start):
        return None
    return replacing(
        log.unit, (node, f"{function.value.id}.log_softmax{text[len(start) :]}"), safe=True
    )
