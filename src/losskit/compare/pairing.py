"""How the network's output meets a loss: decided by the contracts on the loss's card."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from losskit.compare.errors import CompareError
from losskit.compare.task import Target, Task
from losskit.core.classwise import Classwise
from losskit.core.contracts import (
    AMOUNTS,
    BINARY,
    CLASS_INDICES,
    COUNTS,
    LOG_MEANS,
    LOG_PROBABILITIES,
    LOGITS,
    POSITIVE_AMOUNTS,
    PROBABILITIES,
    PROBABILITY_ROWS,
    REAL_VALUES,
    SCORES,
    SIGNS,
    Contract,
)
from losskit.core.elementwise import Elementwise
from losskit.core.loss import Loss
from losskit.losses import CATALOGUE
from losskit.reporting.errors import listing
from losskit.reporting.wording import join

__all__ = ["Form", "Pairing", "fits", "pair", "preference"]


@dataclass(frozen=True)
class Form:
    """One way to present an output or a target to a loss.

    Parameters
    ----------
    function
        What is done to the tensor.
    code
        The same as an expression over ``output``, ``target`` and ``classes``.
    """

    function: Callable[[Tensor], Tensor]
    code: str


def _two_logits(output: Tensor) -> Tensor:
    return torch.stack((torch.zeros_like(output), output), dim=1)


def _soft(output: Tensor) -> Tensor:
    return output.softmax(dim=1)


def _normalised_sigmoid(output: Tensor) -> Tensor:
    """Make one-vs-rest probabilities sum to 1; computed in logarithms, so none sums to 0."""
    return torch.nn.functional.logsigmoid(output).softmax(dim=1)


def _two_probabilities(output: Tensor) -> Tensor:
    return _two_logits(output).softmax(dim=1)


RAW = Form(lambda output: output, "output")
SIGMOID = Form(torch.sigmoid, "torch.sigmoid(output)")
SOFTMAX = Form(_soft, "output.softmax(dim=1)")
LOG_SOFTMAX = Form(lambda output: output.log_softmax(dim=1), "output.log_softmax(dim=1)")
_PAIR = "torch.stack((torch.zeros_like(output), output), dim=1)"
TWO_LOGITS = Form(_two_logits, _PAIR)
TWO_SOFTMAX = Form(_two_probabilities, f"{_PAIR}.softmax(dim=1)")
TWO_LOG_SOFTMAX = Form(
    lambda output: _two_logits(output).log_softmax(dim=1), f"{_PAIR}.log_softmax(dim=1)"
)

SIGN = Form(lambda target: 2.0 * target - 1.0, "2.0 * target - 1.0")
AS_IT_IS = Form(lambda target: target, "target")
NUMBERS = Form(lambda target: target.float(), "target.float()")


@dataclass(frozen=True)
class Pairing:
    """How one kind of output and target are presented to a loss.

    Parameters
    ----------
    input
        What a loss must take as its input.
    target
        What a loss must take as its target.
    shown_input
        How the network's output becomes that input.
    shown_target
        How the class numbers or values become that target; None stands for one-hot rows.
    predict
        How the network's output becomes class probabilities; unused for a regression.
    text
        The same in a sentence.
    centred
        Whether a regression's target has its mean subtracted; else it is divided by it.
    """

    input: Contract
    target: Contract
    shown_input: Form
    shown_target: Form | None
    predict: Callable[[Tensor], Tensor]
    text: str
    centred: bool = True

    def targets(self, target: Tensor, classes: int) -> Tensor:
        """Present class numbers or values as the target that the loss takes."""
        if self.shown_target is None:
            return torch.nn.functional.one_hot(target, classes).float()
        return self.shown_target.function(target)

    @property
    def target_code(self) -> str:
        """The expression that presents the target."""
        if self.shown_target is None:
            return "torch.nn.functional.one_hot(target, classes).float()"
        return self.shown_target.code


_IDENTITY = RAW.function
_LOGIT = "the network's output is the logit of the positive class"
_BOTH = "the logits are 0 and the network's output"

# For each task, the ways to meet a loss, the best first. Binary tasks have a single output, so
# that every loss trains the same network.
PAIRINGS: dict[Task, tuple[Pairing, ...]] = {
    "regression": (
        Pairing(
            REAL_VALUES, REAL_VALUES, RAW, AS_IT_IS, _IDENTITY, "the network's output is the value"
        ),
        *(
            Pairing(
                LOG_MEANS,
                contract,
                RAW,
                AS_IT_IS,
                torch.exp,
                "the network's output is the logarithm of the mean",
                centred=False,
            )
            for contract in (COUNTS, AMOUNTS, POSITIVE_AMOUNTS)
        ),
    ),
    "binary": (
        Pairing(LOGITS, BINARY, RAW, NUMBERS, _two_probabilities, _LOGIT),
        Pairing(LOGITS, SIGNS, RAW, SIGN, _two_probabilities, _LOGIT),
        Pairing(LOGITS, CLASS_INDICES, TWO_LOGITS, AS_IT_IS, _two_probabilities, _BOTH),
        Pairing(LOGITS, PROBABILITY_ROWS, TWO_LOGITS, None, _two_probabilities, _BOTH),
        Pairing(
            LOG_PROBABILITIES,
            CLASS_INDICES,
            TWO_LOG_SOFTMAX,
            AS_IT_IS,
            _two_probabilities,
            f"{_BOTH}, through a log-softmax",
        ),
        Pairing(
            LOG_PROBABILITIES,
            PROBABILITY_ROWS,
            TWO_LOG_SOFTMAX,
            None,
            _two_probabilities,
            f"{_BOTH}, through a log-softmax",
        ),
        Pairing(
            PROBABILITIES,
            BINARY,
            SIGMOID,
            NUMBERS,
            _two_probabilities,
            "a sigmoid turns the network's output into the positive class's probability",
        ),
        Pairing(
            PROBABILITIES,
            CLASS_INDICES,
            TWO_SOFTMAX,
            AS_IT_IS,
            _two_probabilities,
            f"{_BOTH}, through a softmax",
        ),
        Pairing(
            SCORES,
            SIGNS,
            RAW,
            SIGN,
            _two_probabilities,
            "the network's output is the score; read as a logit where a metric needs probabilities",
        ),
        Pairing(
            REAL_VALUES,
            REAL_VALUES,
            SIGMOID,
            NUMBERS,
            _two_probabilities,
            "a sigmoid turns the network's output into a probability, fitted to 0 or 1",
        ),
    ),
    "multiclass": (
        Pairing(LOGITS, CLASS_INDICES, RAW, AS_IT_IS, _soft, "the outputs are the logits"),
        Pairing(LOGITS, PROBABILITY_ROWS, RAW, None, _soft, "the outputs are the logits"),
        Pairing(
            LOG_PROBABILITIES,
            CLASS_INDICES,
            LOG_SOFTMAX,
            AS_IT_IS,
            _soft,
            "a log-softmax turns the outputs into log-probabilities",
        ),
        Pairing(
            LOG_PROBABILITIES,
            PROBABILITY_ROWS,
            LOG_SOFTMAX,
            None,
            _soft,
            "a log-softmax turns the outputs into log-probabilities",
        ),
        Pairing(
            PROBABILITIES,
            CLASS_INDICES,
            SOFTMAX,
            AS_IT_IS,
            _soft,
            "a softmax turns the outputs into probabilities",
        ),
        Pairing(
            REAL_VALUES,
            REAL_VALUES,
            SOFTMAX,
            None,
            _soft,
            "a softmax turns the outputs into probabilities, fitted to one-hot rows",
        ),
        Pairing(
            LOGITS,
            BINARY,
            RAW,
            None,
            _normalised_sigmoid,
            "each output is the logit of its class against the rest",
        ),
        Pairing(
            PROBABILITIES,
            BINARY,
            SIGMOID,
            None,
            _normalised_sigmoid,
            "a sigmoid turns each output into the probability of its class against the rest",
        ),
    ),
}


def _find(kind: type[Loss], task: Task) -> Pairing | None:
    card = kind.card
    if not issubclass(kind, (Elementwise, Classwise)) or len(card.arguments) != 2:
        return None
    return next(
        (
            pairing
            for pairing in PAIRINGS[task]
            if pairing.input == card.input and pairing.target in card.targets
        ),
        None,
    )


def fits(kind: type[Loss], target: Target) -> bool:
    """Whether a loss can be trained on a target."""
    pairing = _find(kind, target.task)
    if pairing is None or target.classes:
        return pairing is not None
    return pairing.target.violation(target.values, np) is None


def preference(kind: type[Loss], task: Task) -> int:
    """How well a loss suits a task; the smaller, the better."""
    pairing = _find(kind, task)
    return len(PAIRINGS[task]) if pairing is None else PAIRINGS[task].index(pairing)


def pair(kind: type[Loss], target: Target) -> Pairing:
    """Find how the network's output meets a loss.

    Raises
    ------
    CompareError
        If the loss cannot be trained on this target.
    """
    pairing = _find(kind, target.task)
    if pairing is None or not fits(kind, target):
        fitting = [name for name, one in CATALOGUE.items() if fits(one, target)]
        raise CompareError(
            f"loss {kind.__name__!r} does not fit the target {target.name!r}: it wants "
            f"{_wants(kind)}, and this is a "
            f"{target.task} target ({target.reason}); these fit: {listing(fitting)}"
        )
    return pairing


def _wants(kind: type[Loss]) -> str:
    """Say what a loss is called with besides the model's output."""
    return join(
        [
            " or ".join(contract.title for contract in argument.contracts)
            for argument in kind.card.arguments[1:]
        ]
    )
