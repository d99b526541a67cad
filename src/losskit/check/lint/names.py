"""Names: what a star import of a library brings, and what models are called."""

from __future__ import annotations

import re

from losskit.check.lint.kinds import ACTIVATIONS
from losskit.check.lint.losses import loss_words

__all__ = ["is_model", "starred"]

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


_MODEL = re.compile(
    r"(^|[._])(model|net|network|net[A-Z]|classifier|student|backbone|encoder|decoder|generator|"
    r"discriminator|critic|actor|policy|policy_net|resnet|bert|unet|cnn|rnn|lstm|gru|transformer|"
    r"forward|fc\d*|head|linear\d*|lin\d*)\d*$",
    re.IGNORECASE,
)


def is_model(name: str) -> bool:
    """Whether something is called as models are."""
    return _MODEL.search(name) is not None
