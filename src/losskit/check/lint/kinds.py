"""What a tensor holds, as far as the code that made it tells, and which contracts that breaks."""

from __future__ import annotations

from enum import StrEnum

from losskit.core.contracts import (
    LOG_PROBABILITIES,
    LOGITS,
    PROBABILITIES,
    Contract,
)

__all__ = ["ACTIVATED", "ACTIVATIONS", "IN_LOGS", "PROBABLE", "Flow", "Kind", "breaks"]


class Kind(StrEnum):
    """What a tensor holds; the value says it in words."""

    UNKNOWN = "unknown values"
    RAW = "raw scores"
    SOFTMAX = "the output of a softmax"
    SIGMOID = "the output of a sigmoid"
    PROBABILITY = "probabilities"
    DIFFERENCE = "the difference of two probabilities"
    SCALED = "outputs of a softmax, scaled or summed"
    CHOSEN = "outputs of a softmax at the classes, and zeros elsewhere"
    LOG_SOFTMAX = "the output of a log-softmax"
    LOG_PROBABILITY = "logarithms of probabilities"
    LOGARITHM = "a logarithm"
    DENSITIES = "logarithms of densities, one for each component"
    BOUNDED = "the output of a tanh"
    POSITIVE = "numbers without an upper bound"
    DISTANCE = "distances"
    INDICES = "class indices"
    ONE_HOT = "one-hot rows"
    IDENTITY = "an identity matrix"
    MULTI_HOT = "rows in which several entries can be 1"
    COUNTS = "counts of classes"
    LOSS = "the value of a loss"
    LEARNT = "weights that are learnt"
    LEAF = "a new tensor, at which a graph begins"
    EXPONENTIAL = "exponentials"
    RATIO = "a ratio of exponentials"


class Flow(StrEnum):
    """Where a tensor comes from, and whether a gradient gets back there."""

    UNKNOWN = "unknown"
    MODEL = "what a model gives"
    CUT = "without a gradient"
    DATA = "what the data holds"


PROBABLE = frozenset({Kind.SOFTMAX, Kind.SIGMOID, Kind.PROBABILITY})
IN_LOGS = frozenset({Kind.LOG_SOFTMAX, Kind.LOG_PROBABILITY})
ACTIVATED = frozenset({Kind.BOUNDED, Kind.POSITIVE, Kind.DISTANCE})

_BREAKS = {
    LOGITS.name: PROBABLE | IN_LOGS | {Kind.DIFFERENCE},
    PROBABILITIES.name: IN_LOGS | ACTIVATED | {Kind.RAW, Kind.LOGARITHM, Kind.DIFFERENCE},
    LOG_PROBABILITIES.name: PROBABLE | ACTIVATED | {Kind.RAW},
}


def breaks(kind: Kind, contract: Contract) -> bool:
    """Whether values of this kind are known not to be what the contract wants."""
    return kind in _BREAKS.get(contract.name, frozenset())


ACTIVATIONS: dict[str, Kind] = {
    "softmax": Kind.SOFTMAX,
    "softmin": Kind.SOFTMAX,
    "log_softmax": Kind.LOG_SOFTMAX,
    "sigmoid": Kind.SIGMOID,
    "sigmoid_": Kind.SIGMOID,
    "expit": Kind.SIGMOID,
    "hardsigmoid": Kind.SIGMOID,
    "hard_sigmoid": Kind.SIGMOID,
    "logsigmoid": Kind.LOG_PROBABILITY,
    "log_sigmoid": Kind.LOG_PROBABILITY,
    "tanh": Kind.BOUNDED,
    "tanh_": Kind.BOUNDED,
    "hardtanh": Kind.BOUNDED,
    "relu": Kind.POSITIVE,
    "relu_": Kind.POSITIVE,
    "relu6": Kind.POSITIVE,
    "softplus": Kind.POSITIVE,
    "gelu": Kind.RAW,
    "elu": Kind.RAW,
    "selu": Kind.RAW,
    "silu": Kind.RAW,
    "swish": Kind.RAW,
    "leaky_relu": Kind.RAW,
    "mish": Kind.RAW,
}
"""Function of the activation → what it gives."""
