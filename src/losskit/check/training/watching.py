"""Watches a training: hooks that do next to nothing in most steps, and look closely at some."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn

from losskit.check.findings import Finding
from losskit.check.report import Report, told
from losskit.check.training.calls import Given, Reader
from losskit.check.training.hooks import Hook, for_gradients, on_gradient, transformed
from losskit.check.training.look import Look
from losskit.check.training.origin import batch_size, origin, tensors
from losskit.check.training.pace import Pace
from losskit.check.training.record import Record
from losskit.check.training.reporting import OnFinding, identity, reporter, sink_for

__all__ = ["Watch", "watch"]

_RAISE = reporter("raise")

_URGENT = frozenset({"LK101", "LK218", "LK402"})
"""What curves can show before a training is over; that a loss stands still is no news early on."""

_AFTER_VALIDATION = frozenset({"LK406", "LK409"})


class Watch:
    """A training under watch; `watch` makes it.

    Attributes
    ----------
    model : Module
        The model.
    loss_fn : callable
        The loss: the module as it was given; a function comes back as one that is watched, to be
        called in its place.
    findings : tuple of Finding
        What has been found so far.
    """

    def __init__(
        self,
        model: nn.Module,
        loss_fn: Any = None,
        *,
        every: int | None = None,
        on_finding: OnFinding = "warn",
        logger: Any = None,
    ) -> None:
        if not isinstance(model, nn.Module):
            raise TypeError(f"watch takes a torch.nn.Module, got {type(model).__name__}")
        self.model = model
        self._pace = Pace(every)
        self._report = reporter(on_finding)
        self._sink = None if logger is None else sink_for(logger)
        self._reader = Reader(loss_fn)
        self._record = Record()
        self._look = Look(model, self._record)
        self._found: dict[tuple[str, str], Finding] = {}
        self._given: tuple[tuple[Any, ...], dict[str, Any]] | None = None
        self._batch: Any = None
        # Whether the next call of the loss begins a step, and whether the model has said so; in
        # validation, None where the model does not tell.
        self._begins, self._told = True, False
        self._begins_held_out: bool | None = None
        self._broken = self._closed = False
        self._next_curves = 256
        self._hooks: list[Any] = []
        # Of a model that is compiled in place, its own hooks are compiled as well.
        self._in_place = getattr(model, "_compiled_call_impl", None) is not None
        if not self._in_place:
            hook = model.register_forward_pre_hook(Hook(self._before_model), with_kwargs=True)
            self._hooks.append(hook)
        self.loss_fn = self._hooked(loss_fn)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What has been found so far, in the order in which it was."""
        return tuple(self._found.values())

    @property
    def steps(self) -> int:
        """How many training steps were seen."""
        return self._record.steps

    def report(self) -> Report:
        """Return all findings, the worst first; those that curves show are brought up to date."""
        with torch.no_grad():
            for finding in self._record.findings(self._reader.criterion):
                self._found.setdefault(identity(finding), finding)
        subject = f"training of {type(self.model).__name__}, {self.steps:,} steps"
        return Report.of(subject, self.findings)

    def metric(self, name: str, value: float) -> None:
        """Tell a metric, such as the accuracy on validation data: ``metric("val_f1", 0.8)``.

        Where the loss is one of classes, the accuracy on validation batches is counted without.
        """
        self._record.metric(name, float(value))

    def epoch(self, number: float) -> None:
        """Tell that an epoch begins, so that findings can name it."""
        self._record.epoch = float(number)

    def begin(self, batch: Any = None) -> None:
        """Tell that a step begins, where the model is not called as a whole.

        Callbacks of training loops do so, whose steps call parts of a model.
        """
        if not self._closed and torch.is_grad_enabled():
            self._batch = batch
            self._begins = self._told = True
            self._open()

    def seen(self, loss: Tensor) -> None:
        """Tell the loss of a step, before its backward pass, where no loss is hooked."""
        if not self._closed:
            self._seen(loss, (), {})

    def held_out(self, loss: float) -> None:
        """Tell the loss on validation data, where no loss is hooked."""
        self._record.held_out(float(loss), 1)

    def close(self) -> None:
        """Take all hooks away, and report what the whole of the curves shows."""
        if self._closed:
            return
        self._closed = True
        for hook in self._hooks:
            hook.remove()
        self._given = self._batch = None
        self._record.end_validation()
        for finding in [*self._look.end(), *self._record.findings(self._reader.criterion)]:
            self._tell(finding)

    def abandon(self) -> None:
        """Take all hooks away without a word, after an error that has ended the training.

        What the curves show must not hide it.
        """
        report, self._report = self._report, lambda finding: None
        self.close()
        self._report = report

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()

    # Hooks.

    def _hooked(self, loss_fn: Any) -> Any:
        if loss_fn is None:
            hook = self.model.register_forward_hook(Hook(self._after_model))
            self._hooks.append(hook)
            return None
        if isinstance(loss_fn, nn.Module):
            # Always, so that a loss that refuses its arguments is explained.
            hook = loss_fn.register_forward_hook(
                Hook(self._after_loss), with_kwargs=True, always_call=True
            )
            self._hooks.append(hook)
            return loss_fn

        def watched(*args: Any, **kwargs: Any) -> Any:
            if self._closed:
                return loss_fn(*args, **kwargs)
            value = None
            try:
                value = loss_fn(*args, **kwargs)
            finally:
                self._seen(value, args, kwargs)
            return value

        return watched

    def _before_model(self, model: nn.Module, args: Any, kwargs: Any) -> None:
        if torch.compiler.is_compiling() or transformed():
            return
        if not self._trains():
            self._begins_held_out = True
            return
        self._given = args, kwargs
        self._begins = self._told = True
        self._open()

    def _open(self) -> None:
        if self._record.steps >= self._pace.due:
            began = time.perf_counter()
            self._look.open()
            self._pace.spent += time.perf_counter() - began

    def _after_loss(self, module: nn.Module, args: Any, kwargs: Any, value: Any) -> None:
        self._seen(value, args, kwargs)

    def _after_model(self, model: nn.Module, args: Any, output: Any) -> None:
        """Take the loss from a model that computes its own."""
        loss = output.get("loss") if isinstance(output, dict) else getattr(output, "loss", None)
        if loss is None and isinstance(output, Tensor) and output.ndim == 0:
            loss = output
        if loss is not None:
            self._seen(loss, (), {})

    @for_gradients
    def _backward_begins(self, gradient: Tensor) -> None:
        self._begins, self._told = True, False
        self._given = self._batch = None

    def _trains(self) -> bool:
        return self.model.training and torch.is_grad_enabled()

    def _seen(self, value: Any, args: Any, kwargs: Any) -> None:
        if torch.compiler.is_compiling() or transformed():
            return
        if self._in_place and self._begins and self._trains():
            self._open()
        if value is None:
            self._explain(self._reader.read(args, kwargs))
        if not isinstance(value, Tensor):
            return
        number: Any = value.detach()
        if value.ndim:
            number = number.float().mean()
        if value.device.type == "cpu":
            number = float(number)
        if self._trains():
            self._in_training(value, number, args, kwargs)
        else:
            self._held_out(number, args, kwargs)

    def _in_training(self, value: Tensor, number: Any, args: Any, kwargs: Any) -> None:
        first, self._begins, self._begins_held_out = self._begins, False, None
        if not (first and self._told):
            # The model may never say that a step begins, and then backward() ends one.
            on_gradient(value, self._backward_begins)
        if first:
            if self._record.end_validation():
                self._curves(_AFTER_VALIDATION)
            self._record.step(number, batch_size((*args, *kwargs.values()), self._given))
        step = self._record.steps - 1
        if isinstance(number, float) and not math.isfinite(number):
            self._not_finite(self._reader.read(args, kwargs), step)
        elif self._look.opened or self._look.pending:
            given = self._reader.read(args, kwargs)
            if first:
                self._closely(value, given, step)
            else:
                with torch.no_grad():
                    self._tell_all(self._look.beside(value, given, step), step)

    def _held_out(self, number: Any, args: Any, kwargs: Any) -> None:
        if self._begins_held_out is False:
            return
        if self._begins_held_out:
            self._begins_held_out = False
        known = self._record.classes is not None
        right = self._reader.read(args, kwargs).right() if known else None
        self._record.held_out(float(number), batch_size((*args, *kwargs.values()), None), right)

    # What is done in a look.

    def _closely(self, value: Tensor, given: Given, step: int) -> None:
        began = time.perf_counter()
        looked = self._look.opened
        with torch.no_grad():
            self._tell_all(self._look.before_backward(value, given, step), step)
            if looked:
                # Tensors that wait on another device are read now, all at once.
                values = self._record.flush()
                if not all(map(math.isfinite, values)):
                    self._not_finite(given, step)
                self._log(step, values)
        if looked and self._record.steps >= self._next_curves:
            self._next_curves *= 2
            self._curves(_URGENT)
        self._pace.spent += time.perf_counter() - began
        if looked:
            self._pace.plan(step, self._look.count, self._look.spent)

    def _explain(self, given: Given) -> None:
        """Say why a loss has raised an error, beside which none of our own must be raised."""
        report = self._report
        self._report = reporter("warn") if report is _RAISE else report
        with torch.no_grad():
            self._tell_all(self._look.at_call(given, self._record.steps))
        self._report = report

    def _not_finite(self, given: Given, step: int) -> None:
        if self._broken:
            return
        self._broken = True
        self._look.close()
        epoch = self._record.epoch
        where = epoch if math.isfinite(epoch) else None
        beside = dict(tensors(self._batch, "batch"))
        with torch.no_grad():
            for finding in self._look.at_call(given, step):
                if finding.code != "LK202":
                    self._tell(finding, step)
        self._tell(origin(self.model, self._given, beside | given.tensors(), step, where), step)

    def _tell_all(self, findings: Iterable[Finding], step: int | None = None) -> None:
        for finding in findings:
            self._tell(finding, step)

    def _curves(self, codes: frozenset[str]) -> None:
        for finding in self._record.findings(self._reader.criterion):
            if finding.code in codes:
                self._tell(finding)

    def _tell(self, finding: Finding, step: int | None = None) -> None:
        if identity(finding) in self._found:
            return
        self._found[identity(finding)] = finding
        if self._sink is not None:
            self._sink.text("\n".join(told(finding)), self.steps if step is None else step)
        self._report(finding)

    def _log(self, step: int, values: list[float]) -> None:
        if self._sink is None:
            return
        numbers = {"losskit/findings": float(len(self._found)), **self._look.numbers}
        if values:
            numbers["losskit/loss"] = sum(values) / len(values)
        self._sink.numbers(numbers, step)


def watch(
    model: nn.Module,
    loss_fn: Any = None,
    *,
    every: int | None = None,
    on_finding: OnFinding = "warn",
    logger: Any = None,
) -> Watch:
    """Watch a training, and say what goes wrong in it while it does.

    A context manager; or an object whose ``close()`` ends it. It changes no number of the
    training: no random numbers are drawn, no gradient is touched.

    Parameters
    ----------
    model : Module
        The model that is trained.
    loss_fn : module or function, optional
        The loss. Of a function, call the watch's ``loss_fn`` in its place. Left out for models
        that return their loss, as those of Hugging Face do.
    every : int, optional
        Steps between two close looks. By default as many as keep their cost below 0.5 % of the
        time; in between each step costs some microseconds.
    on_finding : {"warn", "raise"} or callable, default "warn"
        A `TrainingWarning`, a `TrainingError` that ends the training, or a function that gets the
        finding. Each finding is told once.
    logger : object, optional
        Where numbers and findings go as well: a TensorBoard ``SummaryWriter``, a
        ``logging.Logger``, an object with ``log_metrics`` or ``log`` (Lightning's loggers, W&B's
        run), or a function of a dict of numbers and the step.

    Returns
    -------
    Watch
        With ``findings``, ``report()``, ``metric(name, value)``, ``epoch(number)``, ``close()``.

    Raises
    ------
    TypeError
        If the model is no module, or the logger none.
    ValueError
        If ``every`` or ``on_finding`` cannot be.

    Examples
    --------
    >>> import torch
    >>> from losskit.torch import watch
    >>> model, criterion = torch.nn.Linear(4, 3), torch.nn.CrossEntropyLoss()
    >>> with watch(model, criterion, on_finding=lambda finding: None) as watching:
    ...     loss = criterion(model(torch.ones(8, 4)).softmax(1), torch.arange(8) % 3)
    >>> watching.findings[0].code
    'LK101'
    """
    return Watch(model, loss_fn, every=every, on_finding=on_finding, logger=logger)
