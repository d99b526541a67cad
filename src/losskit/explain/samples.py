"""Sample calls of a loss, made from its kind and its contracts, in which one number moves."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from losskit.core.batchwise import Batchwise
from losskit.core.cards import Argument, Role
from losskit.core.classwise import Classification
from losskit.core.contracts import EMBEDDINGS, REAL_VALUES, RELEVANCE, Contract
from losskit.core.elementwise import Elementwise, Residual
from losskit.core.loss import Loss
from losskit.core.positionwise import Positionwise
from losskit.explain.numbers import REALS, numbers_of, standing, telling

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Scene", "Sweep", "sweep"]


@dataclass(frozen=True)
class Scene:
    """A sample call, for one curve.

    Attributes
    ----------
    label : str
        What is particular about it; empty where it is the only one.
    arrays : tuple of array
        The arguments of the call.
    at : tuple of int
        The element of the first array that moves.
    """

    label: str
    arrays: tuple[NDArray[Any], ...]
    at: tuple[int, ...]

    def moved(self, number: float) -> list[NDArray[Any]]:
        """Return the arguments with the number at another place."""
        first, *others = self.arrays
        first = first.copy()
        first[self.at] = number
        return [first, *others]


@dataclass(frozen=True)
class Sweep:
    """The sample calls of a loss, and how far their number moves.

    Attributes
    ----------
    loss : Loss
        The loss, set to take these arrays.
    scenes : tuple of Scene
        One for each curve.
    axis : str
        What moves, in words.
    held : str
        What stays, in words.
    low, high : float
        From where to where it moves.
    """

    loss: Loss
    scenes: tuple[Scene, ...]
    axis: str
    held: str
    low: float
    high: float

    @property
    def ends(self) -> tuple[float, float]:
        """From where to where it moves."""
        return self.low, self.high


# Where the embeddings of a row are: the first moves along a line that passes the others.
_PLACES = ((0.0, 0.5), (1.0, 0.0), (-1.0, 0.0), (0.0, -1.0), (0.0, 2.0))

# A small batch: two that belong together, and two others; and the same from another view.
_BATCH = ((0.0, 0.5), (1.0, 0.0), (-1.0, 0.2), (-0.3, -1.0))
_VIEW = ((1.0, 0.3), (0.8, -0.6), (-1.0, 0.5), (-0.1, -1.2))
_BATCH_LABELS = (0, 0, 1, 1)

_SIZE = 3


def sweep(loss: Loss) -> Sweep:
    """Make the sample calls of a loss.

    Raises
    ------
    ValueError
        If there is none that the loss takes.
    """
    # They change how arrays lie and what takes part, but not what is computed.
    default = type(loss)()
    aside = {"class_axis", "ignore_index"} & loss.parameters().keys()
    loss = dataclasses.replace(loss, **{name: getattr(default, name) for name in aside})
    refusals: list[Exception] = []
    accepted = None
    for made in _sweeps(loss):
        try:
            finite = all(_finite(loss, scene, at) for scene in made.scenes for at in made.ends)
        except (TypeError, ValueError, IndexError) as refusal:
            refusals.append(refusal)
            continue
        if finite:
            return made
        accepted = accepted or made
    if accepted is None:
        raise ValueError(f"{loss.name}: no sample call is known that it takes: {refusals[0]}")
    return accepted


def _finite(loss: Loss, scene: Scene, number: float) -> bool:
    """Whether a call has a finite value and gradient where the number is this one."""
    value, gradient = loss.value_and_gradient(*scene.moved(number), validate=False)
    parts = gradient if isinstance(gradient, tuple) else (gradient,)
    return all(bool(np.isfinite(part).all()) for part in (value, *parts))


def _sweeps(loss: Loss) -> Iterator[Sweep]:
    """Yield what may do, the likeliest first."""
    size = _size(loss)
    if isinstance(loss, Elementwise):
        yield _single_numbers(loss, (1, size or 1))
    # Embeddings lie in a plane, so that their places can be told in words.
    flat = any(EMBEDDINGS in argument.contracts for argument in loss.arguments)
    shapes = [(1, 2 if flat else size or _SIZE), (1, 4), (1, size or 2, 2, 2)]
    if not isinstance(loss, Positionwise):
        shapes.append((4,))
    choices = list(itertools.product(*(_ordered(loss, one) for one in loss.arguments)))
    if not isinstance(loss, Batchwise):
        for shape, contracts in itertools.product(shapes, choices):
            yield _rows(loss, shape, contracts)
            if any(contract.integral for contract in contracts):
                yield _rows(loss, shape, contracts, lists=True)
    for contracts in choices:
        yield _batch(loss, contracts)


def _ordered(loss: Loss, argument: Argument) -> list[Contract]:
    """Put the contracts of an argument in the order in which they are tried."""
    indices = isinstance(loss, Classification)
    return sorted(argument.contracts, key=lambda contract: contract.integral is not indices)


def _size(loss: Loss) -> int | None:
    """Length of the loss's array parameters: how many classes or labels there are."""
    for name, declared in loss.parameters().items():
        value = getattr(loss, name)
        if declared.kind == "array" and np.ndim(value):
            return len(value)
    return None


def _single_numbers(loss: Elementwise, shape: tuple[int, ...]) -> Sweep:
    """Move one number against others beside it."""
    first, *others = loss.arguments
    numbers = numbers_of(first.contracts[0])
    varied = _varied(loss)
    scenes = []
    for value in numbers_of(varied.contracts[0]).several if varied else (None,):
        arrays = [np.full(shape, numbers.alone, dtype=np.float64)]
        for argument in others:
            # Against 0, an error is the input itself.
            error = isinstance(loss, Residual)
            alone = 0 if error else numbers_of(argument.contracts[0]).alone
            arrays.append(np.full(shape, value if argument is varied else alone, dtype=np.float64))
        label = f"{varied.name} = {_text(value)}" if varied and value is not None else ""
        scenes.append(Scene(label, tuple(arrays), (0, 0)))
    held = [
        f"{argument.name} = {_text(numbers_of(argument.contracts[0]).alone)}"
        for argument in others
        if argument is not varied
    ]
    if isinstance(loss, Residual):
        # Errors are real, whatever they are errors of.
        numbers = REALS
    scale = _scale(loss) if numbers is REALS else 1
    low, high = numbers.low * scale, numbers.high * scale
    if isinstance(loss, Residual):
        axis = f"error: {first.name} − {others[0].name}"
        return Sweep(loss, tuple(scenes), axis, "", low, high)
    return Sweep(loss, tuple(scenes), first.name, ", ".join(held), low, high)


def _varied(loss: Loss) -> Argument | None:
    """Return the argument that differs from curve to curve."""
    if isinstance(loss, Residual):
        return None
    first, *others = loss.arguments
    several = [
        argument
        for argument in others
        if argument.contracts != first.contracts
        and len(numbers_of(argument.contracts[0]).several) > 1
        and argument.contracts[0] is not REAL_VALUES
    ]
    spare = [one for one in others if one.contracts[0] is REAL_VALUES and one.role is Role.GIVEN]
    outputs = [one for one in several if one.role is Role.OUTPUT]
    return next(iter(outputs or several[::-1] or spare), None)


def _scale(loss: Loss) -> float:
    """Return the largest parameter in the target's unit, so that its place is in the picture."""
    declared = loss.parameters().items()
    named = [getattr(loss, name) for name, one in declared if one.unit == "target"]
    return max((float(value) for value in named if value), default=1.0)


def _rows(
    loss: Loss,
    shape: tuple[int, ...],
    contracts: Sequence[Contract],
    *,
    lists: bool = False,
) -> Sweep:
    """Move one number of a row: a class, an item, a coordinate, a pixel.

    Integers name one class for each row, or list several in the input's shape.
    """
    first = loss.arguments[0]
    moving = contracts[0]
    places = iter(_PLACES)
    arrays = [
        _row(argument, contract, shape, places, first=argument is first, lists=lists)
        for argument, contract in zip(loss.arguments, contracts, strict=True)
    ]
    if RELEVANCE in contracts:
        # Without ties, where the order of a list is not defined.
        arrays[0] = np.broadcast_to(np.linspace(0.6, -0.6, shape[-1]), shape).copy()
    numbers = numbers_of(moving)
    if moving is EMBEDDINGS:
        held = [
            f"{argument.name} = {_point(array, argument is first)}"
            for argument, array, contract in zip(loss.arguments, arrays, contracts, strict=True)
            if contract is EMBEDDINGS
        ]
        axis = f"first coordinate x of {first.name}"
        note = ", ".join(held)
    else:
        axis = f"one number of {first.name}"
        rest = _listed(arrays[0]) if np.ptp(arrays[0]) else _text(arrays[0].flat[0])
        note = f"the others stay at {rest}"
    told = _told(arrays, contracts, loss.arguments)
    scenes = [Scene(label, tuple(arrays), at) for label, at in told]
    varied = _varied(loss)
    if not told and varied is not None:
        index = loss.arguments.index(varied)
        for value in numbers_of(contracts[index]).several:
            changed = [*arrays]
            changed[index] = np.full_like(arrays[index], value)
            label = f"{varied.name} = {_text(value)}"
            scenes.append(Scene(label, tuple(changed), (0,) * len(shape)))
    scenes = scenes or [Scene("", tuple(arrays), (0,) * len(shape))]
    return Sweep(loss, tuple(scenes), axis, note, numbers.low, numbers.high)


def _told(
    arrays: Sequence[NDArray[Any]], contracts: Sequence[Contract], arguments: Sequence[Argument]
) -> list[tuple[str, tuple[int, ...]]]:
    """Tell apart, by what is given, the numbers that can move."""
    shape = arrays[0].shape
    head, last = (0,) * len(shape), tuple(length - 1 for length in shape)
    for array, contract, argument in zip(arrays, contracts, arguments, strict=True):
        if argument.role is not Role.GIVEN or contract is EMBEDDINGS:
            continue
        if contract.integral and len(shape) > 1:
            other = (0, 1, *(0,) * (len(shape) - 2))
            return [
                (f"{arguments[0].name} of the true class", head),
                (f"{arguments[0].name} of another class", other),
            ]
        if array.shape == shape and array[head] != array[last]:
            return [(f"where {argument.name} is {_text(array[at])}", at) for at in (head, last)]
    return []


def _row(
    argument: Argument,
    contract: Contract,
    shape: tuple[int, ...],
    places: Iterator[tuple[float, float]],
    *,
    first: bool,
    lists: bool,
) -> NDArray[Any]:
    """Make an array that stands beside a first one of this shape."""
    size = shape[1] if len(shape) > 1 else shape[0]
    if argument.role is Role.LEARNED:
        return np.asarray(argument.start, dtype=np.float64)
    if contract.integral and lists:
        listed = np.full(shape, int(contract.neutral), dtype=np.int64)
        listed[(slice(None), 0) if len(shape) > 1 else 0] = 0
        return listed
    if contract.integral:
        return np.zeros((shape[0], *shape[2:]) if len(shape) > 1 else (), dtype=np.int64)
    if argument.per_row:
        return np.full(shape[:-1], numbers_of(contract).alone, dtype=np.float64)
    if contract is EMBEDDINGS:
        return np.broadcast_to(np.resize(next(places), shape[-1]), shape).copy()
    row = standing(contract, size) if first else telling(contract, size, argument.role)
    spread = (1, size, *(1,) * (len(shape) - 2)) if len(shape) > 1 else (size,)
    return np.broadcast_to(row.reshape(spread), shape).astype(np.float64)


def _batch(loss: Loss, contracts: Sequence[Contract]) -> Sweep:
    """Move one embedding of a batch."""
    first = loss.arguments[0]
    views = itertools.chain([_BATCH], itertools.repeat(_VIEW))
    arrays: list[NDArray[Any]] = []
    words = []
    for argument, contract in zip(loss.arguments, contracts, strict=True):
        if argument.role is Role.LEARNED:
            arrays.append(np.asarray(argument.start, dtype=np.float64))
            words.append(f"{argument.name} = {_text(float(arrays[-1]))}")
        elif contract.integral:
            arrays.append(np.asarray(_BATCH_LABELS))
            words.append(f"{argument.name} = {_listed(arrays[-1])}")
        else:
            arrays.append(np.asarray(next(views)))
    _, other = _BATCH[0]
    note = ", ".join([f"a batch of {len(_BATCH)}, the first at (x, {other:g})", *words])
    axis = f"first coordinate x of the first of {first.name}"
    numbers = numbers_of(EMBEDDINGS)
    return Sweep(loss, (Scene("", tuple(arrays), (0, 0)),), axis, note, numbers.low, numbers.high)


def _point(array: NDArray[Any], moves: bool) -> str:
    numbers = [_text(number) for number in array.reshape(-1, array.shape[-1])[0]]
    return f"({', '.join(['x', *numbers[1:]] if moves else numbers)})"


def _listed(array: NDArray[Any]) -> str:
    return ", ".join(_text(number) for number in array.reshape(-1))


def _text(number: float) -> str:
    return f"{number:.2g}".replace("-", "−")
