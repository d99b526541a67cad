"""Modules of the losses, with the names, constructors and buffers of ``torch.nn``."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

import torch
from torch import Tensor

from losskit.core.loss import Loss
from losskit.core.parameters import parameters_of
from losskit.torch.faces import OPTIONS, build, documentation, evaluate, module_name, signature_of

__all__ = ["LossModule", "module_for", "module_signature"]

_DEPRECATED = frozenset({"size_average", "reduce"})


class LossModule(torch.nn.Module):
    """A loss as a module.

    Where ``torch.nn`` has the loss, the module is a subclass of its twin, so that constructor,
    buffers, ``state_dict`` and ``isinstance`` are the twin's own.
    """

    kind: ClassVar[type[Loss]]
    settings: ClassVar[tuple[str, ...]]
    reduction: str

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
        """Compute the loss.

        Parameters
        ----------
        input, target : Tensor
            As for the twin in ``torch.nn``; never broadcast.
        sample_weight : Tensor, optional
            One weight per loss value, counted in the mean.
        mask : Tensor of bool, optional
            Which positions take part.
        normalizer : number or Tensor, optional
            What the mean divides by, such as a global token count.
        validate : bool, optional
            Check values; by default where that is free.
        """
        given = {name: getattr(self, name) for name in self.settings}
        given["sample_weight"] = sample_weight
        given["mask"] = mask
        given["normalizer"] = normalizer
        given["validate"] = validate
        return evaluate(self.kind, input, target, given)

    def extra_repr(self) -> str:
        """Settings that differ from the defaults."""
        defaults = module_signature(self.kind).parameters
        shown = []
        for name in self.settings:
            value = getattr(self, name)
            if isinstance(value, Tensor):
                shown.append(f"{name}=<{tuple(value.shape)}>")
            elif value != defaults[name].default:
                shown.append(f"{name}={value!r}")
        return ", ".join(shown)


def module_signature(kind: type[Loss]) -> inspect.Signature:
    """Return the constructor's signature: the twin's, then keyword-only what Losskit adds."""
    functional = signature_of(kind).parameters
    arguments = [
        functional[name] for name in functional if name not in {"input", "target", *OPTIONS}
    ]
    if kind.card.torch is None:
        return inspect.Signature(arguments)
    twin = inspect.signature(getattr(torch.nn, module_name(kind)))
    added = [
        argument
        for argument in arguments
        if argument.kind is argument.KEYWORD_ONLY and argument.name not in twin.parameters
    ]
    return inspect.Signature([*twin.parameters.values(), *added])


def module_for(kind: type[Loss]) -> type[LossModule]:
    """Make the module of a loss."""
    name = module_name(kind)
    twin = getattr(torch.nn, name) if kind.card.torch is not None else None
    signature = module_signature(kind)
    of_twin = inspect.signature(twin).parameters if twin is not None else {}
    declared = parameters_of(kind)

    def initialise(self: LossModule, *args: Any, **options: Any) -> None:
        bound = signature.bind(*args, **options)
        bound.apply_defaults()
        given = bound.arguments
        if twin is None:
            torch.nn.Module.__init__(self)
        else:
            twin.__init__(self, **{key: given.pop(key) for key in of_twin})
        for key, value in given.items():
            if key in declared and declared[key].kind == "array":
                self.register_buffer(key, None if value is None else torch.as_tensor(value))
            else:
                setattr(self, key, value)
        # A wrong parameter is refused here, not at the first batch.
        build(kind, {key: getattr(self, key) for key in self.settings})

    body = {
        "__init__": initialise,
        "__module__": "losskit.torch",
        "__doc__": documentation(kind, "torch.nn", name),
        "__signature__": signature,
        "kind": kind,
        "settings": tuple(key for key in signature.parameters if key not in _DEPRECATED),
    }
    return type(name, (LossModule,) if twin is None else (LossModule, twin), body)
