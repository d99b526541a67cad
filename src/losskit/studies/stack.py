"""Many small networks of one shape, trained side by side as one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

__all__ = ["Stack"]


class Stack(nn.Module):
    """Multilayer perceptrons, one for each run: a matrix product moves all of them.

    A training of small networks is ruled by what a call costs, so that twenty at once take
    hardly longer than one.

    Parameters
    ----------
    sizes
        Inputs, hidden layers and outputs.
    seeds
        One for each network; equal seeds mean equal weights.
    activation
        Between the layers.
    deviation
        Of normally distributed initial weights, with biases of 0; by default PyTorch's own
        uniform ones.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        seeds: Sequence[int],
        activation: Callable[[Tensor], Tensor] = torch.relu,
        deviation: float | None = None,
    ) -> None:
        super().__init__()
        self.activation = activation
        drawn = {seed: _draw(sizes, seed, deviation) for seed in set(seeds)}
        layers = len(sizes) - 1
        self.weights = nn.ParameterList(
            torch.stack([drawn[seed][layer][0] for seed in seeds]) for layer in range(layers)
        )
        self.biases = nn.ParameterList(
            torch.stack([drawn[seed][layer][1] for seed in seeds]) for layer in range(layers)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map inputs (runs, rows, inputs) to outputs (runs, rows), or (runs, rows, outputs)."""
        last = len(self.weights) - 1
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.baddbmm(bias, x, weight)
            if layer < last:
                x = self.activation(x)
        return x.squeeze(-1) if x.shape[-1] == 1 else x

    def norms(self) -> Tensor:
        """Return the norm of the gradient in each layer and run, (layers, runs)."""
        norms = [
            torch.linalg.vector_norm(_gradient(one), dim=(1, 2))
            for pair in zip(self.weights, self.biases, strict=True)
            for one in pair
        ]
        return torch.hypot(torch.stack(norms[::2]), torch.stack(norms[1::2]))

    def one(self, run: int) -> nn.Sequential:
        """Return one of the networks as PyTorch's own layers, a row of weights for each unit."""
        layers: list[nn.Module] = []
        for weight, bias in zip(self.weights, self.biases, strict=True):
            # Made without memory, so that no initial weights are drawn.
            layer = nn.Linear(weight.shape[1], weight.shape[2], device="meta")
            layer.weight = nn.Parameter(weight[run].detach().T.clone())
            layer.bias = nn.Parameter(bias[run, 0].detach().clone())
            layers += [layer, _Activation(self.activation)]
        return nn.Sequential(*layers[:-1])


class _Activation(nn.Module):
    """A function between layers."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def _gradient(weight: Tensor) -> Tensor:
    return torch.zeros_like(weight) if weight.grad is None else weight.grad


def _draw(sizes: Sequence[int], seed: int, deviation: float | None) -> list[tuple[Tensor, Tensor]]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers: list[tuple[Tensor, Tensor]] = []
        for inputs, outputs in itertools.pairwise(sizes):
            layer = nn.Linear(inputs, outputs)
            if deviation is None:
                weight, bias = layer.weight.detach().T, layer.bias.detach()
            else:
                weight, bias = deviation * torch.randn(inputs, outputs), torch.zeros(outputs)
            layers.append((weight, bias[None, :]))
        return layers
