"""A PyTorch program that trains with a loss, in the way in which it was compared."""

from __future__ import annotations

from typing import Any

import numpy as np

from losskit.compare.fit import Recipe, Start
from losskit.compare.network import HIDDEN
from losskit.compare.own import size_of
from losskit.compare.pairing import Pairing
from losskit.compare.results import Learnt
from losskit.core.loss import Loss

__all__ = ["learnt", "program"]

_MODULE_NAMES = {"class_weight": "weight"}
"""Parameters that have another name in torch.nn, and so in losskit.torch."""


def learnt(loss: Loss, pairing: Pairing) -> Learnt:
    """Write down how the loss is made and what it is given."""
    twin = next(iter(loss.card.torch), None)
    default = type(loss)()
    arguments: list[str] = []
    for name, declared in loss.parameters().items():
        value = getattr(loss, name)
        if not _equal(value, getattr(default, name)):
            shown = _MODULE_NAMES.get(name, name) if twin else name
            arguments.append(f"{shown}={_literal(value, declared.kind == 'array')}")
    maker = f"losskit.torch.{twin.module}" if twin else f"losskit.{loss.name}"
    return Learnt(
        module=f"{maker}({', '.join(arguments)})",
        input=pairing.shown_input.code,
        target=pairing.target_code,
    )


def _equal(one: object, other: object) -> bool:
    if one is None or other is None:
        return one is other
    return bool(np.array_equal(np.asarray(one), np.asarray(other)))


def _literal(value: Any, array: bool) -> str:
    if array:
        rounded = [float(f"{number:.4g}") for number in np.asarray(value).reshape(-1)]
        return f"torch.tensor({rounded})"
    return f"{value:.6g}" if isinstance(value, float) else repr(value)


def program(code: Learnt, begin: Start, recipe: Recipe, *, centred: bool) -> str:
    """Write a program that runs as it is, with random rows where the user's own go."""
    layers = _layers(begin)
    if begin.outputs == 1:
        layers.append("    torch.nn.Flatten(start_dim=0),")
    if begin.classes:
        target = [f"target = torch.randint({begin.classes}, (256,))  # your class numbers"]
        after = []
        if "classes" in code.target:
            target.insert(0, f"classes = {begin.classes}")
    elif not centred:
        target = [
            f"mean = {begin.level:.6g}  # of the training targets",
            "target = mean * torch.empty(256).exponential_()  # your targets",
            "target = target / mean",
        ]
        after = ["prediction = model(features).exp() * mean  # in the target's own unit"]
    else:
        target = [
            f"mean, scale = {begin.mean:.6g}, {begin.scale:.6g}  # of the training targets",
            "target = mean + scale * torch.randn(256)  # your targets",
            "target = (target - mean) / scale",
        ]
        after = ["prediction = model(features) * scale + mean  # in the target's own unit"]
    loss_import = "import losskit.torch" if "losskit.torch" in code.module else "import losskit"
    return "\n".join(
        [
            loss_import,
            "import torch",
            *([begin.make.code] if begin.make else []),
            "",
            "model = torch.nn.Sequential(",
            *layers,
            ")",
            f"loss_function = {code.module}",
            f"optimiser = torch.optim.Adam(model.parameters(), lr={recipe.learning_rate:g})",
            "",
            f"features = {_features(begin)}",
            *target,
            "",
            "for epoch in range(10):",
            f"    for rows in torch.randperm(256).split({recipe.batch_size}):",
            "        output = model(features[rows])",
            f"        loss = loss_function({code.input}, {_of_rows(code.target)})",
            "        optimiser.zero_grad()",
            "        loss.backward()",
            "        optimiser.step()",
            *(["", *after] if after else []),
            "",
        ]
    )


def _layers(begin: Start) -> list[str]:
    """Write the layers of the network, or the call that builds one's own."""
    if begin.make is not None:
        return [f"    {begin.make.call(size_of(begin.train.features), begin.outputs)},"]
    layers = []
    before = begin.inputs
    for size in HIDDEN:
        layers += [f"    torch.nn.Linear({before}, {size}),", "    torch.nn.ReLU(),"]
        before = size
    return [*layers, f"    torch.nn.Linear({before}, {begin.outputs}),"]


def _features(begin: Start) -> str:
    """Write random rows like those that were learnt from."""
    rows = begin.train.features
    shape = ", ".join(map(str, (256, *rows.shape[1:])))
    if rows.is_floating_point():
        said = "standardised" if begin.make is None else "as the model takes them"
        return f"torch.randn({shape})  # your rows, {said}"
    return f"torch.randint({int(rows.max()) + 1}, ({shape},))  # your rows"


def _of_rows(expression: str) -> str:
    return expression.replace("target", "target[rows]")
