"""What functions get that nobody in sight calls, as far as names, annotations and the file tell."""

from __future__ import annotations

import ast
import re

from losskit.check.lint.blocks import statements
from losskit.check.lint.containers import Chain, Made, Sequence
from losskit.check.lint.definitions import Bound, Class, Frame, Function, Instance
from losskit.check.lint.interest import trains
from losskit.check.lint.kinds import Flow
from losskit.check.lint.library.frameworks import WRAPPERS
from losskit.check.lint.machine import Machine
from losskit.check.lint.names import called_loss
from losskit.check.lint.objects import find_in_class
from losskit.check.lint.supposed import supposed, trains_others
from losskit.check.lint.values import (
    NONE,
    UNKNOWN,
    Arguments,
    Const,
    Library,
    Tensor,
    Unknown,
    Value,
)

__all__ = ["built_with", "given_to", "hand_over", "is_loss", "own_batch", "own_output", "own_parts"]


def given_to(machine: Machine, function: Function, *, skip: int) -> Arguments:
    """What a function gets that nobody calls: its defaults, and what its names tell."""
    declared = function.node.args
    parameters = [*declared.posonlyargs, *declared.args][skip:] + declared.kwonlyargs
    named: dict[str, Value] = {}
    before = machine.executed.get(id(function.node), {})
    for parameter in parameters:
        default = function.defaults.get(parameter.arg)
        chooses = isinstance(default, Const) and isinstance(default.value, str)
        if default not in {None, NONE} and not (chooses and parameter.arg in _CHOOSING):
            continue
        kept = before.get(parameter.arg)
        if isinstance(kept, (Instance, Made, Chain)):
            # The function was called, but may do more where it gets what it can do without.
            named[parameter.arg] = kept
            continue
        value: Value = Unknown(parameter.arg, _flow_of(function, parameter.arg))
        meant = supposed(machine, function, parameter)
        named[parameter.arg] = value if meant is None else meant
    return Arguments((), named)


def hand_over(
    machine: Machine, frame: Frame, callee: Value, given: Arguments, node: ast.AST
) -> None:
    """Run a function that another one defines, and hands to what is not seen.

    As a closure for an optimizer, or the objective of a search. It runs where it is handed over,
    for what it takes from around it may be something else afterwards.
    """
    if not _out_of_sight(callee):
        return
    for one in given.values():
        if (
            isinstance(one, Function)
            and one.frame.function is not None
            and id(one.node) not in machine.executed
            and trains(one.text)
        ):
            machine.invoke(frame, one, given_to(machine, one, skip=0), node)


def _out_of_sight(callee: Value) -> bool:
    """Whether nobody knows when a function is called that something gets."""
    if isinstance(callee, Library):
        return callee.root not in _WRAPPING and callee.leaf not in WRAPPERS
    if isinstance(callee, Bound):
        return not isinstance(callee.function, Function)
    return isinstance(callee, (Made, Unknown))


_WRAPPING = {"jax", "flax", "haiku", "functools"}
"""Libraries that make another function of the one that they get, which is called itself then."""


_CHOOSING = frozenset(["mode", "phase", "stage", "step", "part", "branch", "which"])
"""What parameters are called by which a function does one thing or another."""


def _flow_of(function: Function, name: str) -> Flow:
    """Where a parameter of a training step, or of a loss, comes from."""
    if function.name == "training_step" and name == "batch":
        return Flow.DATA
    if not is_loss(function):
        return Flow.UNKNOWN
    if _TARGET.search(name):
        return Flow.DATA
    compares = any(_TARGET.search(one.arg) for one in function.node.args.args)
    predicted = _PREDICTED.search(name) or (compares and name in {"input", "inputs"})
    return Flow.MODEL if predicted else Flow.UNKNOWN


_PREDICTED = re.compile(
    r"^((y_?)?(pred|prediction|predicted|output|logit|prob|score)|y_?hat)s?(_|$)"
)
_TARGET = re.compile(r"^(targets?|labels?|gt|y_?true|ground_truth|masks?)(_|$)|^y$")


def is_loss(function: Function) -> bool:
    """Whether a function is a loss by its name, or by that of its class."""
    owner = function.owner
    if owner is not None and function.name not in {"forward", "__call__", "call"}:
        return False
    return called_loss(function.name if owner is None else owner.name)


def own_output(machine: Machine, function: Function, owner: Instance) -> dict[str, Value]:
    """What a model's own loss takes as the prediction: what the model gives.

    Unless the file shows who calls it, the model gives several things of which none is called a
    reconstruction, or the loss takes several that it may be.
    """
    name = function.name
    if not _OWN_LOSS.match(name) or f".{name}(" in function.frame.unit.source:
        return {}
    declared = function.node.args
    predicted = [
        one.arg
        for one in (*declared.posonlyargs, *declared.args)[1:]
        if (_OUTPUT.match(one.arg) or _DECODED.search(one.arg)) and one.arg not in function.defaults
    ]
    forward = find_in_class(owner.kind, "forward") or find_in_class(owner.kind, "call")
    if len(predicted) != 1 or not isinstance(forward, Function):
        return {}
    given = given_to(machine, forward, skip=1)
    inputs = Arguments((owner,), given.named)
    found = machine.invoke(forward.frame, forward, inputs, forward.node)
    if isinstance(found, Sequence) and _DECODED.search(predicted[0]):
        found = _decoded(forward, found)
    return {predicted[0]: found} if isinstance(found, Tensor) else {}


def own_batch(machine: Machine, function: Function, owner: Instance) -> dict[str, Value]:
    """What Lightning hands to ``training_step``: what the module's own loader gives."""
    loader = find_in_class(owner.kind, "train_dataloader")
    names = function.positional[1:2]
    if function.name != "training_step" or not names or not isinstance(loader, Function):
        return {}
    made = machine.invoke(loader.frame, loader, Arguments((owner,)), loader.node)
    batch = machine.element_of(loader.frame, made, ast.Constant(None))
    return {} if isinstance(batch, Unknown) else {names[0]: batch}


def own_parts(given: Arguments, owner: Instance) -> dict[str, Value]:
    """What an object keeps under the names of parameters: models and losses, most likely these."""
    kept = {name: owner.data.get(name) for name, value in given.named.items() if _is_open(value)}
    return {
        name: value for name, value in kept.items() if isinstance(value, (Instance, Made, Chain))
    }


def _is_open(value: Value) -> bool:
    return isinstance(value, Unknown) and not value.word


def _decoded(forward: Function, given: Sequence) -> Value:
    """Return what an autoencoder calls its reconstruction, among all that it gives."""
    body = forward.node.body if isinstance(forward.node, ast.FunctionDef) else []
    tuples = [
        one.value.elts
        for one in statements(body)
        if isinstance(one, ast.Return) and isinstance(one.value, ast.Tuple)
    ]
    if len(tuples) != 1 or given.items is None or len(given.items) != len(tuples[0]):
        return UNKNOWN
    found = [
        value
        for value, node in zip(given.items, tuples[0], strict=True)
        if _DECODED.search(ast.unparse(node))
    ]
    return found[0] if len(found) == 1 else UNKNOWN


_DECODED = re.compile(r"recon|decod|x_?hat", re.IGNORECASE)
_OWN_LOSS = re.compile(r"^((get|compute|calc|calculate)_)?loss(_fn|_func|_function)?$")
_OUTPUT = re.compile(r"^(y_?)?(pred|prediction|predicted|output|out)s?$|^y_?hat$")


def built_with(machine: Machine, kind: Class) -> Arguments:
    """What an object gets that nobody makes: one that trains gets the model of the file."""
    init = find_in_class(kind, "__init__")
    if not isinstance(init, Function) or init.owner is not kind or not trains_others(kind):
        return Arguments()
    return given_to(machine, init, skip=1)
