"""Losses that PyTorch lacks, as people write them from its parts.

By the name of the loss; the settings have Losskit's names and defaults.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as f
from torch import Tensor

__all__ = ["COMPOSED"]


def sigmoid_focal(input: Tensor, target: Tensor, gamma: float = 2.0, alpha: float = 1.0) -> Tensor:
    """Binary focal loss as torchvision's ``sigmoid_focal_loss`` computes it."""
    p = torch.sigmoid(input)
    cost = f.binary_cross_entropy_with_logits(input, target, reduction="none")
    hit = p * target + (1 - p) * (1 - target)
    loss = cost * (1 - hit) ** gamma
    if alpha < 1:
        loss = (alpha * target + (1 - alpha) * (1 - target)) * loss
    return loss.mean()


def softmax_focal(input: Tensor, target: Tensor, gamma: float = 2.0) -> Tensor:
    """Multiclass focal loss from the cross-entropy of each row."""
    cost = f.cross_entropy(input, target, reduction="none")
    return ((1 - torch.exp(-cost)) ** gamma * cost).mean()


def distillation(
    input: Tensor, teacher: Tensor, target: Tensor, temperature: float = 2.0, alpha: float = 0.5
) -> Tensor:
    """Hinton's loss from ``kl_div`` and ``cross_entropy``."""
    soft = f.kl_div(
        f.log_softmax(input / temperature, dim=1),
        f.softmax(teacher / temperature, dim=1),
        reduction="batchmean",
    )
    return alpha * temperature**2 * soft + (1 - alpha) * f.cross_entropy(input, target)


def quantile(input: Tensor, target: Tensor, quantile: float = 0.5) -> Tensor:
    """Pinball loss."""
    error = target - input
    return torch.maximum(quantile * error, (quantile - 1) * error).mean()


def log_cosh(input: Tensor, target: Tensor) -> Tensor:
    """Logarithm of the hyperbolic cosine, without overflow."""
    error = torch.abs(input - target)
    return (error + f.softplus(-2 * error) - 0.6931471805599453).mean()


def poly1(input: Tensor, target: Tensor, epsilon: float = 1.0) -> Tensor:
    """Cross-entropy plus a multiple of the missing probability."""
    cost = f.cross_entropy(input, target, reduction="none")
    return (cost + epsilon * (1 - torch.exp(-cost))).mean()


def info_nce(input: Tensor, target: Tensor, temperature: float = 0.07) -> Tensor:
    """Cross-entropy over the cosines with all partners."""
    logits = f.normalize(input) @ f.normalize(target).T / temperature
    return f.cross_entropy(logits, torch.arange(len(logits)))


COMPOSED: dict[str, Callable[..., Tensor]] = {
    "BinaryFocal": sigmoid_focal,
    "Focal": softmax_focal,
    "Distillation": distillation,
    "Quantile": quantile,
    "LogCosh": log_cosh,
    "Poly1": poly1,
    "InfoNCE": info_nce,
}
