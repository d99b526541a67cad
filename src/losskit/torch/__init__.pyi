# Made by tools/generate.py from the catalogue.

from collections.abc import Callable

import torch
from torch import Tensor

from losskit.torch import functional as functional
from losskit.torch.modules import LossModule as LossModule
from losskit.torch.weighted_sum import WeightedSumLoss as WeightedSumLoss

class BCELoss(LossModule, torch.nn.BCELoss):
    def __init__(self, weight: Tensor | None = None, size_average: bool | None = None, reduce: bool | None = None, reduction: str = 'mean') -> None: ...

class BCEWithLogitsLoss(LossModule, torch.nn.BCEWithLogitsLoss):
    def __init__(self, weight: Tensor | None = None, size_average: bool | None = None, reduce: bool | None = None, reduction: str = 'mean', pos_weight: Tensor | None = None) -> None: ...

class BinaryFocalLoss(LossModule):
    def __init__(self, gamma: float = 2.0, alpha: float = 1.0, reduction: str = 'mean') -> None: ...

class CrossEntropyLoss(LossModule, torch.nn.CrossEntropyLoss):
    def __init__(self, weight: Tensor | None = None, size_average: bool | None = None, ignore_index: int = -100, reduce: bool | None = None, reduction: str = 'mean', label_smoothing: float = 0.0, *, class_axis: int | None = None) -> None: ...

class FocalLoss(LossModule):
    def __init__(self, gamma: float = 2.0, reduction: str = 'mean', *, class_axis: int | None = None, class_weight: Tensor | None = None, ignore_index: int = -100) -> None: ...

class GammaNLLLoss(LossModule):
    def __init__(self, reduction: str = 'mean') -> None: ...

class HingeLoss(LossModule):
    def __init__(self, reduction: str = 'mean') -> None: ...

class HuberLoss(LossModule, torch.nn.HuberLoss):
    def __init__(self, reduction: str = 'mean', delta: float = 1.0) -> None: ...

class LogCoshLoss(LossModule):
    def __init__(self, reduction: str = 'mean') -> None: ...

class L1Loss(LossModule, torch.nn.L1Loss):
    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = 'mean') -> None: ...

class MSELoss(LossModule, torch.nn.MSELoss):
    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = 'mean') -> None: ...

class NLLLoss(LossModule, torch.nn.NLLLoss):
    def __init__(self, weight: Tensor | None = None, size_average: bool | None = None, ignore_index: int = -100, reduce: bool | None = None, reduction: str = 'mean', *, class_axis: int | None = None) -> None: ...

class PoissonNLLLoss(LossModule, torch.nn.PoissonNLLLoss):
    def __init__(self, log_input: bool = True, full: bool = False, size_average: bool | None = None, eps: float = 1e-08, reduce: bool | None = None, reduction: str = 'mean') -> None: ...

class QuantileLoss(LossModule):
    def __init__(self, quantile: float = 0.5, reduction: str = 'mean') -> None: ...

class SmoothL1Loss(LossModule, torch.nn.SmoothL1Loss):
    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = 'mean', beta: float = 1.0) -> None: ...

class SoftMarginLoss(LossModule, torch.nn.SoftMarginLoss):
    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = 'mean') -> None: ...

class SquaredHingeLoss(LossModule):
    def __init__(self, reduction: str = 'mean') -> None: ...

class TweedieLoss(LossModule):
    def __init__(self, power: float = 1.5, reduction: str = 'mean') -> None: ...
