"""What an analysis has at hand: bounds, the changes that branches make, and who is told."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from losskit.check.lint.branches import MISSING, merged, words_of
from losskit.check.lint.choices import NO_GUARDS, Choice, Guard
from losskit.check.lint.containers import Chain, Container, Dictionary, births
from losskit.check.lint.definitions import Frame, Function, Instance
from losskit.check.lint.names import loss_calls
from losskit.check.lint.parts import End, Parts
from losskit.check.lint.questions import Questions
from losskit.check.lint.units import Project, Unit
from losskit.check.lint.values import Arguments, Tensor, Trail, Value

if TYPE_CHECKING:
    from losskit.check.lint.facts import Fact, LossCall

__all__ = ["DullError", "Machine", "OutOfStepsError"]

_FUEL = 15_000
_PATIENCE = 400
"""Steps of all runs of a function, none of them about models, after which it is left."""

_UNBOUNDED = -1_000_000_000
_DEPTH = 28
_FORKS = 24


class OutOfStepsError(Exception):
    """The steps that an analysis may take are used up."""


class DullError(Exception):
    """A function takes many steps, and none of them has to do with models."""


@dataclass(slots=True)
class Machine:
    """The state of one analysis.

    Attributes
    ----------
    parts : Parts
        What evaluates and runs code.
    project : Project
        Where modules come from.
    tell : callable
        Takes what is seen: see `losskit.check.lint.facts`.
    entry : str
        Path of the file that is analysed.
    alone : bool
        Whether other files are left unread.
    fuel : int
        Steps that are left.
    stack : list
        Functions that are running.
    executed : dict
        Node of a function that has run → what its parameters were, the first time.
    instances : dict
        Node of a class → its first object.
    assumed : set
        Classes of which the code makes no object, so that nobody chose their settings.
    ungraded : int
        How many ``no_grad`` blocks are open.
    away : bool
        Whether another file's module is being run.
    exploring : bool
        Whether branches are looked into that the settings of the code leave out.
    skipped : dict
        Branches with losses that were left out, and the files they are in.
    asked : set
        What the conditions of those branches ask for.
    reached : set
        Calls of losses that were made.
    modules : set
        Other files that were looked into.
    branches : list of frozenset of Guard
        Undecided branches that are being run, and choices between what is called.
    looping : int
        How many loops of unknown length are being run.
    questions : Questions
        What branches ask of settings, and what options are by default.
    lent : Dictionary
        Name of something unknown, and of an attribute → the object that was set there; and path
        → the model that was saved there.
    demands : list
        Which losses took which tensors, in this entry.
    lively : int
        How many steps had to do with models.
    dull : set
        Functions that were left, since nothing in them had.
    """

    parts: Parts
    project: Project
    tell: Callable[[Fact], None]
    entry: str = ""
    alone: bool = False
    fuel: int = _FUEL
    stack: list[ast.AST] = field(default_factory=list)
    executed: dict[int, dict[str, Value]] = field(default_factory=dict)
    instances: dict[int, Instance] = field(default_factory=dict)
    assumed: set[int] = field(default_factory=set)
    ungraded: int = 0
    away: bool = False
    exploring: bool = False
    skipped: dict[int, tuple[Unit, list[ast.stmt]]] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    reached: set[int] = field(default_factory=set)
    modules: set[str] = field(default_factory=set)
    branches: list[frozenset[Guard]] = field(default_factory=list)
    looping: int = 0
    questions: Questions = field(default_factory=Questions)
    lent: Dictionary = field(default_factory=Dictionary)
    demands: list[tuple[int, LossCall, frozenset[Guard]]] = field(default_factory=list)
    lively: int = 0
    dull: set[int] = field(default_factory=set)
    _patience: int = 0
    _floor: int = _UNBOUNDED
    _mark: int = 0
    _bored: dict[int, int] = field(default_factory=dict)
    _journals: list[dict[tuple[int, Any], tuple[Container, Any]]] = field(default_factory=list)

    def tick(self) -> None:
        """Take a step."""
        self.fuel -= 1
        self._patience -= 1
        if self._patience < self._floor:
            self._floor = _UNBOUNDED
            if self.lively == self._mark:
                raise DullError
        if self.fuel < 0:
            raise OutOfStepsError

    def refuel(self, steps: int = _FUEL) -> None:
        """Begin another entry into the code."""
        self.fuel = steps
        self.stack.clear()
        self.ungraded = 0
        self.branches.clear()
        self.demands.clear()
        self._journals.clear()
        self._floor = _UNBOUNDED

    def evaluate(self, frame: Frame, node: ast.expr) -> Value:
        """Return what an expression may be."""
        return self.parts.evaluate(self, frame, node)

    def element_of(self, frame: Frame, value: Value, node: ast.expr) -> Value:
        """Return one item of what a loop runs over."""
        return self.parts.element_of(self, frame, value, node)

    def call(self, frame: Frame, callee: Value, given: Arguments, node: ast.AST) -> Value:
        """Return what a call gives."""
        return self.parts.call(self, frame, callee, given, node)

    def invoke(self, frame: Frame, function: Function, given: Arguments, node: ast.AST) -> Value:
        """Run a function of the code."""
        return self.parts.invoke(self, frame, function, given, node)

    def through(self, frame: Frame, chain: Chain, value: Value, node: ast.AST) -> Value:
        """Send a value through a chain of layers."""
        return self.parts.through(self, frame, chain, value, node)

    def run_block(self, frame: Frame, body: list[ast.stmt]) -> End:
        """Run statements until one leaves the block."""
        return self.parts.run_block(self, frame, body)

    def assign(self, frame: Frame, target: ast.expr, value: Value) -> None:
        """Give a value to a name, an attribute, an item, or several of them."""
        self.parts.assign(self, frame, target, value)

    def gradient_taken(self, frame: Frame, value: Value, node: ast.AST) -> None:
        """Tell of a loss whose gradient a framework takes."""
        self.parts.gradient_taken(self, frame, value, node)

    @property
    def deep(self) -> bool:
        """Whether no further function may be entered."""
        return len(self.stack) >= _DEPTH

    def write(self, container: Container, key: Any, value: Any) -> None:
        """Change a container, so that it can be undone."""
        if self._journals:
            journal = self._journals[-1]
            slot = (id(container), key)
            if slot not in journal:
                journal[slot] = (container, container.data.get(key, MISSING))
        if value is MISSING:
            container.data.pop(key, None)
        else:
            container.data[key] = value

    def fork(
        self,
        frame: Frame,
        node: ast.AST,
        sides: Iterable[Callable[[], End]],
        asked: tuple[str, bool] | None = None,
        *,
        decided: int | None = None,
    ) -> End:
        """Run each side as if the others did not run, and join what they leave behind.

        Branches that ask the same question of two sides are one branch to what depends on them.
        Of what is ``decided``, the other side is looked into only as what somebody may set.
        """
        if len(self._journals) >= _FORKS:
            raise OutOfStepsError
        before, start = frame.guards, next(births)
        words = frame.unit.recall("words", node, lambda: words_of(node))
        branch, turned = id(node), False
        if asked is not None:
            branch, turned = self.questions.branch(asked[0], branch), not asked[1]
        left: list[tuple[Guard, End, dict[tuple[int, Any], Any]]] = []
        touched: dict[tuple[int, Any], tuple[Container, Any]] = {}
        for at, side in enumerate(sides):
            number = 1 - at if turned else at
            if asked is not None and self.questions.is_out(asked[0], number, self.conditions):
                continue
            guard = Guard(
                branch,
                number,
                words=words,
                supposed=decided not in {None, at},
                default=asked is not None and self.questions.is_default(asked[0], number),
            )
            frame.guards = before | {guard}
            self._journals.append({})
            told = self.questions.told(asked[0]) if asked is not None and not number else NO_GUARDS
            self.branches.append(frozenset({guard}) | told)
            try:
                end = side()
            finally:
                self.branches.pop()
                journal = self._journals.pop()
                after = {}
                for slot, (container, old) in journal.items():
                    after[slot] = container.data.get(slot[1], MISSING)
                    touched.setdefault(slot, (container, old))
                    if old is MISSING:
                        container.data.pop(slot[1], None)
                    else:
                        container.data[slot[1]] = old
            left.append((guard, end, after))
        live = [(guard, after) for guard, end, after in left if end is not End.RETURN]
        frame.guards = before
        self._keep([after for _, _, after in left], touched, start)
        if not live:
            return End.RETURN
        if len(live) < len(left) and len(live) == 1:
            frame.guards = before | {replace(live[0][0], words=frozenset())}
        for slot, (container, old) in touched.items():
            found = [(after.get(slot, old), guard) for guard, after in live]
            self.write(container, slot[1], merged(container, found))
        ends = {end for _, end, _ in left if end is not End.RETURN}
        return End.NEXT if End.NEXT in ends else End.LOOP

    def _keep(
        self,
        afters: list[dict[tuple[int, Any], Any]],
        touched: dict[tuple[int, Any], tuple[Container, Any]],
        start: int,
    ) -> None:
        """Keep what a side did to the objects that it made, of which no other side knows."""
        sides = Counter(slot for after in afters for slot in after)
        for slot, value in (pair for after in afters for pair in after.items()):
            container, _ = touched[slot]
            if sides[slot] == 1 and container.born > start and not isinstance(container, Frame):
                self.write(container, slot[1], value)
                del touched[slot]

    @contextmanager
    def under(self, guards: frozenset[Guard]) -> Iterator[None]:
        """Run what depends on a choice that was made before."""
        self.branches.append(guards)
        try:
            yield
        finally:
            self.branches.pop()

    @property
    def conditions(self) -> frozenset[Guard]:
        """All that it depends on whether this runs."""
        return frozenset().union(*self.branches)

    def assumes(self, function: Function | None) -> bool:
        """Whether a method runs on an object that the code does not make."""
        owner = None if function is None else function.owner
        return owner is not None and id(owner.node) in self.assumed

    def passed_by(self, unit: Unit, body: list[ast.stmt]) -> bool:
        """Whether a branch with a loss was never looked into."""
        return any(one not in self.reached for one in self.loss_calls(unit, body))

    def loss_calls(self, unit: Unit, body: list[ast.stmt]) -> list[int]:
        """Return the ids of what looks like calls of losses in a block."""
        if not body:
            return []
        return unit.recall("losses", body[0], lambda: [id(node) for node in loss_calls(body)])

    @contextmanager
    def entering(self, unit: Unit, node: ast.AST, given: dict[str, Value]) -> Iterator[None]:
        """Run a function's body, as long as it may have to do with models or calls a loss.

        Raises
        ------
        DullError
            Where it has not; that it was left costs its caller nothing.
        """
        self.executed.setdefault(id(node), given)
        floor, mark, lively = self._floor, self._mark, self.lively
        body = getattr(node, "body", None)
        entry = not self.stack and not self.away
        patient = entry or (isinstance(body, list) and self.loss_calls(unit, body))
        start, spent = self._patience, self._bored.get(id(node), 0)
        self._floor = _UNBOUNDED if patient else start - (_PATIENCE - spent)
        self._mark = lively
        self.stack.append(node)
        try:
            yield
        except DullError:
            self.dull.add(id(node))
            self._patience = start
            raise
        finally:
            self.stack.pop()
            if self.lively == lively and not patient:
                self._bored[id(node)] = spent + start - self._patience
            self._floor, self._mark = floor, mark

    @contextmanager
    def apart(self, unit: Unit) -> Iterator[None]:
        """Run a module, or what of it waited: no branch of its importer undoes it."""
        journals, self._journals = self._journals, []
        stack, self.stack = self.stack, []
        ungraded, self.ungraded = self.ungraded, 0
        away, self.away = self.away, unit.path != self.entry
        floor, self._floor, patience = self._floor, _UNBOUNDED, self._patience
        try:
            yield
        finally:
            self._journals, self.stack, self.ungraded = journals, stack, ungraded
            self.away = away
            self._floor, self._patience = floor, patience

    @contextmanager
    def without_gradient(self, really: bool = True) -> Iterator[None]:
        """Run what keeps no gradient."""
        self.ungraded += really
        try:
            yield
        finally:
            self.ungraded -= really

    def step(self, value: Value, unit: Unit, node: ast.AST, text: str) -> Value:
        """Note how a value travels."""
        if isinstance(value, Tensor):
            return _with_step(value, unit, node, text)
        if isinstance(value, Choice):
            return Choice(
                tuple((self.step(one, unit, node, text), guards) for one, guards in value.among)
            )
        return value


def _with_step(tensor: Tensor, unit: Unit, node: ast.AST, text: str) -> Tensor:
    """Return the same tensor, a step further."""
    if tensor.trail is None:
        return tensor
    last = tensor.trail
    if last.unit is unit and last.text == text and last.node is node:
        return tensor
    return replace(tensor, trail=Trail(unit, node, text, last))
