"""Calls: of functions and classes of the code, and of what libraries bring."""

from __future__ import annotations

import ast
from contextlib import suppress
from dataclasses import replace

from losskit.check.lint import library, objects
from losskit.check.lint.branches import chosen
from losskit.check.lint.choices import NO_GUARDS, Choice, Option, excluded, join
from losskit.check.lint.containers import Chain, Dictionary, Made, Sequence
from losskit.check.lint.definitions import Bound, Class, Frame, Function, Instance, Partial
from losskit.check.lint.facts import OwnLossBuilt
from losskit.check.lint.kinds import Flow, Kind
from losskit.check.lint.machine import DullError, Machine
from losskit.check.lint.names import called_loss, is_model
from losskit.check.lint.values import (
    NONE,
    UNKNOWN,
    Absent,
    Arguments,
    Const,
    Library,
    Tensor,
    Unknown,
    Value,
)

__all__ = ["call", "instantiate", "invoke", "is_stub", "through"]


def call(machine: Machine, frame: Frame, callee: Value, given: Arguments, node: ast.AST) -> Value:
    """Return what a call gives."""
    machine.tick()
    if isinstance(callee, Choice):
        return _each(machine, frame, callee, given, node)
    if isinstance(callee, Function):
        return invoke(machine, frame, callee, given, node)
    if isinstance(callee, Bound):
        if isinstance(callee.function, Function):
            with_owner = Arguments((callee.owner, *given.positional), given.named, given.open)
            return invoke(machine, frame, callee.function, with_owner, node)
        return library.call_method(machine, frame, callee.owner, callee.function, given, node)
    if isinstance(callee, Class):
        machine.assumed.discard(id(callee.node))
        return instantiate(machine, frame, callee, given, node)
    if isinstance(callee, Instance):
        return _call_instance(machine, frame, callee, given, node)
    if isinstance(callee, Library):
        return library.call_library(machine, frame, callee, given, node)
    if isinstance(callee, Made):
        return library.call_made(machine, frame, callee, given, node)
    if isinstance(callee, Chain):
        first = given.get(0, "input", "x", "inputs")
        return through(machine, frame, callee, UNKNOWN if first is None else first, node)
    if isinstance(callee, Partial):
        merged = Arguments(
            (*callee.arguments.positional, *given.positional),
            callee.arguments.named | given.named,
            callee.arguments.open or given.open,
        )
        return call(machine, frame, callee.callee, merged, node)
    if isinstance(callee, Unknown):
        return _unknown(machine, frame, callee, given, node)
    return UNKNOWN


def _each(machine: Machine, frame: Frame, callee: Choice, given: Arguments, node: ast.AST) -> Value:
    """Call each of several; what the losses among them see depends on the choice."""
    found: list[Option] = []
    conditions = machine.conditions
    owners = [
        (one.owner, guards)
        for one, guards in callee.among
        if isinstance(one, Bound) and one.function == "backward"
    ]
    if len(owners) == len(callee.among):
        machine.gradient_taken(frame, Choice(tuple(owners)), node)
        return NONE
    for one, guards in callee.among:
        if isinstance(one, (Const, Absent)) or excluded(guards, conditions):
            continue
        with machine.under(guards):
            found.append((call(machine, frame, one, given, node), guards))
    return join(found)


def _unknown(
    machine: Machine, frame: Frame, callee: Unknown, given: Arguments, node: ast.AST
) -> Value:
    """Call something unknown: a method of what may be a tensor, or a model by its name."""
    owner, dot, leaf = callee.name.rpartition(".")
    if dot:
        found = library.unknown_method(
            machine, frame, Unknown(owner, callee.flow), leaf, given, node
        )
        if found is not None:
            return found
    if callee.flow is Flow.DATA:
        return Unknown("", Flow.DATA)
    if machine.ungraded:
        return Unknown("", Flow.CUT)
    if callee.flow is Flow.MODEL or is_model(callee.name):
        machine.lively += 1
        return Unknown("", Flow.MODEL)
    return UNKNOWN


def through(machine: Machine, frame: Frame, chain: Chain, value: Value, node: ast.AST) -> Value:
    """Send a value through a chain of layers."""
    for layer in list(chain.data.values()):
        machine.tick()
        if isinstance(layer, Absent):
            continue
        if isinstance(layer, Choice):
            found: list[Option] = []
            for one, guards in layer.among:
                inner = value
                if not isinstance(one, Absent):
                    inner = call(machine, frame, one, Arguments((value,)), node)
                found.append((inner, guards))
            value = join(found)
        else:
            value = call(machine, frame, layer, Arguments((value,)), node)
    return value


def invoke(
    machine: Machine, frame: Frame, function: Function, given: Arguments, node: ast.AST
) -> Value:
    """Run a function of the code."""
    body = function.node
    if machine.deep or machine.stack.count(body) > 1 or id(body) in machine.dull:
        return UNKNOWN
    inner = Frame(function.frame.unit, function.frame, function)
    _bind(machine, inner, function, given)
    with (
        suppress(DullError),
        machine.entering(inner.unit, body, dict(inner.data)),
        machine.without_gradient("no_grad" in function.wrappers),
    ):
        if isinstance(body, ast.Lambda):
            return machine.evaluate(inner, body.body)
        machine.run_block(inner, body.body)
    if isinstance(body, ast.Lambda) or id(body) in machine.dull:
        return UNKNOWN
    if inner.yields:
        return Sequence(None, join((value, NO_GUARDS) for value in inner.yields))
    if not inner.returns:
        return UNKNOWN if is_stub(body.body) else NONE
    return chosen(inner.returns)


def is_stub(body: list[ast.stmt]) -> bool:
    """Whether a function waits for a subclass to fill it."""
    return all(isinstance(one, (ast.Pass, ast.Raise, ast.Expr)) for one in body)


def _bind(machine: Machine, inner: Frame, function: Function, given: Arguments) -> None:
    """Give the parameters of a function their values."""
    declared = function.node.args
    positional = [*declared.posonlyargs, *declared.args]
    rest = list(given.positional)
    named = dict(given.named)
    for parameter in positional:
        taken = rest.pop(0) if rest else None
        value = taken or _named_or_default(parameter.arg, named, function, given)
        _set_parameter(machine, inner, function, parameter, value)
    for parameter in declared.kwonlyargs:
        value = _named_or_default(parameter.arg, named, function, given)
        _set_parameter(machine, inner, function, parameter, value)
    if declared.vararg is not None:
        inner.data[declared.vararg.arg] = Sequence(None if given.open else rest)
    if declared.kwarg is not None:
        inner.data[declared.kwarg.arg] = Dictionary(named, open=given.open)


def _named_or_default(
    name: str, named: dict[str, Value], function: Function, given: Arguments
) -> Value:
    if name in named:
        return named.pop(name)
    if name in function.defaults and not given.open:
        return function.defaults[name]
    return Unknown(name)


def _set_parameter(
    machine: Machine, inner: Frame, function: Function, parameter: ast.arg, value: Value
) -> None:
    if isinstance(value, Unknown):
        value = replace(value, name=value.name or parameter.arg)
    if function.owner is None or parameter.arg != "self":
        text = f"is given to {function.name}() as {parameter.arg}"
        value = machine.step(value, inner.unit, parameter, text)
    inner.data[parameter.arg] = value


def instantiate(
    machine: Machine, frame: Frame, kind: Class, given: Arguments, node: ast.AST
) -> Value:
    """Make an object of a class of the code."""
    if any(base.leaf == "Variable" for base in objects.library_bases(kind)):
        # A tensor with a name of the code's own.
        return given.get(0, "data") or UNKNOWN
    made = Instance(kind)
    if len(machine.instances) < 10_000:
        machine.instances.setdefault(id(kind.node), made)
    init = objects.find_in_class(kind, "__init__")
    forward = objects.find_in_class(kind, "forward")
    if called_loss(kind.name) and isinstance(forward, Function):
        settings = init.positional[1:] if isinstance(init, Function) else ()
        if not (isinstance(init, Function) and init.node.args.vararg):
            inputs = forward.positional[1:]
            machine.tell(OwnLossBuilt(frame.unit, node, kind.name, given, settings, inputs))
    if isinstance(init, Function):
        invoke(
            machine,
            frame,
            init,
            Arguments((made, *given.positional), given.named, given.open),
            node,
        )
    elif _is_record(kind):
        _fill_record(machine, kind, made, given)
    else:
        library.build_base(machine, frame, made, given, node)
    for base in objects.library_bases(kind):
        if "skorch" in base.root:
            library.frameworks.trained(machine, frame, base, given, node)
    if given.named:
        machine.write(made, "<given>", Dictionary(dict(given.named)))
    return made


def _is_record(kind: Class) -> bool:
    return any("dataclass" in ast.dump(one) for one in kind.node.decorator_list) or any(
        base.leaf in {"NamedTuple", "Module"} and base.root in {"typing", "flax", "equinox"}
        for base in objects.library_bases(kind)
    )


def _fill_record(machine: Machine, kind: Class, made: Instance, given: Arguments) -> None:
    """Set the fields of a dataclass or of a Flax module."""
    fields = [
        one.target.id
        for one in kind.node.body
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
    ]
    for name, value in zip(fields, given.positional, strict=False):
        machine.write(made, name, value)
    for name, value in given.named.items():
        machine.write(made, name, value)
    for name in fields[len(given.positional) :]:
        if name not in given.named and name not in kind.data:
            machine.write(made, name, Unknown(name))


def _call_instance(
    machine: Machine, frame: Frame, callee: Instance, given: Arguments, node: ast.AST
) -> Value:
    for name in ("forward", "__call__", "call"):
        found = objects.find_in_class(callee.kind, name)
        if isinstance(found, Function):
            with_owner = Arguments((callee, *given.positional), given.named, given.open)
            result = invoke(machine, frame, found, with_owner, node)
            return _of_model(result) if _is_model(callee) else result
    found = library.call_base(machine, frame, callee, given, node)
    return _of_model(found) if isinstance(found, Tensor) and found.kind is Kind.LEAF else found


def _of_model(value: Value) -> Value:
    """Return what a model gives: not its input, even where no layer was seen on the way."""
    if isinstance(value, Choice):
        return join((_of_model(one), guards) for one, guards in value.among)
    if isinstance(value, Unknown) and value.flow is Flow.UNKNOWN:
        return Unknown(value.name, Flow.MODEL)
    if isinstance(value, Tensor) and value.kind is Kind.LEAF:
        # What has a gradient of its own so that one sees what a model looks at.
        return replace(value, kind=Kind.UNKNOWN, trail=None, cut=None)
    if isinstance(value, Tensor) and value.flow is Flow.DATA and value.kind is Kind.UNKNOWN:
        return replace(value, flow=Flow.UNKNOWN)
    return value


def _is_model(instance: Instance) -> bool:
    return any(
        base.leaf in {"Module", "LightningModule", "Model"}
        for base in objects.library_bases(instance.kind)
    )
