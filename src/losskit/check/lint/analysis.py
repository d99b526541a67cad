"""The analysis of one file: run what it does, then what nobody called."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import chain

from losskit.check.lint.assignments import assign
from losskit.check.lint.calls import call, instantiate, invoke, through
from losskit.check.lint.choices import options
from losskit.check.lint.containers import Dictionary
from losskit.check.lint.definitions import Class, Frame, Function, Instance
from losskit.check.lint.expressions import evaluate
from losskit.check.lint.facts import Fact, Scanned
from losskit.check.lint.handed import (
    built_with,
    given_to,
    is_loss,
    own_batch,
    own_output,
    own_parts,
)
from losskit.check.lint.imports import loaded
from losskit.check.lint.interest import Interest, look
from losskit.check.lint.iteration import element_of
from losskit.check.lint.machine import Machine, OutOfStepsError
from losskit.check.lint.objects import lineage
from losskit.check.lint.parts import Parts
from losskit.check.lint.returns import gradient_taken
from losskit.check.lint.statements import run_block
from losskit.check.lint.units import Project, Unit
from losskit.check.lint.values import NONE, Arguments, Value

__all__ = ["analyse"]

_SMALL_FUEL = 5_000
"""Steps for each function that nobody calls."""

_MOST_FUEL = 30_000
"""Steps for a whole file."""

_DULL_FUEL = 3_000
"""Steps after which a file is left if none of them had to do with models."""


_PARTS = Parts(evaluate, element_of, call, invoke, through, run_block, assign, gradient_taken)


def analyse(
    project: Project, unit: Unit, tell: Callable[[Fact], None], *, alone: bool = False
) -> bool:
    """Tell what happens in a file; False where the steps were used up before its end.

    Where a file is looked at ``alone``, what it imports is unknown.
    """
    machine = Machine(_PARTS, project, tell, unit.path, alone=alone)
    sys.setrecursionlimit(max(sys.getrecursionlimit(), 12_000))
    whole = _run(machine, unit)
    if any(machine.passed_by(*one) for one in machine.skipped.values()):
        # What the settings of the code leave out is looked into as well.
        project.begin_again()
        again = project.unit(unit.path)
        if again is not None:
            second = Machine(
                _PARTS,
                project,
                tell,
                unit.path,
                alone=alone,
                exploring=True,
                reached=machine.reached,
                asked=machine.asked,
            )
            _run(second, again)
    tell(Scanned(unit, unit.tree, tuple(project.opened(unit.path))))
    return whole


def _run(machine: Machine, unit: Unit) -> bool:
    """Run a file, and what it does not call; False where the steps were used up."""
    whole = _try(machine, lambda: loaded(machine, unit))
    spent = 0
    for run in chain(_uncalled(machine, unit), _left(machine, unit)):
        machine.refuel(min(_SMALL_FUEL, _MOST_FUEL - spent))
        whole = _try(machine, run) and whole
        spent += max(0, min(_SMALL_FUEL, _MOST_FUEL - spent) - machine.fuel)
        if spent >= _MOST_FUEL:
            return False
        if spent >= _DULL_FUEL and not machine.lively:
            return True
    return whole


def _try(machine: Machine, run: Callable[[], object]) -> bool:
    with suppress(OutOfStepsError, RecursionError):
        run()
        return True
    machine.refuel(0)
    return False


def _uncalled(machine: Machine, unit: Unit) -> Iterator[Callable[[], object]]:
    """Yield calls of the functions and methods of a file that have not run."""
    frame = unit.frame
    if frame is None:
        return
    worth = look(unit, frozenset() if machine.alone else _imported(machine, unit))
    # Of one name there may be several, as in notebooks: all that objects were made of count.
    made = {id(one.kind.node): one.kind for one in machine.instances.values()}
    for node in unit.tree.body:
        if isinstance(node, ast.ClassDef):
            kind = made.get(id(node)) or frame.data.get(node.name)
            if isinstance(kind, Class) and kind.node is node:
                yield from _methods(machine, frame, kind, worth)
    defined = [
        value
        for name, value in frame.data.items()
        if isinstance(value, Function) and value.name == name and value.frame is frame
    ]
    for function in sorted(defined, key=lambda one: one.node.lineno):
        yield from _function(machine, frame, function, worth)


def _imported(machine: Machine, unit: Unit) -> frozenset[str]:
    """Names of other files of the project that a rule may see something in."""
    found: set[str] = set()
    project = machine.project
    for node in unit.tree.body:
        if isinstance(node, ast.ImportFrom):
            path = project.find(unit.path, node.module or "", node.level)
            named = {alias.name for alias in node.names}
            names = project.interest(path)
            found |= names if "*" in named else names & named
        elif isinstance(node, ast.Import):
            for alias in node.names:
                found |= project.interest(project.find(unit.path, alias.name, 0))
    return frozenset(found)


def _left(machine: Machine, unit: Unit) -> Iterator[Callable[[], object]]:
    """Yield calls of methods with losses, of objects that the file makes of other files' classes.

    As those that a framework calls, or another file. Not where they are only evaluated.
    """
    if ".eval()" in unit.source and _TRAINING.search(unit.source) is None:
        return
    for made in list(machine.instances.values()):
        kind = made.kind
        if kind.unit is not unit and kind.unit.frame is not None:
            worth = look(kind.unit)
            yield from _methods(machine, kind.unit.frame, kind, worth, only_losses=True)


_TRAINING = re.compile(r"backward\(|\btrain\w*\(|\bfit\w*\(|[Tt]rainer|optim")
"""What a file has in it that trains something."""


def _function(
    machine: Machine, frame: Frame, function: Function, worth: Interest
) -> Iterator[Callable[[], object]]:
    if id(function.node) in machine.executed and not _has_more(function, worth):
        return
    if function.node.lineno not in worth.functions:
        return
    yield partial(_run_function, machine, frame, function)


def _run_function(machine: Machine, frame: Frame, function: Function) -> None:
    """Run a function that nobody calls."""
    _run_with(machine, frame, function, given_to(machine, function, skip=0))


def _run_with(machine: Machine, frame: Frame, function: Function, given: Arguments) -> None:
    """Run a function, and the one that it makes, if nobody calls that either."""
    made = invoke(machine, frame, function, given, function.node)
    for one, _ in options(made):
        if isinstance(one, Function) and id(one.node) not in machine.executed:
            invoke(machine, frame, one, given_to(machine, one, skip=0), one.node)


def _methods(
    machine: Machine, frame: Frame, kind: Class, worth: Interest, *, only_losses: bool = False
) -> Iterator[Callable[[], object]]:
    """Yield a call of each method, on an object that the code made, or one that is made here."""
    held: list[Instance] = []

    def instance() -> Instance:
        if not held:
            found = machine.instances.get(id(kind.node))
            if found is None:
                machine.assumed.add(id(kind.node))
                made = instantiate(machine, frame, kind, built_with(machine, kind), kind.node)
                found = made if isinstance(made, Instance) else Instance(kind)
            held.append(found)
        return held[0]

    names: dict[str, Function] = {}
    for one in lineage(kind):
        if isinstance(one, Class):
            for name, value in one.data.items():
                if isinstance(value, Function):
                    names.setdefault(name, value)
    called = {one for name, function in names.items() for one in _own_calls(function) - {name}}

    def turn(named: tuple[str, Function]) -> int:
        """What ran before meets the object as it was left then; who calls a training sets it up."""
        name, function = named
        if id(function.node) in machine.executed:
            return 0
        return 2 if name in called and _mentions(function, "gradient", _GRADIENT) else 1

    for name, function in sorted(names.items(), key=turn):
        if name == "__init__":
            if id(kind.node) not in machine.instances:
                yield instance
            continue
        own = function.owner is kind
        if only_losses and own and function.node.lineno not in worth.losses:
            continue
        if own and function.node.lineno not in worth.functions:
            continue
        inherited = (
            not own
            and "no_grad" not in function.wrappers
            and (
                name in _INHERITED
                or _calls_own(function, kind, worth)
                or (function.frame.unit is not kind.unit and _trains(machine, function))
                or (function.node.lineno in worth.losses and _calls_itself(function, kind))
            )
        )
        fresh = id(function.node) not in machine.executed or _has_more(function, worth)
        fresh = fresh or is_loss(function)
        if (own and fresh) or inherited:
            yield partial(_run_method, machine, frame, function, instance)


def _run_method(
    machine: Machine, frame: Frame, function: Function, instance: Callable[[], Instance]
) -> None:
    _run_with(machine, frame, function, _with_owner(machine, function, instance()))


def _has_more(function: Function, worth: Interest) -> bool:
    """Whether a function has a side with a loss that only some of its calls take."""
    return NONE in function.defaults.values() and function.node.lineno in worth.losses


def _calls_own(function: Function, kind: Class, worth: Interest) -> bool:
    """Whether an inherited method calls one with a loss that the class defines anew."""
    called = _own_calls(function)
    return any(
        name in called and isinstance(value, Function) and value.node.lineno in worth.functions
        for name, value in kind.data.items()
    )


def _own_calls(function: Function) -> set[str]:
    """Names of the methods that a method may call."""
    unit = function.frame.unit
    return unit.recall("methods", function.node, lambda: set(_OWN.findall(function.text)))


_OWN = re.compile(r"\bself\.((?!forward\b)\w+|forward(?=\())")


def _calls_itself(function: Function, kind: Class) -> bool:
    """Whether an inherited method calls the object, which is a model of the class's own."""
    return not _CALLED_AS_ITSELF.isdisjoint(kind.data) and _mentions(function, "self", _SELF)


_CALLED_AS_ITSELF = {"forward", "__call__", "call"}
_SELF = re.compile(r"\bself(?:\.forward)?\(")


def _trains(machine: Machine, function: Function) -> bool:
    """Whether a method that another file defines takes the gradient of a loss."""
    training = function.node.lineno in look(function.frame.unit).losses
    return training and _mentions(function, "gradient", _GRADIENT)


_GRADIENT = re.compile(r"\.backward\b|\bautograd\.grad\b")


def _mentions(function: Function, what: str, pattern: re.Pattern[str]) -> bool:
    """Whether something is found in the text of a function."""
    unit = function.frame.unit
    return unit.recall(what, function.node, lambda: pattern.search(function.text) is not None)


_INHERITED = {"training_step", "compute_loss", "_step", "step", "shared_step", "_shared_step"}


def _with_owner(machine: Machine, function: Function, owner: Instance) -> Arguments:
    if "staticmethod" in function.wrappers:
        return given_to(machine, function, skip=0)
    given = given_to(machine, function, skip=1)
    given.named |= own_parts(given, owner)
    given.named |= own_batch(machine, function, owner)
    given.named |= own_output(machine, function, owner)
    kept = owner.data.get("<given>")
    if function.name == "compute_loss" and isinstance(kept, Dictionary):
        for name in ("model",):
            if name in kept.data:
                given.named[name] = kept.data[name]
    first: Value = owner.kind if "classmethod" in function.wrappers else owner
    return Arguments((first,), given.named)
