"""Losskit for PyTorch: the modules of ``torch.nn``, drop-in, with masks, weights and normalisers.

``losskit.torch.functional`` holds the functional forms.
"""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import Any

try:
    import torch as _torch
except ImportError as error:
    raise ImportError('losskit.torch needs PyTorch: pip install "losskit[torch]"') from error

from losskit.engines import autograd as _autograd  # noqa: F401
from losskit.losses import CATALOGUE as _CATALOGUE
from losskit.torch import functional as functional
from losskit.torch.accelerate import accelerate as accelerate
from losskit.torch.faces import faces_of as _faces_of
from losskit.torch.landscapes import Landscape as Landscape
from losskit.torch.landscapes import landscape as landscape
from losskit.torch.modules import LossModule as LossModule
from losskit.torch.modules import module_for as _module_for
from losskit.torch.norms import GradientNorms as GradientNorms
from losskit.torch.norms import gradient_norms as gradient_norms
from losskit.torch.weighted_sum import WeightedSumLoss as WeightedSumLoss

if hasattr(_torch.nn, "LinearCrossEntropyLoss"):
    from losskit.torch.linear_cross_entropy import (
        LinearCrossEntropyLoss as LinearCrossEntropyLoss,
    )

for _kind in _CATALOGUE.values():
    for _face in _faces_of(_kind):
        globals()[_face.module] = _module_for(_face)

_registered: dict[type, type[LossModule]] = {}

_CHECKS = "losskit.check.training"
_FROM_CHECKS = {
    **dict.fromkeys(("TrainingError", "TrainingWarning", "Watch", "preflight", "watch"), _CHECKS),
    "LightningWatch": f"{_CHECKS}.in_lightning",
    "TrainerWatch": f"{_CHECKS}.in_transformers",
}
"""What stands above the losses, and knows these modules: so found by name, when asked for."""


def __getattr__(name: str) -> Any:
    """Make the module of a loss that was registered later; find what watches trainings."""
    if name in _FROM_CHECKS:
        return getattr(_import_module(_FROM_CHECKS[name]), name)
    for kind in _CATALOGUE.values():
        for face in _faces_of(kind):
            if face.module == name:
                if kind not in _registered:
                    _registered[kind] = _module_for(face)
                return _registered[kind]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Name the modules of all losses."""
    modules = (face.module for kind in _CATALOGUE.values() for face in _faces_of(kind))
    return sorted({*globals(), *modules, *_FROM_CHECKS})
