"""Losses that are built and called."""

from __future__ import annotations

import ast
import re
from functools import partial

from losskit.check.lint.choices import Choice, options
from losskit.check.lint.containers import Made
from losskit.check.lint.definitions import Frame
from losskit.check.lint.facts import LossBuilt, LossCall
from losskit.check.lint.kinds import Flow, Kind
from losskit.check.lint.library.flows import combined_flow
from losskit.check.lint.losses import LossFace, face_of
from losskit.check.lint.machine import Machine
from losskit.check.lint.names import about_loss
from losskit.check.lint.units import Unit
from losskit.check.lint.values import UNKNOWN, Arguments, Const, Tensor, Trail, Unknown, Value

__all__ = ["call_loss", "loss_built", "named_settings", "take", "unseen_loss"]


def named_settings(given: Arguments) -> dict[str, object]:
    """Return the constants among named arguments."""
    return {name: value.value for name, value in given.named.items() if isinstance(value, Const)}


def loss_built(
    machine: Machine, frame: Frame, face: LossFace, given: Arguments, node: ast.AST
) -> None:
    """Tell of a loss that is built."""
    machine.tell(LossBuilt(frame.unit, node, face, given))


def call_loss(
    machine: Machine,
    frame: Frame,
    face: LossFace,
    given: Arguments,
    node: ast.AST,
    made: Made | None = None,
) -> Value:
    """Call a loss: a function, or an object that was built before."""
    settings = dict(given.named)
    if made is not None:
        settings = dict(made.arguments.named) | settings
        for name, value in zip(face.settings, made.arguments.positional, strict=False):
            settings[name] = value
        chosen = face_of(made.name, named_settings(made.arguments))
        face = chosen or face
    else:
        taken = face_of(_full_name(face), named_settings(given)) or face
        face = taken if taken.input == face.input else taken.turned()
    moved = face.name.endswith("_with_logits") and face.library == "TensorFlow"
    if moved and given.positional and _is_early(frame.unit):
        face = face.turned()
    values: dict[str, Value] = {}
    nodes: dict[str, ast.AST] = {}
    positional = node.args if isinstance(node, ast.Call) else []
    named = (
        {one.arg: one.value for one in node.keywords if one.arg}
        if isinstance(node, ast.Call)
        else {}
    )
    for at, names in enumerate(face.names):
        aliases = (*names, *_ALIASES.get(names[0], ()))
        found = given.get(at, *aliases)
        role = _role(face, at)
        values[role] = UNKNOWN if found is None else found
        keyword = next((named[one] for one in aliases if one in named), None)
        if keyword is not None:
            nodes[role] = keyword
        elif at < len(positional) and not any(isinstance(p, ast.Starred) for p in positional):
            nodes[role] = positional[at]
        for one in aliases:
            settings.pop(one, None)
    said = given.positional if made is None else made.arguments.positional
    for value in said:
        if isinstance(value, Const) and value.value in _REDUCTIONS:
            # Of the arguments before it there are more in some versions than in others.
            settings["reduction"] = value
    return take(machine, frame, face, values, nodes, _renewed(settings), node, made)


def _renewed(settings: dict[str, Value]) -> dict[str, Value]:
    """Say by ``reduction`` what ``size_average`` and ``reduce`` said before."""
    old = [settings.get(name, Const(True)) for name in ("reduce", "size_average")]
    said = settings.keys() & {"reduce", "size_average"}
    if not said or not all(isinstance(one, Const) for one in old):
        return settings
    reduces, averages = (one != Const(False) for one in old)
    reduction = ("mean" if averages else "sum") if reduces else "none"
    return {**settings, "reduction": Const(reduction)}


def _is_early(unit: Unit) -> bool:
    """Whether this is TensorFlow before 1.0, where logits came first; 1.x refuses places."""
    return _SESSIONS.search(unit.source) is not None


_SESSIONS = re.compile(r"\btf\.(placeholder|Session|contrib|initialize_all_variables)\b")
_REDUCTIONS = ("none", "mean", "sum", "batchmean")
_ALIASES = {"input": ("predictions", "inputs"), "target": ("targets", "labels")}


def _full_name(face: LossFace) -> str:
    root = {"torch": "torch", "Keras": "keras", "TensorFlow": "tensorflow"}.get(
        face.library, face.library
    )
    return f"{root}.{face.name}"


def _role(face: LossFace, at: int) -> str:
    """Name of an argument as on the card, whatever it is called there."""
    names = [one.name for one in face.card.arguments]
    if face.library == "torch":
        return face.names[at][0]
    return names[0] if at == face.input else names[1]


def take(
    machine: Machine,
    frame: Frame,
    face: LossFace,
    values: dict[str, Value],
    nodes: dict[str, ast.AST],
    settings: dict[str, Value],
    node: ast.AST,
    made: Made | None = None,
) -> Value:
    """Let a loss take its arguments, and return its value."""
    guards = machine.conditions
    machine.reached.add(id(node))
    machine.lively += 1
    call = LossCall(
        frame.unit,
        node,
        face,
        values,
        nodes,
        settings,
        made,
        guards,
        _rivals(machine, values, guards),
        graded=not machine.ungraded,
        beside=partial(machine.project.opened, frame.unit.path),
    )
    machine.tell(call)
    for value in values.values():
        for one, _ in options(value):
            if isinstance(one, Tensor) or (isinstance(one, Unknown) and one is not UNKNOWN):
                machine.demands.append((_ident(one), call, guards))
    flow, cut = _flow([_as_data(name, value) for name, value in values.items()])
    if machine.ungraded:
        flow = Flow.UNKNOWN
    reduction = call.setting("reduction")
    unsettled = call.unsettled("reduction")
    return Tensor(
        Kind.LOSS,
        flow,
        Trail(frame.unit, node, f"{face.name} is computed"),
        cut,
        rank=0 if not unsettled and reduction != "none" else None,
        reduction=reduction if isinstance(reduction, str) else (None if unsettled else "mean"),
        call=call,
    )


def unseen_loss(name: str, given: Arguments) -> Tensor | None:
    """What a loss that is not seen gives of what can have no gradient, such as indices."""
    if not about_loss(name):
        return None
    names = ("input", "target")
    taken = [_as_data(name, one) for name, one in zip(names, given.positional, strict=False)]
    flow, trail = combined_flow(taken)
    if flow is not Flow.CUT or trail is None or not trail.text.endswith("no gradient"):
        return None
    return Tensor(flow=flow, cut=trail)


_LABELS = re.compile(r"(^|[._])(labels?|targets?|y|y_true|ground_truth|gt)\w*$")


def _as_data(name: str, value: Value) -> Value:
    """Take what is called a target, and given as one, for a part of the data."""
    if isinstance(value, Const) and type(value.value) not in {int, float}:
        return UNKNOWN
    if not isinstance(value, (Unknown, Tensor)) or value.flow is not Flow.UNKNOWN:
        return value
    is_target = name == "target" and _LABELS.search(value.name)
    return Unknown(value.name, Flow.DATA) if is_target else value


def _flow(values: list[Value]) -> tuple[Flow, Trail | None]:
    plain = [one for value in values for one, _ in options(value)]
    flows = [
        one if isinstance(one, (Tensor, Unknown)) else Unknown()
        for one in plain
        if not isinstance(one, Const)
    ]
    if any(isinstance(value, Choice) for value in values):
        found, cut = combined_flow(list(flows))
        return (found, cut) if found is Flow.MODEL else (Flow.UNKNOWN, None)
    return combined_flow(list(flows))


def _ident(value: Value) -> int:
    """What tells one tensor from another; the calls that are kept keep the objects alive."""
    return value.ident if isinstance(value, Tensor) else -id(value)


def _rivals(
    machine: Machine, values: dict[str, Value], guards: frozenset[object]
) -> tuple[tuple[str, LossCall], ...]:
    """Other losses that took the same tensors, whenever this one takes them."""
    idents = {
        _ident(one): name
        for name, value in values.items()
        for one, _ in options(value)
        if isinstance(one, (Tensor, Unknown)) and one is not UNKNOWN
    }
    return tuple(
        (idents[ident], call)
        for ident, call, others in machine.demands
        if ident in idents and others <= guards
    )
