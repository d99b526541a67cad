"""What a model gives and its loss takes: activations and divergences."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from tools.trials.faults.fault import after_model, called_with, fault
from tools.trials.tasks import Training

if TYPE_CHECKING:
    import numpy as np


@fault("softmax before cross-entropy", "LK101", "classes")
def _(training: Training, rng: np.random.Generator) -> Training:
    return after_model(training, lambda z: z.softmax(1))


@fault("log-softmax before cross-entropy", "LK102", "classes")
def _(training: Training, rng: np.random.Generator) -> Training:
    return after_model(training, lambda z: z.log_softmax(1))


@fault("sigmoid before BCE with logits", "LK103", "binary")
def _(training: Training, rng: np.random.Generator) -> Training:
    return after_model(training, torch.sigmoid)


@fault("raw scores into BCE", "LK104", "binary")
def _(training: Training, rng: np.random.Generator) -> Training:
    return training.but(loss_fn=nn.BCELoss())


@fault("cross-entropy on one logit", "LK105", "binary")
def _(training: Training, rng: np.random.Generator) -> Training:
    return called_with(
        training.but(loss_fn=nn.CrossEntropyLoss()), lambda z, y: (z, 0 * y[:, 0].long())
    )


@fault("probabilities into NLL", "LK111", "classes")
def _(training: Training, rng: np.random.Generator) -> Training:
    return after_model(training.but(loss_fn=nn.NLLLoss()), lambda z: z.softmax(1))


@fault("raw scores into NLL", "LK111", "classes")
def _(training: Training, rng: np.random.Generator) -> Training:
    return training.but(loss_fn=nn.NLLLoss())


def _soft(training: Training, loss: nn.Module, change: Callable[[Tensor], Tensor]) -> Training:
    """Train on smoothed one-hot rows, as a teacher would give them."""
    classes = training.task.outputs

    def pairs(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        rows = 0.9 * F.one_hot(y, classes).float() + 0.1 / classes
        return model(x).log_softmax(1), change(rows)

    return training.but(loss_fn=loss, pairs=pairs)


@fault("KL divergence of probabilities", "LK121", "classes")
def _(training: Training, rng: np.random.Generator) -> Training:
    soft = _soft(training, nn.KLDivLoss(reduction="batchmean"), lambda q: q)
    logs = soft.pairs
    assert logs is not None  # noqa: S101 - it was just made
    return soft.but(pairs=lambda model, x, y: (logs(model, x, y)[0].exp(), logs(model, x, y)[1]))


@fault("KL divergence averaged over classes", "LK122", "classes")
def _(training: Training, rng: np.random.Generator) -> Training:
    return _soft(training, nn.KLDivLoss(), lambda q: q)


@fault("target in log space not said", "LK124", "classes")
def _(training: Training, rng: np.random.Generator) -> Training:
    return _soft(training, nn.KLDivLoss(reduction="batchmean"), torch.log)
