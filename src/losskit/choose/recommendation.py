"""What is recommended, and everything that it rests on."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, overload

from losskit.choose.facts import Fact
from losskit.core.loss import Loss

__all__ = [
    "Answer",
    "ParameterChoice",
    "Reason",
    "Recommendation",
    "Recommendations",
    "TransformChoice",
]


@dataclass(frozen=True)
class ParameterChoice:
    """A parameter that does not stay at its default.

    Attributes
    ----------
    name : str
        As the loss has it.
    value : number or list
        What it is set to.
    how : str
        How that came about.
    """

    name: str
    value: float | int | str | list[float]
    how: str


@dataclass(frozen=True)
class Reason:
    """Why a loss is where it is.

    Attributes
    ----------
    text : str
        In a sentence.
    facts : list of str
        Names of the facts that it rests on.
    """

    text: str
    facts: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class TransformChoice:
    """What is learnt instead of the target.

    Attributes
    ----------
    name : str
        Which transform.
    text, why : str
        What is done, and the reason.
    mean, scale : float
        Of standardising; 0 and 1 otherwise.
    """

    name: Literal["log", "log1p", "standardise"]
    text: str
    why: str
    mean: float = 0.0
    scale: float = 1.0


@dataclass(frozen=True)
class Recommendation:
    """A loss, how to use it, and why.

    Attributes
    ----------
    name, spec, title : str
        The loss, the loss with its parameters as the command line reads them, and its name in
        words. Parameters in the target's unit are for what is learnt: after the transform.
    target : str
        The kind of target that it is recommended for.
    parameters : list of ParameterChoice
        Those that do not stay at their defaults.
    coding : str
        What has to be done to the target's values; empty where nothing has.
    transform : TransformChoice, optional
        What is learnt instead of the target.
    output_layer : str
        The model's last layer.
    output_bias : float or list of float, optional
        What its bias starts from.
    output_bias_text : str
        What that is.
    because : list of Reason
        The reasons, the strongest first.
    would_change : list of str
        What would bring another loss to the front; of the first recommendation only.
    use_when, avoid_when, pitfalls, metrics : list of str
        From the loss's card.
    threshold : str
        How outputs become decisions; empty where there are none.
    mend : str
        What is wrong with the model's output for this loss; empty where nothing is.
    code : dict
        Library → code to paste.
    """

    name: str
    spec: str
    title: str
    target: str
    parameters: list[ParameterChoice]
    coding: str
    transform: TransformChoice | None
    output_layer: str
    output_bias: float | list[float] | None
    output_bias_text: str
    because: list[Reason]
    would_change: list[str]
    use_when: list[str]
    avoid_when: list[str]
    pitfalls: list[str]
    metrics: list[str]
    threshold: str
    mend: str
    code: dict[str, str]


@dataclass(frozen=True)
class Answer:
    """Everything that is recommended for a target: docs/choose-schema.json is its schema.

    Attributes
    ----------
    source : str
        Where the target comes from, or the task that was named.
    kind, meaning : str
        What the target was taken for, and that in words; empty where it cannot be learnt.
    why : str
        The reason.
    assumption : str
        What the data cannot tell, what was assumed, and how to overrule it.
    problem : str
        Why nothing is recommended; empty where something is.
    goal : str
        What is wanted besides a good fit.
    facts : list of Fact
        The target's profile.
    warnings, notes : list of str
        What looks wrong with the data, and what was assumed in reading them.
    recommendations : list of Recommendation
        The losses, the best first.
    """

    source: str
    kind: str
    meaning: str
    why: str
    assumption: str
    problem: str
    goal: str
    facts: list[Fact]
    warnings: list[str]
    notes: list[str]
    recommendations: list[Recommendation]
    schema_version: Literal[1] = 1


@dataclass(frozen=True)
class Recommended:
    """A recommendation with its loss, ready to be called.

    Attributes
    ----------
    loss : Loss
        The loss, with its parameters for what is learnt.
    in_target_unit : Loss
        The same with parameters in the target's own unit, for models that learn it as it is.
    recommendation : Recommendation
        Everything else; its attributes are this object's as well.
    presented : bool
        Whether the target has to be presented in another form than its own.
    """

    loss: Loss
    in_target_unit: Loss
    recommendation: Recommendation
    presented: bool = False

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "recommendation":
            raise AttributeError(name)
        return getattr(self.recommendation, name)

    def __repr__(self) -> str:
        return f"<{self.recommendation.spec} for {self.recommendation.target}>"


@dataclass(frozen=True, repr=False)
class Recommendations(Sequence[Recommended]):
    """The losses for a target, the best first; it prints as an answer in words.

    Attributes
    ----------
    answer : Answer
        Everything as data; its attributes are this object's as well.
    items : tuple of Recommended
        The recommendations with their losses.
    """

    answer: Answer
    items: tuple[Recommended, ...] = ()

    def __len__(self) -> int:
        return len(self.items)

    @overload
    def __getitem__(self, at: int) -> Recommended: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Recommended, ...]: ...
    def __getitem__(self, at: int | slice) -> Recommended | tuple[Recommended, ...]:
        return self.items[at]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "answer":
            raise AttributeError(name)
        return getattr(self.answer, name)

    def fact(self, name: str) -> Any:
        """Return the value of a fact; None if there is none of this name."""
        return next((one.value for one in self.answer.facts if one.name == name), None)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON has it: docs/choose-schema.json."""
        content: dict[str, Any] = _plain(asdict(self.answer))
        return content

    def to_json(self) -> str:
        """Return the same as text."""
        return json.dumps(self.to_dict(), indent=1)

    def __str__(self) -> str:
        from losskit.choose.text import as_text  # noqa: PLC0415 - only where it is printed

        return as_text(self.answer)

    __repr__ = __str__


def _plain(value: Any) -> Any:
    """Return what JSON can hold: no NaN, and no infinite number."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
