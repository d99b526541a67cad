"""Names: what a star import of a library brings, and what models and losses are called."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from losskit.check.lint.kinds import ACTIVATIONS
from losskit.check.lint.losses import loss_words

__all__ = [
    "LIBRARIES",
    "MAKERS",
    "MODELLING",
    "about_loss",
    "called_loss",
    "is_model",
    "is_part",
    "leaf_of",
    "loss_calls",
    "starred",
    "takes_loss",
]

MODELLING = re.compile(r"torch|keras|tensorflow|jax|flax|optax|fastai|losskit|skorch|ignite")
"""Libraries that models are built and trained with, by a part of their names."""

_BRINGING = frozenset(
    ["torch", "keras", "tensorflow", "tf_keras", "jax", "flax", "fastai", "optax"]
)
LIBRARIES = _BRINGING | {"numpy", "scipy", "sklearn", "pandas"}
"""Libraries whose names are known, so that their own code says no more, where it is at hand."""

MAKERS = frozenset(
    [
        *("tensor", "as_tensor", "asarray", "array", "Tensor", "FloatTensor", "DoubleTensor"),
        *("HalfTensor", "LongTensor", "IntTensor", "ShortTensor", "ByteTensor", "BoolTensor"),
    ]
)
"""What makes a tensor of numbers."""

_LEARNERS = ["Learner", "vision_learner", "cnn_learner", "unet_learner", "tabular_learner"]
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
    root = module.partition(".")[0]
    if root not in _BRINGING:
        return []
    own = _LEARNERS if root == "fastai" else []
    return sorted({*loss_words(), *ACTIVATIONS, *_NAMES, *own})


_MODEL = re.compile(
    r"(^|[._])(model|net|network|net[A-Z]|classifier|student|backbone|encoder|decoder|generator|"
    r"discriminator|critic|actor|policy|policy_net|resnet|bert|unet|cnn|rnn|lstm|gru|transformer|"
    r"forward|fc\d*|head|linear\d*|lin\d*)_?\d*$",
    re.IGNORECASE,
)


def is_model(name: str) -> bool:
    """Whether something is called as models are."""
    return _MODEL.search(name) is not None


def called_loss(name: str) -> bool:
    """Whether a function or class is called as losses are."""
    return _LOSS.search(name) is not None


_LOSS = re.compile(r"loss(es)?(_fn|_function)?\d*$", re.IGNORECASE)


def takes_loss(node: ast.AST) -> bool:
    """Whether a call, as of what makes a new tensor, gets what is called a loss."""
    return isinstance(node, ast.Call) and any("loss" in ast.unparse(one) for one in node.args)


def is_part(name: str) -> bool:
    """Whether a class is a part of a model, most likely."""
    return _PART.search(name) is not None


_PART = re.compile(
    r"loss|criterion|layer|block|bottleneck|attention|module|head|encoder|wrapper|pool|norm",
    re.IGNORECASE,
)


def about_loss(name: str) -> bool:
    """Whether something computes a loss, among other things maybe."""
    return _ABOUT_LOSS.search(name) is not None


_ABOUT_LOSS = re.compile(r"loss|criterion", re.IGNORECASE)


def loss_calls(body: list[ast.stmt]) -> Iterator[ast.Call]:
    """Yield what looks like calls of losses."""
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Call):
                name = leaf_of(node.func)
                if _LIKE_LOSS.search(name) or (name == "log" and _of_softmax(node)):
                    yield node


def _of_softmax(node: ast.Call) -> bool:
    """Whether a logarithm is taken of a softmax in one expression, as losses by hand do."""
    inner = next(iter(node.args), None)
    if inner is None and isinstance(node.func, ast.Attribute):
        inner = node.func.value
    return isinstance(inner, ast.Call) and leaf_of(inner.func) == "softmax"


def leaf_of(node: ast.expr) -> str:
    """Last part of the name of what is called."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


_LIKE_LOSS = re.compile(rf"{_ABOUT_LOSS.pattern}|entropy|kl_div|nll|bce", re.IGNORECASE)
