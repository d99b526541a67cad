"""LK183: weight for pos weight."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from losskit.check.findings import Fix, Fixes, Rule, Severity, Source, Tool
from losskit.check.lint.facts import LossBuilt, LossCall
from losskit.check.lint.kinds import Kind
from losskit.check.lint.losses import LossFace
from losskit.check.lint.names import leaf_of
from losskit.check.lint.seen import Seen, replacing
from losskit.check.lint.values import Tensor
from losskit.core.contracts import LOGITS, PROBABILITIES

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


_POSITIVE = re.compile(
    r"pos(itive)?s?_?(class_?)?(weight|ratio)|(^|_)(ratio|imbalance)s?$|neg(ative)?s?_(to|over)_pos",
    re.IGNORECASE,
)
_COUNTED = re.compile(r"(^|_)(counts?|freqs?|frequenc(y|ies)|percent(age)?s?)$", re.IGNORECASE)


def on_loss_built(built: LossBuilt) -> Iterator[Seen]:
    """Look at the weights that a loss is built with."""
    face, node = built.face, built.node
    if not isinstance(node, ast.Call) or "weight" not in face.settings:
        return
    keyword = next((one for one in node.keywords if one.arg == "weight"), None)
    given = keyword.value if keyword is not None else (node.args[0] if node.args else None)
    if given is None:
        return
    words = _words(given)
    labels = face.contract is LOGITS and face.of_labels
    if _weighs_both(face, words):
        yield Seen(f"{face.name}'s weight weighs both labels alike; it has no weight of positives")
    value = built.arguments.get(0, "weight")
    one = isinstance(value, Tensor) and value.rank == value.last == 1
    named = any(_POSITIVE.search(word) for word in words) or _is_negatives(given)
    if labels and (named or one):
        fix: Fix | None = None
        text = built.unit.text(given)
        if text:
            whole = keyword if keyword is not None else given
            fix = replacing(built.unit, (whole, f"pos_weight={text}"), safe=False)
        yield Seen(
            f"{face.name}'s weight weighs both labels alike; pos_weight weighs the positives",
            fix=fix,
        )
    counted = isinstance(value, Tensor) and value.kind is Kind.COUNTS
    if face.per_class and (counted or _is_counts(given)):
        yield Seen(
            f"{face.name}'s weights grow with the count of a class; they should fall with it",
            value.trail if isinstance(value, Tensor) else None,
            f"{face.name} is built with it",
        )


def on_loss_call(call: LossCall) -> Iterator[Seen]:
    """Look at the weights that a function takes."""
    face = call.face
    for one in call.node.keywords if isinstance(call.node, ast.Call) else ():
        if one.arg == "weight" and _weighs_both(face, _words(one.value)):
            text = f"{face.name}'s weight weighs both labels alike; it has no weight of positives"
            yield Seen(text)


def _weighs_both(face: LossFace, words: set[str]) -> bool:
    """Whether a loss of probabilities gets the weight of the positives for all labels."""
    return face.contract is PROBABILITIES and face.of_labels and "pos_weight" in words


def _words(node: ast.expr) -> set[str]:
    names = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    return names | {one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute)}


def _is_negatives(node: ast.expr) -> bool:
    """Whether the number of negatives is divided by that of positives."""
    return any(
        isinstance(one, ast.BinOp)
        and isinstance(one.op, ast.Div)
        and _about(one.left, "neg")
        and _about(one.right, "pos")
        for one in ast.walk(node)
    )


def _about(node: ast.expr, word: str) -> bool:
    return any(isinstance(one, ast.Name) and word in one.id.lower() for one in ast.walk(node))


def _is_counts(node: ast.expr) -> bool:
    """Whether something is called counts, and nothing is computed from it."""
    while isinstance(node, ast.Call):
        leaf = leaf_of(node.func)
        if isinstance(node.func, ast.Attribute) and leaf in {"float", "to", "cuda", "type"}:
            node = node.func.value
        elif node.args and leaf in {"tensor", "Tensor", "FloatTensor", "as_tensor", "from_numpy"}:
            node = node.args[0]
        else:
            return False
    return bool(_COUNTED.search(leaf_of(node)))
