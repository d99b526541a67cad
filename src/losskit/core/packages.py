"""Packages that are functions as well, such as ``losskit.choose``, and those that need an extra."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

__all__ = ["make_callable", "needs"]


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


@contextmanager
def needs(extra: str, what: str, purpose: str = "") -> Iterator[None]:
    """Say which extra to install, should an import within find a library missing.

    Parameters
    ----------
    extra : str
        Which of Losskit's extras brings the libraries.
    what : str
        What needs them.
    purpose : str, optional
        What for, where it is not all that needs them: ``"to read data"``.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        library = str(error.name).partition(".")[0]
        raise ModuleNotFoundError(
            f"{what} needs {' '.join(filter(None, (library, purpose)))}: "
            f'pip install "losskit[{extra}]"',
            name=error.name,
        ) from error
