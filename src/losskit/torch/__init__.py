"""Losskit for PyTorch: the modules of ``torch.nn``, drop-in, with masks, weights and normalisers.

``losskit.torch.functional`` holds the functional forms.
"""

from __future__ import annotations

try:
    import torch as _torch  # noqa: F401
except ImportError as error:
    raise ImportError('losskit.torch needs PyTorch: pip install "losskit[torch]"') from error

from losskit.engines import autograd as _autograd  # noqa: F401
from losskit.losses import CATALOGUE as _CATALOGUE
from losskit.torch import functional as functional
from losskit.torch.faces import module_name as _module_name
from losskit.torch.modules import LossModule as LossModule
from losskit.torch.modules import module_for as _module_for

for _kind in _CATALOGUE.values():
    globals()[_module_name(_kind)] = _module_for(_kind)
