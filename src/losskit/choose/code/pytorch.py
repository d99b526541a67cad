"""A recommendation in PyTorch."""

from __future__ import annotations

from losskit.choose.code.plan import Plan
from losskit.choose.code.values import literal
from losskit.core import targets
from losskit.core.cards import Role
from losskit.core.classwise import Classwise
from losskit.core.contracts import (
    CLASS_INDICES,
    LABEL_SETS,
    LOG_MEANS,
    LOG_PROBABILITIES,
    LOGITS,
    PROBABILITIES,
    SIGNS,
)
from losskit.core.uses import Presentation
from losskit.explain import torch_call, torch_module

__all__ = ["pytorch"]

IMPORTS = "import torch\nimport losskit.torch\n"
TABLES = (*targets.NUMBERS, targets.BINARY, targets.CLASSES, targets.ORDINAL)


def pytorch(plan: Plan) -> str:
    """Write the output layer, the target as the loss takes it, the loss and the prediction.

    ``hidden`` stands for what the network gives to its output layer, ``target`` for the target as
    it is in the data, ``labels`` for a list of text labels.
    """
    body = _BODIES.get(plan.kind.name)
    if plan.kind in TABLES:
        lines = _table(plan)
    elif body is not None:
        lines = body(plan)
    else:
        lines = [f"loss = {torch_call(plan.loss)}"]
    return IMPORTS + "\n" + "\n".join(lines) + "\n"


def _table(plan: Plan) -> list[str]:
    """One output, or one per class, for each example."""
    loss = plan.loss
    if plan.presentation is Presentation.THRESHOLDS:
        return _thresholds(plan)
    units: int | str = 1
    if isinstance(loss, Classwise):
        units = len(plan.coding.classes) or ("K" if plan.kind is not targets.BINARY else 2)
    heads = [one for one in loss.arguments if one.role is Role.OUTPUT]
    several = len(heads) > 1
    lines = _unknown(plan) + _head(plan, len(heads) if several else units)
    lines += _target(plan)
    lines += [f"criterion = {torch_module(loss)}", "output = head(hidden)"]
    if several:
        # A mean and a variance: the second unit is made positive.
        lines += [
            "output, variance = output[:, 0], torch.nn.functional.softplus(output[:, 1])",
            f"loss = criterion(output, {_presented(plan)}, variance)",
        ]
    else:
        if units == 1:
            lines[-1] = "output = head(hidden).squeeze(-1)"
        lines += [f"loss = criterion({_shown(loss.card.input)}, {_presented(plan)})"]
    return [*lines, "", f"prediction = {_prediction(plan)}"]


def _unknown(plan: Plan) -> list[str]:
    """Count the classes in the code where they are not known."""
    counted = plan.kind in (targets.CLASSES, targets.ORDINAL) and not plan.coding.classes
    return ["K = int(target.max()) + 1  # number of classes"] if counted else []


def _head(plan: Plan, units: int | str) -> list[str]:
    lines = [
        f"head = torch.nn.Linear(hidden.shape[-1], {units})  # hidden: the last layer's output, "
        "(N, D)"
    ]
    return lines + _bias(plan, units, "head")


def _bias(plan: Plan, units: int | str, name: str) -> list[str]:
    bias = plan.bias
    if isinstance(bias, float) and units == 1:
        return [f"torch.nn.init.constant_({name}.bias, {bias!r})"]
    if isinstance(bias, float):
        return [f"torch.nn.init.constant_({name}.bias[:1], {bias!r})"]
    if bias is None or len(bias) != units:
        return []
    return [f"with torch.no_grad():\n    {name}.bias.copy_(torch.tensor({literal(bias)}))"]


def _target(plan: Plan) -> list[str]:
    """Turn the data's values into numbers."""
    classes, kind = plan.coding.classes, plan.kind
    if kind is targets.BINARY:
        positive = plan.coding.positive
        if plan.text:
            return [f"target = torch.tensor([label == {positive!r} for label in labels]).float()"]
        if not classes or classes == (0.0, 1.0) or positive is True:
            return ["target = target.float()"]
        return [f"target = (target == {literal(positive)}).float()"]
    if kind in (targets.CLASSES, targets.ORDINAL):
        if plan.text:
            return [
                f"classes = {literal(list(classes))}",
                "target = torch.tensor([classes.index(label) for label in labels])",
            ]
        if plan.width > 1:
            return ["target = target.argmax(dim=1)"]
        if all(isinstance(one, int) for one in classes):
            return ["target = target.long()"]
        return [
            f"classes = torch.tensor({literal(list(classes))})",
            "target = torch.searchsorted(classes, target.to(classes.dtype))",
        ]
    lines = ["target = target.float()"]
    if plan.coding.scale != 1:
        lines = [f"target = target.float() / {plan.coding.scale:g}"]
    if plan.applied is not None:
        lines.append(f"learnt = {plan.applied.code('torch')[0]}")
    return lines


def _presented(plan: Plan) -> str:
    wanted = plan.loss.card.targets
    if plan.applied is not None:
        return "learnt"
    if plan.kind in (targets.CLASSES, targets.ORDINAL):
        return "target" if CLASS_INDICES in wanted else "target.float()"
    if plan.kind is targets.BINARY and CLASS_INDICES in wanted:
        return "target.long()"
    return "2 * target - 1" if SIGNS in wanted else "target"


def _shown(contract: object) -> str:
    if contract == PROBABILITIES:
        return "torch.sigmoid(output)"
    return "output.log_softmax(dim=1)" if contract == LOG_PROBABILITIES else "output"


def _prediction(plan: Plan) -> str:
    contract = plan.loss.card.input
    if plan.applied is not None:
        return plan.applied.code("torch")[1]
    if isinstance(plan.loss, Classwise):
        return "output.argmax(dim=1)  # number of the class"
    if contract == LOG_MEANS:
        return "torch.exp(output)"
    if contract in (LOGITS, PROBABILITIES):
        scale = f"{plan.coding.scale:g} * " if plan.coding.scale != 1 else ""
        return f"{scale}torch.sigmoid(output)"
    if plan.kind is targets.ORDINAL:
        return "output.round().clamp(0, len(classes) - 1)" if plan.text else "output.round()"
    if plan.kind is targets.BINARY:
        return "output > 0"
    return f"{plan.coding.scale:g} * output" if plan.coding.scale != 1 else "output"


def _thresholds(plan: Plan) -> list[str]:
    steps = len(plan.coding.classes) - 1 if plan.coding.classes else "K - 1"
    return [
        *_unknown(plan),
        *_head(plan, steps),
        *_target(plan),
        f"above = (target[:, None] > torch.arange({steps})).float()  # (N, {steps})",
        f"criterion = {torch_module(plan.loss)}",
        "output = head(hidden)",
        "loss = criterion(output, above)",
        "",
        "prediction = (output > 0).sum(dim=1)  # number of the step",
    ]


def _labels(plan: Plan) -> list[str]:
    """One logit for each label."""
    many: int | str = len(plan.coding.classes) or "target.shape[1]"
    wanted = plan.loss.card.targets
    lines = _head(plan, many)
    if plan.text:
        lines += [
            f"names = {literal(list(plan.coding.classes))}",
            f"sets = [[part.strip() for part in cell.split({_separator(plan)!r})] for cell in "
            "labels]",
            "target = torch.tensor([[name in one for name in names] for one in sets])",
        ]
    lines += ["target = target.float()"]
    presented = "target"
    if LABEL_SETS in wanted:
        lines += [
            "order = target.argsort(dim=1, descending=True)  # the labels of each row first",
            "sets = torch.where(target.gather(1, order) > 0, order, -1)",
        ]
        presented = "sets"
    shown = _shown(plan.loss.card.input)
    return [
        *lines,
        f"criterion = {torch_module(plan.loss)}",
        "output = head(hidden)",
        f"loss = criterion({shown}, {presented})",
        "",
        "prediction = torch.sigmoid(output)  # one probability per label; tune a threshold for "
        "each",
    ]


def _separator(plan: Plan) -> str:
    return plan.coding.text.split("'")[1] if "'" in plan.coding.text else "|"


def _distribution(plan: Plan) -> list[str]:
    scale = f" / {plan.coding.scale:g}" if plan.coding.scale != 1 else ""
    return [
        *_head(plan, plan.width if plan.width > 1 else "target.shape[1]"),
        f"target = target.float(){scale}",
        "target = target / target.sum(dim=1, keepdim=True)  # without their rounding",
        f"criterion = {torch_module(plan.loss)}",
        "output = head(hidden)",
        f"loss = criterion({_shown(plan.loss.card.input)}, target)",
        "",
        "prediction = output.softmax(dim=1)",
    ]


def _tokens(plan: Plan) -> list[str]:
    units = len(plan.coding.classes) or "int(target.max()) + 1"
    shown = "output.log_softmax(dim=1)" if plan.loss.card.input == LOG_PROBABILITIES else "output"
    return [
        f"head = torch.nn.Linear(hidden.shape[-1], {units})  # hidden: (N, T, D)",
        f"criterion = {torch_module(plan.loss)}",
        "output = head(hidden).movedim(-1, 1)  # (N, V, T): the class axis is axis 1",
        f"loss = criterion({shown}, target.long())",
    ]


def _pixels(plan: Plan) -> list[str]:
    classes = len(plan.coding.classes) or "int(target.max()) + 1"
    return [
        f"head = torch.nn.Conv2d(hidden.shape[1], {classes}, 1)  # hidden: (N, D, H, W)",
        *_bias(plan, len(plan.coding.classes), "head"),
        f"criterion = {torch_module(plan.loss)}",
        "output = head(hidden)",
        "loss = criterion(output, target.long())",
        "",
        "prediction = output.argmax(dim=1)",
    ]


def _mask(plan: Plan) -> list[str]:
    classes = plan.coding.classes
    coded = "target.float()"
    if classes and classes != (0.0, 1.0):
        coded = f"(target == {literal(plan.coding.positive)}).float()"
    return [
        "head = torch.nn.Conv2d(hidden.shape[1], 1, 1)  # hidden: (N, D, H, W)",
        *_bias(plan, 1, "head"),
        f"criterion = {torch_module(plan.loss)}",
        "output = head(hidden).squeeze(1)",
        f"loss = criterion({_shown(plan.loss.card.input)}, {coded})",
        "",
        "prediction = torch.sigmoid(output)",
    ]


def _width(plan: Plan) -> int | str:
    return plan.width if plan.width > 1 else "target[0].numel()"


def _several(plan: Plan) -> list[str]:
    return [
        f"head = torch.nn.Linear(hidden.shape[-1], {_width(plan)})  # hidden: (N, D)",
        "target = target.float().flatten(start_dim=1)",
        "mean, scale = target.mean(dim=0), target.std(dim=0)  # of the training rows",
        f"criterion = {torch_module(plan.loss)}",
        "output = head(hidden)",
        "loss = criterion(output, (target - mean) / scale)",
        "",
        "prediction = output * scale + mean",
    ]


def _duration(plan: Plan) -> list[str]:
    if plan.presentation is Presentation.EXPOSURE:
        return [
            "head = torch.nn.Linear(hidden.shape[-1], 1)  # hidden: (N, D)",
            f"criterion = {torch_module(plan.loss)}",
            "output = head(hidden).squeeze(-1)  # the logarithm of events per unit of time",
            "loss = criterion(output + torch.log(time), event.float())",
            "",
            "survival = torch.exp(-torch.exp(output) * time)",
        ]
    return [
        "edges = torch.quantile(time[event.bool()], torch.linspace(0, 1, 11)[1:-1]).unique()",
        "intervals = len(edges) + 1",
        "head = torch.nn.Linear(hidden.shape[-1], intervals)  # hidden: (N, D)",
        "last = torch.searchsorted(edges, time)  # the interval in which a row ends",
        "steps = torch.arange(intervals)",
        "ended = ((steps == last[:, None]) & event.bool()[:, None]).float()",
        "begun = steps <= last[:, None]",
        f"criterion = {torch_module(plan.loss)}",
        "output = head(hidden)",
        "loss = criterion(output, ended, mask=begun)",
        "",
        "survival = (1 - torch.sigmoid(output)).cumprod(dim=1)",
    ]


def _relevance(plan: Plan) -> list[str]:
    if plan.presentation is Presentation.PAIRS_OF_LIST:
        return [
            "head = torch.nn.Linear(hidden.shape[-1], 1)  # hidden: the items of one group, (L, D)",
            "better, worse = torch.nonzero(target[:, None] > target[None, :], as_tuple=True)",
            f"criterion = {torch_module(plan.loss)}",
            "score = head(hidden).squeeze(-1)",
            "loss = criterion(score[better], score[worse], torch.ones(len(better)))",
        ]
    return [
        "head = torch.nn.Linear(hidden.shape[-1], 1)  # hidden: (groups, items, D), padded",
        f"criterion = {torch_module(plan.loss)}",
        "score = head(hidden).squeeze(-1)",
        "loss = criterion(score, target.float())  # grades, with -1 where a group has no more "
        "items",
    ]


def _mined(plan: Plan) -> list[str]:
    if plan.presentation is not Presentation.MINED:
        return [f"loss = {torch_call(plan.loss)}"]
    return [
        "from losskit import mining",
        "",
        "mined = mining.semi_hard(embedding, target)",
        f"criterion = {torch_module(plan.loss)}",
        "loss = criterion(",
        "    embedding[mined.anchor], embedding[mined.positive], embedding[mined.negative]",
        ")",
    ]


_BODIES = {
    "multi-label": _labels,
    "distribution": _distribution,
    "tokens": _tokens,
    "pixels": _pixels,
    "mask": _mask,
    "several": _several,
    "duration": _duration,
    "relevance": _relevance,
    "identities": _mined,
}
