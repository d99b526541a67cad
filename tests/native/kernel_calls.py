"""Calls that are sure to be a kernel's, and the same by the definition, which knows no kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from cases import Case, call_options, make_array
from losskit import NLL, Distillation, KLDivergence
from losskit.core.contracts import LOGITS, REAL_VALUES, SCORES
from losskit.core.loss import Loss
from losskit.core.newton import Newton
from losskit.core.options import Options
from losskit.core.prepared import prepare
from losskit.engines.native import KERNELS, on_numpy, on_torch
from losskit.losses import CATALOGUE

ELEMENTWISE = [CATALOGUE[name] for name in KERNELS.elementwise]
CLASSWISE = [CATALOGUE[name] for name in KERNELS.classwise]
BENT = [kind for kind in CLASSWISE if kind not in (NLL, KLDivergence, Distillation)]

every_kernel = pytest.mark.parametrize(
    "kind", [*ELEMENTWISE, *CLASSWISE], ids=lambda kind: kind.__name__
)
every_elementwise = pytest.mark.parametrize("kind", ELEMENTWISE, ids=lambda kind: kind.__name__)
every_bent = pytest.mark.parametrize("kind", BENT, ids=lambda kind: kind.__name__)
every_classwise = pytest.mark.parametrize("kind", CLASSWISE, ids=lambda kind: kind.__name__)


def kernels_of(array: Any) -> Any:
    return on_torch if isinstance(array, torch.Tensor) else on_numpy


def kernel_value(loss: Loss, arrays: Any, **options: Any) -> Any:
    """The reduced loss by a kernel."""
    found = kernels_of(arrays[0]).reduce(loss, tuple(arrays), Options(**options))
    assert found is not None, "the kernel declined"
    return found


def kernel(loss: Loss, arrays: Any, **options: Any) -> tuple[Any, ...]:
    """The reduced loss and its gradients by a kernel."""
    found = kernels_of(arrays[0]).reduce_with_gradients(loss, tuple(arrays), Options(**options))
    assert found is not None, "the kernel declined"
    return found[0], *found[1]


def kernel_bends(loss: Loss, arrays: Any, **options: Any) -> tuple[Any, ...]:
    """Gradients and curvatures by a kernel."""
    found = on_numpy.bend(loss, tuple(arrays), Options(**options), Newton())
    assert found is not None, "the kernel declined"
    return *found[0], *found[1]


def declines(loss: Loss, arrays: Any, **options: Any) -> bool:
    """Whether value and gradient are left to the definition."""
    given, said, kernels = tuple(arrays), Options(**options), kernels_of(arrays[0])
    found = kernels.reduce(loss, given, said), kernels.reduce_with_gradients(loss, given, said)
    assert (found[0] is None) == (found[1] is None)
    return found[0] is None


def definition(loss: Loss, arrays: Any, **options: Any) -> tuple[Any, ...]:
    """The reduced loss and its gradients by the definition."""
    with torch.no_grad():
        prepared = prepare(loss, tuple(arrays), Options(**options))
        values, gradients = prepared.engine.values_and_gradients(
            loss, prepared.arrays, prepared.factors()
        )
        found = loss.restored(gradients, prepared)
        return prepared.reduce(values), *(found if isinstance(found, tuple) else (found,))


def definition_bends(loss: Loss, arrays: Any, **options: Any) -> tuple[Any, ...]:
    """Gradients and curvatures by the definition."""
    found = loss.curvature(*arrays, **options)
    return *definition(loss, arrays, **options)[1:], *(
        found if isinstance(found, tuple) else (found,)
    )


def arrays_for(
    loss: Loss,
    shape: tuple[int, ...],
    rng: np.random.Generator,
    *,
    which: int = 0,
    size: float = 1.0,
) -> tuple[Any, ...]:
    """Arrays of a shape, by the `which`-th contract of each; what is unbounded is scaled."""
    made: list[Any] = []
    for argument in loss.arguments:
        contract = argument.contracts[min(which, len(argument.contracts) - 1)]
        array = make_array(argument, contract, shape, loss, rng)
        unbounded = contract in (LOGITS, REAL_VALUES, SCORES)
        made.append(array * size if unbounded else array)
    return tuple(made)


def options_of(case: Case, seed: int) -> list[dict[str, Any]]:
    """Every combination of options, as arrays: the kernels take no NumPy scalars."""
    return [
        {
            name: np.asarray(value) if isinstance(value, np.generic) else value
            for name, value in options.items()
        }
        for options in call_options(case, np.random.default_rng(seed))
    ]


def tensors(arrays: Any, dtype: torch.dtype | None = None) -> tuple[torch.Tensor, ...]:
    """Tensors of the same numbers, floats in a dtype."""
    found = (torch.from_numpy(np.asarray(array)) for array in arrays)
    return tuple(array.to(dtype) if array.is_floating_point() else array for array in found)


def assert_same(found: Any, expected: Any, rtol: float = 1e-12) -> None:
    """Compare results one by one; what cancels is off by the rounding of what is cancelled."""
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        assert tuple(one.shape) == tuple(other.shape)
        wanted = np.asarray(other)
        finite = np.abs(wanted[np.isfinite(wanted)])
        largest = float(finite.max()) if finite.size else 0.0
        np.testing.assert_allclose(
            np.asarray(one), wanted, rtol=rtol, atol=max(1.0, largest) * rtol / 1e3
        )


def as_double(array: Any) -> Any:
    return np.asarray(array.double() if isinstance(array, torch.Tensor) else array, np.float64)


def error(exact: Any, found: Any) -> float:
    """Root mean square error, of small results and large ones alike."""
    exact, found = as_double(exact), as_double(found)
    # In float16 the largest are inf.
    fit = np.isfinite(exact) & np.isfinite(found)
    assert fit.mean() > 0.8
    exact, found = exact[fit], found[fit]
    typical = np.median(np.abs(exact[exact != 0])) if exact.any() else 1.0
    return float(np.sqrt(np.mean(((found - exact) / (np.abs(exact) + typical)) ** 2)))
