"""What a training shows when something is wrong, with numbers that the losses themselves give."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from losskit.core.classwise import Classwise
from losskit.core.contracts import BINARY, CLASS_INDICES, LOGITS
from losskit.core.loss import Loss
from losskit.losses import CATALOGUE

__all__ = ["Symptom", "symptoms", "uninformed"]

CLASSES = (2, 10, 100, 1000)


@dataclass(frozen=True)
class Symptom:
    """What is seen, what may be behind it, how to find out, and what to do."""

    seen: str
    cause: str
    check: str
    fix: str


def uninformed(loss: Loss, classes: int) -> float:
    """Return the loss of a model whose logits are all 0."""
    if isinstance(loss, Classwise):
        return float(loss(np.zeros((1, classes)), np.zeros(1, dtype=np.int64)))
    return float(loss(np.zeros(1), np.ones(1)))


def _first(contract: object) -> Loss:
    """Return the first choice among losses of logits against such targets."""
    found = [
        (use.rank, kind)
        for kind in CATALOGUE.values()
        for use in kind.card.uses
        if kind.card.input == LOGITS and contract in kind.card.targets and not use.settings
    ]
    return min(found, key=lambda one: one[0])[1]()


def _stuck() -> str:
    binary = uninformed(_first(BINARY), 2)
    each = ", ".join(
        f"{uninformed(_first(CLASS_INDICES), classes):.4f} for {classes} classes"
        for classes in CLASSES
    )
    return f"{binary:.4f} for two labels; {each}"


def symptoms() -> Iterable[Symptom]:
    """Return the symptoms, those first that are found fastest."""
    yield Symptom(
        "The loss is NaN or infinite from the first steps.",
        "A logarithm of 0, a division by 0, an overflow in exp, or NaN in the data.",
        "Look for NaN in inputs and targets; then take the loss at one batch with "
        "reduction='none'.",
        "Use losses on logits; let outputs that are logarithms or variances start near 0; clip "
        "gradients; warm the learning rate up.",
    )
    yield Symptom(
        f"The loss stays where it started, at ln K: {_stuck()}.",
        "Nothing is learnt: gradients do not arrive, the learning rate is far too small or too "
        "large, labels were shuffled against inputs, or outputs are saturated.",
        "Print the gradient norm of the first and the last layer; fit ten rows.",
        "Mend what cuts the gradient (detach, no_grad, a dead activation); search the learning "
        "rate "
        "by factors of 10; check how rows and labels are joined.",
    )
    yield Symptom(
        "The loss falls fast at first, then stays far above what others reach.",
        "Softmax or sigmoid is applied twice: before a loss that does it itself.",
        "Look whether the output's rows sum to 1 before they reach a loss on logits.",
        "Take the last activation out of the model, and apply it for predictions only.",
    )
    yield Symptom(
        "The first loss is far above that of a model that knows nothing.",
        "The start is confidently wrong: large outputs, or a target far from 0.",
        "Compare the first loss with that of the best constant prediction.",
        "Start the output layer's bias at the best constant; standardise numbers.",
    )
    yield Symptom(
        "The training loss falls, the validation loss rises.",
        "Over-fitting; or leakage between the parts of training rows only.",
        "Compare with a smaller model; look for rows that stand in both parts.",
        "More data or augmentation, weight decay, dropout, early stopping; label smoothing where "
        "probabilities are over-confident.",
    )
    yield Symptom(
        "The loss falls and the metric does not.",
        "The loss weighs what the metric does not: a common class, large amounts, padding; or the "
        "threshold is not the metric's.",
        "Compute the metric by class or by size; count what takes part in the mean.",
        "Weigh or choose the loss for the metric; mask padding; tune the threshold on validation "
        "data.",
    )
    yield Symptom(
        "One class is always predicted, and accuracy is its share.",
        "Imbalance; or the model has learnt nothing but the classes' shares.",
        "Look at recall of each class, and at the distribution of predicted probabilities.",
        "Class weights, a focal loss or resampling; a threshold below 0.5; judge by average "
        "precision or balanced accuracy.",
    )
    yield Symptom(
        "Everything is predicted as the mean, or as 0.5.",
        "Features say nothing to the model: wrongly scaled, shuffled, or all the same; or (N, "
        "1) was "
        "compared with (N,), so that every prediction meets every target.",
        "Print both shapes at the call of the loss; fit a linear model.",
        "Make shapes equal; standardise features.",
    )
    yield Symptom(
        "The loss jumps, and single batches cost a hundred times the others.",
        "Outliers among the targets under a squared error; or sequences of very different lengths "
        "under a mean.",
        "Take the ten rows with the largest loss and look at them.",
        "A robust loss with its threshold from the errors' robust deviation; a logarithm; clip "
        "gradients; normalise by the count of tokens.",
    )
    yield Symptom(
        "The loss is negative.",
        "That is right for likelihoods of numbers with a small variance; it is wrong for "
        "cross-entropies and divergences, whose input then is not what they take.",
        "See what the loss takes: log-probabilities, or logits?",
        "Apply log_softmax; for divergences check which argument is which.",
    )
    yield Symptom(
        "The loss changes with the batch size, or with gradient accumulation.",
        "A mean over what differs between batches: tokens, weights, positives; or a contrastive "
        "loss, "
        "whose negatives are the batch.",
        "Compute one batch whole and in two halves.",
        "Divide by the global count; for contrastive losses, compare equal batches only.",
    )
    yield Symptom(
        "A triplet or contrastive loss goes to its margin and stays there.",
        "All embeddings fell on one point.",
        "Compute the deviation of the embeddings over a batch.",
        "Semi-hard instead of hardest triplets; a lower learning rate; normalised embeddings; more "
        "negatives.",
    )
    yield Symptom(
        "A triplet loss is 0 and retrieval is poor.",
        "No hard triplets are left: those that come satisfy the margin already.",
        "Count the triplets with a loss above 0.",
        "Mine semi-hard triplets; larger batches with several rows per label.",
    )
    yield Symptom(
        "Gradients vanish or explode from layer to layer.",
        "Initial weights, depth without normalisation, saturated activations.",
        "Print the gradient norm per layer at the first step.",
        "Normalisation, residual connections, an initialisation for the activation; clip what "
        "explodes.",
    )
