"""A callback for Hugging Face's Trainer. Only this module needs it, and only when imported."""

from __future__ import annotations

import importlib
from typing import Any

from losskit.check.training.reporting import OnFinding
from losskit.check.training.watching import Watch

__all__ = ["TrainerWatch"]


def _base() -> Any:
    try:
        return importlib.import_module("transformers").TrainerCallback
    except ImportError:
        raise ImportError("TrainerWatch needs Transformers: pip install transformers") from None


class TrainerWatch(_base()):  # type: ignore[misc]
    """Watches the training of a model of Hugging Face as `losskit.torch.watch` does.

    Add it to the trainer: ``Trainer(..., callbacks=[TrainerWatch()])``. Such models compute their
    loss themselves; it is taken from what they return.

    Parameters
    ----------
    every, on_finding, logger : optional
        As for `losskit.torch.watch`.

    Attributes
    ----------
    watching : Watch or None
        The watch, from the start of the training on.
    """

    def __init__(
        self,
        *,
        every: int | None = None,
        on_finding: OnFinding = "warn",
        logger: Any = None,
    ) -> None:
        self.every = every
        self.on_finding = on_finding
        self.logger = logger
        self.watching: Watch | None = None

    @property
    def findings(self) -> tuple[Any, ...]:
        """What has been found so far."""
        return () if self.watching is None else self.watching.findings

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Begin to watch; a training before that an error has ended was never said to end."""
        if self.watching is not None:
            self.watching.abandon()
        self.watching = Watch(
            kwargs["model"], every=self.every, on_finding=self.on_finding, logger=self.logger
        )

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Count epochs."""
        if self.watching is not None and state.epoch is not None:
            self.watching.epoch(state.epoch)

    def on_evaluate(
        self,
        args: Any,
        state: Any,
        control: Any,
        metrics: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Take the metrics."""
        for name, value in (metrics or {}).items():
            timed = any(word in name for word in ("runtime", "per_second", "epoch", "loss"))
            if self.watching is not None and not timed:
                self.watching.metric(name, value)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Take the hooks away, and say what the curves show."""
        if self.watching is not None:
            self.watching.close()
