# Made by tools/generate.py from the catalogue.

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from losskit.torch import functional as functional
from losskit.torch.accelerate import accelerate as accelerate
from losskit.torch.linear_cross_entropy import LinearCrossEntropyLoss as LinearCrossEntropyLoss
from losskit.torch.norms import GradientNorms as GradientNorms
from losskit.torch.norms import gradient_norms as gradient_norms
from losskit.torch.landscapes import Landscape as Landscape
from losskit.torch.landscapes import landscape as landscape
from losskit.check.training import TrainingError as TrainingError
from losskit.check.training import TrainingWarning as TrainingWarning
from losskit.check.training import Watch as Watch
from losskit.check.training import preflight as preflight
from losskit.check.training import watch as watch
from losskit.check.training.in_lightning import LightningWatch as LightningWatch
from losskit.check.training.in_transformers import TrainerWatch as TrainerWatch
from losskit.torch.modules import LossModule as LossModule
from losskit.torch.weighted_sum import WeightedSumLoss as WeightedSumLoss

class ApproxNDCGLoss(LossModule):
    def __init__(self, temperature: float = 0.1, reduction: str = 'mean') -> None: ...

class AsymmetricLoss(LossModule):
    def __init__(self, gamma_negative: float = 4.0, gamma_positive: float = 1.0, clip: float = 0.05, reduction: str = 'mean') -> None: ...

class BCELoss(LossModule, torch.nn.BCELoss):
    def __init__(self, weight: Tensor | None = None, size_average: bool | None = None, reduce: bool | None = None, reduction: str = 'mean') -> None: ...

class BCEWithLogitsLoss(LossModule, torch.nn.BCEWithLogitsLoss):
    def __init__(self, weight: Tensor | None = None, size_average: bool | None = None, reduce: bool | None = None, reduction: str = 'mean', pos_weight: Tensor | None = None) -> None: ...

class BinaryFocalLoss(LossModule):
    def __init__(self, gamma: float = 2.0, alpha: float = 1.0, reduction: str = 'mean') -> None: ...

class CLIPLoss(LossModule):
    logit_scale: torch.nn.Parameter
    def __init__(self, logit_scale: float = 2.659260036932778, max_scale: float = 100.0, reduction: str = 'mean') -> None: ...

class ContrastivePairLoss(LossModule):
    def __init__(self, margin: float = 1.0, reduction: str = 'mean') -> None: ...

class CosineEmbeddingLoss(LossModule, torch.nn.CosineEmbeddingLoss):
    def __init__(self, margin: float = 0.0, size_average: bool | None = None, reduce: bool | None = None, reduction: str = 'mean') -> None: ...

class CrossEntropyLoss(LossModule, torch.nn.CrossEntropyLoss):
    def __init__(self, weight: Tensor | None = None, size_average: bool | None = None, ignore_index: int = -100, reduce: bool | None = None, reduction: str = 'mean', label_smoothing: float = 0.0, *, class_axis: int | None = None) -> None: ...

class DiceLoss(LossModule):
    def __init__(self, smooth: float = 1.0, reduction: str = 'mean', *, per: str = 'image', skip_absent: bool = False, class_weight: Tensor | None = None, ignore_index: int = -100, class_axis: int | None = None) -> None: ...

class DistillationLoss(LossModule):
    def __init__(self, temperature: float = 2.0, alpha: float = 0.5, reduction: str = 'mean', *, class_axis: int | None = None, class_weight: Tensor | None = None, ignore_index: int = -100) -> None: ...

class FocalLoss(LossModule):
    def __init__(self, gamma: float = 2.0, reduction: str = 'mean', *, class_axis: int | None = None, class_weight: Tensor | None = None, ignore_index: int = -100) -> None: ...

class GammaNLLLoss(LossModule):
    def __init__(self, reduction: str = 'mean') -> None: ...

class GaussianKLLoss(LossModule):
    def __init__(self, prior_mean: float = 0.0, prior_variance: float = 1.0, reduction: str = 'mean') -> None: ...

class GaussianNLLLoss(LossModule, torch.nn.GaussianNLLLoss):
    def __init__(self, *, full: bool = False, eps: float = 1e-06, reduction: str = 'mean') -> None: ...

class GeneralizedCrossEntropyLoss(LossModule):
    def __init__(self, q: float = 0.7, reduction: str = 'mean', *, class_axis: int | None = None, class_weight: Tensor | None = None, ignore_index: int = -100) -> None: ...

class HingeLoss(LossModule):
    def __init__(self, reduction: str = 'mean') -> None: ...

class HingeEmbeddingLoss(LossModule, torch.nn.HingeEmbeddingLoss):
    def __init__(self, margin: float = 1.0, size_average: bool | None = None, reduce: bool | None = None, reduction: str = 'mean') -> None: ...

class HuberLoss(LossModule, torch.nn.HuberLoss):
    def __init__(self, reduction: str = 'mean', delta: float = 1.0) -> None: ...

class InfoNCELoss(LossModule):
    def __init__(self, temperature: float = 0.07, negatives: str = 'cross', reduction: str = 'mean') -> None: ...

class JensenShannonLoss(LossModule):
    def __init__(self, reduction: str = 'mean', *, class_axis: int | None = None) -> None: ...

class KLDivergenceLoss(LossModule):
    def __init__(self, direction: str = 'forward', log_target: bool = False, reduction: str = 'mean', *, class_axis: int | None = None) -> None: ...

class ListNetLoss(LossModule):
    def __init__(self, reduction: str = 'mean') -> None: ...

class LogCoshLoss(LossModule):
    def __init__(self, reduction: str = 'mean') -> None: ...

class L1Loss(LossModule, torch.nn.L1Loss):
    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = 'mean') -> None: ...

class MarginRankingLoss(LossModule, torch.nn.MarginRankingLoss):
    def __init__(self, margin: float = 0.0, size_average: bool | None = None, reduce: bool | None = None, reduction: str = 'mean') -> None: ...

class MSELoss(LossModule, torch.nn.MSELoss):
    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = 'mean') -> None: ...

class MultiLabelMarginLoss(LossModule, torch.nn.MultiLabelMarginLoss):
    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = 'mean') -> None: ...

class MultiLabelSoftMarginLoss(LossModule, torch.nn.MultiLabelSoftMarginLoss):
    def __init__(self, weight: Tensor | None = None, size_average: bool | None = None, reduce: bool | None = None, reduction: str = 'mean') -> None: ...

class MultiMarginLoss(LossModule, torch.nn.MultiMarginLoss):
    def __init__(self, p: int = 1, margin: float = 1.0, weight: Tensor | None = None, size_average: bool | None = None, reduce: bool | None = None, reduction: str = 'mean', *, class_axis: int | None = None, ignore_index: int = -100) -> None: ...

class NLLLoss(LossModule, torch.nn.NLLLoss):
    def __init__(self, weight: Tensor | None = None, size_average: bool | None = None, ignore_index: int = -100, reduce: bool | None = None, reduction: str = 'mean', *, class_axis: int | None = None) -> None: ...

class PairwiseLogisticLoss(LossModule):
    def __init__(self, sigma: float = 1.0, reduction: str = 'mean') -> None: ...

class PoissonNLLLoss(LossModule, torch.nn.PoissonNLLLoss):
    def __init__(self, log_input: bool = True, full: bool = False, size_average: bool | None = None, eps: float = 1e-08, reduce: bool | None = None, reduction: str = 'mean') -> None: ...

class PolicyKLLoss(LossModule):
    def __init__(self, estimator: str = 'k3', reduction: str = 'mean') -> None: ...

class Poly1Loss(LossModule):
    def __init__(self, epsilon: float = 1.0, reduction: str = 'mean', *, class_axis: int | None = None, class_weight: Tensor | None = None, ignore_index: int = -100) -> None: ...

class QuantileLoss(LossModule):
    def __init__(self, quantile: float = 0.5, reduction: str = 'mean') -> None: ...

class KLDivLoss(LossModule, torch.nn.KLDivLoss):
    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = 'mean', log_target: bool = False) -> None: ...

class SigLIPLoss(LossModule):
    logit_scale: torch.nn.Parameter
    logit_bias: torch.nn.Parameter
    def __init__(self, logit_scale: float = 2.302585092994046, logit_bias: float = -10.0, reduction: str = 'mean') -> None: ...

class SmoothL1Loss(LossModule, torch.nn.SmoothL1Loss):
    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = 'mean', beta: float = 1.0) -> None: ...

class SoftMarginLoss(LossModule, torch.nn.SoftMarginLoss):
    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = 'mean') -> None: ...

class SquaredHingeLoss(LossModule):
    def __init__(self, reduction: str = 'mean') -> None: ...

class SupConLoss(LossModule):
    def __init__(self, temperature: float = 0.07, reduction: str = 'mean') -> None: ...

class TripletMarginLoss(LossModule, torch.nn.TripletMarginLoss):
    def __init__(self, margin: float = 1.0, p: float = 2.0, eps: float = 1e-06, swap: bool = False, size_average: bool | None = None, reduce: bool | None = None, reduction: str = 'mean', *, distance: Any = 'norm') -> None: ...

class TripletMarginWithDistanceLoss(LossModule, torch.nn.TripletMarginWithDistanceLoss):
    def __init__(self, *, distance_function: Callable[[Tensor, Tensor], Tensor] | None = None, margin: float = 1.0, swap: bool = False, reduction: str = 'mean') -> None: ...

class TverskyLoss(LossModule):
    def __init__(self, alpha: float = 0.3, beta: float = 0.7, smooth: float = 1.0, reduction: str = 'mean', *, per: str = 'image', skip_absent: bool = False, class_weight: Tensor | None = None, ignore_index: int = -100, class_axis: int | None = None) -> None: ...

class TweedieLoss(LossModule):
    def __init__(self, power: float = 1.5, reduction: str = 'mean') -> None: ...
