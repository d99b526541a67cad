"""PyTorch's own losses by the native kernels, in code that nobody edits."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import TracebackType
from typing import Any

import torch
from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function

from losskit.core.cards import PER_CLASS
from losskit.core.classwise import Classwise
from losskit.engines.native import KERNELS, STATUS, on_torch
from losskit.engines.native.on_torch import PLAIN
from losskit.losses import CATALOGUE
from losskit.torch.faces import Face, bind, faces_of, resolve

__all__ = ["accelerate"]


class accelerate:  # noqa: N801 - it is called like a function
    """Let ``torch.nn.functional`` compute its losses by Losskit's native kernels.

    Modules such as ``torch.nn.CrossEntropyLoss`` call those functions, so they are faster as well;
    names that were imported from there before (``from torch.nn.functional import cross_entropy``)
    are not. What the kernels do not take is left to PyTorch untouched: tensors on other devices,
    shapes that are to be broadcast, mixed dtypes, forward mode, ``torch.func``, ``torch.compile``,
    and whatever is wrong or out of range, so that errors, dtypes and the NaN of a mean over
    nothing stay PyTorch's.

    It holds from the call on, for the whole process; used as a context manager, until its end.

    Raises
    ------
    RuntimeError
        If there are no kernels, with the reason.

    Examples
    --------
    >>> import torch, losskit.torch
    >>> logits, target = torch.zeros(2, 4), torch.tensor([0, 3])
    >>> with losskit.torch.accelerate():
    ...     loss = torch.nn.functional.cross_entropy(logits, target)
    >>> round(loss.item(), 4)
    1.3863
    """

    def __init__(self) -> None:
        if KERNELS is None:
            raise RuntimeError(f"losskit.torch.accelerate: the native kernels are {STATUS}")
        self._replaced: dict[str, Callable[..., Any]] = {}
        for name, face in _faces().items():
            original = getattr(torch.nn.functional, name)
            if not hasattr(original, "accelerates"):
                self._replaced[name] = original
                setattr(torch.nn.functional, name, _accelerated(face, original))

    def __enter__(self) -> accelerate:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Put back the functions that this replaced."""
        while self._replaced:
            name, original = self._replaced.popitem()
            setattr(torch.nn.functional, name, original)


def _faces() -> dict[str, Face]:
    """Return the functions of ``torch.nn.functional`` that have kernels."""
    kernels = {*KERNELS.elementwise, *KERNELS.classwise}
    return {
        face.function: face
        for name, kind in CATALOGUE.items()
        for face in faces_of(kind)
        if name in kernels and face.twin is not None
    }


def _accelerated(face: Face, original: Callable[..., Any]) -> Callable[..., Any]:
    order = tuple(inspect.signature(original).parameters)
    known = frozenset(order)

    @functools.wraps(original)
    def function(*args: Any, **options: Any) -> Any:
        if torch.compiler.is_compiling():
            return original(*args, **options)
        found = _by_kernel(face, order, known, args, options)
        if found is not None:
            return found
        # PyTorch's function would name what stands in its place now, which nobody has heard of.
        given = (*args, *options.values())
        if has_torch_function(given):
            return handle_torch_function(original, given, *args, **options)
        return original(*args, **options)

    function.accelerates = original  # type: ignore[attr-defined]
    # torch.jit.script compiles the source of what stands there.
    function.__script_if_tracing_wrapper = True  # type: ignore[attr-defined]
    function.__original_fn = original  # type: ignore[attr-defined]
    return function


def _by_kernel(
    face: Face,
    order: tuple[str, ...],
    known: frozenset[str],
    args: tuple[Any, ...],
    options: dict[str, Any],
) -> Tensor | None:
    """Compute a call; None where it is PyTorch's to compute, or to refuse."""
    if torch._C._is_any_autocast_enabled() or torch._C._len_torch_function_stack() > 0:
        return None
    try:
        given = bind(face.function, order, known, args, options)
        # Deprecated flags warn, which is for PyTorch to do.
        if given.get("size_average") is not None or given.get("reduce") is not None:
            return None
        # So does the mean that is no divergence.
        if face.function == "kl_div" and given.get("reduction", "mean") == "mean":
            return None
        beside = given.get("weight"), given.get("pos_weight")
        loss, arrays, said = resolve(face, given)
    except (TypeError, ValueError):
        return None
    if not _alike(face, arrays, beside):
        return None
    found = on_torch.reduce(loss, arrays, said)
    # A mean over nothing is 0 here.
    if found is None or (said.reduction == "mean" and found.item() == 0):
        return None
    return found.to(arrays[0].dtype)


def _alike(face: Face, arrays: tuple[Any, ...], beside: tuple[Any, ...]) -> bool:
    """Whether PyTorch would neither convert nor stretch arrays and the weights beside them."""
    # A known variance may be a number.
    if not all(isinstance(array, Tensor) for array in arrays):
        return False
    input, target = arrays[0], arrays[-1]
    indices = target.dtype is torch.int64 and issubclass(face.kind, Classwise)
    if any(array.dtype is not input.dtype for array in (arrays[:-1] if indices else arrays)):
        return False
    if face.function == "nll_loss" and not indices:
        return False
    for weight in beside:
        if weight is not None and (type(weight) not in PLAIN or weight.dtype is not input.dtype):
            return False
    weight = beside[0]
    return weight is None or face.weight in PER_CLASS or weight.shape == input.shape
