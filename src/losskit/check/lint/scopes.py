"""Scopes: what a name stands for, from the running function outwards to Python's own names."""

from __future__ import annotations

from losskit.check.lint.choices import Choice
from losskit.check.lint.definitions import Deferred, Frame, Pending
from losskit.check.lint.imports import by_star, forced
from losskit.check.lint.machine import Machine
from losskit.check.lint.values import Library, Unknown, Value

__all__ = ["lookup"]

_BUILTINS = frozenset(
    [
        "super",
        "range",
        "len",
        "zip",
        "enumerate",
        "list",
        "tuple",
        "dict",
        "set",
        "getattr",
        "setattr",
        "hasattr",
        "isinstance",
        "print",
        "map",
        "filter",
        "sum",
        "max",
        "min",
        "abs",
        "int",
        "float",
        "str",
        "bool",
        "reversed",
        "sorted",
        "type",
        "iter",
        "next",
        "property",
        "staticmethod",
        "classmethod",
        "object",
        "vars",
        "any",
        "all",
        "round",
        "callable",
        "eval",
        "locals",
        "globals",
    ]
)


_USUAL = {
    "torch": "torch",
    "nn": "torch.nn",
    "F": "torch.nn.functional",
    "np": "numpy",
    "tf": "tensorflow",
    "keras": "keras",
    "jax": "jax",
    "jnp": "jax.numpy",
    "optax": "optax",
}
"""What names stand for that are bound nowhere, as in a cell that was pasted into a file."""


def lookup(machine: Machine, frame: Frame, name: str) -> Value:
    """Return what a name stands for."""
    scope: Frame | None = frame
    module = frame
    while scope is not None:
        found = scope.data.get(name)
        if found is not None:
            if isinstance(found, (Pending, Deferred, Choice)):
                found = scope.data[name] = forced(machine, found, name)
            return found
        module, scope = scope, scope.outer
    if name in _BUILTINS:
        return Library(f"builtins.{name}")
    brought = by_star(machine, module, name)
    if brought is not None:
        return brought
    usual = _USUAL.get(name)
    return Unknown(name) if usual is None else Library(usual)
