"""optax's losses, compiled by JAX with their gradient."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from benchmarks.arrays import arrays_of, sets_of
from benchmarks.cases import FORWARD, TRAINING, Case
from benchmarks.contenders.prepared import Prepared, UnavailableError

__all__ = ["prepare"]


def _cross_entropy(optax: Any, case: Case) -> Callable[..., Any]:
    smoothing = case.settings.get("label_smoothing", 0.0)
    if case.soft:
        function: Callable[..., Any] = optax.softmax_cross_entropy
    elif smoothing:

        def function(input: Any, target: Any) -> Any:
            rows = importlib.import_module("jax").nn.one_hot(target, input.shape[-1])
            return optax.softmax_cross_entropy(input, optax.smooth_labels(rows, smoothing))

    else:
        function = optax.softmax_cross_entropy_with_integer_labels
    return function


# What is known of a case beside its arrays is baked in, as everything is under jit.
NAMES: dict[str, Callable[[Any, Case], Callable[..., Any]]] = {
    "MSE": lambda optax, case: optax.squared_error,
    "Huber": lambda optax, case: optax.huber_loss,
    "LogCosh": lambda optax, case: optax.log_cosh,
    "BinaryCrossEntropyWithLogits": lambda optax, case: optax.sigmoid_binary_cross_entropy,
    "BinaryFocal": lambda optax, case: optax.losses.sigmoid_focal_loss,
    "CrossEntropy": _cross_entropy,
}


def prepare(case: Case) -> Prepared:
    """``jit`` of the mean, and of its value and gradient; each step waits for its result."""
    name = type(case.loss).__name__
    if name not in NAMES or case.boosting:
        raise UnavailableError("optax does not have this loss")
    try:
        jax: Any = importlib.import_module("jax")
        optax: Any = importlib.import_module("optax")
    except ImportError:
        raise UnavailableError("optax is not installed") from None
    jax.config.update("jax_enable_x64", case.dtype == "float64")
    function = NAMES[name](optax, case)

    def mean(*arrays: Any) -> Any:
        return function(*arrays).mean()

    sets = [
        [_array(jax, array, case.dtype) for array in arrays_of(case, number)]
        for number in range(sets_of(case))
    ]
    forward, training = jax.jit(mean), jax.jit(jax.value_and_grad(mean))
    steps = {
        FORWARD: lambda number: jax.block_until_ready(forward(*sets[number])),
        TRAINING: lambda number: jax.block_until_ready(training(*sets[number])),
    }
    return Prepared(steps, len(sets), float(steps[FORWARD](0)))


def _array(jax: Any, array: Any, dtype: str) -> Any:
    return jax.numpy.asarray(array, dtype=dtype if array.dtype.kind == "f" else None)
