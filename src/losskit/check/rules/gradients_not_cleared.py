"""LK305: gradients not cleared."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool
from losskit.check.lint.accumulation import accumulations
from losskit.check.lint.blocks import statements
from losskit.check.lint.facts import Scanned
from losskit.check.lint.idle import idle
from losskit.check.lint.names import leaf_of
from losskit.check.lint.optimizers import optimized, optimized_models
from losskit.check.lint.rounds import leftovers
from losskit.check.lint.seen import Seen
from losskit.check.lint.units import Unit

__all__ = ["RULE"]

RULE = Rule(
    code="LK305",
    name="gradients-not-cleared",
    severity=Severity.BUG,
    summary=(
        "Gradients of earlier steps are still there when the next ones are added, or those to be "
        "added up are cleared."
    ),
    why=(
        "backward() adds. Without zero_grad() each step goes along the sum of all gradients "
        "so far: the training overshoots more and more. What a discriminator's loss leaves in the "
        "generator is added to the generator's own gradient too, and works against it, as does "
        "what the generator's loss leaves in the discriminator. Cleared between backward() and "
        "step(), no gradient is left for the step; cleared in each round of several that a step "
        "is to add up, only the last one's share is left."
    ),
    bad="""\
import torch


def train(model, criterion, batches, epochs):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(epochs):
        for inputs, targets in batches:
            loss = criterion(model(inputs), targets)
            loss.backward()
            optimizer.step()
""",
    good="""\
import torch


def train(model, criterion, batches, epochs):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(epochs):
        for inputs, targets in batches:
            optimizer.zero_grad()
            loss = criterion(model(inputs), targets)
            loss.backward()
            optimizer.step()
""",
    mend=(
        "Call optimizer.zero_grad() once for each optimizer.step(), right before backward(); give "
        "a discriminator's loss the generator's output detached."
    ),
    sources=(
        Source(
            "PyTorch, torch.optim.Optimizer.zero_grad",
            "https://docs.pytorch.org/docs/stable/generated/torch.optim.Optimizer.zero_grad.html",
        ),
    ),
    tools=(Tool.LINT, Tool.WATCH),
    fixes=Fixes.NEVER,
)


def on_file(file: Scanned) -> Iterator[Seen]:
    """Look for steps after which nothing clears a gradient."""
    source = file.unit.source
    if "backward(" not in source or "torch" not in source:
        return
    for accumulation in accumulations(file.unit):
        if accumulation.divides_by_batches() and not accumulation.finds_outside("step"):
            for call in accumulation.cleared():
                text = "each round clears the gradients of those before it, which the step adds up"
                yield Seen(text, node=call)
    if _CLEARS.search(source) is None:
        if not any(_clears_for(other, source) for other in file.others):
            yield from _never_cleared(file.unit)
    elif _BUILT.search(source) is not None:
        yield from _left_out(file.unit)
        yield from _cleared_elsewhere(file.unit)
        yield from _cleared_around(file)
        for optimizer, backward in leftovers(file.unit, optimized_models(file.unit)):
            text = f"nothing clears what an earlier loss left in what {optimizer} steps by"
            yield Seen(text, node=backward)
        for one in idle(file.unit):
            if one.cleared:
                yield Seen(
                    f"{one.optimizer} steps after the gradients of {one.model} were cleared",
                    node=one.node,
                )


_CLEARS = re.compile(
    r"zero_?grad|\.grad\b(?!\()|(?:clear|reset|clean)_?\w*grad|set_to_none|ccelerat|deepspeed|"
    r"manual_(?:backward|optim)",
    re.IGNORECASE,
)
"""What may clear gradients, or takes steps that do."""


def _clears_for(other: Unit, source: str) -> bool:
    """Whether a function of another file, which a source may call, clears gradients."""
    if "zero_grad" not in other.source:
        return False
    clearing = [
        one.name
        for one in statements(other.tree.body)
        if isinstance(one, _FUNCTIONS) and "zero_grad" in other.text(one)
    ]
    called = [one for one in clearing if re.search(rf"\b{one}\(", source)]
    return bool(called) or not {"forward", "__call__"}.isdisjoint(clearing)


_BUILT = re.compile(r"\boptim\.[A-Z]\w+\(|from torch\.optim import")
"""Optimizers of PyTorch, whose steps clear nothing."""

_LOOPS = (ast.For, ast.While)
_LEAVING = (ast.Return, ast.Break)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_TEXT = "nothing clears the gradients of earlier rounds, to which these are added"


def _never_cleared(unit: Unit) -> Iterator[Seen]:
    """Look for loops that take steps, and functions, in a file that clears no gradient."""
    loops = [one for one in statements(unit.tree.body) if isinstance(one, _LOOPS)]
    rounds = [one for one in loops if not any(isinstance(last, _LEAVING) for last in one.body)]
    stepping = {id(loop): found for loop in rounds if (found := list(_stepping(loop.body)))}
    inner: set[int] = set()
    for loop in loops:
        within = {id(one) for one in ast.walk(loop) if one is not loop}
        inner |= within
        if not stepping.keys().isdisjoint(within):
            # What steps in a loop inside is told of there.
            stepping.pop(id(loop), None)
    for loop_id, calls in stepping.items():
        # Whole trainings, of epochs and batches, with an optimizer whose steps clear nothing.
        sure = _BUILT.search(unit.source) is not None and loop_id in inner
        for backward in calls:
            yield Seen(_TEXT, severity=None if sure else Severity.SUSPICIOUS, node=backward)
    looped = {id(one) for calls in stepping.values() for one in calls}
    for function in statements(unit.tree.body):
        if isinstance(function, _FUNCTIONS) and not function.name.startswith("test"):
            steps = statements(function.body, (*_LOOPS, *_FUNCTIONS))
            for backward in _stepping([one for one in steps if not isinstance(one, _LOOPS)]):
                if id(backward) not in looped and _steps_by_its_own(function, backward):
                    yield Seen(_TEXT, severity=Severity.SUSPICIOUS, node=backward)


def _steps_by_its_own(function: ast.FunctionDef | ast.AsyncFunctionDef, loss: ast.Call) -> bool:
    """Whether a method steps on a loss of its own, by an optimizer that it makes or has."""
    handed = {one.arg for one in (*function.args.args, *function.args.kwonlyargs)}
    owner = loss.func.value if isinstance(loss.func, ast.Attribute) else None
    if isinstance(owner, ast.Name) and owner.id in handed:
        return False
    return any(
        _is_step(one) and _KEPT_OR_NEW.match(ast.unparse(one.func))
        for one in ast.walk(function)
        if isinstance(one, ast.Call) and leaf_of(one.func) == "step"
    )


_KEPT_OR_NEW = re.compile(r"self\.|(?:torch\.)?optim\.[A-Z]\w*\(")
"""Optimizers of which nobody else clears the gradients: the object's, and one made for a step."""


def _stepping(body: list[ast.stmt]) -> Iterator[ast.Call]:
    """Yield the calls of ``backward`` that steps follow."""
    calls = [
        one
        for statement in body
        for one in ast.walk(statement)
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute)
    ]
    steps = [one.lineno for one in calls if leaf_of(one.func) == "step" and _is_step(one)]
    for one in calls:
        bare = leaf_of(one.func) == "backward" and not one.args and not one.keywords
        if bare and one.lineno <= max(steps, default=0):
            yield one


def _is_step(call: ast.Call) -> bool:
    """Whether an optimizer takes a step, and no schedule does."""
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    name = "" if owner is None else ast.unparse(owner).lower()
    if "scaler" in name and len(call.args) == 1:
        return "opt" in ast.unparse(call.args[0]).lower()
    return "opt" in name and not call.args


def _cleared_elsewhere(unit: Unit) -> Iterator[Seen]:
    """Look for rounds whose gradients are cleared on one side of a condition only."""
    every = list(statements(unit.tree.body))
    within = {id(one) for loop in every if isinstance(loop, _LOOPS) for one in loop.body}
    for fork in every:
        if not isinstance(fork, ast.If) or not fork.orelse:
            continue
        for cleared, other in ((fork.body, fork.orelse), (fork.orelse, fork.body)):
            first, last = cleared[0].lineno - 1, cleared[-1].end_lineno or 0
            if _CLEARED.search("\n".join(unit.lines[first:last])) is None:
                continue
            if not any(map(_CLEARED.search, map(ast.unparse, cleared))):
                continue
            if _CLEARS.search("\n".join([*unit.lines[:first], *unit.lines[last:]])) is None:
                loops = [one.body for one in statements(other) if isinstance(one, _LOOPS)]
                for block in [other] if id(fork) in within else loops:
                    for backward in _stepping(block):
                        yield Seen(_TEXT, node=backward)


def _cleared_around(file: Scanned) -> Iterator[Seen]:
    """Look for loops whose every round steps, and whose function clears outside of them only."""
    clearing = {
        one.name
        for unit in (file.unit, *file.others)
        for one in statements(unit.tree.body)
        if isinstance(one, _FUNCTIONS) and _CLEARS.search(unit.text(one)) is not None
    }
    tree = file.unit.tree
    functions = [one for one in statements(tree.body) if isinstance(one, _FUNCTIONS)]
    for scope in (tree, *functions):
        own = list(statements(scope.body, (*_FUNCTIONS, ast.ClassDef)))
        if not any(isinstance(one, ast.Expr) and _clears(one) for one in own):
            continue
        for loop in own:
            if not isinstance(loop, _LOOPS) or not _steps_each_round(loop):
                continue
            text = file.unit.text(loop)
            if _CLEARS.search(text) is None and clearing.isdisjoint(_CALLED.findall(text)):
                for backward in _stepping(loop.body):
                    yield Seen(_TEXT, node=backward)


def _clears(statement: ast.Expr) -> bool:
    return isinstance(statement.value, ast.Call) and leaf_of(statement.value.func) == "zero_grad"


def _steps_each_round(loop: ast.For | ast.While) -> bool:
    """Whether a loop comes by a step after backward() whatever happens, and may do so again."""
    every = [one.value for one in _unasked(loop.body) if isinstance(one, ast.Expr)]
    calls = [one for one in every if isinstance(one, ast.Call)]
    added = [one.lineno for one in calls if leaf_of(one.func) == "backward"]
    steps = [one.lineno for one in calls if leaf_of(one.func) == "step" and _is_step(one)]
    leaves = any(isinstance(one, _LEAVING) for one in _unasked(loop.body))
    return bool(added) and min(added) < max(steps, default=0) and not leaves


def _unasked(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a block that run whatever holds."""
    for one in body:
        yield one
        if isinstance(one, (ast.With, ast.AsyncWith)):
            yield from _unasked(one.body)


_CALLED = re.compile(r"(\w+)\(")


def _left_out(unit: Unit) -> Iterator[Seen]:
    """Look for optimizers of models whose gradients nobody clears, though others' are cleared."""
    for part in unit.tree.body:
        if isinstance(part, (*_FUNCTIONS, ast.ClassDef)):
            yield from _left_out_in([part], unit.text(part))
    rest = [one for one in unit.tree.body if not isinstance(one, (*_FUNCTIONS, ast.ClassDef))]
    yield from _left_out_in(rest, unit.source)


def _left_out_in(body: list[ast.stmt], source: str) -> Iterator[Seen]:
    if _CLEARS.search(_CLEARED.sub("", source)) is not None:
        return
    built = [
        (one.targets[0].id, models)
        for one in statements(body)
        if isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name)
        if isinstance(one.value, ast.Call) and (models := optimized(one.value))
    ]
    for at, (name, models) in enumerate(built):
        others = [model for other, (_, owned) in enumerate(built) if other != at for model in owned]
        if models & set(others) or _is_cleared(source, name, models):
            continue
        step = re.compile(rf"\b{re.escape(name)}\.step\(\)")
        for loop in statements(body):
            steps = [
                one
                for one in (loop.body if isinstance(loop, _LOOPS) else ())
                if isinstance(one, ast.Expr) and step.match(ast.unparse(one))
            ]
            before = [
                one.value
                for one in (loop.body if isinstance(loop, _LOOPS) else ())
                if isinstance(one, ast.Expr) and isinstance(one.value, ast.Call)
                if leaf_of(one.value.func) == "backward" and steps and one.lineno < steps[0].lineno
            ]
            if before:
                yield Seen(f"nothing clears the gradients that {name} steps by", node=before[-1])


_CLEARED = re.compile(r"[\w\])]\.zero_grad\(")
"""Where gradients are cleared in the ordinary way."""


def _is_cleared(source: str, name: str, models: set[str]) -> bool:
    """Whether anybody may clear an optimizer's gradients: by it, by its model, or out of sight."""
    whole = rf"(?<![\w.]){re.escape(name)}\b"
    known = r"(?:\.(?:step\(\)|state_dict|load_state_dict|param_groups)|\s*=[^=])"
    scheduled = re.compile(rf"(?:[lL][rR]|sched)\w*(?:\.\w+)?\(\s*{whole}")
    rest = scheduled.sub("", source)
    if re.search(rf"{whole}(?!{known})", rest):
        return True
    owners = {".".join(model.split(".")[: at + 1]) for model in models for at in range(9)}
    leaves = {model.rpartition(".")[2] for model in models}
    return any(
        re.search(rf"\b{re.escape(one)}\.(?:\w+\.)*zero_grad", source) for one in owners | leaves
    )
