"""Whether one sample's output depends on the others of its batch."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from losskit.check.findings import Finding, Sight
from losskit.check.report import found
from losskit.check.values import as_numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["leakage", "unchanged"]


def leakage(model: Callable[..., Any], batch: Any, sample: int = 0) -> Iterator[Finding]:
    """LK211: outputs that change when another sample of the batch does.

    Runs the model twice, in evaluation mode (batch normalisation mixes samples in training mode,
    and is meant to), and leaves its mode, its buffers and the random numbers as they were.

    Parameters
    ----------
    model : callable
        Takes the batch, or its parts where it is a tuple.
    batch : array, tensor, tuple or dict of them
        Samples on axis 0.
    sample : int
        Which sample is changed.
    """
    with unchanged(model):
        output = _run(model, batch)
        before = _first(output)
        changed = _changed(batch, sample)
        if changed is None:
            return
        after = _first(_run(model, changed))
    if before.shape != after.shape or before.ndim == 0 or len(before) < 2:
        return
    moved = np.abs(after.astype(np.float64) - before.astype(np.float64))
    moved = moved.reshape(len(moved), -1).max(axis=1, initial=0.0)
    size = max(float(np.abs(before[np.isfinite(before)]).max(initial=0.0)), 1e-6)
    others = np.delete(moved, sample)
    least = _ROUNDING[_half(output)] * size
    if np.isfinite(others).all() and float(others.max()) > least:
        wrong = int(np.argmax(np.where(np.arange(len(moved)) == sample, -1.0, moved)))
        yield found(
            "LK211",
            f"when sample {sample} is replaced, the output for sample {wrong} changes by "
            f"{moved[wrong]:.3g}, and that of {float(np.mean(others > least)):.0%} of the "
            "others changes too",
            sight=Sight(sample=wrong),
            change=float(moved[wrong]),
        )


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


def _changed(batch: Any, sample: int) -> Any:
    """Return the batch with one sample replaced by another that differs from it; None without."""
    if isinstance(batch, tuple):
        parts = [_changed(part, sample) for part in batch]
        if all(part is None for part in parts):
            return None
        pairs = zip(parts, batch, strict=True)
        return tuple(old if new is None else new for new, old in pairs)
    if isinstance(batch, dict):
        named = {name: _changed(part, sample) for name, part in batch.items()}
        if all(part is None for part in named.values()):
            return None
        return {name: batch[name] if new is None else new for name, new in named.items()}
    shape: tuple[int, ...] = tuple(getattr(batch, "shape", ()))
    if not shape or shape[0] < 2:
        return None
    copied = batch.clone() if hasattr(batch, "clone") else np.array(batch)
    if as_numbers(batch).dtype.kind == "f":
        # Beyond what was there, and different everywhere.
        copied[sample] = copied[sample] * -10 + 10
    else:
        copied[sample] = batch[(sample + 1) % shape[0]]
    return copied
