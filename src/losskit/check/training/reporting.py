"""What becomes of findings while a training runs: warnings, errors, calls, and logs."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from typing import Any, Literal

from losskit.check.findings import Finding, Severity
from losskit.check.report import told

__all__ = [
    "OnFinding",
    "Sink",
    "TrainingError",
    "TrainingWarning",
    "identity",
    "reporter",
    "sink_for",
]

_OF_LAYERS = frozenset({"LK208", "LK303"})
"""What is told once for each layer."""

OnFinding = Literal["warn", "raise"] | Callable[[Finding], object]


class TrainingWarning(UserWarning):
    """A mistake that was seen in a training."""


class TrainingError(RuntimeError):
    """A mistake that was seen in a training, where it is to end then.

    Attributes
    ----------
    finding : Finding
        What was seen.
    """

    def __init__(self, finding: Finding) -> None:
        super().__init__("\n".join(told(finding)))
        self.finding = finding


def identity(finding: Finding) -> tuple[str, str]:
    """Return what makes two findings the same: a rule, and the layer for those about layers."""
    layer = finding.sight.layer if finding.sight is not None else ""
    return finding.code, layer if finding.code in _OF_LAYERS else ""


def reporter(on_finding: OnFinding) -> Callable[[Finding], object]:
    """Return what is done with a finding.

    Raises
    ------
    ValueError
        If it is neither a known word nor callable.
    """
    if on_finding == "warn":
        return _warn
    if on_finding == "raise":
        return _raise
    if not callable(on_finding):
        raise ValueError(f"on_finding must be 'warn', 'raise' or callable, got {on_finding!r}")
    return on_finding


def _warn(finding: Finding) -> None:
    # Of the hooks of PyTorch, in which this happens, no line says anything to a user.
    warnings.warn("\n".join(told(finding)), TrainingWarning, stacklevel=2)


def _raise(finding: Finding) -> None:
    if finding.severity is not Severity.REDUNDANT:
        raise TrainingError(finding)


class Sink:
    """Takes numbers and findings to a logger."""

    def __init__(
        self,
        numbers: Callable[[dict[str, float], int], object],
        text: Callable[[str, int], object],
    ) -> None:
        self.numbers, self.text = numbers, text


def sink_for(logger: Any) -> Sink:
    """Return how to log to a TensorBoard writer, a Python logger, a tracker or a function.

    Raises
    ------
    TypeError
        If it has none of the methods that such things have.
    """
    if isinstance(logger, logging.Logger):
        return Sink(
            lambda numbers, step: logger.info("step %d: %s", step, numbers),
            lambda text, step: logger.warning("step %d: %s", step, text),
        )
    if hasattr(logger, "add_scalar"):

        def scalars(numbers: dict[str, float], step: int) -> None:
            for name, value in numbers.items():
                logger.add_scalar(name, value, step)

        def text_of(text: str, step: int) -> None:
            if hasattr(logger, "add_text"):
                logger.add_text("losskit/findings", text, step)

        return Sink(scalars, text_of)
    log = getattr(logger, "log_metrics", None) or getattr(logger, "log", None)
    if log is not None:
        return Sink(lambda numbers, step: log(numbers, step=step), lambda text, step: None)
    if callable(logger):
        return Sink(logger, lambda text, step: None)
    raise TypeError(
        "logger must be a TensorBoard SummaryWriter, a logging.Logger, an object with "
        f"log_metrics or log, or a function of numbers and step, got {type(logger).__name__}"
    )
