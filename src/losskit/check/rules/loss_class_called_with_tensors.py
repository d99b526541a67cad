"""LK131: loss class called with tensors."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool
from losskit.check.lint.containers import Made
from losskit.check.lint.facts import LossBuilt, OwnLossBuilt
from losskit.check.lint.kinds import Flow, Kind
from losskit.check.lint.losses import LossFace
from losskit.check.lint.names import leaf_of
from losskit.check.lint.seen import Seen, replacing
from losskit.check.lint.units import Unit
from losskit.check.lint.values import Const, Tensor, Unknown, Value

__all__ = ["RULE"]

RULE = Rule(
    code="LK131",
    name="loss-class-called-with-tensors",
    severity=Severity.BUG,
    summary="The class of a loss is called with tensors, as if it were its function.",
    why=(
        "The call builds a module with the tensors as its settings; no loss is computed. "
        "Depending on the class it raises at once, or at backward()."
    ),
    bad="""\
from torch import nn


def step(model, inputs, labels):
    loss = nn.MSELoss(model(inputs), labels)
    loss.backward()
""",
    good="""\
from torch import nn


def step(model, inputs, labels):
    loss = nn.MSELoss()(model(inputs), labels)
    loss.backward()
""",
    mend="Build the loss first and then call it, or take its function in torch.nn.functional.",
    sources=(
        Source(
            "PyTorch, torch.nn.MSELoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.MSELoss.html",
        ),
    ),
    tools=(Tool.LINT,),
    fixes=Fixes.SAFE,
)


_ARGUMENTS = frozenset({"input", "target", "inputs", "targets", "logits", "labels"})
"""What losses take, here and elsewhere, and no class of a loss is built with."""

_TENSORS = re.compile(
    r"(^|[._])(outputs?|predictions?|preds?|logits|y_pred|y_hat|yhat|labels?|targets?|y|y_true|"
    r"scores?)$"
)


def on_loss_built(built: LossBuilt) -> Iterator[Seen]:
    """Look at what the class of a loss is called with."""
    given = built.arguments.positional
    if built.face.library == "Keras" and len(given) == 2 and _are_losses_own(given):
        # Of which the first is how it is reduced, and the second what it is called.
        yield Seen(f"{built.face.name} is a class: build it first, and then call it")
        return
    if built.face.library != "torch" or built.face.twin is None:
        return
    named = built.arguments.named.keys() & _ARGUMENTS
    if named:
        said = " and ".join(sorted(named))
        yield Seen(f"{built.face.name} is a class, and takes {said} only once it is built")
        return
    if len(given) < 2:
        return
    certain = [_is_tensor(value) for value in given[:2]]
    # The first argument of some losses is a tensor of weights, but none that a model gives.
    output = isinstance(given[0], (Tensor, Unknown)) and given[0].flow is Flow.MODEL
    node = built.node
    if isinstance(node, ast.Call) and leaf_of(node.func) == built.face.name:
        # What is kept under another name may be an object by then.
        output = output or (_is_output(given[0]) and not isinstance(given[1], Const))
    if not (
        output
        or (certain[1] and (certain[0] or built.face.settings))
        or (_takes_flags_only(built.face) and _are_no_flags(node, given))
    ):
        return
    fix, severity = None, None
    if isinstance(node, ast.Call):
        function = built.unit.text(node.func)
        fix = replacing(built.unit, (node.func, f"{function}()"), safe=True) if function else None
        if isinstance(node.func, ast.Name) and _is_parameter(built.unit, node, node.func.id):
            # What is called is a default, in the place of which others may give an object.
            fix, severity = None, Severity.SUSPICIOUS
    yield Seen(
        f"{built.face.name} is a class: build it first, as in {built.face.name}()(input, target)",
        severity=severity,
        fix=fix,
    )


def on_own_loss_built(built: OwnLossBuilt) -> Iterator[Seen]:
    """Look at what a loss of the code's own is built with: more than it takes, and an output."""
    given = built.arguments
    too_many = len(given.positional) > len(built.settings) and not given.open
    if too_many and 1 < len(given.positional) <= len(built.inputs) and _is_taken(given.positional):
        yield Seen(f"{built.name} is a class: build it first, and then call it")


def _is_taken(given: tuple[Value, ...]) -> bool:
    """Whether some argument is an output, and none a setting."""
    outputs = [
        _is_output(one) or (isinstance(one, (Tensor, Unknown)) and one.flow is Flow.MODEL)
        for one in given
    ]
    return any(outputs) and all(isinstance(one, (Tensor, Unknown)) for one in given)


def _takes_flags_only(face: LossFace) -> bool:
    """Whether nothing but how it is reduced says what a loss is built to be."""
    return not face.kind.parameters() and not face.settings


def _are_no_flags(node: ast.AST, given: tuple[Value, ...]) -> bool:
    """Whether arguments are called by names of which none says how something is reduced."""
    written = node.args if isinstance(node, ast.Call) else []
    return (
        len(written) == 2
        and all(isinstance(one, (Tensor, Unknown)) for one in given)
        and all(
            isinstance(one, (ast.Name, ast.Attribute)) and _FLAGS.search(leaf_of(one)) is None
            for one in written
        )
    )


_FLAGS = re.compile(r"average|avg|reduc|mean|sum|size|flag|arg|option|^[a-z]$", re.IGNORECASE)
"""Names of what says how a loss is reduced, or may."""

_OUTPUTS = re.compile(r"(^|[._])(outputs?|predictions?|preds?|logits|y_?(pred|hat))$")


def _is_output(value: Value) -> bool:
    """Whether something is an output by its name, or a layer, which was meant to be called."""
    if isinstance(value, Unknown):
        return bool(_OUTPUTS.search(value.name))
    return isinstance(value, Made) and value.face is None


def _are_losses_own(given: tuple[Value, ...]) -> bool:
    """Whether two arguments are what a loss takes, one of them from a model."""
    flows = [one.flow for one in given if isinstance(one, (Tensor, Unknown))]
    return len(flows) == 2 and Flow.MODEL in flows


def _is_parameter(unit: Unit, node: ast.Call, name: str) -> bool:
    """Whether a name is a parameter of the function that a call stands in."""
    return any(
        isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef))
        and one.lineno <= node.lineno <= (one.end_lineno or one.lineno)
        and any(argument.arg == name for argument in (*one.args.args, *one.args.kwonlyargs))
        for one in ast.walk(unit.tree)
    )


def _is_tensor(value: Value) -> bool:
    if isinstance(value, Tensor):
        return value.kind not in {Kind.COUNTS} and (
            value.flow is not Flow.UNKNOWN or value.kind is not Kind.UNKNOWN
        )
    if isinstance(value, Unknown):
        return value.flow is not Flow.UNKNOWN or bool(_TENSORS.search(value.name))
    return False
