"""A callback for Lightning. Only this module needs Lightning, and only when it is imported."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from losskit.check.criterion import criterion_of
from losskit.check.training.reporting import OnFinding
from losskit.check.training.watching import Watch

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["LightningWatch"]

_HOMES = ("lightning.pytorch", "pytorch_lightning")
"""Lightning has two names; the one that is in use already comes first."""


def _base() -> Any:
    for home in sorted(_HOMES, key=lambda name: name not in sys.modules):
        try:
            return importlib.import_module(f"{home}.callbacks").Callback
        except ImportError:
            continue
    raise ImportError("LightningWatch needs Lightning: pip install lightning")


class LightningWatch(_base()):  # type: ignore[misc]
    """Watches the training of a Lightning module as `losskit.torch.watch` does.

    Add it to the trainer: ``Trainer(callbacks=[LightningWatch()])``.

    Parameters
    ----------
    loss_fn : module or str, optional
        The loss, or the attribute of the Lightning module that holds it. By default the only loss
        among its modules. Without one, gradients, layers and curves are watched, and not what
        the loss is called with.
    every, on_finding : optional
        As for `losskit.torch.watch`.
    to_logger : bool, default False
        Whether numbers go to the trainer's logger as well.

    Attributes
    ----------
    watching : Watch or None
        The watch, from the start of the training on.
    """

    def __init__(
        self,
        loss_fn: nn.Module | str | None = None,
        *,
        every: int | None = None,
        on_finding: OnFinding = "warn",
        to_logger: bool = False,
    ) -> None:
        super().__init__()
        self.loss_fn = loss_fn
        self.every = every
        self.on_finding = on_finding
        self.to_logger = to_logger
        self.watching: Watch | None = None
        self._by_hand = False

    @property
    def findings(self) -> tuple[Any, ...]:
        """What has been found so far."""
        return () if self.watching is None else self.watching.findings

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin to watch."""
        loss_fn = self._loss(pl_module)
        self._by_hand = loss_fn is None
        self.watching = Watch(
            pl_module,
            loss_fn,
            every=self.every,
            on_finding=self.on_finding,
            logger=trainer.logger if self.to_logger else None,
        )

    def on_train_batch_start(
        self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int
    ) -> None:
        """Begin a step: training_step need not call the module itself."""
        if self.watching is not None:
            self.watching.begin(batch)

    def on_before_backward(self, trainer: Any, pl_module: Any, loss: Tensor) -> None:
        """Take the loss, where no module of it is watched."""
        if self.watching is not None and self._by_hand:
            self.watching.seen(loss)

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        """Count epochs."""
        if self.watching is not None:
            self.watching.epoch(trainer.current_epoch)

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Take what the module has logged."""
        if self.watching is None or trainer.sanity_checking:
            return
        for name, value in trainer.callback_metrics.items():
            if name == "val_loss" and self._by_hand:
                self.watching.held_out(float(value))
            elif "loss" not in name:
                self.watching.metric(name, float(value))

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Take the hooks away, and say what the curves show."""
        if self.watching is not None:
            self.watching.close()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Take the hooks away without a word: the training has its own error."""
        if self.watching is not None:
            self.watching.abandon()

    def _loss(self, pl_module: Any) -> nn.Module | None:
        if isinstance(self.loss_fn, str):
            found: nn.Module = getattr(pl_module, self.loss_fn)
            return found
        if self.loss_fn is not None:
            return self.loss_fn
        losses = [module for module in pl_module.modules() if criterion_of(module).terms]
        return losses[0] if len(losses) == 1 else None
