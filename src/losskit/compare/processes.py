"""Several processes, as ``torchrun`` starts them, that share the runs of a comparison.

What is shared out are whole runs, so that each is computed as it would be by one process alone:
the results do not depend on how many there are.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

__all__ = ["Processes", "processes"]


@dataclass(frozen=True)
class Processes:
    """Where a process stands among all of them.

    Parameters
    ----------
    rank
        Its number, from 0.
    size
        How many there are.
    """

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is the one that writes and prints."""
        return self.rank == 0

    def own(self, task: int) -> bool:
        """Whether a task of this number is this process's."""
        return task % self.size == self.rank

    def gather(self, mine: Any) -> list[Any]:
        """Return what every process has, in the order of their numbers; all wait for all."""
        if self.size == 1:
            return [mine]
        import ignite.distributed as idist  # noqa: PLC0415 - one process does not need it

        found: list[Any] = idist.all_gather((mine,))  # type: ignore[assignment]
        return [one for (one,) in found]


@contextmanager
def processes() -> Iterator[Processes]:
    """Join the processes that ``torchrun`` has started, if it has."""
    if int(os.environ.get("WORLD_SIZE", "1")) <= 1:
        yield Processes()
        return
    with warnings.catch_warnings():
        # Ignite imports torch.distributed.optim, which uses what torch itself has deprecated.
        warnings.simplefilter("ignore", DeprecationWarning)
        import ignite.distributed as idist  # noqa: PLC0415 - one process does not need it
    logging.getLogger("ignite.distributed").setLevel(logging.ERROR)
    # They meet at the end only, which one may reach hours before another.
    idist.initialize("gloo", timeout=timedelta(days=30))
    try:
        yield Processes(idist.get_rank(), idist.get_world_size())
    finally:
        idist.finalize()
