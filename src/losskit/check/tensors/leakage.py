"""Whether one sample's output depends on the others of its batch."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from losskit.check.findings import Finding, Sight
from losskit.check.report import found
from losskit.check.values import Floats, as_numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["leakage", "unchanged"]


def leakage(
    model: Callable[..., Any], batch: Any, sample: int = 0, *, axis: int | None = None
) -> tuple[list[Finding], list[str]]:
    """LK211: outputs that change when another sample of the batch does.

    Runs the model in evaluation mode (batch normalisation mixes samples in training mode, and is
    meant to), and leaves its mode, its buffers and the random numbers as they were.

    Parameters
    ----------
    model : callable
        Takes the batch, or its parts where it is a tuple.
    batch : array, tensor, tuple or dict of them
        Samples; the first part tells how many.
    sample : int
        Which sample is changed.
    axis : {0, 1}, optional
        Where the samples are. Without it they are on axis 0, unless outputs keep apart only what
        axis 1 does, as recurrent layers have it: then nothing is found.

    Returns
    -------
    findings : list of Finding
        At most one.
    notes : list of str
        What could not be judged.
    """
    shape = _shape(batch)
    if len(shape) <= (axis or 0) or shape[axis or 0] < 2:
        return [], []
    with unchanged(model):
        output = _run(model, batch)
        before = _first(output)
        least = _ROUNDING[_half(output)] * _size(before)

        def moved(at: int) -> list[Floats]:
            """Replace a sample on this axis; return how far each one's outputs move."""
            changed = _changed(batch, sample, at, shape[at]) if len(shape) > at else None
            if changed is None:
                return []
            after = _first(_run(model, changed))
            if after.shape != before.shape:
                return []
            return _by_sample(np.abs(after.astype(np.float64) - before), shape, at)

        here = moved(axis or 0)
        leaking = [one for one in here if _others(one, sample) > least]
        if len(leaking) < len(here):
            return [], []
        apart = [] if axis is not None else moved(1)
    if any(_others(one, sample) <= least for one in apart):
        return [], [
            "outputs keep apart what axis 1 of the batch parts, and mix what axis 0 does: the "
            "samples are taken to be on axis 1, as recurrent layers have them; if they are on axis "
            "0, they leak into each other: say batch_axis=0"
        ] if here else []
    if not here:
        return [], [
            f"whether samples leak into each other is not judged: of a batch of shape {shape} the "
            f"output has the shape {before.shape}; batch_axis says on which axis samples are"
        ]
    return [_finding(leaking[0], sample, least)], []


def _finding(moved: Floats, sample: int, least: float) -> Finding:
    wrong = int(np.argmax(np.where(np.arange(len(moved)) == sample, -1.0, moved)))
    share = float(np.mean(np.delete(moved, sample) > least))
    return found(
        "LK211",
        f"when sample {sample} is replaced, the output for sample {wrong} changes by "
        f"{moved[wrong]:.3g}, and that of {share:.0%} of the others changes too",
        sight=Sight(sample=wrong),
        change=float(moved[wrong]),
    )


def _others(moved: Floats, sample: int) -> float:
    """Return how far the others move at most; nothing where that is no number."""
    others = np.delete(moved, sample)
    return float(others.max()) if np.isfinite(others).all() else 0.0


def _by_sample(moved: Floats, shape: tuple[int, ...], axis: int) -> list[Floats]:
    """Return the largest movement of each sample, in every way in which outputs can be theirs.

    Outputs may have several rows for each sample, one after the other.
    """
    count, there = shape[axis], moved.shape
    ways = []
    if there and axis == 0 and there[0] and there[0] % count == 0:
        ways.append(moved)
    if there and axis == 1:
        if there[:2] == shape[:2]:
            ways.append(np.moveaxis(moved, 1, 0))
        if there[0] == count:
            ways.append(moved)
        if there[0] == shape[0] * count:
            ways.append(np.moveaxis(moved.reshape(*shape[:2], -1), 1, 0))
    return [way.reshape(count, -1).max(axis=1, initial=0.0) for way in ways]


def _size(values: NDArray[Any]) -> float:
    return max(float(np.abs(values[np.isfinite(values)]).max(initial=0.0)), 1e-6)


_ROUNDING = {False: 2e-5, True: 0.05}
"""What kernels may round another way, where rows are worked off in other groups: full and half."""


def _half(output: Any) -> bool:
    """Whether an output holds numbers of 16 bits."""
    while isinstance(output, (tuple, list)):
        output = output[0]
    return int(getattr(getattr(output, "dtype", None), "itemsize", 4)) < 4


@contextlib.contextmanager
def unchanged(model: Any) -> Iterator[None]:
    """Run a model in evaluation mode without a trace: modes, buffers, random numbers."""
    if not hasattr(model, "modules"):
        yield
        return
    import torch  # noqa: PLC0415 - a module is PyTorch's

    modes = [(module, module.training) for module in model.modules()]
    buffers = [(buffer, buffer.detach().clone()) for buffer in model.buffers()]
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=_devices(model)):
            model.eval()
            yield
            for buffer, value in buffers:
                buffer.copy_(value)
    finally:
        for module, mode in modes:
            module.training = mode


def _devices(model: Any) -> list[int]:
    indices = {p.device.index for p in model.parameters() if p.device.type == "cuda"}
    return sorted(index or 0 for index in indices)


def _run(model: Callable[..., Any], batch: Any) -> Any:
    if isinstance(batch, tuple):
        return model(*batch)
    return model(**batch) if isinstance(batch, dict) else model(batch)


def _first(output: Any) -> NDArray[Any]:
    """Return the first array of what a model gives."""
    if hasattr(output, "logits"):
        return as_numbers(output.logits)
    if isinstance(output, dict):
        output = next(iter(output.values()))
    while isinstance(output, (tuple, list)):
        output = output[0]
    return as_numbers(output)


def _shape(batch: Any) -> tuple[int, ...]:
    """Return the shape of the first array in a batch."""
    if isinstance(batch, (tuple, dict)):
        parts = batch.values() if isinstance(batch, dict) else batch
        return next((shape for part in parts if (shape := _shape(part))), ())
    return tuple(getattr(batch, "shape", ()))


def _changed(batch: Any, sample: int, axis: int, count: int) -> Any:
    """Return the batch with one sample replaced by another that differs from it; None without."""
    if isinstance(batch, tuple):
        parts = [_changed(part, sample, axis, count) for part in batch]
        if all(part is None for part in parts):
            return None
        pairs = zip(parts, batch, strict=True)
        return tuple(old if new is None else new for new, old in pairs)
    if isinstance(batch, dict):
        named = {name: _changed(part, sample, axis, count) for name, part in batch.items()}
        if all(part is None for part in named.values()):
            return None
        return {name: batch[name] if new is None else new for name, new in named.items()}
    shape: tuple[int, ...] = tuple(getattr(batch, "shape", ()))
    # What is as long as something else belongs to no sample, such as a mask of positions.
    if len(shape) <= axis or shape[axis] != count:
        return None
    copied = batch.clone() if hasattr(batch, "clone") else np.array(batch)
    at, other = ((slice(None),) * axis + (index,) for index in (sample, (sample + 1) % count))
    if as_numbers(batch).dtype.kind == "f":
        # Beyond what was there, and different everywhere.
        copied[at] = copied[at] * -10 + 10
    else:
        copied[at] = batch[other]
    return copied
