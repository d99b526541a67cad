"""Which losses are compared: those that the user named, or a set that follows from the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from losskit.choose.wording import join, number
from losskit.compare.errors import CompareError
from losskit.compare.pairing import fits, pair, preference
from losskit.compare.task import Target
from losskit.core.contracts import REAL_VALUES, SCORES
from losskit.core.loss import Loss
from losskit.core.spec import BALANCED, parse_loss
from losskit.losses import CATALOGUE

__all__ = ["Candidate", "default_candidates", "named_candidates", "resolve"]

IMBALANCE = 1.5
"""The commonest class outnumbers the rarest by this before classes are weighted."""
SMOOTHING = 0.1
MOST = 4
"""Losses besides their variants; more than that are hard to take in, and to tell apart."""
HUBER_EFFICIENCY = 1.345
"""Keeps 95 % of least squares' efficiency on normal errors; in robust standard deviations."""


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
    candidates: list[Candidate] = []
    for spec in specs:
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


def default_candidates(target: Target) -> tuple[list[Candidate], list[str]]:
    """Take a sensible set of losses for the target.

    Every loss of the catalogue whose contracts fit takes part, once: of those that are the same
    function of the network's output, up to a factor, the one that suits the task best. In a
    classification, the last place is kept for a loss for numbers that is smallest at the true
    probability; losses of scores take part only when they are asked for. To them come variants
    that the data speak for.

    Returns
    -------
    list of Candidate
        The losses.
    list of str
        What was left out, and why.
    """
    kinds = sorted(
        (kind for kind in CATALOGUE.values() if fits(kind, target.task)),
        key=lambda kind: (preference(kind, target.task), len(kind.parameters())),
    )
    chosen: list[Candidate] = []
    same: dict[str, list[str]] = {}
    notes: list[str] = []
    for kind in kinds:
        candidate = _plain(kind, target)
        numbers = kind.card.input == REAL_VALUES
        values = _probe(candidate, target)
        twin = next((one for one in chosen if _same(values, _probe(one, target))), None)
        if twin is not None:
            same.setdefault(twin.kind.__name__, []).append(kind.__name__)
        elif len(chosen) >= (MOST if not target.classes or numbers else MOST - 1):
            notes.append(f"{kind.__name__} is not trained: others suit the task better.")
        elif kind.card.input == SCORES:
            notes.append(f"{kind.__name__} is not trained: its scores are no probabilities.")
        elif target.classes and numbers and not _is_proper(kind):
            notes.append(
                f"{kind.__name__} is not trained: on a class probability it is smallest "
                "elsewhere than at the true probability."
            )
        else:
            chosen.append(candidate)
    for candidate in list(chosen):
        chosen.extend(_variants(candidate, target))
    notes += [
        f"{join(names)} {'is' if len(names) == 1 else 'are'} not trained as well: "
        f"on this task the same as {name}, up to a factor."
        for name, names in same.items()
    ]
    return chosen, notes


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
    in_unit = [name for name, one in kind.parameters().items() if one.unit == "target"]
    if target.classes or not in_unit:
        return Candidate(kind, {}, "it is made for such targets")
    scale = _robust_scale(target.values.astype(np.float64))
    threshold = float(f"{HUBER_EFFICIENCY * scale:.3g}")
    return Candidate(
        kind,
        dict.fromkeys(in_unit, threshold),
        f"{join(in_unit)} is {HUBER_EFFICIENCY} times the target's robust standard deviation "
        f"({number(scale)})",
    )


def _robust_scale(values: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """Estimate the standard deviation by the median absolute deviation."""
    scale = 1.4826 * float(np.median(np.abs(values - np.median(values))))
    return scale if scale > 0 else float(values.std())


def _variants(candidate: Candidate, target: Target) -> list[Candidate]:
    parameters = candidate.kind.parameters()
    variants: list[Candidate] = []
    counts = target.counts if target.classes else np.ones(1)
    if counts.max() >= IMBALANCE * counts.min():
        weights = [name for name in ("class_weight", "pos_weight") if name in parameters]
        if weights:
            rare, common = target.classes[counts.argmin()], target.classes[counts.argmax()]
            reason = (
                f"{common!r} has {counts.max() / counts.min():.1f} times the rows of {rare!r}, "
                "so the classes are weighted to count the same"
            )
            variants.append(Candidate(candidate.kind, dict.fromkeys(weights, BALANCED), reason))
    if "label_smoothing" in parameters and len(target.classes) > 2:
        reason = "a little probability for the other classes may prevent overconfidence"
        variants.append(Candidate(candidate.kind, {"label_smoothing": SMOOTHING}, reason))
    return variants


def _probe(candidate: Candidate, target: Target) -> Tensor:
    """Compute a loss at outputs and targets of every sort that the task can bring."""
    pairing = pair(candidate.kind, target)
    classes = len(target.classes)
    generator = torch.Generator().manual_seed(0)
    if classes == 0:
        output = torch.linspace(-4, 4, 161, dtype=torch.float64)
        truth = torch.zeros_like(output)
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
