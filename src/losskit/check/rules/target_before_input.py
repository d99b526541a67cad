"""LK142: target before input."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool
from losskit.check.lint.blocks import mentioning
from losskit.check.lint.facts import LossCall, Scanned
from losskit.check.lint.kinds import IN_LOGS, PROBABLE, Flow, Kind
from losskit.check.lint.names import MAKERS, leaf_of
from losskit.check.lint.seen import Seen, replacing
from losskit.check.lint.values import Tensor, Unknown, Value, flow_of
from losskit.core.contracts import LOG_PROBABILITIES, LOGITS, PROBABILITIES

__all__ = ["RULE"]

RULE = Rule(
    code="LK142",
    name="target-before-input",
    severity=Severity.BUG,
    summary="A loss gets the target first and the model's output second.",
    why=(
        "Losses take (input, target). Cross-entropy of exchanged arguments raises or reads "
        "labels as logits; BCE takes logarithms of labels, clipped to -100, and has no useful "
        "gradient. Squared and absolute errors are the same either way, so of them nothing is "
        "said."
    ),
    bad="""\
import torch
import torch.nn.functional as F


def step(model, inputs, labels):
    probabilities = torch.sigmoid(model(inputs))
    return F.binary_cross_entropy(labels.float(), probabilities)
""",
    good="""\
import torch
import torch.nn.functional as F


def step(model, inputs, labels):
    probabilities = torch.sigmoid(model(inputs))
    return F.binary_cross_entropy(probabilities, labels.float())
""",
    mend="Exchange them.",
    sources=(
        Source(
            "PyTorch, torch.nn.functional.binary_cross_entropy",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.binary_cross_entropy.html",
        ),
    ),
    tools=(Tool.LINT, Tool.CHECK, Tool.WATCH),
    fixes=Fixes.UNSAFE,
)


_LABELS = re.compile(
    r"(^|[._])(labels?|labs?|targets?|tgts?|y|yb|y_batch|y_true|ytrue|gt|ground_truth|"
    r"truth)$"
)
_TRUTH = re.compile(r"^((gt|target|label|y_true|true|ground_truth)s?(_|$)|y$)")
_GUESS = re.compile(r"^(pred|prediction|output|logit|recon|y_hat|y_pred)s?(_|$)")
_SCORES = re.compile(r"(^|_)logits?(_|$)")
_BACKEND = re.compile(r"(\w+\.)*(K|backend)\.\w+$")
_ASYMMETRIC = (LOGITS, PROBABILITIES, LOG_PROBABILITIES)


def on_loss_call(call: LossCall) -> Iterator[Seen]:
    """Look at both arguments of a loss whose arguments are not alike."""
    if call.face.contract not in _ASYMMETRIC or "target" not in call.values:
        return
    if call.face.of_distributions:
        return
    given, target = call.values[call.input], call.values["target"]
    named = _called(call.nodes.get(call.input), _TRUTH) and _called(
        call.nodes.get("target"), _GUESS
    )
    compared = isinstance(given, Tensor) and given.kind is Kind.MULTI_HOT
    compared = compared and call.face.contract is LOGITS
    named = named or (compared and _called(call.nodes.get("target"), _SCORES))
    learnt = compared and flow_of(target) is Flow.MODEL
    first = _is_data(given) or _is_input(given, target) or learnt
    if not named and not (first and (learnt or _is_output(target))):
        return
    nodes = [call.nodes.get(name) for name in (call.input, "target")]
    fix = None
    if nodes[0] is not None and nodes[1] is not None:
        texts = [call.unit.text(node) for node in nodes if node is not None]
        fix = replacing(call.unit, (nodes[0], texts[1]), (nodes[1], texts[0]), safe=False)
    sure = (
        _is_data(given)
        and isinstance(target, Tensor)
        and target.kind in PROBABLE | IN_LOGS | {Kind.RAW}
    )
    ours, theirs = "the model's output first", "the target"
    if call.face.input:
        ours, theirs = "the target first", "the model's output"
    # Keras' backend took the output first until 2.0.6.
    function = call.node.func if isinstance(call.node, ast.Call) else None
    old = function is not None and _BACKEND.match(ast.unparse(function)) is not None
    sure = (sure or _is_input(given, target) or learnt) and not old
    yield Seen(
        f"{call.face.name} takes {ours}, and gets {theirs} there",
        target.trail if isinstance(target, Tensor) else None,
        f"{call.face.name} takes it as its target",
        None if sure else Severity.SUSPICIOUS,
        fix=fix,
    )


_LOSS = re.compile(r"loss|entropy|criterion|bce|nll|focal", re.IGNORECASE)


def on_file(file: Scanned) -> Iterator[Seen]:
    """Look at calls of losses that the file defines."""
    defined: dict[str, list[str]] = {}
    for node in file.unit.tree.body:
        if isinstance(node, ast.FunctionDef) and _LOSS.search(node.name):
            defined[node.name] = [one.arg for one in node.args.args]
    if not defined:
        return
    called = re.compile(rf"\b(?:{'|'.join(defined)})\(")
    for call in mentioning(file.unit, called):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
            names = defined.get(call.func.id, [])
            if len(names) > 1 and len(call.args) > 1 and _crossed(names, call.args):
                yield Seen(
                    f"{call.func.id}() takes {names[0]} and {names[1]}, and gets them the other "
                    "way round",
                    severity=Severity.SUSPICIOUS,
                    node=call,
                )


def _crossed(names: list[str], given: list[ast.expr]) -> bool:
    """Whether what is given is called as the other parameter is."""
    patterns = [_TRUTH, _GUESS]
    if _GUESS.search(names[0]):
        patterns.reverse()
    first, second = patterns
    return (
        bool(first.search(names[0]))
        and bool(second.search(names[1]))
        and _called(given[0], second)
        and _called(given[1], first)
    )


def _called(node: ast.AST | None, names: re.Pattern[str]) -> bool:
    """Whether an argument is called so in the source."""
    while isinstance(node, (ast.Attribute, ast.Call, ast.Subscript)):
        if isinstance(node, ast.Attribute) and names.search(node.attr):
            return True
        if isinstance(node, ast.Call) and node.args and leaf_of(node.func) in _KEEPING:
            node = node.args[0]
            continue
        node = node.func if isinstance(node, ast.Call) else node.value
    return isinstance(node, ast.Name) and bool(names.search(node.id))


_KEEPING = MAKERS | {"from_numpy", "Variable"}


def _is_data(value: Value) -> bool:
    if not isinstance(value, (Tensor, Unknown)) or value.flow in {Flow.MODEL, Flow.CUT}:
        return False
    if isinstance(value, Tensor) and value.kind in {Kind.ONE_HOT, Kind.INDICES}:
        return value.flow is Flow.DATA
    if isinstance(value, Tensor) and value.kind is not Kind.UNKNOWN:
        return False
    return bool(_LABELS.search(value.name))


def _is_input(given: Value, target: Value) -> bool:
    """Whether data that no model saw stand where its output belongs, which stands behind them."""
    blank = not isinstance(given, Tensor) or given.kind is Kind.UNKNOWN
    return blank and flow_of(given) is Flow.DATA and flow_of(target) is Flow.MODEL


def _is_output(value: Value) -> bool:
    if isinstance(value, Tensor) and value.kind in PROBABLE | IN_LOGS | {Kind.RAW}:
        # Where no gradient is kept, as in an evaluation, it is the model's output as well.
        return value.flow is not Flow.CUT or value.cut is None
    return flow_of(value) is Flow.MODEL
