"""Engines compute loss values; this is where they are registered and found."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

from losskit.core.arrays import Array
from losskit.core.definition import Arrays, Definition, each
from losskit.core.newton import Newton

if TYPE_CHECKING:
    from losskit.core.options import Options

__all__ = [
    "Engine",
    "SettingError",
    "adopt",
    "await_library",
    "engine_for",
    "known_engine",
    "register_engine",
]


class SettingError(ValueError):
    """A variable of the environment that says what cannot be; no fault of an array."""


class Engine(ABC):
    """Computes losses on the arrays of one library, by the definitions as they are written.

    Parameters
    ----------
    xp : module
        The library's array-API namespace.
    """

    def __init__(self, xp: ModuleType) -> None:
        self.xp = xp

    @abstractmethod
    def traced(self, *arrays: Array) -> bool:
        """Whether values cannot be looked at, since a compiler or a transformation follows."""

    @abstractmethod
    def at_hand(self, *arrays: Array) -> bool:
        """Whether untraced values lie in the CPU's memory, so that looking is free."""

    def form(self, array: Array) -> str:
        """What keeps an array from being computed with, such as "sparse"; nothing, mostly."""
        return ""

    def values(self, loss: Definition, arrays: Arrays) -> Array:
        """Loss at each position; differentiable where the library differentiates."""
        return loss.value_at(*arrays, self.xp)

    def values_and_gradients(
        self, loss: Definition, arrays: Arrays, outer: Array
    ) -> tuple[Array, Arrays]:
        """Loss at each position, and the derivative of Σ outer · loss in each output."""
        if not loss.closed_form:
            raise ValueError(
                f"{loss.name}: the derivative of a function of one's own is not known here; call "
                "the loss with tensors, which PyTorch differentiates"
            )
        outputs = loss.outputs(arrays)
        wanted = [at in outputs for at in range(len(arrays))]
        gradients = loss.pull_back(arrays, outer, wanted, self.xp)
        return loss.value_at(*arrays, self.xp), tuple(gradients[at] for at in outputs)

    def curvatures(self, loss: Definition, arrays: Arrays) -> Arrays:
        """Second derivative in each element of each output; nothing where there is none."""
        return each(loss.curvature_at(*arrays, self.xp))

    # Ways to do a whole call at once, from the arrays as they were given. They take what is plain
    # and in order; all else, and whatever is wrong, is left to the steps above by returning None.

    def reduce(self, loss: Definition, arrays: Arrays, options: Options) -> Array | None:
        """Weighed and reduced loss."""
        return None

    def reduce_with_gradients(
        self, loss: Definition, arrays: Arrays, options: Options
    ) -> tuple[Array, Arrays] | None:
        """Weighed and reduced loss, and its gradient in each output."""
        return None

    def bend(
        self,
        loss: Definition,
        arrays: Arrays,
        options: Options,
        newton: Newton,
        *,
        in_float: bool = False,
    ) -> tuple[Arrays, Arrays] | None:
        """Gradient and second derivative of the reduced loss in each output.

        Weights and the like multiply what has been made those of a step. Both come in the dtype
        of the output, or rounded to float32.
        """
        return None


Finder = Callable[[Any], tuple[Array, Engine] | None]

_engines: dict[type, Engine] = {}
_finders: list[Finder] = []
_meet: Callable[[], None] | None = None


def register_engine(finder: Finder) -> None:
    """Add a function that returns a value as an array with its engine, or None.

    Finders are asked in the order in which they were added.
    """
    _finders.append(finder)


def await_library(meet: Callable[[], None] | None) -> None:
    """Set what is called before each look-up until a library has come; None when it has.

    A call that torch.compile traces may be the first of all: it can follow what is adopted before
    the look-up, but not a look-up whose table changes after it.
    """
    global _meet  # noqa: PLW0603
    _meet = meet


def adopt(kind: type, engine: Engine) -> None:
    """Name the engine of a type of arrays, so that no call has to look for it."""
    _engines[kind] = engine


def _adopted(value: Any) -> Engine | None:
    if _meet is not None:
        _meet()
    return _engines.get(type(value))


def known_engine(value: Any) -> Engine | None:
    """Return the engine of an array; None of what is no array yet, or of none that is known."""
    engine = _adopted(value)
    if engine is None and hasattr(value, "dtype"):
        try:
            return engine_for(value)[1]
        except SettingError:
            raise
        except (TypeError, ValueError):
            return None
    return engine


def engine_for(value: Any) -> tuple[Array, Engine]:
    """Return a value as an array, and the engine of the array's library.

    Raises
    ------
    TypeError
        If no engine takes the value.
    """
    known = _adopted(value)
    if known is not None:
        return value, known
    found = next(filter(None, (finder(value) for finder in _finders)), None)
    if found is None:
        raise TypeError(f"no engine computes losses on {type(value).__name__}")
    array, engine = found
    if array is value:
        adopt(type(value), engine)
    return array, engine
