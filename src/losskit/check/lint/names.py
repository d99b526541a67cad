"""Names that a star import of a library brings, as far as they matter."""

from __future__ import annotations

from losskit.check.lint.kinds import ACTIVATIONS
from losskit.check.lint.losses import loss_words

__all__ = ["starred"]

_LIBRARIES = {"torch", "keras", "tensorflow", "tf_keras", "jax", "flax", "fastai", "optax"}
_NAMES = [
    "nn",
    "torch",
    "F",
    "Sequential",
    "Linear",
    "Dense",
    "Module",
    "Model",
    "Activation",
    "Softmax",
    "Sigmoid",
    "LogSoftmax",
    "ReLU",
    "Dropout",
    "Flatten",
    "Conv2D",
    "Conv2d",
    "BatchNormalization",
]


def starred(module: str) -> list[str]:
    """Return the names."""
    if module.partition(".")[0] not in _LIBRARIES:
        return []
    return sorted({*loss_words(), *ACTIVATIONS, *_NAMES})
