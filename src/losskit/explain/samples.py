"""Sample calls of a loss, made from its kind and its contracts, in which one number moves."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from losskit.core.batchwise import Batchwise
from losskit.core.cards import Argument, Role
from losskit.core.classwise import Classification
from losskit.core.contracts import (
    AMOUNTS,
    BINARY,
    CLASS_INDICES,
    COUNTS,
    DISTANCES,
    EMBEDDINGS,
    LABELS,
    LOG_MEANS,
    LOG_PROBABILITIES,
    LOG_VARIANCES,
    LOGITS,
    POSITIVE_AMOUNTS,
    PROBABILITIES,
    RATES,
    REAL_VALUES,
    RELEVANCE,
    SIGNS,
    VARIANCES,
    Contract,
)
from losskit.core.elementwise import Elementwise, Residual
from losskit.core.loss import Loss
from losskit.core.positionwise import Positionwise

__all__ = ["Scene", "Sweep", "sweep"]

Floats = NDArray[np.float64]


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


@dataclass(frozen=True)
class _Numbers:
    """Telling numbers of a contract: a range, one for itself, and some that differ."""

    low: float
    high: float
    alone: float
    several: tuple[float, ...] = ()


_KNOWN = {
    REAL_VALUES: _Numbers(-4, 4, 0, (-1, 2)),
    LOG_MEANS: _Numbers(-2, 2.5, 0),
    RATES: _Numbers(0.1, 8, 1),
    COUNTS: _Numbers(0, 8, 2, (0, 2, 5)),
    AMOUNTS: _Numbers(0, 8, 1, (0, 1, 4)),
    POSITIVE_AMOUNTS: _Numbers(0.1, 8, 1, (0.5, 1, 4)),
    LOGITS: _Numbers(-5, 5, 0, (-2, 0, 2)),
    PROBABILITIES: _Numbers(0.03, 0.97, 0.5, (0.2, 0.8)),
    LOG_PROBABILITIES: _Numbers(-5, 0, -1, (-3, -1)),
    SIGNS: _Numbers(-1, 1, 1, (-1, 1)),
    BINARY: _Numbers(0, 1, 1, (0, 1)),
    EMBEDDINGS: _Numbers(-3, 3, 0),
    VARIANCES: _Numbers(0.1, 4, 1, (0.25, 1, 4)),
    LOG_VARIANCES: _Numbers(-3, 3, 0, (-1, 0, 1)),
    DISTANCES: _Numbers(0, 3, 1),
}

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
    if getattr(loss, "class_axis", None) is not None:
        # The axis changes how arrays lie, not what is computed.
        loss = dataclasses.replace(loss, class_axis=None)  # type: ignore[call-arg]
    refusals = []
    for made in _sweeps(loss):
        try:
            for scene in made.scenes:
                loss.value_and_gradient(*scene.arrays, validate=False)
        except (TypeError, ValueError, IndexError) as refusal:
            refusals.append(refusal)
        else:
            return made
    raise ValueError(f"{loss.name}: no sample call is known that it takes: {refusals[0]}")


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


def _numbers(contract: Contract) -> _Numbers:
    """Return the numbers of a contract; of one not known here, those that it lets pass."""
    known = _KNOWN.get(contract)
    if known is not None:
        return known
    grid = np.linspace(-4, 4, 81)
    fits = [x for x in grid if contract.violation(np.full((1,), x), np) is None]
    fits = fits or [contract.neutral]
    return _Numbers(float(fits[0]), float(fits[-1]), contract.neutral)


def _single_numbers(loss: Elementwise, shape: tuple[int, ...]) -> Sweep:
    """Move one number against others beside it."""
    first, *others = loss.arguments
    numbers = _numbers(first.contracts[0])
    varied = _varied(loss)
    scenes = []
    for value in _numbers(varied.contracts[0]).several if varied else (None,):
        arrays = [np.full(shape, numbers.alone, dtype=np.float64)]
        for argument in others:
            alone = _numbers(argument.contracts[0]).alone
            arrays.append(np.full(shape, value if argument is varied else alone, dtype=np.float64))
        label = f"{varied.name} = {_text(value)}" if varied and value is not None else ""
        scenes.append(Scene(label, tuple(arrays), (0, 0)))
    held = [
        f"{argument.name} = {_text(_numbers(argument.contracts[0]).alone)}"
        for argument in others
        if argument is not varied
    ]
    scale = _scale(loss) if first.contracts[0] is REAL_VALUES else 1
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
    telling = [
        argument
        for argument in others
        if argument.contracts != first.contracts
        and len(_numbers(argument.contracts[0]).several) > 1
        and argument.contracts[0] is not REAL_VALUES
    ]
    spare = [one for one in others if one.contracts[0] is REAL_VALUES and one.role is Role.GIVEN]
    outputs = [one for one in telling if one.role is Role.OUTPUT]
    return next(iter(outputs or telling[::-1] or spare), None)


def _scale(loss: Loss) -> float:
    """Return the largest parameter in the target's unit, so that its place is in the picture."""
    declared = loss.parameters().items()
    named = [getattr(loss, name) for name, one in declared if one.unit == "target"]
    return max((float(value) for value in named if value), default=1.0)


def _rows(loss: Loss, shape: tuple[int, ...], contracts: Sequence[Contract]) -> Sweep:
    """Move one number of a row: a class, an item, a coordinate, a pixel."""
    first = loss.arguments[0]
    moving = contracts[0]
    places = iter(_PLACES)
    arrays = [
        _row(argument, contract, shape, places, first=argument is first)
        for argument, contract in zip(loss.arguments, contracts, strict=True)
    ]
    if RELEVANCE in contracts:
        # Without ties, where the order of a list is not defined.
        arrays[0] = np.broadcast_to(np.linspace(0.6, -0.6, shape[-1]), shape).copy()
    numbers = _numbers(moving)
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
        for value in _numbers(contracts[index]).several:
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
        if contract is CLASS_INDICES and len(shape) > 1:
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
) -> NDArray[Any]:
    """Make an array that stands beside a first one of this shape."""
    size = shape[1] if len(shape) > 1 else shape[0]
    if argument.role is Role.LEARNED:
        return np.asarray(argument.start, dtype=np.float64)
    if contract.integral:
        return np.zeros((shape[0], *shape[2:]) if len(shape) > 1 else (), dtype=np.int64)
    if argument.per_row:
        return np.full(shape[:-1], _numbers(contract).alone, dtype=np.float64)
    if contract is EMBEDDINGS:
        return np.broadcast_to(np.resize(next(places), shape[-1]), shape).copy()
    falling = 0.5 ** np.arange(size)
    shares = falling / falling.sum()
    if first:
        equal = {LOG_PROBABILITIES: -np.log(size), PROBABILITIES: 0.5}
        row = np.full(size, 1 / size if contract.sums_to_one else _alone(contract, equal), float)
    elif contract.sums_to_one:
        row = shares
    elif contract is LOG_PROBABILITIES:
        row = np.log(shares)
    elif contract is LOGITS and argument.role is Role.GIVEN:
        row = np.linspace(2, 0, size)
    elif contract is RELEVANCE:
        row = np.maximum(2.0 - np.arange(size), 0)
    elif contract in (BINARY, SIGNS):
        low, high = _numbers(contract).several
        row = np.where(np.arange(size) < (size + 1) // 2, high, low)
    else:
        row = np.full(size, _numbers(contract).alone, dtype=np.float64)
    spread = (1, size, *(1,) * (len(shape) - 2)) if len(shape) > 1 else (size,)
    return np.broadcast_to(row.reshape(spread), shape).astype(np.float64)


def _alone(contract: Contract, equal: dict[Contract, float]) -> float:
    return equal.get(contract, _numbers(contract).alone)


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
        elif contract.integral or contract is LABELS:
            arrays.append(np.asarray(_BATCH_LABELS))
            words.append(f"{argument.name} = {_listed(arrays[-1])}")
        else:
            arrays.append(np.asarray(next(views)))
    _, other = _BATCH[0]
    note = ", ".join([f"a batch of {len(_BATCH)}, the first at (x, {other:g})", *words])
    axis = f"first coordinate x of the first of {first.name}"
    numbers = _KNOWN[EMBEDDINGS]
    return Sweep(loss, (Scene("", tuple(arrays), (0, 0)),), axis, note, numbers.low, numbers.high)


def _point(array: NDArray[Any], moves: bool) -> str:
    numbers = [_text(number) for number in array.reshape(-1, array.shape[-1])[0]]
    return f"({', '.join(['x', *numbers[1:]] if moves else numbers)})"


def _listed(array: NDArray[Any]) -> str:
    return ", ".join(_text(number) for number in array.reshape(-1))


def _text(number: float) -> str:
    return f"{number:.2g}".replace("-", "−")
