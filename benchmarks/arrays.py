"""Random arrays of what a loss takes."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import LIBRARIES_KEEP, Case
from losskit.core.cards import Argument, Role
from losskit.core.classwise import Classwise
from losskit.core.contracts import (
    AMOUNTS,
    BINARY,
    CLASS_INDICES,
    COUNTS,
    LABEL_SETS,
    LABELS,
    LOG_PROBABILITIES,
    POSITIVE_AMOUNTS,
    PROBABILITIES,
    PROBABILITY_ROWS,
    RATES,
    RELEVANCE,
    SHARES,
    SIGNS,
    VARIANCES,
)

__all__ = ["arrays_of", "sets_of"]

Array = NDArray[Any]

MOST_BYTES = 300 * 2**20
"""What the sets of a case may take together, beyond the first."""

MOST_SETS = 4


def sets_of(case: Case) -> int:
    """How many sets of arrays take turns, so that no step finds the last one's in the cache."""
    return max(1, min(MOST_SETS, MOST_BYTES // max(case.input_bytes, 1)))


def arrays_of(case: Case, number: int) -> list[Array]:
    """Return one set of arrays, the same in every process.

    In float32 where the case is in bfloat16, which NumPy lacks. Arrays of boosted trees are such
    as their libraries hand over.
    """
    seed = zlib.crc32(f"{case.name} {number}".encode())
    rng = np.random.default_rng(seed)
    dtype = np.dtype(np.float64 if case.dtype == "float64" else np.float32)
    arrays = [_array(case, argument, dtype, rng) for argument in case.loss.arguments]
    if case.boosting:
        # Scores in float64 are LightGBM's, which keeps those of a class together.
        arrays[0] = np.asfortranarray(arrays[0]) if case.dtype == "float64" else arrays[0]
        arrays[1:] = [array.astype(LIBRARIES_KEEP) for array in arrays[1:]]
    return arrays


def _array(case: Case, argument: Argument, dtype: np.dtype[Any], rng: np.random.Generator) -> Array:
    shape, contract = case.shape, case.contract_of(argument.contracts)
    axis = min(1, len(shape) - 1)
    if argument.role is Role.LEARNED:
        return np.asarray(argument.start, dtype)
    if contract is CLASS_INDICES:
        return rng.integers(0, shape[axis], np.delete(shape, axis))
    if contract is LABELS:
        return rng.integers(0, max(shape[0] // 4, 1), shape[0])
    if contract is LABEL_SETS:
        return np.where(np.arange(shape[-1]) < 3, rng.integers(0, shape[-1], shape), -1)
    if argument.per_row:
        shape = shape[:-1]
    if contract in (BINARY, SIGNS):
        labels = rng.integers(0, 2, shape, dtype=np.int8).astype(dtype)
        return labels if contract is BINARY else 2 * labels - 1
    if contract is COUNTS:
        return rng.integers(0, 9, shape, dtype=np.int8).astype(dtype)
    # NumPy draws these two in either type; it types them as if it drew float64 alone.
    if contract in (PROBABILITIES, VARIANCES, RATES, RELEVANCE, AMOUNTS, POSITIVE_AMOUNTS):
        uniform = rng.random(shape, dtype=dtype.type)
        return np.asarray(uniform * dtype.type(0.98) + dtype.type(0.01))
    values: Array = rng.standard_normal(shape, dtype=dtype.type)
    values *= 2
    if contract in (PROBABILITY_ROWS, SHARES):
        return _softmax(values, axis if isinstance(case.loss, Classwise) else -1)
    if contract is LOG_PROBABILITIES:
        return np.log(_softmax(values, axis))
    return values


def _softmax(values: Array, axis: int) -> Array:
    np.exp(values, out=values)
    values /= values.sum(axis=axis, keepdims=True)
    return values
