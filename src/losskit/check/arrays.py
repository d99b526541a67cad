"""Arrays from files, read without running anything that a file holds."""

from __future__ import annotations

import json
import struct
import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ArrayFileError", "load_array"]

KINDS = (".npy", ".npz", ".pt", ".pth", ".safetensors")
"""Endings of files that can be read."""


_DAMAGED = (AttributeError, KeyError, TypeError, ValueError, zipfile.BadZipFile)


class ArrayFileError(ValueError):
    """A file that holds no array, or cannot be read safely."""


def load_array(source: str) -> Any:
    """Read an array.

    Parameters
    ----------
    source : str
        A file by its path: ``.npy``, ``.npz``, ``.pt``, ``.pth`` or ``.safetensors``. Of a file
        with several arrays, ``path:name`` takes one.

    Returns
    -------
    array or tensor
        A tensor from PyTorch's files, else NumPy's.

    Raises
    ------
    ArrayFileError
        If it is not there or no such file, or holds objects, which would have to be unpickled:
        that can run any code, so it is not done.
    """
    path, name = _parted(source)
    ending = path.suffix.lower()
    if ending not in KINDS:
        known = ", ".join(KINDS)
        raise ArrayFileError(f"{source!r}: arrays are read from {known}")
    if not path.is_file():
        raise ArrayFileError(f"{str(path)!r} is no file")
    if path.stat().st_size == 0:
        raise ArrayFileError(f"{str(path)!r} is empty")
    try:
        if ending in (".npy", ".npz"):
            return _numpy(path, name)
        return _safetensors(path, name) if ending == ".safetensors" else _torch(path, name)
    except ArrayFileError:
        raise
    except MemoryError:
        raise ArrayFileError(
            f"{str(path)!r} is damaged, or holds more than fits in memory; save fewer samples"
        ) from None
    except (*_DAMAGED, OSError, EOFError) as error:
        raise ArrayFileError(f"{str(path)!r} cannot be read: {_line(error)}") from None


def _parted(source: str) -> tuple[Path, str]:
    """Part a path from the name of an array in it; a colon may belong to the path."""
    path = Path(source)
    if path.exists() or ":" not in source:
        return path, ""
    before, _, name = source.rpartition(":")
    return (Path(before), name) if Path(before).exists() else (path, "")


def _numpy(path: Path, name: str) -> NDArray[Any]:
    try:
        found = np.load(path, allow_pickle=False)
        if isinstance(found, np.ndarray):
            if name:
                raise ArrayFileError(f"{str(path)!r} holds one array, and no names; drop :{name}")
            return found
        with found:
            return np.asarray(found[_chosen(path, name, list(found.files))])
    except ValueError as error:
        if "pickle" in str(error).lower():
            raise ArrayFileError(
                f"{str(path)!r} holds Python objects, or is damaged, and is not unpickled: that "
                "can run any code; save a plain array"
            ) from None
        raise


def _torch(path: Path, name: str) -> Any:
    try:
        import torch  # noqa: PLC0415
    except ImportError:
        raise ArrayFileError(f'{str(path)!r} needs PyTorch: pip install "losskit[torch]"') from None
    import pickle  # noqa: PLC0415 - for the name of its error

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the pickle's version, which is refused below
            found = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, AttributeError, TypeError):
        raise ArrayFileError(
            f"{str(path)!r} holds more than tensors, or is damaged, and is not unpickled: that "
            "can run any code; save the tensor alone"
        ) from None
    if isinstance(found, torch.Tensor):
        if name:
            raise ArrayFileError(f"{str(path)!r} holds one tensor, and no names; drop :{name}")
        return found
    if isinstance(found, (list, tuple)):
        found = {str(index): value for index, value in enumerate(found)}
    if not isinstance(found, dict):
        raise ArrayFileError(f"{str(path)!r} holds a {type(found).__name__}, no tensor")
    tensors = {str(key): value for key, value in found.items() if isinstance(value, torch.Tensor)}
    return tensors[_chosen(path, name, list(tensors))]


_SAFE_DTYPES = {
    "BOOL": "?",
    "U8": "u1",
    "I8": "i1",
    "I16": "<i2",
    "U16": "<u2",
    "F16": "<f2",
    "I32": "<i4",
    "U32": "<u4",
    "F32": "<f4",
    "I64": "<i8",
    "U64": "<u8",
    "F64": "<f8",
}


def _safetensors(path: Path, name: str) -> NDArray[Any]:
    """Read a tensor: the format is a length, a header in JSON, and the bytes."""
    with path.open("rb") as file:
        size = path.stat().st_size
        (length,) = struct.unpack("<Q", file.read(8).ljust(8, b"\xff"))
        if not 2 <= length <= min(size - 8, 100_000_000):
            raise ArrayFileError(f"{str(path)!r} is no safetensors file: its header is cut off")
        header = json.loads(file.read(length))
        entries = {key: value for key, value in header.items() if key != "__metadata__"}
        entry = entries[_chosen(path, name, list(entries))]
        kind, shape = entry["dtype"], tuple(int(n) for n in entry["shape"])
        begin, end = (int(at) for at in entry["data_offsets"])
        bits = "<u2" if kind == "BF16" else _SAFE_DTYPES.get(kind)
        if bits is None:
            raise ArrayFileError(f"{str(path)!r} holds {kind}, which is not read")
        if not 0 <= begin <= end <= size - 8 - length or min(shape, default=0) < 0:
            raise ArrayFileError(f"{str(path)!r} is damaged: a tensor lies outside of the file")
        file.seek(8 + length + begin)
        flat = np.frombuffer(file.read(end - begin), dtype=bits)
    if kind == "BF16":
        flat = (flat.astype(np.uint32) << 16).view(np.float32)
    return flat.reshape(shape)


def _chosen(path: Path, name: str, names: list[str]) -> str:
    if name:
        if name not in names:
            raise ArrayFileError(f"{str(path)!r} has no array {name!r}; it has {', '.join(names)}")
        return name
    if not names:
        raise ArrayFileError(f"{str(path)!r} holds no array")
    if len(names) > 1:
        raise ArrayFileError(
            f"{str(path)!r} holds {', '.join(names)}; name one, as in {path.name}:{names[0]}"
        )
    return names[0]


def _line(error: BaseException) -> str:
    """Return the first sentence of an error."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:160]
