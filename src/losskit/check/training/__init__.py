"""Trainings, watched while they run and tried before they do. Needs PyTorch."""

from __future__ import annotations

from losskit.check.training.flight import preflight as preflight
from losskit.check.training.reporting import TrainingError as TrainingError
from losskit.check.training.reporting import TrainingWarning as TrainingWarning
from losskit.check.training.watching import Watch as Watch
from losskit.check.training.watching import watch as watch
