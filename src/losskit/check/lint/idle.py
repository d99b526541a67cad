"""Optimizers that take steps though no gradient of their model's parameters was taken."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from losskit.check.lint.blocks import blocks, statements
from losskit.check.lint.holders import SYNCS, holders, related, related_to
from losskit.check.lint.names import leaf_of
from losskit.check.lint.optimizers import whole_models
from losskit.check.lint.reaches import (
    FUNCTIONS,
    NOTHING,
    Names,
    Reach,
    Reaches,
    Scope,
    UnclearError,
)
from losskit.check.lint.terms import Term, terms_of
from losskit.check.lint.units import Unit

__all__ = ["Idle", "idle"]


@dataclass(frozen=True)
class Idle:
    """A step by which nothing changes.

    Attributes
    ----------
    model, optimizer : str
        How they are written.
    node : ast.AST
        The loss whose gradient was taken, or its ``backward()``.
    cut : bool
        Whether the loss was computed from the model, but without a gradient.
    cleared : bool
        Whether there was a gradient, which was cleared before the step.
    """

    model: str
    optimizer: str
    node: ast.AST
    cut: bool = False
    cleared: bool = False


_BY_HAND = re.compile(
    r"(?<!zero)(?<!no)(?<!requires)[._]grad\b(?!\()|clip_gradients|autograd\.grad\(|closure"
)
_DEEP = 3
_TRAINING = ("backward(", ".parameters()", ".step(")
_RESETS = re.compile(r"(?:zero|clear|reset|clean)_?\w*(?:grad|optim)", re.IGNORECASE)
_UNGRADED = re.compile(r"\b(?:no_grad|inference_mode)\b")
_APART = re.compile(r"(?:re_?init|log|print|save|show|plot|visuali[sz]e|display|write)(?:_|\b)")
"""What methods are called that train nothing."""
_TRAINS = re.compile(r"\bbackward\b|\.step\(|(?<!requires_)grad\b|_gradients\b")
"""What takes gradients or steps; what is frozen or thawed only has fewer gradients by it."""


def idle(unit: Unit) -> list[Idle]:
    """Find the steps of a file that change nothing.

    Only what is surely so: a round is left as soon as anything in it is not understood.
    """
    return unit.recall("idle", unit.tree, lambda: list(_look(unit)))


def _look(unit: Unit) -> Iterator[Idle]:
    source = unit.source
    if any(word not in source for word in _TRAINING) or _BY_HAND.search(source):
        return
    owned = whole_models(unit)
    if not owned:
        return
    whole = Names.of(unit.tree.body, ())
    for one in statements(unit.tree.body):
        if isinstance(one, (ast.Import, ast.ImportFrom)):
            whole.given.update(name.asname or name.name.partition(".")[0] for name in one.names)
    functions = [one for one in statements(unit.tree.body) if isinstance(one, FUNCTIONS)]
    attributes: dict[str, list[ast.expr]] = {}
    for function in functions:
        for name, values in Names.of(function.body, ()).made.items():
            if name.startswith("self."):
                attributes.setdefault(name, []).extend(values)
    whole.made.update(attributes)
    training = {one.name for one in functions if _trains(unit, one)}
    shared = holders(unit.tree, set().union(*owned.values()), whole.given)
    for function in functions:
        every = function.args
        parameters = [*every.posonlyargs, *every.args, *every.kwonlyargs]
        names = Names.of(function.body, (one.arg for one in parameters))
        yield from _in_scope(function.body, Scope(owned, shared, names, whole, training, functions))
    nobody = Names(whole.made, set())
    yield from _in_scope(unit.tree.body, Scope(owned, shared, nobody, whole, training, functions))


def _trains(unit: Unit, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether gradients or steps are taken in a function."""
    lines = unit.lines[function.lineno - 1 : function.end_lineno]
    return any(map(_TRAINS.search, lines))


def _in_scope(body: list[ast.stmt], scope: Scope) -> Iterator[Idle]:
    told: set[int] = set()
    for block in blocks(body, (*FUNCTIONS, ast.ClassDef)):
        stepping = {ast.unparse(call.func) for call in _calls(block)}
        if not any(f"{optimizer}.step" in stepping for optimizer in scope.owned):
            continue
        training = _Round(scope, Reaches(scope))
        try:
            # What is left at the end of a round is there when the next one begins.
            training.run(block)
            found = training.run(block)
        except UnclearError:
            continue
        for one in found:
            if id(one.node) not in told:
                told.add(id(one.node))
                yield one


@dataclass
class _Round:
    """Follows the statements of a round.

    Attributes
    ----------
    scope : Scope
        Where it stands.
    reaches : Reaches
        What its names reach.
    held, fresh : dict
        Whether each model holds a gradient, and whether one by which no step was taken yet.
    last : dict
        The loss whose gradient was taken last since each model held none, and what it reached.
    cleared : dict
        The ``backward()`` of models whose gradient was cleared before a step.
    terms : list of Term
        Terms of the losses whose gradients were taken, by which no step was taken yet.
    depth : int
        How many methods deep it is.
    """

    scope: Scope
    reaches: Reaches
    held: dict[str, bool] = field(default_factory=dict)
    fresh: dict[str, ast.AST] = field(default_factory=dict)
    last: dict[str, tuple[ast.AST, Reach]] = field(default_factory=dict)
    cleared: dict[str, ast.AST] = field(default_factory=dict)
    terms: list[Term] = field(default_factory=list)
    depth: int = 0

    def run(self, block: list[ast.stmt], *, ungraded: bool = False) -> list[Idle]:
        """Follow a block."""
        found: list[Idle] = []
        for statement in block:
            if isinstance(statement, (ast.With, ast.AsyncWith)):
                off = any(_UNGRADED.search(ast.unparse(one)) for one in statement.items)
                for item in statement.items:
                    if item.optional_vars is not None:
                        self.reaches.give(item.optional_vars, NOTHING)
                found += self.run(statement.body, ungraded=ungraded or off)
            elif isinstance(statement, ast.Assign):
                self._check(statement)
                reach = self.reaches.of(statement.value)
                for target in statement.targets:
                    self.reaches.give(
                        target, reach.severed() if ungraded else reach, statement.value
                    )
            elif isinstance(statement, ast.AugAssign):
                self._check(statement)
                old, new = self.reaches.of(statement.target), self.reaches.of(statement.value)
                self.reaches.give(statement.target, old | new)
            elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
                found += self._called(statement.value, ungraded=ungraded)
            elif not isinstance(statement, (ast.Expr, ast.Pass, ast.Import, ast.ImportFrom)):
                self._around(statement)
        return found

    def _around(self, statement: ast.stmt) -> None:
        """Pass by a branch or a loop, if nothing is trained or computed in it that matters."""
        self._check(statement)
        if _TRAINS.search(ast.unparse(statement)):
            raise UnclearError
        self.reaches.forget(statement)

    def _check(self, statement: ast.stmt) -> None:
        """Leave a round in which functions are called that train."""
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and self._trains(node):
                raise UnclearError

    def _trains(self, call: ast.Call) -> bool:
        leaf, text = leaf_of(call.func), ast.unparse(call.func)
        if leaf in self.scope.training or leaf in {"backward", "manual_backward"}:
            return True
        if leaf == "step" and "opt" in text.lower():
            return True
        if _APART.match(leaf) or SYNCS.search(leaf):
            return False
        if _RESETS.search(leaf) or any(one in text for one in ("train_", "optimize", "update")):
            return True
        # A method that a class of another file may have.
        own = text.startswith("self.") and text.count(".") == 1 and not self.reaches.is_known(text)
        return own and leaf not in {one.name for one in self.scope.functions}

    def _own(self, call: ast.Call) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """Return the method that a call without arguments runs, as ``self.forward()``."""
        text = ast.unparse(call.func)
        if call.args or call.keywords or text != f"self.{leaf_of(call.func)}" or self.depth > _DEEP:
            return None
        named = [one for one in self.scope.functions if one.name == leaf_of(call.func)]
        plain = len(named) == 1 and len(named[0].args.args) == 1 and not named[0].decorator_list
        return named[0] if plain else None

    def _called(self, call: ast.Call, *, ungraded: bool = False) -> Iterator[Idle]:
        leaf, owner = leaf_of(call.func), ""
        if isinstance(call.func, ast.Attribute):
            owner = ast.unparse(call.func.value)
        if leaf in {"backward", "manual_backward"}:
            self._backward(call)
        elif leaf == "zero_grad":
            yield from self._clear(self.scope.owned.get(owner, frozenset({owner})))
        elif _RESETS.search(leaf):
            yield from self._clear(self.scope.models)
        elif own := self._own(call):
            self.depth += 1
            yield from self.run(own.body, ungraded=ungraded)
            self.depth -= 1
        elif leaf == "step":
            name = ast.unparse(call.args[0]) if call.args else owner
            if name in self.scope.owned:
                yield from self._step(name, self.scope.owned[name])
            elif "sched" not in name.lower():
                # An optimizer of several models may use what any of them got.
                self.terms = []
        elif self._trains(call):
            raise UnclearError

    def _backward(self, call: ast.Call) -> None:
        assert isinstance(call.func, ast.Attribute)  # noqa: S101
        loss = call.args[0] if call.args else call.func.value
        reach = self.reaches.of(loss)
        if not reach.graded:
            # A loss without any gradient is told of by its values, not by its round.
            raise UnclearError
        self.terms += terms_of(loss, self.reaches)
        for model in self.scope.models:
            if related_to(model, reach.graded):
                self.held[model] = True
                self.fresh[model] = call
                self.cleared.pop(model, None)
            else:
                self.last[model] = self.reaches.values.get(ast.unparse(loss), call), reach

    def _clear(self, names: frozenset[str]) -> Iterator[Idle]:
        for model in self.scope.models:
            if related_to(model, names):
                for term in self.terms:
                    term.left = frozenset(one for one in term.left if not related(model, one))
                self.held[model] = False
                self.last.pop(model, None)
                if model in self.fresh:
                    self.cleared[model] = self.fresh.pop(model)
        yield from self._lost()

    def _step(self, optimizer: str, models: frozenset[str]) -> Iterator[Idle]:
        self.terms = [one for one in self.terms if not _any_related(models, one.reach.graded)]
        for term in self.terms:
            cut = [model for model in sorted(models) if related_to(model, term.reach.cut)]
            if term.wanted is None and cut:
                term.wanted = optimizer, cut[0]
        yield from self._lost()
        if not any(map(self.held.get, models)):
            yield from self._nothing(optimizer, sorted(models))
        for model in models:
            self.fresh.pop(model, None)
            self.cleared.pop(model, None)

    def _nothing(self, optimizer: str, models: list[str]) -> Iterator[Idle]:
        """Yield why there is no gradient to take a step by."""
        for model in models:
            if model in self.last:
                node, reach = self.last[model]
                cut = related_to(model, reach.cut)
                yield Idle(model, optimizer, node, cut=cut)
                return
            if model in self.cleared:
                yield Idle(model, optimizer, self.cleared[model], cleared=True)
                return

    def _lost(self) -> Iterator[Idle]:
        """Yield terms of whose gradients nothing is left before any was used."""
        for term in self.terms:
            if not term.left and term.wanted is not None:
                optimizer, model = term.wanted
                yield Idle(model, optimizer, term.node, cut=True)
        self.terms = [one for one in self.terms if one.left or one.wanted is None]


def _any_related(models: frozenset[str], names: frozenset[str]) -> bool:
    return any(related_to(model, names) for model in models)


def _calls(block: list[ast.stmt]) -> Iterator[ast.Call]:
    """Yield the calls that a block's own statements are."""
    for statement in block:
        if isinstance(statement, (ast.With, ast.AsyncWith)):
            yield from _calls(statement.body)
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            yield statement.value
