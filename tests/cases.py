"""Arrays and settings for every loss, made from its card, its kind and its parameters."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from losskit.core.batchwise import Batchwise
from losskit.core.cards import Argument, Role
from losskit.core.classwise import Classification, Classwise
from losskit.core.contracts import (
    AMOUNTS,
    BINARY,
    CLASS_INDICES,
    COUNTS,
    LABEL_SETS,
    LABELS,
    LOG_PROBABILITIES,
    LOG_PROBABILITY_ROWS,
    POSITIVE_AMOUNTS,
    PROBABILITIES,
    PROBABILITY_ROWS,
    RATES,
    RELEVANCE,
    SHARES,
    SIGNS,
    VARIANCES,
    Contract,
)
from losskit.core.elementwise import Elementwise
from losskit.core.loss import Loss
from losskit.core.parameters import Parameter
from losskit.core.positionwise import Positionwise
from losskit.core.regionwise import Regionwise
from losskit.core.rowwise import Listwise, Rowwise
from losskit.losses import CATALOGUE

CLASSES = 4


def _losses(*kinds: type[Loss]) -> Any:
    chosen = [kind for kind in CATALOGUE.values() if issubclass(kind, kinds)]
    return pytest.mark.parametrize("kind", chosen, ids=[kind.__name__ for kind in chosen])


every_loss = _losses(Loss)
every_classwise = _losses(Classwise)
every_elementwise_and_classwise = _losses(Elementwise, Classwise)
every_classification = _losses(Classification)
every_positionwise = _losses(Positionwise)
every_listwise = _losses(Listwise)
every_regionwise = _losses(Regionwise)
every_soft_target = pytest.mark.parametrize(
    "kind",
    [
        kind
        for kind in CATALOGUE.values()
        if issubclass(kind, Classification) and PROBABILITY_ROWS in kind.card.targets
    ],
)


@dataclass(frozen=True)
class Case:
    """A loss with its settings, and arrays that it takes."""

    loss: Loss
    arrays: tuple[Any, ...]
    label: str

    @property
    def input(self) -> Any:
        """The first of the model's outputs."""
        return self.arrays[0]

    @property
    def outputs(self) -> tuple[int, ...]:
        """Which arrays come from the model."""
        batchwise = isinstance(self.loss, Batchwise)
        pairs = enumerate(zip(self.loss.arguments, self.arrays, strict=True))
        return tuple(
            at
            for at, (argument, array) in pairs
            if argument.role is not Role.GIVEN or (batchwise and array.ndim == 2)
        )

    @property
    def positions(self) -> tuple[int, ...]:
        """Shape of the loss values."""
        shape = self.input.shape
        if isinstance(self.loss, Elementwise):
            return tuple(shape)
        if isinstance(self.loss, Classwise):
            return tuple(np.delete(shape, 0 if len(shape) == 1 else 1))
        if isinstance(self.loss, Regionwise):
            has_classes = self.arrays[1].ndim < len(shape) or len(shape) > 3
            return tuple(shape[self.loss.per == "batch" : 1 + has_classes])
        return tuple(shape[:1] if isinstance(self.loss, Batchwise) else shape[:-1])

    @property
    def mask_shape(self) -> tuple[int, ...]:
        """Shape of masks."""
        if isinstance(self.loss, Regionwise):
            return tuple(self.arrays[1].shape)
        return tuple(self.input.shape) if isinstance(self.loss, Listwise) else self.positions

    @property
    def small(self) -> bool:
        """Whether it has the number of axes of the first shape."""
        return self.input.ndim == len(shapes_of(type(self.loss))[0])

    @property
    def has_curvature(self) -> bool:
        arranged = self.loss.arrange(self.arrays, np)
        return self.loss.curvature_at(*arranged, np) is not None

    def rows(self, chosen: Any) -> tuple[Any, ...]:
        """The arrays at some indices of the first axis."""
        return tuple(array[chosen] if np.ndim(array) else array for array in self.arrays)

    def __str__(self) -> str:
        return self.label


def as_tuple(result: Any) -> tuple[Any, ...]:
    """What comes singly for one output and as a tuple for several."""
    return result if isinstance(result, tuple) else (result,)


def make_array(
    argument: Argument, contract: Contract, shape: tuple[int, ...], loss: Loss, rng: Any
) -> Any:
    """An array for one argument, beside a first one of this shape.

    The contract is one of the card's; where a parameter changes what is taken, that is made.
    """
    if len(argument.contracts) == 1:
        contract = argument.contracts[0]
    axis = min(1, len(shape) - 1) if isinstance(loss, (Classwise, Regionwise)) else -1
    if argument.role is Role.LEARNED:
        return np.asarray(argument.start + rng.normal(0, 0.3))
    if contract is CLASS_INDICES:
        return rng.integers(0, shape[axis], np.delete(shape, axis))
    if contract is LABELS:
        # Everyone has company, even without row 1, so that everyone takes part.
        return np.sort(np.arange(shape[0]) % max(shape[0] // 2, 1))
    if contract is LABEL_SETS:
        # At least one label, and one that is none.
        labels = rng.permuted(np.broadcast_to(np.arange(shape[-1]), shape), axis=-1)
        counts = rng.integers(1, max(shape[-1], 2), (*shape[:-1], 1))
        return np.where(np.arange(shape[-1]) < counts, labels, -1)
    if argument.per_row:
        shape = shape[:-1]
    if contract is PROBABILITIES:
        return rng.uniform(0.05, 0.95, shape)
    if contract is RATES:
        return rng.uniform(0.2, 5, shape)
    if contract is VARIANCES:
        # Above a floor, under which the slope is that at the floor, as in torch.nn.
        return getattr(loss, "eps", 0.0) + rng.uniform(0.2, 5, shape)
    if contract in (PROBABILITY_ROWS, SHARES):
        rows = rng.uniform(0.1, 1, shape)
        return rows / rows.sum(axis=axis, keepdims=True)
    if contract is BINARY:
        return rng.choice([0.0, 1.0, 0.3], shape)
    if contract is SIGNS:
        return rng.choice([-1.0, 1.0], shape)
    if contract is COUNTS:
        # Without 1, where Stirling's term of the Poisson loss sets in with a jump.
        return rng.choice([0.0, 2.0, 3.0, 5.0], shape)
    if contract is RELEVANCE:
        # No 0, below which padding begins, and no ties, which have no derivative.
        return rng.uniform(0.2, 3, shape)
    if contract in (AMOUNTS, POSITIVE_AMOUNTS):
        zeros = 0.5 if contract is AMOUNTS else 0.0
        return np.where(rng.uniform(size=shape) < zeros, 0.0, rng.gamma(2, 1, shape))
    values = rng.normal(0, 2, shape)
    if contract in (LOG_PROBABILITIES, LOG_PROBABILITY_ROWS):
        return values - np.log(np.exp(values).sum(axis=axis, keepdims=True))
    return values


def settings_of(kind: type[Loss], rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Defaults, each parameter at values inside its bounds, and these beside each flag."""
    # What is drawn after them should not depend on which may be given without a name.
    declared = {field.name: kind.parameters()[field.name] for field in dataclasses.fields(kind)}
    choices = {name: _values(kind, name, one, rng) for name, one in declared.items()}
    flags = {name for name, one in declared.items() if one.kind == "flag"}
    yield {}
    for name, values in choices.items():
        yield from ({name: value} for value in values)
    for flag in sorted(flags):
        for name in sorted(choices.keys() - {flag}):
            yield from ({flag: choices[flag][0], name: value} for value in choices[name])


def _values(
    kind: type[Loss], name: str, declared: Parameter, rng: np.random.Generator
) -> list[Any]:
    default = getattr(kind(), name)
    if declared.kind == "flag":
        return [not default]
    if declared.choices:
        return [choice for choice in declared.choices if choice != default]
    if declared.kind == "array":
        return [rng.uniform(0.5, 3, CLASSES)]
    if declared.kind == "integer":
        # class_axis changes shapes: tested apart.
        wanted = {"ignore_index": [1], "class_axis": []}
        most = math.inf if declared.at_most is None else declared.at_most
        return wanted.get(name, [v for v in (1, 2, 3) if v != default and v <= most])
    if declared.above is not None and declared.below is not None:
        return [declared.above + share * (declared.below - declared.above) for share in (0.1, 0.7)]
    lowest = declared.at_least or 0
    values = [lowest + 0.3, lowest + 2.5] if declared.at_most is None else [0.1, declared.at_most]
    return ([declared.at_least] if declared.at_least is not None else []) + values


def shapes_of(kind: type[Loss]) -> list[tuple[int, ...]]:
    """Shapes of the first array, the first with five rows of four (of four classes)."""
    if issubclass(kind, Batchwise):
        return [(5, CLASSES)]
    if issubclass(kind, Regionwise):
        return [(5, CLASSES, 3), (5, CLASSES), (2, CLASSES, 3, 2)]
    if issubclass(kind, Rowwise):
        return [(5, CLASSES), (CLASSES,), (2, 3, CLASSES)]
    return [(5, CLASSES), (CLASSES,), (2, CLASSES, 3), (2, CLASSES, 3, 2)]


def cases(kind: type[Loss], seed: int = 0) -> list[Case]:
    """The loss with every setting, kinds of targets and number of axes that go together."""
    rng = np.random.default_rng(seed)
    made = []
    options = list(settings_of(kind, rng))
    contracts = list(itertools.product(*(one.contracts for one in kind.card.arguments)))
    for settings, chosen, shape in itertools.product(options, contracts, shapes_of(kind)):
        if "ignore_index" in settings and CLASS_INDICES not in chosen:
            continue
        if "negatives" in settings and LABELS in chosen:
            continue
        channels = CLASS_INDICES in chosen or len(shape) > 3
        if issubclass(kind, Regionwise) and "class_weight" in settings and not channels:
            continue
        # One pos_weight per label: along the last axis, or along axis 1 with axes after it.
        extra = (1,) * (len(shape) - 2)
        fitting = {
            name: np.reshape(value, (CLASSES, *extra)) if name == "pos_weight" else value
            for name, value in settings.items()
        }
        loss = kind(**fitting)
        arrays = tuple(
            make_array(argument, contract, shape, loss, rng)
            for argument, contract in zip(loss.arguments, chosen, strict=True)
        )
        label = f"{loss.spec()}-{chosen[-1].name}-{len(shape)}d"
        made.append(Case(loss, arrays, label))
    return made


def all_cases() -> list[Case]:
    return [case for kind in CATALOGUE.values() for case in cases(kind)]


every_case = pytest.mark.parametrize("case", all_cases(), ids=str)


def one_case(kind: type[Loss], seed: int = 0) -> Case:
    """The loss with its defaults on a small batch."""
    return cases(kind, seed)[0]


def call_options(case: Case, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Every combination of reduction, weight, mask and normaliser that is allowed."""
    weight = rng.uniform(0.2, 2, case.positions)
    mask = rng.uniform(size=case.mask_shape) < 0.7
    combinations = []
    for reduction, w, m in itertools.product(("mean", "sum", "none"), (None, weight), (None, mask)):
        combinations += [
            {"reduction": reduction, "weight": w, "mask": m, "normalizer": normalizer}
            for normalizer in ((None, 3.5) if reduction == "mean" else (None,))
        ]
    return combinations


__all__ = [
    "CLASSES",
    "Case",
    "all_cases",
    "as_tuple",
    "call_options",
    "cases",
    "every_case",
    "every_classification",
    "every_classwise",
    "every_elementwise_and_classwise",
    "every_listwise",
    "every_loss",
    "every_positionwise",
    "every_regionwise",
    "every_soft_target",
    "make_array",
    "one_case",
]
