"""Who is measured. Each runs in a process of its own, since some differ in their environment."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.cases import Case
from benchmarks.contenders.prepared import Prepared

__all__ = ["AT_BEST", "CONTENDERS", "COPY", "EAGER", "LOSSKIT", "NUMPY", "UNKEPT", "Contender"]

LOSSKIT = "losskit"
UNKEPT = "losskit-unkept"
NUMPY = "losskit-numpy"
EAGER = "eager"
COPY = "copy"

AT_BEST = ("eager+thp", "compiled+thp")
"""PyTorch at its best: the fastest of these."""

_HUGE_PAGES = {"THP_MEM_ALLOC_ENABLE": "1"}


@dataclass(frozen=True)
class Contender:
    """What computes losses, and how its process is started.

    Attributes
    ----------
    name : str
        As in the results.
    title : str
        The same in words.
    module : str
        Where its ``prepare`` is, below this package, and the function's argument after a colon.
    environment : dict
        What is added to the environment of its process.
    slow : bool
        Whether it takes seconds to get ready, and so stays out of a quick run.
    """

    name: str
    title: str
    module: str
    environment: dict[str, str] = field(default_factory=dict)
    slow: bool = False

    @property
    def prepare(self) -> Callable[[Case], Prepared]:
        """What makes a case ready; it raises `UnavailableError` where it cannot."""
        module, _, name = self.module.partition(":")
        found = importlib.import_module(f"benchmarks.contenders.{module}")
        function: Callable[[Case], Prepared] = getattr(found, name)
        return function


CONTENDERS = {
    contender.name: contender
    for contender in (
        Contender(COPY, "copying the first array", "copying:copies", _HUGE_PAGES),
        Contender(LOSSKIT, "Losskit under PyTorch", "pytorch:losskit"),
        Contender(
            UNKEPT,
            "Losskit in memory that is new in every step",
            "pytorch:losskit",
            {"LOSSKIT_KEEP_MEMORY": "off"},
        ),
        Contender(EAGER, "PyTorch as it comes", "pytorch:eager"),
        Contender("eager+thp", "PyTorch with huge pages", "pytorch:eager", _HUGE_PAGES),
        Contender(
            "compiled+thp",
            "torch.compile with huge pages",
            "pytorch:compiled",
            _HUGE_PAGES,
            slow=True,
        ),
        Contender(NUMPY, "Losskit on NumPy arrays", "numpy_arrays:losskit"),
        Contender("scikit-learn", "scikit-learn's _loss", "scikit_learn:prepare"),
        Contender(
            "optax", "optax under jax.jit", "jax_optax:prepare", {"JAX_PLATFORMS": "cpu"}, slow=True
        ),
    )
}
