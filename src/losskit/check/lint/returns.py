"""What functions return, and losses whose gradient somebody takes."""

from __future__ import annotations

import ast

from losskit.check.lint.choices import options
from losskit.check.lint.containers import Dictionary, Sequence
from losskit.check.lint.definitions import Frame
from losskit.check.lint.expressions import evaluate
from losskit.check.lint.facts import Backward, Returned
from losskit.check.lint.kinds import Flow, Kind
from losskit.check.lint.machine import Machine
from losskit.check.lint.names import about_loss
from losskit.check.lint.parts import End
from losskit.check.lint.truth import EVALUATION
from losskit.check.lint.values import NONE, UNKNOWN, Const, Tensor, Value

__all__ = ["gradient_taken", "returned"]


def returned(machine: Machine, frame: Frame, node: ast.Return) -> End:
    """Keep what a function returns, and tell of a loss."""
    value = evaluate(machine, frame, node.value) if node.value is not None else NONE
    name = frame.function.name if frame.function is not None else ""
    of_trainer = frame.function is not None and frame.function.owner is not None
    if of_trainer and name in _TRAINING_STEPS and not _takes_gradient(frame):
        gradient_taken(machine, frame, value, node)
    elif name in {"forward", "__call__"} or (about_loss(name) and not _LOGGED & {*name.split("_")}):
        evaluates = any(EVALUATION.match(word) for word in name.split("_"))
        as_loss = (about_loss(name) and not evaluates) or _in_loss(frame)
        for one, _ in options(value):
            if isinstance(one, Tensor) and not machine.ungraded:
                machine.tell(Returned(frame.unit, node, one, as_loss))
        for one in (value.items or ()) if isinstance(value, Sequence) else ():
            if isinstance(one, Tensor) and one.kind is Kind.LOSS and not machine.ungraded:
                machine.tell(Returned(frame.unit, node, one, as_loss=False))
    frame.returns.append(
        (machine.step(value, frame.unit, node, f"is returned by {name}()"), frame.guards)
    )
    return End.RETURN


def _takes_gradient(frame: Frame) -> bool:
    """Whether the running function takes the gradient by itself, and returns what is logged."""
    function = frame.function
    if function is None:
        return False
    first, last = function.node.lineno, function.node.end_lineno
    return any("backward(" in line for line in frame.unit.lines[first - 1 : last])


_LOGGED = frozenset(
    {"moving", "running", "average", "avg", "smoothed", "epoch", "history", "recent"}
)
"""Words in the names of functions that give what is known of many losses, for a log."""
_TRAINING_STEPS = {"training_step", "compute_loss"}


def _in_loss(frame: Frame) -> bool:
    """Whether this is the call of an object that is a loss by its name or its base."""
    owner = frame.function.owner if frame.function is not None else None
    return owner is not None and about_loss(owner.name)


def gradient_taken(machine: Machine, frame: Frame, value: Value, node: ast.AST) -> None:
    """Tell of a loss whose gradient a framework takes."""
    if isinstance(value, Dictionary):
        value = value.data.get("loss", UNKNOWN)
    if isinstance(value, Sequence) and value.items:
        value = value.items[0]
    found = [one for one, _ in options(value) if not isinstance(one, Const)]
    surely = all(map(_is_cut, found))
    for one in found:
        if len(found) > _ALTERNATIVES and not surely and _is_cut(one):
            # One of a list of metrics, most likely, of which somebody chooses a loss by its name.
            continue
        if isinstance(one, Tensor) and not machine.ungraded:
            machine.tell(Backward(frame.unit, node, one, surely or len(found) == 1))


_ALTERNATIVES = 2
"""Losses between which one may choose, each of which has to have a gradient."""


def _is_cut(value: Value) -> bool:
    return isinstance(value, Tensor) and value.flow is Flow.CUT
