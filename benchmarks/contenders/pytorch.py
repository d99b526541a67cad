"""Losskit and PyTorch's own losses on tensors."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch

from benchmarks.arrays import Array, arrays_of, sets_of
from benchmarks.cases import FORWARD, TRAINING, Case
from benchmarks.contenders.composed import COMPOSED
from benchmarks.contenders.prepared import Prepared, UnavailableError
from losskit.core.cards import Role
from losskit.torch import functional
from losskit.torch.faces import Face, faces_of

__all__ = ["compiled", "eager", "losskit", "tensor"]

Function = Callable[..., torch.Tensor]


def losskit(case: Case) -> Prepared:
    """The functional form of a loss in `losskit.torch`."""
    face = _face(case)
    return _prepared(case, _with(getattr(functional, face.function), face, case))


def eager(case: Case) -> Prepared:
    """PyTorch's own loss, or what people write from its parts."""
    return _prepared(case, _theirs(case))


def compiled(case: Case) -> Prepared:
    """The same through torch.compile."""
    torch.compiler.reset()
    return _prepared(case, torch.compile(_theirs(case), fullgraph=True, dynamic=False))


def tensor(array: Array, dtype: str) -> torch.Tensor:
    """Copy to memory of PyTorch, where a model's output is; NumPy asks for huge pages itself."""
    source = torch.from_numpy(array)
    kind = getattr(torch, dtype) if source.is_floating_point() else source.dtype
    return torch.empty(source.shape, dtype=kind).copy_(source)


def _face(case: Case) -> Face:
    return faces_of(type(case.loss))[0]


def _theirs(case: Case) -> Function:
    face = _face(case)
    if face.twin is not None:
        return _with(getattr(torch.nn.functional, face.twin.function), face, case)
    composed = COMPOSED.get(type(case.loss).__name__)
    if composed is None:
        raise UnavailableError("PyTorch does not have this loss")
    return functools.partial(composed, **case.settings) if case.settings else composed


def _with(function: Function, face: Face, case: Case) -> Function:
    """Add the settings, under the names of the face; none where all are defaults."""
    here = {name: own for own, name in face.renamed.items()}
    settings = {here.get(name, name): value for name, value in case.settings.items()}
    return functools.partial(function, **settings) if settings else function


def _prepared(case: Case, function: Function) -> Prepared:
    if case.boosting:
        raise UnavailableError("boosted trees do not use PyTorch")
    roles = [argument.role for argument in case.loss.arguments]
    frozen, live = [], []
    for number in range(sets_of(case)):
        tensors = [tensor(array, case.dtype) for array in arrays_of(case, number)]
        frozen.append(tensors)
        pairs = zip(tensors, roles, strict=True)
        # Detached: the same memory, with and without a gradient.
        live.append([t.detach().requires_grad_(role is not Role.GIVEN) for t, role in pairs])
    outputs = [[t for t in tensors if t.requires_grad] for tensors in live]

    def forward(number: int) -> object:
        return function(*frozen[number])

    def training(number: int) -> object:
        loss = function(*live[number])
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    def reset(number: int) -> None:
        for output in outputs[number]:
            output.grad = None

    value: Any = function(*frozen[0])
    steps = {FORWARD: forward, TRAINING: training}
    return Prepared(steps, len(frozen), float(value), reset)
