"""Where NaN and infinity come from: the first module and sample that has them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.utils._python_dispatch import TorchDispatchMode

from losskit.check.findings import Finding, Sight
from losskit.check.report import found
from losskit.check.training.layers import leaves

__all__ = ["batch_size", "origin", "tensors"]

_BETWEEN_PROCESSES = frozenset({"c10d", "_c10d_functional", "_c10d_functional_autograd"})
"""Where PyTorch keeps operations of several processes."""


def origin(
    model: nn.Module,
    given: tuple[tuple[Any, ...], dict[str, Any]] | None,
    arguments: dict[str, Any],
    step: int,
    epoch: float | None = None,
) -> Finding:
    """Say where what is not finite in a loss came from (LK202).

    Looks at the batch, at the weights, and then runs the batch through the model once more: with
    other random numbers than before, and such that model and random numbers are left as they
    were; not if that would wait for other processes, which have seen nothing and will not come.

    Parameters
    ----------
    model : Module
        The model.
    given : (args, kwargs) or None
        What it was called with.
    arguments : dict
        What the loss was called with.
    step : int
        Which step it is.
    epoch : float, optional
        And of which epoch.
    """
    batch = [] if given is None else [*_named(given)]
    for name, value in (*batch, *arguments.items()):
        if name == "input" or value.requires_grad:
            continue
        sample = _first_sample(value)
        if sample is not None:
            return found(
                "LK202",
                f"{name} is not finite in sample {sample} of the batch of step {step}, before the "
                "model sees it",
                sight=Sight(argument=name, sample=sample, step=step, epoch=epoch),
                advice="Find the row in the data: a missing value, or a division or logarithm in "
                "how it is prepared.",
            )
    broken = [name for name, p in model.named_parameters() if not bool(torch.isfinite(p).all())]
    if broken:
        return found(
            "LK202",
            f"{len(broken)} of the model's weights are not finite at step {step}, the first is "
            f"{broken[0]}: an earlier step has broken them",
            sight=Sight(layer=broken[0], step=step, epoch=epoch),
            advice="Lower the learning rate, clip gradients, and go back to the weights before.",
        )
    module, because = (None, "") if given is None else _searched(model, given)
    if module is not None:
        name, sample = module
        return found(
            "LK202",
            f"{name} is the first module whose output is not finite at step {step}, in sample "
            f"{sample}; its input and weights are",
            sight=Sight(layer=name, sample=sample, step=step, epoch=epoch),
        )
    output = next((one for one in arguments.values() if _first_sample(one) is not None), None)
    sample = None if output is None else _first_sample(output)
    what = "the model's output" if output is not None else "the loss of finite arguments"
    return found(
        "LK202",
        f"{what} is not finite at step {step}{because}",
        sight=Sight(sample=sample, step=step, epoch=epoch),
        advice="The loss itself overflows: check its arguments with losskit.check."
        if output is None
        else "",
    )


def tensors(value: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """Give all tensors in tuples, lists and dicts, with names."""
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from tensors(one, f"{name}.{key}" if name else str(key))
    elif isinstance(value, (tuple, list)):
        for index, one in enumerate(value):
            yield from tensors(one, f"{name}[{index}]" if name else f"argument {index}")


def batch_size(args: Any, given: tuple[tuple[Any, ...], dict[str, Any]] | None) -> int:
    """Return how many samples a loss is called with, or else a model."""
    for one in args:
        if isinstance(one, Tensor) and one.ndim:
            return len(one)
    for _, one in tensors(list(given) if given is not None else []):
        if one.ndim:
            return len(one)
    return 1


def _named(given: tuple[tuple[Any, ...], dict[str, Any]]) -> Iterator[tuple[str, Tensor]]:
    args, kwargs = given
    for index, value in enumerate(args):
        yield from tensors(value, "the input" if index == 0 else f"argument {index}")
    yield from tensors(kwargs)


def _first_sample(value: Any) -> int | None:
    """Return the first row that is not finite; None if all is."""
    if not isinstance(value, Tensor) or not value.is_floating_point():
        return None
    with torch.no_grad():
        wrong = torch.isnan(value) | torch.isinf(value)
        if not bool(wrong.any()):
            return None
        return int(wrong.reshape(len(wrong), -1).any(1).int().argmax()) if wrong.ndim else 0


def _searched(
    model: nn.Module, given: tuple[tuple[Any, ...], dict[str, Any]]
) -> tuple[tuple[str, int] | None, str]:
    """Return the first module and sample, if they can be found, and else why they could not."""
    of_all = _of_all_processes(model) if _in_company() else ""
    if of_all:
        return None, f"; where it began was not searched for, since {of_all} runs in all processes"
    try:
        return _first_module(model, given), ""
    # A model may fail in any way, and a training must not end because something was looked for.
    except Exception as error:
        said = str(error).partition("\n")[0]
        return None, f"; where it began could not be searched for: {type(error).__name__}: {said}"


def _in_company() -> bool:
    return distributed.is_available() and distributed.is_initialized()


def _of_all_processes(model: nn.Module) -> str:
    """Return the first kind of module that other processes take part in; empty without."""
    # Takes seconds to load, and is there already where it is used.
    sharded = sys.modules.get("torch.distributed.fsdp")
    kinds: tuple[type, ...] = (nn.SyncBatchNorm,)
    if sharded is not None:
        kinds += (sharded.FullyShardedDataParallel, sharded.FSDPModule)
    return next((type(one).__name__ for one in model.modules() if isinstance(one, kinds)), "")


def _first_module(
    model: nn.Module, given: tuple[tuple[Any, ...], dict[str, Any]]
) -> tuple[str, int] | None:
    found_at: list[tuple[str, int]] = []

    def seeing(name: str) -> Any:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            if found_at:
                return
            for _, value in tensors(output):
                sample = _first_sample(value)
                if sample is not None:
                    found_at.append((name, sample))
                    return

        return hook

    with ExitStack() as stack:
        for name, module in leaves(model):
            stack.callback(module.register_forward_hook(seeing(name)).remove)
        stack.enter_context(_repeatable(model))
        stack.enter_context(torch.compiler.set_stance("force_eager"))
        if _in_company():
            stack.enter_context(_Alone())  # type: ignore[no-untyped-call]
        args, kwargs = given
        # Its wrapper would have the other processes join in.
        wrapped = isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel))
        inner: Any = model.module if wrapped else model
        # Not inner(...), whose hooks would take this for a step.
        inner.forward(*args, **kwargs)
    return found_at[0] if found_at else None


class _Alone(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Refuses what waits for other processes, in whichever layer it is done."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func.namespace in _BETWEEN_PROCESSES:
            raise RuntimeError(f"the model waits for other processes, in {func}")
        return func(*args, **(kwargs or {}))


@contextmanager
def _repeatable(model: nn.Module) -> Iterator[None]:
    """Run a model as it is, without a gradient, on copies of its buffers and random numbers."""
    # backward() is still to come, and refuses buffers that were written to and restored.
    buffers = [
        (module._buffers, name, buffer)
        for module in model.modules()
        for name, buffer in module._buffers.items()
        if buffer is not None
    ]
    devices = {p.device.index or 0 for p in model.parameters() if p.device.type == "cuda"}
    with torch.no_grad(), torch.random.fork_rng(devices=sorted(devices)):
        try:
            for home, name, buffer in buffers:
                home[name] = buffer.detach().clone()
            yield
        finally:
            for home, name, buffer in buffers:
                home[name] = buffer
