"""The network that every loss trains."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

__all__ = ["HIDDEN", "Network", "build", "seeded"]

HIDDEN = (64, 64)


class Network(nn.Sequential):
    """A multilayer perceptron; with a single output its axis is left out."""

    def __init__(self, inputs: int, outputs: int) -> None:
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise((inputs, *HIDDEN)):
            layers += [nn.Linear(before, after), nn.ReLU()]
        layers.append(nn.Linear(HIDDEN[-1], outputs))
        if outputs == 1:
            layers.append(nn.Flatten(start_dim=0))
        super().__init__(*layers)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Let what is drawn within depend on the seed only, and leave no trace of it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def build(inputs: int, outputs: int, seed: int) -> dict[str, Tensor]:
    """Draw initial weights; the same for the same seed, whatever was drawn before."""
    with seeded(seed):
        return Network(inputs, outputs).state_dict()
