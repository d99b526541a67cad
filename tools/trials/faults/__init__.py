"""Kinds of faults, each file some; together they are `FAULTS`."""

from __future__ import annotations

from tools.trials.faults import activations, gradients, in_time, targets
from tools.trials.faults.fault import FAULTS, Fault, Then, healthy

__all__ = ["FAULTS", "Fault", "Then", "activations", "gradients", "healthy", "in_time", "targets"]
