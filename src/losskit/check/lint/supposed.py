"""What a parameter most likely is that nobody in sight gives: a model or a loss of the project."""

from __future__ import annotations

import ast
import re

from losskit.check.lint.branches import MOST, guarded
from losskit.check.lint.calls import call, instantiate, is_stub
from losskit.check.lint.choices import Guard, options
from losskit.check.lint.containers import Chain, Made
from losskit.check.lint.definitions import Class, Function, Instance
from losskit.check.lint.imports import member
from losskit.check.lint.machine import Machine
from losskit.check.lint.names import is_part
from losskit.check.lint.objects import find_in_class, library_bases, lineage
from losskit.check.lint.scopes import lookup
from losskit.check.lint.unbuilt import unbuilt
from losskit.check.lint.values import Arguments, Value
from losskit.core.naming import function_name

__all__ = ["supposed", "trains_others"]


def supposed(machine: Machine, function: Function, parameter: ast.arg) -> Value | None:
    """Return what a parameter is by its annotation, by its name, or since there is nothing else."""
    return (
        _annotated(machine, function, parameter)
        or _namesake(function, parameter.arg)
        or _only_model(machine, function, parameter)
        or _of_maker(machine, function, parameter)
        or _of_nobody(machine, function, parameter)
    )


def trains_others(kind: Class) -> bool:
    """Whether a class is no model by itself."""
    return find_in_class(kind, "forward") is None and not library_bases(kind)


def _namesake(function: Function, name: str) -> Value | None:
    """Return the model or loss that the file keeps under the name of a parameter.

    As where a recipe hands a function, a model and a criterion to somebody who calls it.
    """
    names = function.frame.unit.frame
    if not _is_free(function) or names is None:
        return None
    value = names.data.get(name)
    if value is None and _CRITERION.match(name):
        losses = [
            one for one in names.data.values() if isinstance(one, Made) and one.face is not None
        ]
        value = losses[0] if len(losses) == 1 else None
    return value if isinstance(value, (Instance, Made, Chain)) else None


_CRITERION = re.compile(r"^(criterion|crit|loss_?(fn|func|function))$")


def _is_free(function: Function) -> bool:
    """Whether a function is no method, but for one that builds what trains."""
    owner = function.owner
    return owner is None or (function.name == "__init__" and trains_others(owner))


def _only_model(machine: Machine, function: Function, parameter: ast.arg) -> Value | None:
    """Return a model for a parameter that is called like a single one of the file."""
    names = function.frame.unit.frame
    if not _is_free(function) or names is None:
        return None
    models = [
        value
        for name, value in names.data.items()
        if isinstance(value, Class) and name == value.name and value.unit is names.unit
        if any(find_in_class(value, one) is not None for one in ("forward", "call"))
    ]
    if len(models) > 1:
        models = [one for one in models if parameter.arg in function_name(one.name).split("_")]
    elif parameter.arg not in {"model", "net", *(function_name(one.name) for one in models)}:
        return None
    if len(models) != 1 or is_part(models[0].name):
        return None
    [kind] = models
    made = machine.instances.get(id(kind.node))
    return made or instantiate(machine, function.frame, kind, Arguments(), kind.node)


def _annotated(machine: Machine, function: Function, parameter: ast.arg) -> Value | None:
    """Return an object of the class that a parameter is annotated with, or that it must have."""
    noted = parameter.annotation
    if isinstance(noted, ast.Constant) and isinstance(noted.value, str):
        noted = ast.Name(noted.value) if noted.value.isidentifier() else None
    found: Value | None = None
    if isinstance(noted, (ast.Name, ast.Attribute)):
        found = machine.evaluate(function.frame, noted)
    if not isinstance(found, Class) or find_in_class(found, "forward") is None:
        found = _by_methods(machine, function, parameter) or _only_heir(function, found)
    if found is None:
        return None
    made = machine.instances.get(id(found.node))
    return made or call(machine, function.frame, found, Arguments(), parameter)


def _only_heir(function: Function, base: Value | None) -> Class | None:
    """Return the only class of the file that fills in an abstract one."""
    names = function.frame.unit.frame
    if not isinstance(base, Class) or names is None:
        return None
    heirs = [
        one
        for one in names.data.values()
        if isinstance(one, Class) and base in lineage(one) and find_in_class(one, "forward")
    ]
    return heirs[0] if len(heirs) == 1 else None


_LOSS_METHOD = re.compile(r"(?<![\w.])(\w+)\.(\w*loss\w*)\(", re.IGNORECASE)


def _by_methods(machine: Machine, function: Function, parameter: ast.arg) -> Class | None:
    """Return the only class in sight that computes a loss by a method of a parameter."""
    unit = function.frame.unit
    calls = unit.recall("loss methods", function.node, lambda: _LOSS_METHOD.findall(function.text))
    wanted = {method for owner, method in calls if owner == parameter.arg}
    names = unit.frame
    if not wanted or parameter.arg == "self" or names is None:
        return None
    fitting = []
    for name in list(names.data):
        if name[:1].isupper():
            found = lookup(machine, names, name)
            if isinstance(found, Class) and all(find_in_class(found, one) for one in wanted):
                fitting.append(found)
    return fitting[0] if len(fitting) == 1 else None


_MODELS = frozenset(["model", "net", "network"])
_MAKER = re.compile(
    r"^(get|build|create|make|init|initiali[sz]e|prepare|select|choose|construct|setup|set_up)_"
    r"(model|net|network)$"
)


def _of_maker(machine: Machine, function: Function, parameter: ast.arg) -> Value | None:
    """Return what the function of the file gives that is there to make the model."""
    names = function.frame.unit.frame
    if parameter.arg not in _MODELS or names is None or not _may_train(function):
        return None
    makers = [
        value
        for name, value in names.data.items()
        if isinstance(value, Function) and value.frame is names and _MAKER.match(name)
    ]
    if len(makers) != 1:
        return None
    [maker] = makers
    made = machine.invoke(names, maker, Arguments(), maker.node)
    return made if any(isinstance(one, _BUILT) for one, _ in options(made)) else None


_BUILT = (Instance, Made, Chain)


def _of_nobody(machine: Machine, function: Function, parameter: ast.arg) -> Value | None:
    """Return an object of the classes that nobody makes objects of, as long as there are few files.

    As where a trainer and a model are given, and not the script that hands one to the other.
    """
    name, project = parameter.arg, machine.project
    about_loss = _CRITERION.match(name) is not None
    if machine.alone or not _may_train(function):
        return None
    near = unbuilt(project, losses=about_loss)
    named = [one for one in near if name == function_name(one.name)]
    if not named and not about_loss:
        if name not in _MODELS:
            return None
        near = [one for one in near if not is_part(one.name)]
    kinds = []
    for one in named or near:
        found = member(machine, one.path, one.name)
        if isinstance(found, Class) and _is_whole(found):
            kinds.append(found)
    if about_loss and len(kinds) > 1:
        return None
    if not 0 < len(kinds) <= MOST:
        return None
    made = [_object_of(machine, function, kind) for kind in kinds]
    several = len(made) > 1
    return guarded(
        [(one, Guard(id(parameter), at, supposed=several)) for at, one in enumerate(made)]
    )


def _object_of(machine: Machine, function: Function, kind: Class) -> Value:
    found = machine.instances.get(id(kind.node))
    return found or instantiate(machine, function.frame, kind, Arguments(), kind.node)


def _is_whole(kind: Class) -> bool:
    """Whether a class is a model or a loss: not one that waits for others, or trains itself."""
    forward = find_in_class(kind, "forward") or find_in_class(kind, "call")
    if not isinstance(forward, Function) or find_in_class(kind, "training_step") is not None:
        return False
    return isinstance(forward.node, ast.Lambda) or not is_stub(forward.node.body)


def _may_train(function: Function) -> bool:
    return function.owner is None or trains_others(function.owner)
