"""The parts of the interpreter, and how they end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from losskit.check.lint.values import Value

__all__ = ["End", "Parts"]


class End(Enum):
    """How a block of statements ends."""

    NEXT = "goes on"
    LOOP = "break or continue"
    RETURN = "return or raise"


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of the interpreter that call each other in a circle."""

    evaluate: Callable[..., Value]
    element_of: Callable[..., Value]
    call: Callable[..., Value]
    invoke: Callable[..., Value]
    through: Callable[..., Value]
    run_block: Callable[..., End]
    assign: Callable[..., None]
    gradient_taken: Callable[..., None]
