"""How strongly a loss pulls on each layer of a model."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["GradientNorms", "gradient_norms"]


def gradient_norms(model: nn.Module, *, per: str = "layer") -> dict[str, float]:
    """Return the Euclidean norm of the gradient in each layer, after ``backward``.

    Nothing is registered on the model: what is read is the ``grad`` of its parameters, so that
    it can be called whenever one wants to know, at the price of one transfer from the device.
    Half precision is summed in float32. A parameter that several layers share counts in the first.

    Parameters
    ----------
    model : torch.nn.Module
        After ``loss.backward()``, and before the gradients are cleared.
    per : {"layer", "parameter"}, default "layer"
        A layer is a module with parameters of its own; its norm is that of all of them together.

    Returns
    -------
    dict of str to float
        By the layer's name in ``model.named_modules()`` ("" is the model itself), or by the
        parameter's in ``model.named_parameters()``; in the model's order. What has no gradient
        (frozen, or not reached by the loss) is left out, so that a norm of 0 means a gradient
        of 0.

    Raises
    ------
    ValueError
        If no parameter has a gradient, or ``per`` is neither of the two.
    TypeError
        If the model is no module.

    Examples
    --------
    >>> import torch, losskit.torch
    >>> model = torch.nn.Linear(1, 1)
    >>> (3.0 * model(torch.tensor([[4.0 / 3.0]]))).sum().backward()
    >>> losskit.torch.gradient_norms(model)  # 3 · 4/3 for the weight, 3 for the bias
    {'': 5.0}
    """
    if per not in ("layer", "parameter"):
        raise ValueError(f"gradient_norms: per must be 'layer' or 'parameter', got {per!r}")
    if not isinstance(model, nn.Module):
        raise TypeError(f"gradient_norms: model must be a torch.nn.Module, got {model!r}")
    names: list[str] = []
    squares: list[Tensor] = []
    for name, weight in model.named_parameters():
        if weight.grad is not None:
            names.append(name if per == "parameter" else name.rpartition(".")[0])
            squares.append(_square(weight.grad.detach()))
    if not squares:
        raise ValueError(
            "gradient_norms: no parameter has a gradient; call it after loss.backward() and "
            "before optimizer.zero_grad()"
        )
    device = squares[0].device
    # One transfer for all, and sums in double precision, which no square overflows.
    found = torch.stack([square.to(device) for square in squares]).tolist()
    sums: dict[str, float] = {}
    for name, square in zip(names, found, strict=True):
        sums[name] = sums.get(name, 0.0) + square
    return {name: total**0.5 for name, total in sums.items()}


def _square(gradient: Tensor) -> Tensor:
    if gradient.is_sparse:
        gradient = gradient.coalesce().values()
    # Apple's and some other devices have no double precision.
    wide = torch.float64 if gradient.device.type in ("cpu", "cuda") else torch.float32
    dtype = torch.promote_types(gradient.dtype, wide)
    norm: Tensor = torch.linalg.vector_norm(gradient, dtype=dtype).real
    return norm**2


class GradientNorms:
    """Mean norms by epoch: what `gradient_norms` says, gathered over a training.

    Parameters
    ----------
    model : torch.nn.Module
        The model that is trained.
    per : {"layer", "parameter"}, default "layer"
        As for `gradient_norms`.

    Attributes
    ----------
    epochs : list of dict of str to float
        For each epoch that was ended, the mean over its steps.

    Examples
    --------
    >>> import torch, losskit.torch
    >>> model = torch.nn.Linear(1, 1, bias=False)
    >>> norms = losskit.torch.GradientNorms(model)
    >>> for x in (1.0, 3.0):
    ...     model.zero_grad()
    ...     model(torch.tensor([[x]])).sum().backward()
    ...     _ = norms.step()
    >>> norms.end_epoch()
    {'': 2.0}
    """

    def __init__(self, model: nn.Module, *, per: str = "layer") -> None:
        self.model = model
        self.per = per
        self.epochs: list[dict[str, float]] = []
        self._sums: dict[str, tuple[float, int]] = {}

    def step(self) -> dict[str, float]:
        """Take the norms after a step's ``backward``, and return them."""
        norms = gradient_norms(self.model, per=self.per)
        for name, norm in norms.items():
            total, steps = self._sums.get(name, (0.0, 0))
            self._sums[name] = total + norm, steps + 1
        return norms

    def end_epoch(self) -> dict[str, float]:
        """End an epoch: return its means, and keep them in ``epochs``.

        Raises
        ------
        ValueError
            If there was no step since the last epoch's end.
        """
        if not self._sums:
            raise ValueError("GradientNorms: this epoch had no step; call step() after backward()")
        means = {name: total / steps for name, (total, steps) in self._sums.items()}
        self._sums = {}
        self.epochs.append(means)
        return means
