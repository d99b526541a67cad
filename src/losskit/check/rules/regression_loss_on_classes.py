"""LK181: regression loss on classes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool
from losskit.check.lint.facts import LossCall
from losskit.check.lint.kinds import Flow, Kind
from losskit.check.lint.seen import Seen
from losskit.check.lint.values import Tensor, Unknown

__all__ = ["RULE"]

RULE = Rule(
    code="LK181",
    name="regression-loss-on-classes",
    severity=Severity.SUSPICIOUS,
    summary="A regression loss gets classes: softmax outputs, or the index of the largest.",
    why=(
        "Where the model is confidently wrong, the squared error of a softmax has almost no "
        "gradient; class indices have no order that a squared error could measure."
    ),
    bad="""\
import torch.nn.functional as F
from torch import nn

model = nn.Sequential(nn.Linear(8, 3), nn.Softmax(dim=1))
criterion = nn.MSELoss()


def step(inputs, labels):
    return criterion(model(inputs), F.one_hot(labels, 3).float())
""",
    good="""\
from torch import nn

model = nn.Sequential(nn.Linear(8, 3))
criterion = nn.CrossEntropyLoss()


def step(inputs, labels):
    return criterion(model(inputs), labels)
""",
    mend="Take cross-entropy on the logits.",
    sources=(
        Source(
            "PyTorch, torch.nn.MSELoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.MSELoss.html",
        ),
        Source(
            "PyTorch, torch.nn.CrossEntropyLoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html",
        ),
    ),
    tools=(Tool.LINT, Tool.CHECK, Tool.WATCH),
    fixes=Fixes.NEVER,
)


def on_loss_call(call: LossCall) -> Iterator[Seen]:
    """Look at what a loss of numbers takes."""
    if not call.face.of_numbers or "target" not in call.values:
        return
    indices = call.seen(call.input, lambda tensor: tensor.kind is Kind.INDICES)
    if indices is not None:
        yield Seen(
            f"{call.face.name} gets {indices.kind} as if they were amounts",
            indices.trail,
            f"{call.face.name} takes them",
        )
        return
    found = call.seen(
        call.input, lambda tensor: tensor.kind in {Kind.SOFTMAX, Kind.RAW, Kind.LOG_SOFTMAX}
    )
    if found is None:
        return
    target = call.seen(
        "target",
        lambda tensor: tensor.kind in {Kind.ONE_HOT, Kind.INDICES} and tensor.flow is not Flow.CUT,
    )
    against = _made_of_classes(call, found) if target is None else target.kind
    if against:
        yield Seen(
            f"{call.face.name} holds {found.kind} against {against}; cross-entropy takes logits "
            "and classes",
            found.trail,
            f"{call.face.name} takes it",
        )


_ONE_HOT = re.compile(r"\b(?:np|numpy|torch)\.eye\(|\bone_hot\(|\bto_categorical\(")


def _made_of_classes(call: LossCall, given: Tensor) -> str:
    """Tell what a target is by what the file makes: data that come as rows for a softmax."""
    target = call.values["target"]
    flow = target.flow if isinstance(target, (Tensor, Unknown)) else Flow.CUT
    blank = not isinstance(target, Tensor) or target.kind is Kind.UNKNOWN
    activated = given.flow is Flow.MODEL and given.kind in {Kind.SOFTMAX, Kind.LOG_SOFTMAX}
    if not blank or not activated or flow not in {Flow.DATA, Flow.UNKNOWN}:
        return ""
    if _ONE_HOT.search(call.unit.source) or _picks_class(call):
        return Kind.ONE_HOT
    return "the targets of the data" if flow is Flow.DATA else ""


def _picks_class(call: LossCall) -> bool:
    """Whether the file takes the largest entry of the target, as of one-hot rows."""
    node = call.nodes.get("target")
    if not isinstance(node, ast.Name):
        return False
    name = re.escape(node.id)
    pattern = rf"\b(?:arg)?max\({name}\s*,\s*(?:dim=|axis=)?-?1|\b{name}\.argmax\("
    return re.search(pattern, call.unit.source) is not None
