"""When a training is looked at: a few times at the start, then as seldom as time allows."""

from __future__ import annotations

import math
import operator
import time

__all__ = ["Pace"]

FIRST_LOOKS = (0, 8, 32)
"""Steps of the first looks, which show most mistakes; the later ones follow the clock."""

SHARE = 0.005
"""Share of the time that looks may take."""


class Pace:
    """Chooses the steps at which to look.

    Attributes
    ----------
    every : int or None
        Steps between two looks, where somebody has said so.
    due : int
        Step of the next look.
    began : float
        When the training began, in seconds of the clock.
    spent : float
        Seconds that looks took, those within the model's own passes left out.

    Raises
    ------
    ValueError
        If ``every`` is no number of steps.
    """

    def __init__(self, every: int | None) -> None:
        if every is not None:
            try:
                steps = 0 if isinstance(every, bool) else operator.index(every)
            except TypeError:
                steps = 0
            if steps < 1:
                raise ValueError(f"every must be a number of steps >= 1 or None, got {every!r}")
        self.every = every
        self.due = 0
        self.began = time.perf_counter()
        self.spent = 0.0

    def plan(self, step: int, looks: int, within: float) -> None:
        """Choose the step of the next look.

        Parameters
        ----------
        step : int
            The step that has been looked at.
        looks : int
            How many have been.
        within : float
            Seconds that looks took within the model's own passes.
        """
        if self.every is not None:
            self.due = step + self.every
            return
        later = [first for first in FIRST_LOOKS if first > step]
        if later:
            self.due = later[0]
            return
        spent = self.spent + within
        passed = max(time.perf_counter() - self.began - spent, 1e-9)
        each_step = passed / max(step, 1)
        each_look = spent / looks
        # So late that all looks, this next one too, will have had their share of the time.
        enough = (spent + each_look) / SHARE / each_step
        self.due = max(step + 16, math.ceil(enough))
