"""Cross-entropy of a linear layer's output, as ``torch.nn`` has it from version 2.13 on."""

from __future__ import annotations

import math
from typing import Any

import array_api_compat.torch as xp
import torch
from torch import Tensor

from losskit.core.options import fit
from losskit.engines.autograd import AutogradEngine
from losskit.losses import CATALOGUE
from losskit.torch.faces import OPTIONS, evaluate, faces_of
from losskit.torch.weighted_sum import SummandModule

__all__ = ["LinearCrossEntropyLoss", "linear_cross_entropy"]

(_CROSS_ENTROPY,) = (
    face
    for kind in CATALOGUE.values()
    for face in faces_of(kind)
    if face.function == "cross_entropy"
)
_IGNORED: int = _CROSS_ENTROPY.signature.parameters["ignore_index"].default
_ENGINE = AutogradEngine()


def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: Any = None,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    normalizer: Tensor | float | None = None,
    validate: bool | None = None,
) -> Tensor:
    """Compute the cross-entropy of ``input @ linear_weight.T + linear_bias``.

    Takes the place of ``torch.nn.functional.linear_cross_entropy``: same arguments, defaults and
    numbers, with the differences of `cross_entropy`. With ``options``, PyTorch's own chunked form
    computes it, and what Losskit adds is refused.

    Parameters
    ----------
    input : Tensor
        Features, (N, D) or (D,).
    linear_weight, linear_bias : Tensor
        Of the layer, (K, ..., D) and (K, ...).
    target : Tensor
        Class indices (N, ...) or probabilities (N, K, ...).
    weight, reduction, ignore_index, label_smoothing
        As for `cross_entropy`.
    options : LinearCrossEntropyOptions, optional
        How PyTorch cuts the batch into chunks, so that the logits are never held at once.
    sample_weight, mask, normalizer, validate
        As for every loss.

    Raises
    ------
    ValueError
        If ``options`` is given beside a mask, a sample weight, a normaliser or ``validate``, or
        the layer does not fit the input.
    """
    added = dict(zip(OPTIONS, (sample_weight, mask, normalizer, validate), strict=True))
    settings: dict[str, Any] = {
        "weight": weight,
        "reduction": reduction,
        "label_smoothing": label_smoothing,
    }
    if options is not None:
        given = [name for name, value in added.items() if value is not None]
        if given:
            raise ValueError(
                f"linear_cross_entropy: options= is PyTorch's chunked form, which takes no "
                f"{', '.join(given)}; leave options out"
            )
        return torch.nn.functional.linear_cross_entropy(
            input,
            linear_weight,
            target,
            linear_bias=linear_bias,
            ignore_index=ignore_index,
            options=options,
            **settings,
        )
    _check_layer(input, linear_weight, linear_bias)
    ignored = _IGNORED if ignore_index is None else ignore_index
    settings["ignore_index"] = ignored
    shape = linear_weight.shape[:-1]
    flat = None if linear_bias is None else linear_bias.reshape(-1)
    kept = _without_ignored(input, (*input.shape[:-1], *shape[1:]), target, ignored, mask)
    logits = torch.nn.functional.linear(kept, linear_weight.flatten(0, -2), flat)
    settings |= added | {"input": logits.reshape(*input.shape[:-1], *shape), "target": target}
    return evaluate(_CROSS_ENTROPY, settings)


def _check_layer(input: Any, weight: Any, bias: Any) -> None:
    """Refuse a layer that the features do not fit."""
    for name, value in (("input", input), ("linear_weight", weight), ("linear_bias", bias)):
        if not isinstance(value, Tensor) and (name != "linear_bias" or value is not None):
            kind = type(value).__name__
            raise TypeError(f"linear_cross_entropy: {name} must be a Tensor, got {kind}")
    found = tuple(weight.shape)
    if len(found) < 2:
        raise ValueError(
            f"linear_cross_entropy: linear_weight must be of shape (K, ..., D), got {found}"
        )
    if input.ndim not in (1, 2) or input.shape[-1] != found[-1]:
        raise ValueError(
            f"linear_cross_entropy: linear_weight has shape {found}, so input must be of shape "
            f"(N, {found[-1]}) or ({found[-1]},), got {tuple(input.shape)}"
        )
    if bias is not None and tuple(bias.shape) != found[:-1]:
        raise ValueError(
            f"linear_cross_entropy: linear_weight has shape {found}, so linear_bias must be of "
            f"shape {found[:-1]}, got {tuple(bias.shape)}"
        )


def _without_ignored(
    input: Tensor, positions: tuple[int, ...], target: Any, ignore_index: int, mask: Any
) -> Tensor:
    """Replace features that take no part by 0: in the layer, they would meet its gradient."""
    part = None
    # What does not fit is for the loss to refuse.
    if isinstance(target, Tensor) and tuple(target.shape) == positions:
        part = None if target.is_floating_point() else target != ignore_index
    if mask is not None:
        chosen = fit(_CROSS_ENTROPY.kind.__name__, "mask", mask, positions, input.device, xp) != 0
        part = chosen if part is None else part & chosen
    if part is None:
        return input
    rows = part.reshape(*input.shape[:-1], math.prod(positions[input.ndim - 1 :])).any(-1)
    concrete = not _ENGINE.traced(input, rows) and _ENGINE.at_hand(input, rows)
    # This copies the features.
    return input if concrete and bool(rows.all()) else torch.where(rows[..., None], input, 0.0)


_TWIN: Any = getattr(torch.nn, "LinearCrossEntropyLoss", torch.nn.Module)


class LinearCrossEntropyLoss(SummandModule, _TWIN):  # type: ignore[misc]
    """A linear layer and the cross-entropy of its output.

    Takes the place of ``torch.nn.LinearCrossEntropyLoss``, of which it is a subclass: same
    constructor, layer and ``state_dict``. See `linear_cross_entropy`.
    """

    num_classes: int
    out_features: tuple[int, ...]
    linear: torch.nn.Linear
    weight: Tensor | None
    reduction: str
    ignore_index: int | None
    label_smoothing: float
    options: Any

    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
        normalizer: Tensor | float | None = None,
        validate: bool | None = None,
    ) -> Tensor:
        """Compute the loss; the keywords are those of every loss."""
        shape = (self.num_classes, *self.out_features)
        bias = self.linear.bias
        return linear_cross_entropy(
            input,
            self.linear.weight.reshape(*shape, math.prod(self.linear.weight.shape[1:])),
            target,
            linear_bias=None if bias is None else bias.reshape(shape),
            weight=self.weight,
            reduction=self.reduction,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
            options=self.options,
            sample_weight=sample_weight,
            mask=mask,
            normalizer=normalizer,
            validate=validate,
        )
