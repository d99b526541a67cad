"""What a study compares: losses from the catalogue, and how a network's output meets them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from losskit.core.loss import Loss
from losskit.core.spec import parse_loss
from losskit.explain.picture import picture
from losskit.losses import CATALOGUE
from losskit.studies.record import short
from losskit.studies.results import ArmInfo, Shape

__all__ = ["Arm", "loss_named"]


def loss_named(spec: str) -> Loss:
    """Build a loss from its name and parameters, as on the command line."""
    parsed = parse_loss(spec, CATALOGUE)
    return parsed.kind(**parsed.parameters)


_THROUGH: dict[str, Callable[[Tensor], Tensor]] = {
    "": lambda output: output,
    "sigmoid": torch.sigmoid,
    "softmax": lambda output: output.softmax(dim=-1),
}


@dataclass(frozen=True)
class Arm:
    """One of the things that are compared.

    Parameters
    ----------
    label
        Identifier.
    title
        What it is called in a sentence.
    spec
        Its loss, as the command line reads it; it has to be in the catalogue.
    text
        How the loss is used.
    through
        What the network's output goes through first.
    drawn
        What the curves of its loss show: the loss of an error, of the logit of the true class,
        or the sample of ``losskit explain``.
    classes
        Outputs of the network, where the curve is that of one of several logits.
    """

    label: str
    title: str
    spec: str
    text: str
    through: Literal["", "sigmoid", "softmax"] = ""
    drawn: Literal["error", "logit", "sample", ""] = "logit"
    classes: int = 1

    @cached_property
    def loss(self) -> Loss:
        """The loss itself."""
        return loss_named(self.spec)

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        """Compute the loss of every row, (seeds, rows), from (seeds, rows[, classes])."""
        given = _THROUGH[self.through](output)
        each: Tensor = self.loss(given.flatten(0, 1), target.flatten(0, 1), reduction="none")
        rows = each.reshape(*output.shape[:2], -1)
        return rows.sum(dim=-1) if rows.shape[-1] > 1 else rows[..., 0]

    def info(self) -> ArmInfo:
        """Describe it."""
        return ArmInfo(label=self.label, title=self.title, loss=self.spec, text=self.text)

    def shape(self) -> Shape | None:
        """Follow the loss and its gradient while one number moves."""
        if not self.drawn:
            return None
        if self.drawn == "sample":
            shown = picture(self.loss)
            curve = shown.curves[0]
            every = slice(None, None, 5)
            return Shape(
                arm=self.label,
                along=f"one coordinate of an embedding, {self.title}",
                x=list(short(shown.x[every])),
                value=list(short(curve.value[every])),
                gradient=list(short(curve.gradient[every])),
            )
        reach = 3.0 if self.drawn == "error" else 8.0
        moved = torch.linspace(-reach, reach, 129, dtype=torch.float64, requires_grad=True)
        if self.classes > 1:
            output = torch.nn.functional.pad(moved[:, None], (0, self.classes - 1))
            target = torch.zeros(len(moved), dtype=torch.int64)
        else:
            output = moved
            target = torch.full_like(moved, 0.0 if self.drawn == "error" else 1.0).detach()
        value = self(output[None], target[None])[0]
        (gradient,) = torch.autograd.grad(value.sum(), moved)
        return Shape(
            arm=self.label,
            along="error of the prediction" if self.drawn == "error" else "logit of the true class",
            x=list(short(moved.tolist())),
            value=list(short(value.tolist())),
            gradient=list(short(gradient.tolist())),
        )
