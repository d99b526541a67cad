"""What is measured: losses of the catalogue at sizes that belong to their kind."""

from __future__ import annotations

import dataclasses
import fnmatch
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from losskit.core.batchwise import Batchwise
from losskit.core.cards import Role
from losskit.core.classwise import Classwise
from losskit.core.contracts import CLASS_INDICES, LABELS, PROBABILITY_ROWS
from losskit.core.elementwise import Elementwise
from losskit.core.loss import Loss
from losskit.core.regionwise import Regionwise
from losskit.core.rowwise import Listwise, Rowwise
from losskit.core.spec import parse_loss
from losskit.losses import CATALOGUE

__all__ = ["BOOSTING", "DTYPES", "FORWARD", "TRAINING", "Case", "all_cases", "chosen"]

FORWARD = "forward"
TRAINING = "forward+backward"
BOOSTING = "gradient+Hessian"

DTYPES = {"float32": 4, "float64": 8, "bfloat16": 2}
"""Bytes of a number of each type."""

LARGE = (2048, 32000)

SHAPES: dict[Any, tuple[tuple[int, ...], ...]] = {
    Elementwise: ((1_000,), (100_000,), (10_000_000,)),
    Classwise: ((128, 10), (4096, 1000), LARGE, (1024, 128_000)),
    Listwise: ((128, 10), (4096, 100)),
    Rowwise: ((128, 10), (4096, 1000)),
    Batchwise: ((128, 64), (1024, 512)),
    Regionwise: ((2, 3, 16, 16), (8, 4, 256, 256)),
}
"""Shapes of the first array by the kind of loss; the first kind that fits counts."""

SETTINGS = ("CrossEntropy:label_smoothing=0.1",)
"""What is measured beside the defaults, where it takes another way through the computation."""

SOFT = ("CrossEntropy",)
"""What is measured against rows of probabilities too."""

BOOSTED = {
    "BinaryCrossEntropyWithLogits": ((1_000,), (1_000_000,)),
    "BinaryFocal": ((1_000,), (1_000_000,)),
    "MSE": ((1_000,), (1_000_000,)),
    "CrossEntropy": ((200, 5), (200_000, 5)),
}
"""Losses of boosted trees, and the shapes of their scores."""

BOOSTED_DTYPES = ("float32", "float64")
"""Of XGBoost's scores, and of LightGBM's."""

LIBRARIES_KEEP = "float32"
"""Type of the labels, gradients and Hessians of both."""

CLAIMS = (
    "CrossEntropy/*",
    "BinaryCrossEntropyWithLogits/*",
    "BinaryFocal/*",
    "Huber/*",
    "MSE/*",
    "Focal/2048x32000/*",
    "CrossEntropy:label_smoothing=0.1/2048x32000/*",
    "CrossEntropy-soft/2048x32000/*",
    "Distillation/2048x32000/*",
    "boosting-*/1000000/*",
    "boosting-*/200000x5/*",
)
"""What the README speaks of: the cases that run if none are named."""

QUICK = (
    "CrossEntropy/128x10/*",
    "CrossEntropy/4096x1000/*",
    "CrossEntropy/2048x32000/*",
    "BinaryCrossEntropyWithLogits/1000/*",
    "BinaryCrossEntropyWithLogits/100000/*",
    "Huber/100000/*",
    "boosting-BinaryCrossEntropyWithLogits/1000000/*",
)


@dataclass(frozen=True)
class Case:
    """A loss, the shape of its first array, and the type of its numbers.

    Attributes
    ----------
    spec : str
        The loss as the command line reads it.
    shape : tuple of int
        Of the first array.
    dtype : str
        One of `DTYPES`.
    soft : bool
        Whether the target holds rows of probabilities and not class indices.
    boosting : bool
        Whether the loss is the objective of boosted trees.
    """

    spec: str
    shape: tuple[int, ...]
    dtype: str
    soft: bool = False
    boosting: bool = False

    @property
    def label(self) -> str:
        """The loss, and what is particular about the call."""
        name = f"boosting-{self.spec}" if self.boosting else self.spec
        return f"{name}-soft" if self.soft else name

    @property
    def name(self) -> str:
        """What ``--case`` is matched with."""
        return f"{self.label}/{'x'.join(map(str, self.shape))}/{self.dtype}"

    @property
    def loss(self) -> Loss:
        """The loss itself."""
        parsed = parse_loss(self.spec, CATALOGUE)
        return parsed.kind(**parsed.parameters)

    @property
    def settings(self) -> dict[str, Any]:
        """Parameters that are not left at their defaults."""
        return parse_loss(self.spec, CATALOGUE).parameters

    @property
    def passes(self) -> tuple[str, ...]:
        """What is timed, each by itself."""
        return (BOOSTING,) if self.boosting else (FORWARD, TRAINING)

    @property
    def numbers(self) -> int:
        """How many numbers the first array holds."""
        return math.prod(self.shape)

    @property
    def input_bytes(self) -> int:
        """Bytes of all arrays of a call."""
        return sum(size for size, _ in self._arrays())

    def limit_bytes(self, which: str) -> int | None:
        """Bytes that a pass has to move, whatever the code.

        Forward reads every array once. With the gradient, classes are read twice, since a
        softmax needs its sum first, everything else once, and the gradient is written. Losses
        whose work is no walk through their arrays have no such limit.
        """
        loss = self.loss
        if not isinstance(loss, (Elementwise, Classwise, Rowwise)) or isinstance(loss, Listwise):
            return None
        read = written = 0
        for size, of_model in self._arrays():
            whole = size >= self.numbers * DTYPES[self.dtype]
            twice = which == TRAINING and isinstance(loss, Classwise) and whole
            read += size * (2 if twice else 1)
            written += size * of_model
        if which == BOOSTING:
            return read + 2 * DTYPES[LIBRARIES_KEEP] * self.numbers
        return read if which == FORWARD else read + written

    def _arrays(self) -> Iterator[tuple[int, bool]]:
        """Bytes of each array, and whether it comes from the model."""
        axis = min(1, len(self.shape) - 1)
        for argument in self.loss.arguments:
            contract = self.contract_of(argument.contracts)
            if argument.role is Role.LEARNED:
                yield DTYPES[self.dtype], True
            elif contract is CLASS_INDICES:
                width = DTYPES[LIBRARIES_KEEP] if self.boosting else 8
                yield width * self.numbers // self.shape[axis], False
            elif contract is LABELS:
                yield 8 * self.shape[0], False
            else:
                given = self.boosting and argument.role is not Role.OUTPUT
                dtype = LIBRARIES_KEEP if given else self.dtype
                width = 8 if contract.integral and not given else DTYPES[dtype]
                rows = self.numbers // self.shape[-1] if argument.per_row else self.numbers
                yield width * rows, argument.role is Role.OUTPUT

    def contract_of(self, contracts: Sequence[Any]) -> Any:
        """Which of the kinds of values that an argument may hold is measured."""
        if self.soft and PROBABILITY_ROWS in contracts:
            return PROBABILITY_ROWS
        return contracts[0]

    def as_dict(self) -> dict[str, Any]:
        """As it is sent to a worker and written to the results."""
        return dataclasses.asdict(self) | {"shape": list(self.shape)}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Case:
        """Undo `as_dict`."""
        return cls(**(fields | {"shape": tuple(fields["shape"])}))


def all_cases(dtypes: Sequence[str] = ("float32",)) -> list[Case]:
    """Return every case of these types, and trees boosted in those of their libraries."""
    cases = []
    for name, kind in CATALOGUE.items():
        shapes = next(sizes for base, sizes in SHAPES.items() if issubclass(kind, base))
        specs = [name, *(spec for spec in SETTINGS if spec.partition(":")[0] == name)]
        for dtype in dtypes:
            cases += [Case(spec, shape, dtype) for spec in specs for shape in shapes]
            if name in SOFT:
                cases += [Case(name, shape, dtype, soft=True) for shape in shapes]
    cases += [
        Case(name, shape, dtype, boosting=True)
        for name, shapes in BOOSTED.items()
        for shape in shapes
        for dtype in BOOSTED_DTYPES
    ]
    return cases


def chosen(cases: Sequence[Case], patterns: Sequence[str]) -> list[Case]:
    """Return the cases whose name fits one of the patterns, in which ``*`` stands for anything."""
    return [
        case
        for case in cases
        if any(
            fnmatch.fnmatchcase(case.name.lower(), wanted)
            for pattern in patterns
            for wanted in (pattern.lower(), f"{pattern.lower()}/*")
        )
    ]
