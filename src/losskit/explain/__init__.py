"""What is to be known of a loss: as data for programs, and as a picture for people."""

from __future__ import annotations

from losskit.explain.facts import entry, explanation, torch_call, torch_module
from losskit.explain.picture import Picture, picture

__all__ = ["Picture", "entry", "explanation", "picture", "torch_call", "torch_module"]
