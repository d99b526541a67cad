"""Inputs, targets and settings for every loss, made from its card and its parameters."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from losskit.core.classwise import Classwise
from losskit.core.contracts import (
    AMOUNTS,
    BINARY,
    CLASS_INDICES,
    COUNTS,
    LOG_PROBABILITIES,
    POSITIVE_AMOUNTS,
    PROBABILITIES,
    PROBABILITY_ROWS,
    RATES,
    SIGNS,
    Contract,
)
from losskit.core.loss import Loss
from losskit.core.parameters import Parameter
from losskit.losses import CATALOGUE

CLASSES = 4

every_loss = pytest.mark.parametrize("kind", CATALOGUE.values(), ids=CATALOGUE.keys())
every_twin = pytest.mark.parametrize(
    "kind", [kind for kind in CATALOGUE.values() if kind.card.torch is not None]
)
every_classwise = pytest.mark.parametrize(
    "kind", [kind for kind in CATALOGUE.values() if issubclass(kind, Classwise)]
)


@dataclass(frozen=True)
class Case:
    """A loss with its settings, and arrays that it takes."""

    loss: Loss
    input: Any
    target: Any
    label: str

    @property
    def positions(self) -> tuple[int, ...]:
        """Shape of the loss values."""
        if not isinstance(self.loss, Classwise):
            return tuple(self.input.shape)
        axis = 0 if self.input.ndim == 1 else 1
        return tuple(np.delete(self.input.shape, axis))

    def __str__(self) -> str:
        return self.label


def make_input(contract: Contract, shape: tuple[int, ...], rng: np.random.Generator) -> Any:
    if contract is PROBABILITIES:
        return rng.uniform(0.05, 0.95, shape)
    if contract is RATES:
        return rng.uniform(0.2, 5, shape)
    values = rng.normal(0, 2, shape)
    if contract is LOG_PROBABILITIES:
        axis = 0 if values.ndim == 1 else 1
        return values - np.log(np.exp(values).sum(axis=axis, keepdims=True))
    return values


def make_target(contract: Contract, shape: tuple[int, ...], rng: np.random.Generator) -> Any:
    """Target for an input of this shape."""
    if contract is CLASS_INDICES:
        axis = 0 if len(shape) == 1 else 1
        return rng.integers(0, shape[axis], np.delete(shape, axis))
    if contract is PROBABILITY_ROWS:
        rows = rng.uniform(0.1, 1, shape)
        return rows / rows.sum(axis=0 if len(shape) == 1 else 1, keepdims=True)
    if contract is BINARY:
        return rng.choice([0.0, 1.0, 0.3], shape)
    if contract is SIGNS:
        return rng.choice([-1.0, 1.0], shape)
    if contract is COUNTS:
        # Without 1, where Stirling's term of the Poisson loss sets in with a jump.
        return rng.choice([0.0, 2.0, 3.0, 5.0], shape)
    if contract in (AMOUNTS, POSITIVE_AMOUNTS):
        zeros = 0.5 if contract is AMOUNTS else 0.0
        return np.where(rng.uniform(size=shape) < zeros, 0.0, rng.gamma(2, 1, shape))
    return rng.normal(0, 2, shape)


def settings_of(kind: type[Loss], rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Defaults, each parameter at values inside its bounds, and these beside each flag."""
    choices = {
        name: _values(kind, name, declared, rng) for name, declared in kind.parameters().items()
    }
    flags = {name for name, declared in kind.parameters().items() if declared.kind == "flag"}
    yield {}
    for name, values in choices.items():
        yield from ({name: value} for value in values)
    for flag in sorted(flags):
        for name in sorted(choices.keys() - {flag}):
            yield from ({flag: choices[flag][0], name: value} for value in choices[name])


def _values(
    kind: type[Loss], name: str, declared: Parameter, rng: np.random.Generator
) -> list[Any]:
    if declared.kind == "flag":
        return [not getattr(kind(), name)]
    if declared.kind == "array":
        return [rng.uniform(0.5, 3, CLASSES)]
    if declared.kind == "integer":
        return [1] if name == "ignore_index" else []  # class_axis changes shapes: tested apart
    if declared.above is not None and declared.below is not None:
        return [declared.above + share * (declared.below - declared.above) for share in (0.1, 0.7)]
    values = [0.3, 2.5] if declared.at_most is None else [0.1, declared.at_most]
    return ([declared.at_least] if declared.at_least is not None else []) + values


def cases(kind: type[Loss], seed: int = 0) -> list[Case]:
    """The loss with every setting, target kind and number of axes that go together."""
    rng = np.random.default_rng(seed)
    shapes: list[tuple[int, ...]] = [(5, CLASSES), (CLASSES,), (2, CLASSES, 3), (2, CLASSES, 3, 2)]
    made = []
    options = list(settings_of(kind, rng))
    for settings, contract, shape in itertools.product(options, kind.card.targets, shapes):
        if "ignore_index" in settings and contract is PROBABILITY_ROWS:
            continue
        # One pos_weight per label: along the last axis, or along axis 1 with axes after it.
        extra = (1,) * (len(shape) - 2)
        fitting = {
            name: np.reshape(value, (CLASSES, *extra)) if name == "pos_weight" else value
            for name, value in settings.items()
        }
        loss = kind(**fitting)
        input = make_input(loss.input_contract, shape, rng)
        target = make_target(contract, shape, rng)
        made.append(Case(loss, input, target, f"{loss.spec()}-{contract.name}-{len(shape)}d"))
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
    mask = rng.uniform(size=case.positions) < 0.7
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
    "call_options",
    "cases",
    "every_case",
    "every_classwise",
    "every_loss",
    "every_twin",
    "make_input",
    "make_target",
    "one_case",
]
