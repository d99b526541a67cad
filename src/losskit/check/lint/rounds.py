"""What a round of a training leaves in the gradients of each of its models."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from losskit.check.lint.blocks import blocks, statements
from losskit.check.lint.names import leaf_of
from losskit.check.lint.units import Unit

__all__ = ["leftovers"]

_FORKS = (ast.If, ast.Match, ast.Try)
_LOOPS = (ast.For, ast.While)
_BACKWARD = {"backward", "manual_backward"}
_CUTTING = {"detach", "item", "numpy", "data", "detach_"}
_UNGRADED = re.compile(r"\b(?:no_grad|inference_mode)\b")
_RESETS = re.compile(r"(?:zero|clear|reset|clean|toggle)_?\w*(?:grad|optim)", re.IGNORECASE)
_KEEPS = re.compile(r"\w*grad_(?:norm|value|clip)\w*|sync_gradients|no_grad")
_CHANGES = re.compile(r"\.step\(|backward|grad")
"""What may add gradients, clear them or take a step; and what is called alike but does not."""

_SETS = "requires_grad_"
_FREEZES = re.compile(r"\.requires_grad\s*=(?!=)|requires_grad_\(|\w_requires_grad|freeze")
"""Where models may get no gradient for a while."""

_ADVERSARY = re.compile(
    r"(?:^|[._])(?:net_?|model_?)?(?:d\d?|dis|dsc|disc\w*|critic\w*|judge)$|discriminator",
    re.IGNORECASE,
)
"""What models are called against which others are trained."""


def leftovers(unit: Unit, owned: Mapping[str, set[str]]) -> Iterator[tuple[str, ast.Call]]:
    """Yield optimizers that step by what an earlier loss left, and where theirs is added to it.

    Parameters
    ----------
    unit : Unit
        A file.
    owned : mapping
        The models of each of its optimizers, as they are written.
    """
    if len(owned) < 2 or _may_freeze(unit, owned):
        return
    told: set[int] = set()
    clearing = {
        one.name
        for one in statements(unit.tree.body)
        if isinstance(one, ast.FunctionDef) and "grad" in unit.text(one)
    }
    for block in blocks(unit.tree.body):
        stepping = {_owner(call, "step") for call in _calls(block)} & owned.keys()
        if len(stepping) < 2:
            continue
        one = _Round(owned, clearing)
        # What is left at the end of a round is there when the next one begins.
        for optimizer, added in (*one.run(block), *one.run(block)):
            if id(added) not in told:
                told.add(id(added))
                yield optimizer, added


def _may_freeze(unit: Unit, owned: Mapping[str, set[str]]) -> bool:
    """Whether a model of an optimizer may get no gradient for a while."""
    rest = unit.source
    if "requires_grad_(" in rest:
        every = [one for one in _calls(list(statements(unit.tree.body))) if _owner(one, _SETS)]
        freed = {_owner(one, _SETS) for one in every if not _says(one, False)}
        whole = {f"{model}." for models in owned.values() for model in models}
        for call in every:
            owner = _owner(call, _SETS)
            kept = owner not in freed and not any(one.startswith(f"{owner}.") for one in whole)
            if _says(call, True) or (_says(call, False) and kept):
                rest = rest.replace(unit.text(call), "")
    return _FREEZES.search(rest) is not None


def _says(call: ast.Call, flag: bool) -> bool:
    """Whether a switch, which is on by default, is set to a flag that stands there."""
    said = [*call.args, *(one.value for one in call.keywords)] or [ast.Constant(True)]
    return isinstance(said[0], ast.Constant) and said[0].value is flag


@dataclass
class _Round:
    """Follows the statements of a round.

    Attributes
    ----------
    owned : mapping
        The models of each optimizer.
    clearing : set of str
        Functions that may clear gradients.
    reaches : dict
        The models that have a part in what a name holds, and get a gradient through it.
    held : dict
        The losses of which each model holds a gradient, by the calls of their backward().
    applied : dict
        By which optimizers such a gradient was applied.
    """

    owned: Mapping[str, set[str]]
    clearing: set[str]
    reaches: dict[str, set[str]] = field(default_factory=dict)
    held: dict[str, list[ast.Call]] = field(default_factory=dict)
    applied: dict[int, set[str]] = field(default_factory=dict)

    def run(self, block: list[ast.stmt]) -> list[tuple[str, ast.Call]]:
        """Follow a round; nothing is told of one whose branches train."""
        found: list[tuple[str, ast.Call]] = []
        for statement in block:
            if isinstance(statement, (ast.With, ast.AsyncWith)):
                if any(_UNGRADED.search(ast.unparse(one)) for one in statement.items):
                    self._forget(statement)
                else:
                    found += self.run(statement.body)
            elif isinstance(statement, (*_FORKS, *_LOOPS)):
                self._forget(statement)
                if _CHANGES.search(_KEEPS.sub("", ast.unparse(statement))) is not None:
                    # Either may clear, and what is held then is not known.
                    self.held.clear()
            else:
                found += self._follow(statement)
        return found

    def _forget(self, statement: ast.stmt) -> None:
        """Take nothing for known of the names that are given values in a statement."""
        for node in ast.walk(statement):
            if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Store):
                self.reaches[ast.unparse(node)] = set()

    def _follow(self, statement: ast.stmt) -> Iterator[tuple[str, ast.Call]]:
        if isinstance(statement, ast.Assign):
            models = self._models(statement.value)
            for target in statement.targets:
                names = target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target]
                self.reaches.update((ast.unparse(name), models) for name in names)
        elif isinstance(statement, ast.AugAssign):
            name = ast.unparse(statement.target)
            self.reaches[name] = self.reaches.get(name, set()) | self._models(statement.value)
        for call in _calls([statement]):
            leaf = leaf_of(call.func)
            if leaf in _BACKWARD:
                self.applied[id(call)] = set()
                for model in self._models(call):
                    self.held.setdefault(model, []).append(call)
            elif leaf == "zero_grad":
                name = _owner(call, leaf)
                cleared = self.owned.get(name, {name})
                self.held = {
                    model: calls
                    for model, calls in self.held.items()
                    if not any(f"{model}.".startswith(f"{one}.") for one in cleared)
                }
            elif leaf in self.clearing or _RESETS.search(leaf):
                self.held.clear()
            elif leaf == "step":
                yield from self._step(_owner(call, leaf))

    def _step(self, optimizer: str) -> Iterator[tuple[str, ast.Call]]:
        for model in sorted(self.owned.get(optimizer, ())):
            calls = self.held.get(model, [])
            for call in calls[:-1]:
                if any(self._is_stale(model, other) for other in self.applied[id(call)]):
                    yield optimizer, calls[-1]
                    break
        for model in self.owned.get(optimizer, ()):
            for call in self.held.get(model, []):
                self.applied[id(call)].add(optimizer)

    def _is_stale(self, model: str, other: str) -> bool:
        """Whether what an optimizer stepped by was for it alone: its models', or a judge's loss.

        Or one that a judge's model had a part in, which wants it to be wrong.
        """
        return model in self.owned[other] or any(
            map(_ADVERSARY.search, (model, *self.owned[other]))
        )

    def _models(self, node: ast.AST) -> set[str]:
        """Return the models to which a gradient gets through an expression."""
        if isinstance(node, ast.Attribute) and node.attr in _CUTTING:
            return set()
        text = ast.unparse(node) if isinstance(node, (ast.Name, ast.Attribute)) else ""
        if any(text in models for models in self.owned.values()):
            return {text}
        if text in self.reaches:
            return self.reaches[text]
        found = self._parts(node.func) if isinstance(node, ast.Call) else set()
        for inner in ast.iter_child_nodes(node):
            found |= self._models(inner)
        return found

    def _parts(self, called: ast.expr) -> set[str]:
        """Return the parts of a model that is called which optimizers step on their own."""
        whole = f"{ast.unparse(called)}."
        return {part for parts in self.owned.values() for part in parts if part.startswith(whole)}


def _calls(block: list[ast.stmt]) -> Iterator[ast.Call]:
    """Yield the calls of a block's own statements, in their order."""
    for statement in block:
        if isinstance(statement, (ast.With, ast.AsyncWith)):
            yield from _calls(statement.body)
        elif isinstance(statement, (ast.Expr, ast.Assign, ast.AugAssign)):
            calls = [one for one in ast.walk(statement) if isinstance(one, ast.Call)]
            yield from sorted(calls, key=lambda one: (one.lineno, one.col_offset))


def _owner(call: ast.Call, leaf: str) -> str:
    """Return whose method is called; of a scaler's step, whose step it is."""
    if leaf_of(call.func) != leaf or not isinstance(call.func, ast.Attribute):
        return ""
    if leaf == "step" and call.args:
        return ast.unparse(call.args[0])
    return ast.unparse(call.func.value)
