"""The losses of ``torch.nn.functional``, drop-in, with masks, weights and normalisers."""

from __future__ import annotations

from losskit.losses import CATALOGUE as _CATALOGUE
from losskit.torch.faces import function_for as _function_for
from losskit.torch.faces import function_name as _function_name

for _kind in _CATALOGUE.values():
    globals()[_function_name(_kind)] = _function_for(_kind)
