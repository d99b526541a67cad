"""Which losses are compared: those that the user named, or a set that follows from the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from losskit.choose.from_data import recommend
from losskit.choose.goals import Wanted
from losskit.choose.kinds import read_kind
from losskit.choose.looking import profile
from losskit.choose.profile import Profile
from losskit.choose.recommendation import Recommended
from losskit.compare.errors import CompareError
from losskit.compare.pairing import fits, pair, preference
from losskit.compare.task import Target
from losskit.core import targets
from losskit.core.contracts import REAL_VALUES, SCORES
from losskit.core.loss import Loss
from losskit.core.spec import BALANCED, parse_loss
from losskit.losses import CATALOGUE
from losskit.reporting.wording import join

__all__ = [
    "Candidate",
    "default_candidates",
    "named_candidates",
    "recommended_candidate",
    "resolve",
]

MOST = 4
"""Losses besides their variants; more than that are hard to take in, and to tell apart."""
STANDARDISED = "standardise"
WEIGHTS = ("class_weight", "pos_weight")
"""Parameters that follow from the classes' counts in the training rows."""


@dataclass(frozen=True)
class Candidate:
    """A loss to be compared.

    Parameters
    ----------
    kind
        Its class.
    parameters
        Its parameters; in the target's unit where they have one, and ``"balanced"`` where they
        follow from the classes' counts in the training rows.
    reason
        Why it is compared.
    """

    kind: type[Loss]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    reason: str = "it was asked for"

    @property
    def label(self) -> str:
        """The loss as the command line reads it."""
        given = {name: value for name, value in self.parameters.items() if value != BALANCED}
        text = self.kind(**given).spec()
        rest = ",".join(f"{name}={BALANCED}" for name in self.parameters if name not in given)
        return text if not rest else f"{text}{',' if ':' in text else ':'}{rest}"

    @property
    def title(self) -> str:
        """The loss's name as it stands in a sentence."""
        name, _, parameters = self.label.partition(":")
        return f"{name} ({parameters.replace(',', ', ')})" if parameters else name


def named_candidates(specs: Sequence[str | Loss], target: Target) -> list[Candidate]:
    """Read the losses that the user named, and refuse those that do not fit the target.

    Raises
    ------
    CompareError
        If a loss is unknown, does not fit the target or was named twice.
    """
    if isinstance(specs, str) or not specs:
        raise CompareError(
            f"losses is {specs!r}; give a list of losses, or leave it out to compare those that fit"
        )
    candidates: list[Candidate] = []
    for spec in specs:
        if not isinstance(spec, (str, Loss)):
            raise CompareError(
                f"loss {spec!r} is neither a text nor a loss; give such as 'Huber:delta=2', or "
                "losskit.Huber(delta=2)"
            )
        try:
            parsed = parse_loss(spec.spec() if isinstance(spec, Loss) else spec, CATALOGUE)
            candidate = Candidate(parsed.kind, parsed.parameters)
            label = candidate.label
        except (TypeError, ValueError) as error:
            raise CompareError(f"loss {str(spec)!r}: {' '.join(str(error).split())}") from error
        pair(candidate.kind, target)
        if label in (one.label for one in candidates):
            raise CompareError(f"loss {label!r} was named twice")
        _try(candidate, target)
        candidates.append(candidate)
    return candidates


def _try(candidate: Candidate, target: Target) -> None:
    """Compute the loss once, so that parameters that do not fit the classes are refused early."""
    try:
        _probe(candidate, target)
    except (TypeError, ValueError) as error:
        raise CompareError(f"loss {candidate.label!r}: {' '.join(str(error).split())}") from error


def recommended_candidate(target: Target) -> Candidate | None:
    """Return the first loss that is recommended for a target and can be trained on it."""
    return next(iter(_recommended(target)[0]), None)


def default_candidates(target: Target) -> tuple[list[Candidate], list[str]]:
    """Take the losses that are recommended for the target, and others for comparison.

    What `losskit.choose` recommends comes first, in its order and with its parameters, as far as
    it can be trained here. Then follows the rest of the catalogue whose contracts fit: of losses
    that are the same function of the network's output, up to a factor, one. In a
    classification, the last place is kept for a loss for numbers that is smallest at the true
    probability; losses of scores take part only when they are asked for.

    Returns
    -------
    list of Candidate
        The losses; the first is the recommended one.
    list of str
        What was left out, and why.
    """
    recommended, notes = _recommended(target)
    known = {one.kind for one in recommended}
    rest = sorted(
        (kind for kind in CATALOGUE.values() if fits(kind, target) and kind not in known),
        key=lambda kind: (preference(kind, target.task), len(kind.parameters())),
    )
    chosen: list[Candidate] = []
    same: dict[str, list[str]] = {}
    left: dict[str, str] = {}
    for candidate in [*recommended, *(_plain(kind, target) for kind in rest)]:
        kind, name = candidate.kind, candidate.kind.__name__
        numbers = kind.card.input == REAL_VALUES
        kinds = {one.kind for one in chosen}
        twin = _twin(candidate, chosen, target)
        if twin is not None:
            if twin.kind is not kind:
                same.setdefault(twin.kind.__name__, []).append(name)
        elif kind not in kinds and len(kinds) >= (
            MOST if not target.classes or numbers else MOST - 1
        ):
            left[name] = "others suit the task better"
        elif kind.card.input == SCORES:
            left[name] = "its scores are no probabilities"
        elif target.classes and numbers and not _is_proper(kind):
            left[name] = (
                "on a class probability it is smallest elsewhere than at the true probability"
            )
        else:
            chosen.append(candidate)
    notes += [f"{name} is not trained: {why}." for name, why in left.items()]
    notes += [
        f"{join(names)} {'is' if len(names) == 1 else 'are'} not trained as well: "
        f"on this task the same as {name}, up to a factor."
        for name, names in same.items()
    ]
    return chosen, notes


def _recommended(target: Target) -> tuple[list[Candidate], list[str]]:
    """Ask `losskit.choose`, and keep what can be trained here."""
    values = [target.classes[code] for code in target.values] if target.classes else target.values
    looked = profile(pl.Series(target.name, values))
    found = recommend(looked, Wanted(), _kind_of(looked, target), most=None)
    candidates: list[Candidate] = []
    notes: list[str] = []
    for item in found:
        one = item.recommendation
        changed = one.transform is not None and one.transform.name != STANDARDISED
        trained = fits(type(item.loss), target) and not changed and not item.presented
        if one.target != found.kind:
            continue  # the first choice if the target were something else
        if trained:
            candidates.append(_candidate(item))
        elif item is found[0]:
            how = f" ({one.transform.text})" if one.transform is not None else ""
            notes.append(
                f"{one.spec}{how} is recommended first, since the target is {found.meaning}; it "
                "cannot be trained here, where every loss meets the target as it is."
            )
    return candidates, notes


def _kind_of(looked: Profile, target: Target) -> str | None:
    """Hold what the target is taken for to the task."""
    if target.classes:
        return "binary" if len(target.classes) == 2 else "classes"
    found = read_kind(looked).chosen.kind
    return None if found in targets.NUMBERS else targets.REAL.name


def _candidate(item: Recommended) -> Candidate:
    plain = type(item.loss)()
    own = item.in_target_unit
    parameters = {
        name: BALANCED if name in WEIGHTS else getattr(own, name)
        for name in own.parameters()
        if getattr(own, name) != getattr(plain, name)
    }
    reason = " ".join(one.text for one in item.recommendation.because[:2])
    return Candidate(type(item.loss), parameters, reason)


def _twin(candidate: Candidate, chosen: Sequence[Candidate], target: Target) -> Candidate | None:
    """Return the loss among the chosen ones that is the same on this task, if there is one."""
    values = _probe(candidate, target)
    return next((one for one in chosen if _same(values, _probe(one, target))), None)


def _is_proper(kind: type[Loss]) -> bool:
    """Whether a loss of numbers, put on a probability, is smallest at the true probability."""
    true = 0.3
    guesses = torch.linspace(0, 1, 101, dtype=torch.float64)
    loss = kind()
    at_one: Tensor = loss(guesses, torch.ones_like(guesses), reduction="none")
    at_zero: Tensor = loss(guesses, torch.zeros_like(guesses), reduction="none")
    best = guesses[(true * at_one + (1 - true) * at_zero).argmin()]
    return abs(float(best) - true) < 0.02


def _plain(kind: type[Loss], target: Target) -> Candidate:
    if target.classes and kind.card.input == REAL_VALUES:
        return Candidate(
            kind, {}, "it is the famous mistake: a loss for numbers, put on the class probabilities"
        )
    return Candidate(kind, {}, "it is made for such targets")


def _probe(candidate: Candidate, target: Target) -> Tensor:
    """Compute a loss at outputs and targets of every sort that the task can bring."""
    pairing = pair(candidate.kind, target)
    classes = len(target.classes)
    generator = torch.Generator().manual_seed(0)
    if classes == 0:
        output = torch.linspace(-4, 4, 161, dtype=torch.float64)
        truth = torch.zeros_like(output) if pairing.centred else torch.ones_like(output)
    else:
        truth = torch.arange(16 * classes) % classes
        shape = (len(truth),) if classes == 2 else (len(truth), classes)
        output = 2 * torch.randn(shape, generator=generator, dtype=torch.float64)
    values = target.values
    scale = float(values.std()) if classes == 0 else 1.0
    loss = resolve(candidate, values, classes, scale)
    presented = pairing.targets(truth, classes)
    if presented.is_floating_point():
        presented = presented.to(output.dtype)
    each: Tensor = loss(pairing.shown_input.function(output), presented, reduction="none")
    return each.sum(dim=1) if each.ndim == 2 else each


def _same(one: Tensor, other: Tensor) -> bool:
    """Whether two losses are the same up to a factor."""
    factor = one.norm() / other.norm()
    return torch.allclose(one, factor * other, rtol=1e-4, atol=1e-6)


def resolve(
    candidate: Candidate,
    values: np.ndarray[Any, Any],
    classes: int,
    scale: float,
) -> Loss:
    """Make the loss for some training rows.

    Parameters
    ----------
    candidate
        What to make.
    values
        The training rows' targets, from which balanced weights follow.
    classes
        How many classes there are; 0 for a regression.
    scale
        The target's standard deviation by which it is divided before training, and so have to
        be parameters in its unit.
    """
    declared = candidate.kind.parameters()
    parameters: dict[str, Any] = {}
    for name, value in candidate.parameters.items():
        if value == BALANCED:
            parameters[name] = _balanced(name, values, classes)
        else:
            parameters[name] = value
    if classes == 0:
        plain = candidate.kind()
        for name, one in declared.items():
            if one.unit == "target":
                given = parameters.get(name, getattr(plain, name))
                parameters[name] = float(given) / scale
    return candidate.kind(**parameters)


def _balanced(name: str, values: np.ndarray[Any, Any], classes: int) -> Any:
    if classes == 0:
        raise ValueError(f"{name}={BALANCED} needs classes, and this target is a number")
    counts = np.bincount(values.astype(np.int64), minlength=classes).astype(np.float64)
    if name == "class_weight":
        return torch.as_tensor(counts.sum() / (classes * counts), dtype=torch.float32)
    if name == "pos_weight":
        weights = (counts.sum() - counts) / counts
        return float(weights[1]) if classes == 2 else torch.as_tensor(weights, dtype=torch.float32)
    raise ValueError(f"{name} cannot be {BALANCED}; class_weight and pos_weight can")
