"""Checks of a batch: what the numbers that a loss is called with show."""

from __future__ import annotations

from losskit.check.tensors.questions import QUESTIONS as QUESTIONS
from losskit.check.tensors.questions import ask as ask
from losskit.check.tensors.questions import check as check
