"""Cross-entropy of a linear layer's output, as ``torch.nn`` has it from version 2.13 on."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from losskit.losses import CATALOGUE
from losskit.torch.faces import OPTIONS, evaluate, faces_of

__all__ = ["LinearCrossEntropyLoss", "linear_cross_entropy"]

(_CROSS_ENTROPY,) = (
    face
    for kind in CATALOGUE.values()
    for face in faces_of(kind)
    if face.function == "cross_entropy"
)


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
        If ``options`` is given beside a mask, a sample weight, a normaliser or ``validate``.
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
    shape = linear_weight.shape[:-1]
    flat = None if linear_bias is None else linear_bias.reshape(-1)
    logits = torch.nn.functional.linear(input, linear_weight.flatten(0, -2), flat)
    if ignore_index is not None:
        settings["ignore_index"] = ignore_index
    settings |= added | {"input": logits.reshape(*input.shape[:-1], *shape), "target": target}
    return evaluate(_CROSS_ENTROPY, settings)


class LinearCrossEntropyLoss(getattr(torch.nn, "LinearCrossEntropyLoss", torch.nn.Module)):  # type: ignore[misc]
    """A linear layer and the cross-entropy of its output.

    Takes the place of ``torch.nn.LinearCrossEntropyLoss``, of which it is a subclass: same
    constructor, layer and ``state_dict``. See `linear_cross_entropy`.
    """

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
