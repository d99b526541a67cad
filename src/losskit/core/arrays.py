"""Array helpers that hold for NumPy, PyTorch and every other array-API library."""

from __future__ import annotations

from types import ModuleType
from typing import Any

__all__ = [
    "Array",
    "above_zero",
    "absolute",
    "as_compute",
    "as_indices",
    "compute_dtype",
    "constant",
    "contiguous",
    "device_of",
    "first_true",
    "is_class",
    "is_floating",
    "is_integer",
    "largest",
    "like",
    "log_softmax",
    "move_axis",
    "sigmoid",
    "sign",
    "softmax",
    "softplus",
    "sum_dtype",
    "take_along",
    "times",
]

# Array libraries share a protocol, not a base class.
Array = Any


def is_floating(array: Array, xp: ModuleType) -> bool:
    """Whether the elements are real floating-point numbers."""
    return bool(xp.isdtype(array.dtype, "real floating"))


def is_integer(array: Array, xp: ModuleType) -> bool:
    """Whether the elements are integers (booleans are not)."""
    return bool(xp.isdtype(array.dtype, "integral"))


def compute_dtype(arrays: tuple[Array, ...], xp: ModuleType) -> Any:
    """Return the widest floating dtype among the arrays, and never less than float32.

    float16 has 11 and bfloat16 has 8 significant bits: differences, exponentials and sums are
    taken in float32, and only the result is rounded.
    """
    floats = [array.dtype for array in arrays if is_floating(array, xp)]
    if not floats:
        return xp.__array_namespace_info__().default_dtypes()["real floating"]
    dtype = floats[0] if len(floats) == 1 else xp.result_type(*floats)
    return xp.float32 if xp.finfo(dtype).bits < 32 else dtype


def as_compute(array: Array, dtype: Any, xp: ModuleType) -> Array:
    """Convert to ``dtype``, without a copy where nothing changes."""
    return array if array.dtype == dtype else xp.astype(array, dtype)


def sum_dtype(array: Array, xp: ModuleType) -> Any:
    """Return the dtype in which to take a long sum that is divided afterwards: one rounding less.

    float64 on the CPU, where it costs little; elsewhere the array's own.
    """
    on_cpu = str(device_of(array)).lower().startswith("cpu")
    return xp.float64 if on_cpu and xp.finfo(array.dtype).bits < 64 else array.dtype


def device_of(array: Array) -> Any:
    """Device of an array; None where its library does not tell, as within a trace of JAX."""
    return getattr(array, "device", None)


def as_indices(array: Array, xp: ModuleType) -> Array:
    """Convert integers to the dtype that the library indexes with."""
    return as_compute(array, xp.__array_namespace_info__().default_dtypes()["indexing"], xp)


def like(value: object, array: Array, xp: ModuleType) -> Array:
    """Turn a parameter (number, sequence, array of any library) into an array beside ``array``."""
    return xp.asarray(value, dtype=array.dtype, device=device_of(array))


def constant(array: Array) -> Array:
    """Hide an array from automatic differentiation, where its library has one."""
    return array.detach() if hasattr(array, "detach") else array


def largest(array: Array, xp: ModuleType, axis: int = -1) -> Array:
    """Maximum along an axis, which is kept with length 1; 0 where it has no elements."""
    if array.shape[axis] == 0:
        return xp.sum(array, axis=axis, keepdims=True)
    return xp.max(array, axis=axis, keepdims=True)


def times(factor: Array, array: Array, xp: ModuleType) -> Array:
    """Multiply, with 0 · ±inf = 0: what has no share adds nothing, however improbable it is."""
    return factor * xp.where(factor == 0, 0.0, array)


def sigmoid(z: Array, xp: ModuleType) -> Array:
    """Logistic function, by exp of a number that is never positive, so that nothing overflows."""
    # Not -abs(z): its derivative at 0 is 0, and a second derivative of the loss runs through here.
    positive = z >= 0
    small = xp.exp(xp.where(positive, -z, z))
    rest = small / (1 + small)
    # 1 - rest rounds less than 1 / (1 + small), whose divisor is rounded near 1 already.
    return xp.where(positive, 1 - rest, rest)


def log_softmax(z: Array, xp: ModuleType, axis: int = -1) -> Array:
    """Log-probabilities from logits along an axis."""
    if z.shape[axis] == 0:
        return z
    # Without the shift, exp overflows from 89 (float32) on.
    shifted = z - constant(largest(z, xp, axis))
    # The largest term is 1, exactly; apart from it, the others keep their own digits.
    top = xp.astype(shifted == 0, z.dtype)
    others = xp.sum(xp.exp(shifted) - top, axis=axis, keepdims=True)
    ties = xp.sum(top, axis=axis, keepdims=True) - 1
    return shifted - xp.log1p(others + ties)


def softmax(z: Array, xp: ModuleType) -> Array:
    """Probabilities from logits along the last axis."""
    # Not exp over its sum: a logarithm near 0 holds a probability near 1 to more digits.
    return xp.exp(log_softmax(z, xp))


def softplus(z: Array, xp: ModuleType) -> Array:
    """log(1 + exp(z)), by exp of a number that is never positive; differentiable as `sigmoid`."""
    positive = z >= 0
    small = xp.exp(xp.where(positive, -z, z))
    return xp.where(positive, z, 0.0) + xp.log1p(small)


def sign(x: Array, xp: ModuleType) -> Array:
    """-1, 0 or 1, and NaN of NaN."""
    # xp.sign writes in place for some libraries, which no transformation can follow.
    return xp.where(x > 0, 1.0, xp.where(x < 0, -1.0, 0 * x))


def absolute(x: Array, xp: ModuleType) -> Array:
    """Size of a number; its derivative at 0 is 0 for every library that finds one by itself."""
    # JAX takes 1 for that of abs().
    return xp.where(x > 0, x, xp.where(x < 0, -x, 0 * x))


def above_zero(x: Array, xp: ModuleType) -> Array:
    """max(0, x), and NaN of NaN; its derivative at 0 is 0, as that of `absolute`."""
    return xp.where(x <= 0, 0.0, x)


def move_axis(array: Array, source: int, destination: int, xp: ModuleType) -> Array:
    """Move one axis; a view where the library has views, and nothing where it is in place."""
    source, destination = source % array.ndim, destination % array.ndim
    if source == destination:
        return array
    # Not xp.moveaxis, which torch.func cannot vectorise.
    order = [axis for axis in range(array.ndim) if axis != source]
    order.insert(destination, source)
    return xp.permute_dims(array, tuple(order))


def take_along(rows: Array, indices: Array, xp: ModuleType) -> Array:
    """Elements of each row, along the last axis, that indices of as many axes name."""
    # PyTorch's function of the standard's name fixes the shapes of what is compiled or exported.
    if hasattr(rows, "detach"):
        return rows.gather(-1, indices)
    return xp.take_along_axis(rows, indices, axis=-1)


def contiguous(array: Array) -> Array:
    """Copy a view of NumPy's whose last axis is strided: it adds such rows without pairing."""
    flags = getattr(array, "flags", None)
    return array if flags is None or flags.c_contiguous else array.copy()


def is_class(indices: Array, rows: Array, xp: ModuleType) -> Array:
    """Boolean rows, in the shape of ``rows``, that are true at one class index each."""
    classes = xp.arange(rows.shape[-1], dtype=indices.dtype, device=device_of(rows))
    return indices[..., None] == classes


def first_true(flags: Array, xp: ModuleType) -> tuple[int, ...]:
    """Return the position of the first true element."""
    flat = int(xp.argmax(xp.astype(xp.reshape(flags, (-1,)), xp.int32)))
    position: list[int] = []
    for length in reversed(flags.shape):
        flat, index = divmod(flat, length)
        position.insert(0, index)
    return tuple(position)
