"""LK183: weight for pos weight."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from losskit.check.findings import Fix, Fixes, Rule, Severity, Source, Tool
from losskit.check.lint.facts import LossBuilt
from losskit.check.lint.kinds import Kind
from losskit.check.lint.seen import Seen, replacing
from losskit.check.lint.values import Tensor
from losskit.core.contracts import LOGITS

__all__ = ["RULE"]

RULE = Rule(
    code="LK183",
    name="weight-for-pos-weight",
    severity=Severity.SUSPICIOUS,
    summary=(
        "A weight that was meant for the positives weighs all examples, or class weights grow "
        "with frequency."
    ),
    why=(
        "BCE's weight multiplies both labels' costs alike, so that an imbalance stays as it "
        "was: pos_weight is what weighs positives. Class weights that grow with the count of "
        "a class make the imbalance worse."
    ),
    bad="""\
import torch
from torch import nn

pos_weight = torch.tensor([9.0])
criterion = nn.BCEWithLogitsLoss(pos_weight)
""",
    good="""\
import torch
from torch import nn

pos_weight = torch.tensor([9.0])
criterion = nn.BCEWithLogitsLoss(pos_weight=pos_weight)
""",
    mend=(
        "Name it: pos_weight = negatives / positives. Class weights fall with the count of a class."
    ),
    sources=(
        Source(
            "PyTorch, torch.nn.BCEWithLogitsLoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.BCEWithLogitsLoss.html",
        ),
    ),
    tools=(Tool.LINT, Tool.CHECK),
    fixes=Fixes.UNSAFE,
)


_POSITIVE = re.compile(r"pos(itive)?s?_?(class_?)?(weight|ratio)", re.IGNORECASE)


def on_loss_built(built: LossBuilt) -> Iterator[Seen]:
    """Look at the weights that a loss is built with."""
    face, node = built.face, built.node
    if not isinstance(node, ast.Call) or "weight" not in face.settings:
        return
    keyword = next((one for one in node.keywords if one.arg == "weight"), None)
    given = keyword.value if keyword is not None else (node.args[0] if node.args else None)
    if given is None:
        return
    words = {one.id for one in ast.walk(given) if isinstance(one, ast.Name)}
    words |= {one.attr for one in ast.walk(given) if isinstance(one, ast.Attribute)}
    if face.contract is LOGITS and face.of_labels and any(_POSITIVE.search(word) for word in words):
        fix: Fix | None = None
        text = built.unit.text(given)
        if text:
            whole = keyword if keyword is not None else given
            fix = replacing(built.unit, (whole, f"pos_weight={text}"), safe=False)
        yield Seen(
            f"{face.name}'s weight weighs both labels alike; pos_weight weighs the positives",
            fix=fix,
        )
    value = built.arguments.get(0, "weight")
    if face.per_class and isinstance(value, Tensor) and value.kind is Kind.COUNTS:
        yield Seen(
            f"{face.name}'s weights grow with the count of a class; they should fall with it",
            value.trail,
            f"{face.name} is built with it",
        )
