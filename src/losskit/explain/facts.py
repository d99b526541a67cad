"""A loss as data: what ``--format json`` prints. The schemas are in docs/."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from losskit.core.cards import Argument, Role
from losskit.core.loss import Loss
from losskit.core.naming import function_name, module_name
from losskit.core.parameters import Parameter

__all__ = ["call", "entry", "explanation", "torch_call", "torch_module", "torch_names"]


def entry(kind: type[Loss]) -> dict[str, Any]:
    """Return what a list of losses says of one: docs/list-schema.json has the meaning of each."""
    card = kind.card
    return {
        "name": kind.__name__,
        "family": str(card.family),
        "title": card.title,
        "summary": card.summary,
        "aliases": list(card.aliases),
        "parameters": [
            _parameter(name, declared, getattr(kind, name))
            for name, declared in kind.parameters().items()
        ],
        "arguments": _arguments(card.arguments),
        "output_layer": card.output_layer,
        "outliers": str(card.outliers),
        "torch": [{"module": twin.module, "function": twin.function} for twin in card.torch],
    }


def explanation(loss: Loss) -> dict[str, Any]:
    """Return all that is known of a loss: docs/explain-schema.json has the meaning of each."""
    card = loss.card
    facts = entry(type(loss))
    for parameter in facts["parameters"]:
        parameter["value"] = _plain(getattr(loss, parameter["name"]))
    return facts | {
        "arguments": _arguments(loss.arguments),
        "spec": loss.spec(),
        "formula": card.formula,
        "gradient": card.gradient,
        "curvature": card.curvature,
        "use_when": list(card.use_when),
        "avoid_when": list(card.avoid_when),
        "pitfalls": list(card.pitfalls),
        "metrics": list(card.metrics),
        "equivalents": dict(card.equivalents),
        "sources": [
            {"authors": source.authors, "year": source.year, "title": source.title}
            for source in card.sources
        ],
        "code": {"numpy": call(loss), "torch": torch_call(loss)},
    }


def torch_names(kind: type[Loss]) -> tuple[tuple[str, str], ...]:
    """Return the names of the loss's modules and functions in ``losskit.torch``."""
    twins = tuple((twin.module, twin.function) for twin in kind.card.torch)
    own = module_name(kind.__name__)
    return twins or ((own, kind.card.function or function_name(own)),)


def call(loss: Loss) -> str:
    """Write a call of the loss on NumPy arrays."""
    settings = [f"{name}={_plain(value)!r}" for name, value in _settings(loss)]
    return f"losskit.{loss.name}({', '.join(settings)})({_names(loss.arguments)})"


def torch_call(loss: Loss) -> str:
    """Write a call of the loss's module on tensors."""
    return f"{torch_module(loss)}({_names(loss.arguments)})"


def torch_module(loss: Loss) -> str:
    """Write the loss's module with its settings."""
    renamed = loss.card.torch[0].settings if loss.card.torch else {}
    there = {own: name for name, own in renamed.items()}
    settings = [
        f"{there.get(name, name)}={_torch_literal(_plain(value), loss.parameters()[name])}"
        for name, value in _settings(loss)
    ]
    module, _ = torch_names(type(loss))[0]
    return f"losskit.torch.{module}({', '.join(settings)})"


def _names(arguments: Iterable[Argument]) -> str:
    return ", ".join(one.name for one in arguments if one.role is not Role.LEARNED)


def _settings(loss: Loss) -> list[tuple[str, Any]]:
    """Return the parameters that are not at their defaults."""
    default = type(loss)()
    named = [(name, getattr(loss, name)) for name in loss.parameters()]
    return [(name, value) for name, value in named if value != getattr(default, name)]


def _torch_literal(value: object, declared: Parameter) -> str:
    return f"torch.tensor({value!r})" if declared.kind == "array" else repr(value)


def _arguments(arguments: Iterable[Argument]) -> list[dict[str, Any]]:
    return [
        {
            "name": argument.name,
            "role": argument.role.name.lower(),
            "contracts": [
                {"name": contract.name, "title": contract.title} for contract in argument.contracts
            ],
            "per_row": argument.per_row,
            "start": argument.start,
        }
        for argument in arguments
    ]


def _parameter(name: str, declared: Parameter, default: object) -> dict[str, Any]:
    return {
        "name": name,
        "doc": declared.doc,
        "type": declared.kind,
        "default": _plain(default),
        "optional": declared.optional,
        "choices": list(declared.choices),
        "above": declared.above,
        "below": declared.below,
        "at_least": declared.at_least,
        "at_most": declared.at_most,
        "unit": declared.unit,
    }


def _plain(value: Any) -> Any:
    """Return a parameter's value as JSON has it; functions by their name."""
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if hasattr(value, "tolist"):
        return value.tolist()
    return str(getattr(value, "__qualname__", value))
