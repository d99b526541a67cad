"""Distributions: how many axes their samples, entropies and log-probabilities have."""

from __future__ import annotations

import ast
from dataclasses import replace

from losskit.check.lint.containers import Made
from losskit.check.lint.kinds import Flow, Kind
from losskit.check.lint.library.flows import as_tensor
from losskit.check.lint.library.reductions import learns_actions
from losskit.check.lint.units import Unit
from losskit.check.lint.values import UNKNOWN, Arguments, Const, Tensor, Trail, Value

__all__ = ["of_distribution"]

_PARAMETERS = {
    "Categorical": ("probs", "logits"),
    "Bernoulli": ("probs", "logits"),
    "OneHotCategorical": ("probs", "logits"),
    "Normal": ("loc",),
    "MultivariateNormal": ("loc",),
    "Beta": ("concentration1",),
    "Dirichlet": ("concentration",),
}
_OF_LAYERS = {Kind.RAW, Kind.BOUNDED, Kind.POSITIVE}
_OVER_ROWS = {"Categorical", "OneHotCategorical", "MultivariateNormal", "Dirichlet"}
"""Those for which a row of parameters makes one distribution, with one log-probability."""


def of_distribution(
    unit: Unit, owner: Made, method: str, given: Arguments, node: ast.AST
) -> Value | None:
    """Return what a method of a distribution gives; None where it is not known."""
    if ".distributions" not in owner.name or owner.leaf not in _PARAMETERS:
        return None
    if method not in {"log_prob", "entropy", "sample", "rsample"}:
        return None
    parameter = _parameter(owner)
    if parameter is None:
        return None
    rank, last = _shape(owner, parameter)
    if method.endswith("sample"):
        if given.values():
            return UNKNOWN
        same = owner.leaf in _OVER_ROWS and owner.leaf != "Categorical"
        rank, last = (parameter.rank, parameter.last) if same else (rank, last)
        made = Tensor(rank=rank, last=last)
        return replace(made, flow=parameter.flow, cut=parameter.cut) if method[0] == "r" else made
    value = given.get(0, "value")
    if method == "log_prob" and isinstance(value, Tensor) and value.rank not in {None, rank}:
        rank = last = None
    made = Tensor(Kind.UNKNOWN, parameter.flow, None, parameter.cut, rank, last)
    wide = rank in {None, 2} and last != 1 and parameter.flow is Flow.MODEL
    of_layer = parameter.kind in _OF_LAYERS or learns_actions(unit)
    if method == "log_prob" and owner.leaf == "Normal" and of_layer and wide:
        trail = Trail(unit, node, "each component gets a log-density of its own")
        return replace(made, kind=Kind.DENSITIES, trail=trail)
    return made


def _parameter(owner: Made) -> Tensor | None:
    """What a distribution was made of that has its shape."""
    names = _PARAMETERS[owner.leaf]
    found = [
        one
        for at, name in enumerate(names)
        if (one := owner.arguments.get(at, name)) not in {None, Const(None)}
    ]
    return as_tensor(found[0]) if len(found) == 1 and found[0] is not None else None


def _shape(owner: Made, parameter: Tensor) -> tuple[int | None, int | None]:
    """Rank and last length of a log-probability."""
    if owner.leaf not in _OVER_ROWS:
        return parameter.rank, parameter.last
    if parameter.rank is None and parameter.axis == 1:
        # The classes come last, and a softmax over axis 1 took them to be there: those of one
        # state, for all one knows.
        return 1, 1
    return None if parameter.rank is None else max(parameter.rank - 1, 0), None
