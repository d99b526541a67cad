"""Checks of a batch: what the numbers that a loss is called with show."""

from __future__ import annotations

from losskit.check.tensors.check import QUESTIONS as QUESTIONS
from losskit.check.tensors.check import ask as ask
from losskit.check.tensors.check import check as check
