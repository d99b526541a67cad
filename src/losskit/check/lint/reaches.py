"""To which models a gradient gets through an expression, as far as that is surely known."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from losskit.check.lint.blocks import statements
from losskit.check.lint.holders import names_of, related
from losskit.check.lint.names import is_model, leaf_of

__all__ = ["FUNCTIONS", "NOTHING", "Names", "Reach", "Reaches", "Scope", "UnclearError"]

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Reach:
    """To which models a gradient gets through a value, and which had a part in it otherwise."""

    graded: frozenset[str] = frozenset()
    cut: frozenset[str] = frozenset()

    def __or__(self, other: Reach) -> Reach:
        return Reach(self.graded | other.graded, self.cut | other.cut)

    def severed(self) -> Reach:
        """What is left where no gradient passes."""
        return Reach(cut=self.graded | self.cut)


class UnclearError(Exception):
    """Something may depend on a model, or hand it a gradient, in a way that is not followed."""


NOTHING = Reach()
"""What data and numbers reach."""

_CUTTING = {"detach", "item", "numpy", "data", "tolist", "size", "shape", "argmax", "detach_"}
_MAKING = re.compile(
    r"^(?:\w*Tensor|tensor|as_tensor|from_numpy|zeros|ones|empty|full|rand\w*|normal|arange|"
    r"eye|len|range|\w+_like)$"
)
_DATA = re.compile(
    r"^(?:next_?|batch_?|b_?)?(?:obs\w*|observations?|states?|rewards?|dones?|masks?|batch\w*|"
    r"targets?|labels?|real\w*|epochs?|gamma|device|\w*(?:data_?)?loader|\w*data_?set)$"
)
"""What parameters are called that hold data, or numbers, and never what a model gave."""

_SETTINGS = re.compile(r"^(?:opts?|args|config|cfg|conf|hparams?|flags|device)$", re.IGNORECASE)
"""What is called so holds settings."""

_DEPTH = 40
_STEPS = 4000


@dataclass
class Names:
    """What the names of a scope are ever given: the values, or what they are items of."""

    made: dict[str, list[ast.expr]]
    given: set[str]

    @classmethod
    def of(cls, body: list[ast.stmt], given: Iterable[str]) -> Names:
        """Collect those of a scope."""
        made: dict[str, list[ast.expr]] = {}
        for one in statements(body, (*FUNCTIONS, ast.ClassDef)):
            pairs: list[tuple[ast.expr, ast.expr]] = []
            if isinstance(one, ast.Assign):
                pairs = [pair for target in one.targets for pair in _pairs(target, one.value)]
            elif isinstance(one, (ast.For, ast.AsyncFor)):
                pairs = [(one.target, one.iter)]
            elif isinstance(one, ast.AugAssign):
                pairs = [(one.target, one.value)]
            elif isinstance(one, ast.Expr) and isinstance(one.value, ast.Call):
                pairs = _put(one.value)
            for target, value in pairs:
                for name in names_of(target):
                    made.setdefault(name, []).append(value)
        return cls(made, set(given))


@dataclass
class Scope:
    """Where a round stands.

    Attributes
    ----------
    owned : mapping
        The models of each optimizer.
    shared : mapping
        What such models were put into, or handed to → which of them.
    own, whole : Names
        The names of the function and of its file.
    training : set of str
        The functions of the file in which gradients or steps are taken.
    functions : list
        All functions of the file.
    """

    owned: Mapping[str, frozenset[str]]
    shared: Mapping[str, set[str]]
    own: Names
    whole: Names
    training: set[str]
    functions: list[ast.FunctionDef | ast.AsyncFunctionDef]

    @property
    def models(self) -> frozenset[str]:
        """All models that optimizers have."""
        return frozenset().union(*self.owned.values())


@dataclass
class Reaches:
    """What the names of a round reach, as it goes on.

    Attributes
    ----------
    scope : Scope
        Where it stands.
    known, values : dict
        What is known of the names that the round has given values to, and these values.
    steps : int
        How many expressions may still be looked at.
    resolving : set of str
        The names whose values are being looked at.
    """

    scope: Scope
    known: dict[str, Reach] = field(default_factory=dict)
    values: dict[str, ast.expr] = field(default_factory=dict)
    steps: int = _STEPS
    resolving: set[str] = field(default_factory=set)

    def give(self, target: ast.expr, reach: Reach, value: ast.expr | None = None) -> None:
        """Note what an assignment gives to its names."""
        for name in names_of(target):
            self.known[name] = reach
            if value is not None and not isinstance(target, (ast.Tuple, ast.List)):
                self.values[name] = value

    def forget(self, statement: ast.stmt) -> None:
        """Forget the names that something gives values to, or puts something into."""
        for node in ast.walk(statement):
            changed: list[ast.expr] = []
            if isinstance(node, ast.Call):
                changed = [target for target, _ in _put(node)]
            elif isinstance(node, ast.expr) and isinstance(getattr(node, "ctx", None), ast.Store):
                changed = [node]
            for name in (name for one in changed for name in names_of(one)):
                self.known.pop(name, None)
                self.values.pop(name, None)

    def of(self, node: ast.AST, depth: int = 0) -> Reach:
        """Return what an expression reaches, or leave the round."""
        self.steps -= 1
        if depth > _DEPTH or self.steps < 0:
            raise UnclearError
        if isinstance(node, (ast.Constant, ast.JoinedStr, ast.Compare)):
            return NOTHING
        if isinstance(node, (ast.Name, ast.Attribute)):
            return self._named(node, depth)
        if isinstance(node, ast.Call):
            return self._given(node, depth)
        if isinstance(node, ast.Subscript):
            return self.of(node.value, depth + 1)
        if isinstance(node, (ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.IfExp, ast.Starred)):
            return self._all(ast.iter_child_nodes(node), depth)
        if isinstance(node, (ast.Tuple, ast.List)):
            return self._all(node.elts, depth)
        if isinstance(node, ast.Dict) and None not in node.keys:
            return self._all(node.values, depth)
        if isinstance(node, (ast.ListComp, ast.GeneratorExp)):
            return self._each(node, depth)
        if isinstance(node, (ast.operator, ast.unaryop, ast.boolop, ast.expr_context)):
            return NOTHING
        raise UnclearError

    def _all(self, nodes: Iterator[ast.AST] | list[ast.expr], depth: int) -> Reach:
        reach = NOTHING
        for one in nodes:
            reach |= self.of(one, depth + 1)
        return reach

    def _each(self, node: ast.ListComp | ast.GeneratorExp, depth: int) -> Reach:
        before = dict(self.known)
        for one in node.generators:
            self.give(one.target, self.of(one.iter, depth + 1))
        reach = self.of(node.elt, depth + 1)
        self.known = before
        return reach

    def is_known(self, name: str) -> bool:
        """Whether the file gives a value to a name."""
        return name in self.scope.own.made or name in self.scope.whole.made

    def _models(self, name: str) -> frozenset[str]:
        """Return the models that something is, is a part of, or holds."""
        found = {one for one in self.scope.models if related(one, name)}
        return frozenset(found).union(
            *(held for holder, held in self.scope.shared.items() if related(holder, name))
        )

    def _named(self, node: ast.Name | ast.Attribute, depth: int) -> Reach:
        text = ast.unparse(node)
        if text in self.known:
            return self.known[text]
        leaf = text.rpartition(".")[2]
        if _SETTINGS.match(leaf) or (leaf != text and _DATA.match(leaf)):
            # Such as what a model keeps of the games that it played.
            return NOTHING
        models = self._models(text)
        if models:
            return Reach(models)
        if isinstance(node, ast.Attribute):
            if node.attr in _CUTTING:
                return self.of(node.value, depth + 1).severed()
            if not text.startswith("self.") or text.count(".") > 1:
                return self.of(node.value, depth + 1)
        if text in self.scope.own.given:
            if not _DATA.match(text):
                # Whatever else is made of it afterwards.
                raise UnclearError
            return NOTHING
        for names in (self.scope.own, self.scope.whole):
            if text in names.made:
                return self._ever(text, names.made[text], depth)
        if text in self.scope.whole.given or hasattr(builtins, text):
            return NOTHING
        if "*" in self.scope.whole.given and isinstance(node, ast.Name) and not is_model(text):
            return NOTHING
        raise UnclearError

    def _ever(self, name: str, values: list[ast.expr], depth: int) -> Reach:
        """Return what a name reaches, whichever of its values it has."""
        if name in self.resolving:
            # As in x = Variable(x): what it adds to itself is nothing new.
            return NOTHING
        self.resolving.add(name)
        try:
            return self._all(values, depth + 1)
        finally:
            self.resolving.discard(name)

    def _given(self, call: ast.Call, depth: int) -> Reach:
        leaf = leaf_of(call.func)
        if isinstance(call.func, ast.Attribute) and leaf in _CUTTING:
            return self.of(call.func.value, depth + 1).severed()
        if _MAKING.match(leaf) or leaf == "deepcopy":
            return NOTHING
        arguments = [*call.args, *(one.value for one in call.keywords)]
        return self._all(arguments, depth) | self._callee(call.func, depth + 1)

    def _callee(self, node: ast.expr, depth: int) -> Reach:
        """Return what is reached through what is called: a model, or what has the method."""
        if self._models(ast.unparse(node)):
            return self.of(node, depth)
        for name in (node, *((node.value,) if isinstance(node, ast.Attribute) else ())):
            text = ast.unparse(name)
            if text in self.known or not self.is_known(text):
                continue
            values = self.scope.own.made.get(text) or self.scope.whole.made[text]
            if any(_DISTRIBUTION.search(ast.unparse(one)) for one in values):
                break
            if all(isinstance(one, ast.Call) and self._builds(one) for one in values):
                # Another model or a criterion, if it is made of nothing that may be a model.
                kinds = [leaf_of(one.func) for one in values if isinstance(one, ast.Call)]
                other = any(map(is_model, (text, *kinds)))
                return Reach(frozenset({text})) if other else NOTHING
        text = ast.unparse(node)
        if leaf_of(node) in {one.name for one in self.scope.functions} and (
            isinstance(node, ast.Name) or (text.startswith("self.") and text.count(".") == 1)
        ):
            raise UnclearError
        return self.of(node, depth)

    def _builds(self, call: ast.Call) -> bool:
        """Whether something is made by a class; what a model is called with is no model."""
        return _builds(call) and not self._models(ast.unparse(call.func))


_DISTRIBUTION = re.compile(
    r"\b(?:Categorical|\w*Normal|Bernoulli|Beta|Dirichlet|Independent|distributions)\b"
)
"""What is made of what a model gave, and gives it on."""


def _builds(call: ast.Call) -> bool:
    """Whether something is made by a class, and of no models."""
    if leaf_of(call.func) == "deepcopy":
        return True
    names = {
        ast.unparse(one)
        for argument in (*call.args, *call.keywords)
        for one in ast.walk(argument)
        if isinstance(one, (ast.Name, ast.Attribute))
    }
    return _CLASS.search(leaf_of(call.func)) is not None and not any(map(is_model, names))


_CLASS = re.compile(r"(?-i:^[A-Z])|net|model|critic|actor|policy|loss", re.IGNORECASE)


def _put(call: ast.Call) -> list[tuple[ast.expr, ast.expr]]:
    """Return the list that a call puts something into, with what it puts there."""
    if isinstance(call.func, ast.Attribute) and call.func.attr in _PUTTING:
        return [(call.func.value, one) for one in call.args]
    return []


_PUTTING = {"append", "appendleft", "extend", "insert", "add", "push"}


def _pairs(target: ast.expr, value: ast.expr) -> list[tuple[ast.expr, ast.expr]]:
    """Return which target gets which value."""
    targets = target.elts if isinstance(target, (ast.Tuple, ast.List)) else []
    values = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
    if targets and len(targets) == len(values):
        return list(zip(targets, values, strict=True))
    return [(target, value)]
