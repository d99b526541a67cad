"""What rules look at: the facts that an analysis comes upon."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass

from losskit.check.findings import Severity
from losskit.check.lint.blocks import statements
from losskit.check.lint.choices import NO_GUARDS, Guard, Option, excluded, options
from losskit.check.lint.containers import Made, Sequence
from losskit.check.lint.kinds import Flow
from losskit.check.lint.losses import LossFace
from losskit.check.lint.units import Unit
from losskit.check.lint.values import NONE, Arguments, Const, Tensor, Trail, Value

__all__ = [
    "Activation",
    "Asked",
    "Averaged",
    "Backward",
    "Combined",
    "Fact",
    "Logarithm",
    "LossBuilt",
    "LossCall",
    "OwnLossBuilt",
    "Scanned",
    "Taken",
]


@dataclass(frozen=True, eq=False)
class Fact:
    """Something that happens at a place."""

    unit: Unit
    node: ast.AST


@dataclass(frozen=True, eq=False)
class LossCall(Fact):
    """A loss takes its arguments.

    Attributes
    ----------
    face : LossFace
        Which loss, and by which name.
    values : dict
        Argument of the card → what it is.
    nodes : dict
        Argument of the card → the expression, where it stands in the call.
    settings : dict
        Settings of the loss, from where it was built and from the call.
    made : Made, optional
        The object, where the loss was built before.
    guards : frozenset of Guard
        Branches on which it depends that this loss is called.
    rivals : tuple
        Other losses that took the same tensor on the same path, and as which of their arguments.
    graded : bool
        Whether gradients are kept where it is called.
    beside : callable, optional
        What gives the other files that led here, or that were led to.
    """

    face: LossFace
    values: dict[str, Value]
    nodes: dict[str, ast.AST]
    settings: dict[str, Value]
    made: Made | None = None
    guards: frozenset[Guard] = NO_GUARDS
    rivals: tuple[tuple[str, LossCall], ...] = ()
    graded: bool = True
    beside: Callable[[], list[Unit]] = list

    @property
    def input(self) -> str:
        """Name of the argument that takes the model's output."""
        return self.face.card.arguments[0].name

    def setting(self, name: str) -> object:
        """Value of a constant setting; None where there is none."""
        found = self.settings.get(name)
        return found.value if isinstance(found, Const) else None

    def unsettled(self, name: str) -> bool:
        """Whether a setting is given, and not known."""
        return name in self.settings and not isinstance(self.settings[name], Const)

    def written(self, argument: str) -> str:
        """How an argument is written, or what was made just before and is called so."""
        node = self.nodes.get(argument)
        if isinstance(node, ast.Name):
            line = getattr(self.node, "lineno", 0)
            made = [
                one
                for one in statements(self.unit.tree.body)
                if isinstance(one, ast.Assign) and one.lineno <= line
                if ast.unparse(one.targets[0]) == node.id
            ]
            node = max(made, key=lambda one: one.lineno).value if made else None
        return "" if node is None else ast.unparse(node)

    def seen(self, argument: str, wanted: Callable[[Tensor], bool]) -> Tensor | None:
        """Return the tensor that an argument is, if it surely is one of those that are wanted.

        Where branches that cannot be decided lead to different tensors, all have to be wanted; or
        the branches choose between models, and the loss is the same for all of them. No loss takes
        several tensors at once, or a number or None, so that these are none of what may be given.
        """
        found: list[Option] = [
            (value, guards)
            for value, guards in options(self.values.get(argument, NONE))
            if not isinstance(value, (Sequence, Const)) and not excluded(guards, self.guards)
        ]
        hits = [
            (value, guards)
            for value, guards in found
            if isinstance(value, Tensor) and wanted(value)
        ]
        if not hits:
            return None
        if len(hits) == len(found):
            return hits[0][0]
        missed = [guards for value, guards in found if (value, guards) not in hits]
        rest = frozenset[Guard]().union(*missed)
        sure = (
            value
            for value, guards in hits
            if self._independent(guards or rest) or self._is_default(guards)
        )
        return next(sure, None)

    def found(
        self, argument: str, wanted: Callable[[Tensor], bool]
    ) -> tuple[Tensor | None, Severity | None]:
        """Return a tensor that an argument is, if it is wanted; milder, where it depends.

        An argument that is wanted on one side of a branch only is suspicious, if the branch asks
        for a kind of task or model, and neither for an activation nor for what chose the loss; of
        losses that a setting chooses, if one of its own chooses the model.
        """
        sure = self.seen(argument, wanted)
        if sure is not None:
            return sure, None
        built = [one for one in self.guards if one.builds]
        if not all(one.words & _OF_LOSSES for one in built):
            return None, None
        own = frozenset[str]().union(*(one.words for one in self.guards))
        for value, guards in options(self.values.get(argument, NONE)):
            if not isinstance(value, Tensor) or not wanted(value) or value.flow in _NO_MODEL:
                continue
            words = frozenset[str]().union(*(one.words for one in guards))
            asks = any(one.supposed or (one.words and not one.words & _OF_SHAPE) for one in guards)
            deliberate = words & (own | _DELIBERATE | _OF_ROUNDS)
            of_another = built and not words & _OF_MODELS
            if asks and not deliberate and not of_another and not excluded(guards, self.guards):
                return value, Severity.SUSPICIOUS
        return None, None

    def _is_default(self, guards: frozenset[Guard]) -> bool:
        """Whether it is what the loss takes where nobody gives an option."""
        chosen = [*guards, *(one for one in self.guards if one.builds)]
        return bool(guards) and all(one.default for one in chosen)

    def _independent(self, guards: frozenset[Guard]) -> bool:
        """Whether a choice of models has nothing to do with how the loss was come by."""
        if not guards or not all(one.builds and not one.supposed for one in guards):
            return False
        words = frozenset[str]().union(*(one.words for one in guards))
        others = self.guards - guards
        return not any(one.builds or one.words & words for one in others)


_NO_MODEL = {Flow.CUT, Flow.DATA}
_DELIBERATE = frozenset(
    [
        "activation",
        "act",
        "softmax",
        "sigmoid",
        "logits",
        "logit",
        "probs",
        "prob",
        "probabilities",
        "proba",
        "normalize",
        "normalized",
        "apply",
        "return",
        "infer",
        "inference",
        "output",
        "out",
        "final",
        "last",
        "loss",
        "criterion",
        "classes",
        "class",
        "targets",
        "target",
        "labels",
        "label",
    ]
)
"""Words of conditions under which an activation may well be meant."""

_OF_SHAPE = frozenset(["size", "shape", "dim", "ndim", "numel"])
"""Words of conditions that say nothing of what is trained."""

_OF_LOSSES = frozenset(["loss", "losses", "criterion", "objective"])
_OF_MODELS = frozenset(["model", "net", "network", "arch", "architecture", "backbone"])
"""Words by which losses and models are chosen that have nothing to do with each other."""

_OF_ROUNDS = frozenset(["i", "j", "idx", "index"])
"""Words of conditions of which a loop comes by both sides."""


@dataclass(frozen=True, eq=False)
class Averaged(Fact):
    """The mean is taken of the values of a loss; ``everything`` where no axis was named."""

    call: LossCall
    everything: bool


@dataclass(frozen=True, eq=False)
class Taken(Fact):
    """Something is taken along the second axis of a tensor, so that there are two."""

    value: Tensor


@dataclass(frozen=True, eq=False)
class Combined(Fact):
    """Two tensors are put together element by element."""

    left: Tensor
    right: Tensor


@dataclass(frozen=True, eq=False)
class LossBuilt(Fact):
    """The class of a loss is called."""

    face: LossFace
    arguments: Arguments


@dataclass(frozen=True, eq=False)
class OwnLossBuilt(Fact):
    """A class of the code that computes a loss is called.

    ``settings`` are the parameters that it is built with, ``inputs`` those that it computes with.
    """

    name: str
    arguments: Arguments
    settings: tuple[str, ...]
    inputs: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Activation(Fact):
    """A softmax or the like is applied to a tensor.

    ``dim`` is its axis, None where none was given; ``built`` where the layer was built; ``others``
    are what it is applied to on other sides of branches that do not choose between models.
    """

    name: str
    value: Tensor
    dim: Value | None
    built: Trail | None
    others: tuple[Value, ...] = ()


@dataclass(frozen=True, eq=False)
class Logarithm(Fact):
    """A logarithm is taken of a tensor."""

    value: Tensor
    name: str


@dataclass(frozen=True, eq=False)
class Backward(Fact):
    """The gradient of a tensor is taken; not ``surely``, where it may be of another one."""

    value: Tensor
    surely: bool = True


@dataclass(frozen=True, eq=False)
class Asked(Fact):
    """The ``requires_grad`` of a tensor is set."""

    value: Tensor


@dataclass(frozen=True, eq=False)
class Returned(Fact):
    """A loss, or the call of a module, gives a tensor; ``as_loss`` where it is named so."""

    value: Tensor
    as_loss: bool


@dataclass(frozen=True, eq=False)
class Scanned(Fact):
    """A whole file was read; ``node`` is its tree, ``others`` are files that it led to."""

    others: tuple[Unit, ...] = ()
