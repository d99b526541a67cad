"""LK151: gradient cut before the loss."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool
from losskit.check.lint.blocks import statements
from losskit.check.lint.facts import Asked, Backward, LossCall, Returned, Scanned
from losskit.check.lint.idle import idle
from losskit.check.lint.kinds import Flow, Kind
from losskit.check.lint.names import called_loss, takes_loss
from losskit.check.lint.seen import Seen
from losskit.check.lint.tensor_attributes import BY_HAND
from losskit.check.lint.values import NONE, Tensor, Trail, Unknown, flow_of

__all__ = ["RULE"]

RULE = Rule(
    code="LK151",
    name="gradient-cut-before-the-loss",
    severity=Severity.BUG,
    summary="No gradient can pass from the loss to the model.",
    why=(
        "argmax, round, comparisons, .item(), .data, .detach(), NumPy, torch.tensor(...) and "
        "Variable(...) have no gradient. backward() raises, or, where requires_grad was set by "
        "hand, runs and teaches the model nothing. A term of a loss that was computed from what "
        "was detached, as a generator's from features of a detached image, is there in vain."
    ),
    bad="""\
import torch
import torch.nn.functional as F


def step(model, optimizer, inputs, targets):
    counts = model(inputs).round()
    loss = F.mse_loss(counts, targets)
    loss.requires_grad = True
    loss.backward()
    optimizer.step()
""",
    good="""\
import torch
import torch.nn.functional as F


def step(model, optimizer, inputs, targets):
    loss = F.mse_loss(model(inputs), targets)
    loss.backward()
    optimizer.step()
""",
    mend="Compute the loss from the model's output itself, and detach only what is logged.",
    sources=(
        Source(
            "PyTorch, Tensor.detach",
            "https://docs.pytorch.org/docs/stable/generated/torch.Tensor.detach.html",
        ),
    ),
    tools=(Tool.LINT, Tool.WATCH),
    fixes=Fixes.NEVER,
)


def on_loss_call(call: LossCall) -> Iterator[Seen]:
    """Look at outputs that were detached, and given a gradient of their own for the loss."""
    begun = call.seen(call.input, lambda one: one.kind is Kind.LEAF and one.cut is not None)
    if begun is not None and begun.trail is not None:
        yield Seen(
            f"no gradient gets from here to the model: {begun.trail.origin.text}",
            begun.trail,
            f"{call.face.name} takes it",
            Severity.SUSPICIOUS,
        )
    yield from _wrong_side(call)


def _wrong_side(call: LossCall) -> Iterator[Seen]:
    """Look for a value that was detached in the place of what rewards say that it should be."""
    logged = not call.graded or call.setting("reduction") == "none"
    if not call.face.of_numbers or logged:
        # As what steps of a memory are drawn by.
        return
    sides = {name: call.values.get(name) for name in (call.input, "target")}
    for name, other in ((call.input, "target"), ("target", call.input)):
        value, wanted = sides[name], sides[other]
        if not isinstance(value, Tensor) or value.cut is None:
            continue
        passes = flow_of(wanted or NONE) in {Flow.MODEL, Flow.UNKNOWN}
        if not passes or not value.cut.text.startswith("detach"):
            continue
        if _REWARD.search(call.written(other)) and not _REWARD.search(call.written(name)):
            yield Seen(
                "what the model gives is detached, and what rewards say that it should give is not",
                value.cut,
                f"{call.face.name} takes it",
            )


_REWARD = re.compile(
    r"\brew(?:ards?)?(?:_|\b)|_rewards?\b|\bgamma \* .*\(1(?:\.0)? - .*done", re.IGNORECASE
)
"""Rewards, and what is to come after them, which ends with an episode."""


def on_backward(backward: Backward) -> Iterator[Seen]:
    """Look at what backward() is called on, and at the terms of its sum."""
    if backward.value.kind is Kind.LEAF and backward.value.trail is not None:
        yield _begun(backward.value.trail, "backward() is called on it")
    whole = backward.value
    for value in (whole, *whole.lost):
        if value.flow is not Flow.CUT or (value.cut is None and value is not whole):
            # A term of which no step is known that cut it may be of the wrong output: LK152.
            continue
        if value.call is not None and _without_any(value.call):
            yield Seen(
                "no gradient gets from here to the model, whose output was computed without any",
                severity=None if backward.surely else Severity.SUSPICIOUS,
                node=value.call.node,
                unit=value.call.unit,
            )
        elif value.call is None and value.cut is None:
            yield Seen(
                "nothing that this is computed from has a gradient",
                severity=None if backward.surely else Severity.SUSPICIOUS,
            )
        elif value.cut is not None:
            yield Seen(
                f"no gradient gets from here to the model: {value.cut.text}",
                value.cut,
                "backward() is called on what is computed from it",
                None if backward.surely else Severity.SUSPICIOUS,
                node=value.cut.node,
                unit=value.cut.unit,
            )


def _without_any(call: LossCall) -> bool:
    """Whether a loss took a model's output of torch.no_grad(), and nothing else cut it."""
    taken = call.values.get(call.input)
    if isinstance(taken, Unknown):
        return taken.flow is Flow.CUT
    return isinstance(taken, Tensor) and taken.flow is Flow.CUT and taken.cut is None


def _begun(trail: Trail, end: str, *, sure: bool = True) -> Seen:
    """A graph begins at a loss, which has no gradient to hand to anything then."""
    step = trail.origin
    by_hand = step.text == BY_HAND
    return Seen(
        _NEEDLESS if by_hand else f"no gradient gets from here to the model: {step.text}",
        trail,
        end,
        None if sure and not by_hand else Severity.SUSPICIOUS,
        node=step.node,
        unit=step.unit,
    )


_NEEDLESS = "a loss that needs its requires_grad to be set has no gradient to hand to a model"
_STEPS = ("a comparison", "argmax", "argmin", "indices", "round", "floor", "ceil", "sign")


def on_returned(returned: Returned) -> Iterator[Seen]:
    """Look at what a function gives that is called a loss."""
    value = returned.value
    if value.kind is Kind.LEAF and value.trail is not None and returned.as_loss:
        yield _begun(
            value.trail, "it is returned as a loss", sure=takes_loss(value.trail.origin.node)
        )
    for one in (value, *value.lost):
        if one.flow is not Flow.CUT or one.cut is None:
            continue
        term = one is not value
        remade = (term or one.kind is Kind.LOSS) and one.cut.text.startswith("torch.")
        guessed = returned.as_loss and not term and one.cut.text.startswith(_STEPS)
        if remade or guessed or _cut_before(one):
            yield Seen(
                f"no gradient gets from here to the model: {one.cut.text}",
                one.cut,
                "it is returned as a term of a loss" if term else "it is returned as a loss",
                None if remade else Severity.SUSPICIOUS,
                node=one.cut.node,
                unit=one.cut.unit,
            )


def _cut_before(value: Tensor) -> bool:
    """Whether all that a loss took was detached, and not what it gave."""
    if value.kind is not Kind.LOSS or value.call is None:
        return False
    taken = [value.call.values.get(name) for name in (value.call.input, "target")]
    return all(
        isinstance(one, Tensor) and one.cut is not None and one.cut.text.startswith("detach")
        for one in taken
    )


def on_asked(asked: Asked) -> Iterator[Seen]:
    """Look at losses whose requires_grad is set, though they have their gradient."""
    value = asked.value
    if value.flow is Flow.MODEL and (value.kind is Kind.LOSS or value.rank == 0):
        yield Seen(
            "a loss that depends on the model needs no requires_grad; of one that does not, it "
            "only hides it",
            severity=Severity.REDUNDANT,
        )


def on_file(file: Scanned) -> Iterator[Seen]:
    """Look for optimizers of models to which no gradient gets."""
    for one in idle(file.unit):
        if one.cut:
            yield Seen(
                f"no gradient gets from here to {one.model}, by which {one.optimizer} steps",
                node=one.node,
            )
    for function in statements(file.unit.tree.body):
        if isinstance(function, ast.FunctionDef) and called_loss(function.name):
            yield from _all_detached(function)


def _all_detached(function: ast.FunctionDef) -> Iterator[Seen]:
    """Look for a loss that takes its prediction, by its name, without a gradient throughout."""
    given = [one.arg for one in function.args.args if _PREDICTED.match(one.arg)]
    ungraded = any("grad" in ast.unparse(one) for one in function.decorator_list)
    if not given or ungraded:
        return
    uses = list(_uses(function, given[0]))
    cut = [node for node, what in uses if what in {"detach", "data"}]
    if cut and all(what in _WITHOUT for _, what in uses):
        yield Seen(
            f"{function.name}() takes {given[0]} without its gradient only",
            severity=Severity.SUSPICIOUS,
            node=cut[0],
        )


def _uses(node: ast.AST, name: str) -> Iterator[tuple[ast.AST, str]]:
    """Yield where a name is used, and which of its attributes is asked for, if it is one."""
    if isinstance(node, ast.BinOp) and ast.unparse(node).endswith(" * 0"):
        # Nothing, where there is nothing to learn from.
        return
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, ast.Name) and inner.id == name:
            yield node, node.attr if isinstance(node, ast.Attribute) else ""
        yield from _uses(inner, name)


_PREDICTED = re.compile(r"(?:y_?)?(?:preds?|predictions?|outputs?|logits?|y_hat)(?:_|$)")
_WITHOUT = {"detach", "data", "size", "shape", "dim", "ndim", "numel", "device", "dtype"}
"""What is taken of a tensor without its gradient."""
