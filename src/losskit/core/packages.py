"""Packages that are functions as well, such as ``losskit.choose``."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

__all__ = ["make_callable"]


def make_callable(package: str, home: str) -> None:
    """Let a call of a package be one of the function that has its name.

    Parameters
    ----------
    package : str
        Full name of the package, which is being imported.
    home : str
        Module that holds the function; it is imported when the function is called.
    """
    name = package.rpartition(".")[2]

    class Callable(ModuleType):
        def __call__(self, *args: Any, **options: Any) -> Any:
            return getattr(import_module(home), name)(*args, **options)

        @property
        def __wrapped__(self) -> Any:
            """What `inspect` takes the signature from."""
            return getattr(import_module(home), name)

    sys.modules[package].__class__ = Callable
