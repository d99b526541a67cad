"""scikit-learn's compiled losses, which its gradient boosting and linear models use."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from benchmarks.arrays import arrays_of, sets_of
from benchmarks.cases import BOOSTING, FORWARD, TRAINING, Case
from benchmarks.contenders.prepared import Prepared, UnavailableError, threads
from losskit.core.loss import Loss

__all__ = ["prepare"]

NAMES: dict[str, tuple[str, Callable[[Any, tuple[int, ...]], dict[str, Any]]]] = {
    "MSE": ("HalfSquaredError", lambda loss, shape: {}),
    "MAE": ("AbsoluteError", lambda loss, shape: {}),
    "Quantile": ("PinballLoss", lambda loss, shape: {"quantile": loss.quantile}),
    "Huber": ("HuberLoss", lambda loss, shape: {"delta": loss.delta}),
    "PoissonNLL": ("HalfPoissonLoss", lambda loss, shape: {}),
    "GammaNLL": ("HalfGammaLoss", lambda loss, shape: {}),
    "Tweedie": ("HalfTweedieLoss", lambda loss, shape: {"power": loss.power}),
    "BinaryCrossEntropyWithLogits": ("HalfBinomialLoss", lambda loss, shape: {}),
    "CrossEntropy": ("HalfMultinomialLoss", lambda loss, shape: {"n_classes": shape[1]}),
}
"""Loss → its name there, and the settings that it takes from the loss and the shape."""


def prepare(case: Case) -> Prepared:
    """Its loss, its ``loss_gradient`` and its ``gradient_hessian``: per row, with all cores."""
    peer = _peer(case.loss, case)
    sets = []
    for number in range(sets_of(case)):
        raw, target = arrays_of(case, number)
        # It wants labels in the type of the scores, in which it computes both derivatives.
        sets.append({"y_true": target.astype(raw.dtype), "raw_prediction": raw})
    cores = threads()
    if case.boosting:
        return Prepared(
            {BOOSTING: lambda number: peer.gradient_hessian(**sets[number], n_threads=cores)},
            len(sets),
        )
    steps = {
        FORWARD: lambda number: peer.loss(**sets[number], n_threads=cores),
        TRAINING: lambda number: peer.loss_gradient(**sets[number], n_threads=cores),
    }
    return Prepared(steps, len(sets))


def _peer(loss: Loss, case: Case) -> Any:
    name = type(loss).__name__
    if name not in NAMES or case.settings or case.soft:
        raise UnavailableError("scikit-learn does not have this loss")
    if case.dtype == "bfloat16":
        raise UnavailableError("scikit-learn takes no bfloat16")
    try:
        theirs = importlib.import_module("sklearn._loss.loss")
    except ImportError:
        raise UnavailableError("scikit-learn is not installed") from None
    their_name, settings = NAMES[name]
    return getattr(theirs, their_name)(**settings(loss, case.shape))
