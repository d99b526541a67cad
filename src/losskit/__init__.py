"""Losskit: loss functions with one definition for every array library, and their comparison."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from losskit import engines as engines
from losskit import losses as losses
from losskit.losses import *  # noqa: F403
from losskit.losses import CATALOGUE as CATALOGUE
from losskit.losses import register_loss as register_loss

if TYPE_CHECKING:
    from losskit.check.curves.diagnose import diagnose as diagnose
    from losskit.check.tensors import check as check
    from losskit.choose import choose as choose
    from losskit.compare import Results
    from losskit.compare import compare as compare
    from losskit.studies import Study
    from losskit.studies import study as study

__version__ = "0.1.0"

_LATER = {"diagnose": "losskit.check.curves.diagnose"}
"""Functions whose modules take longer to load than losses do."""
_CALLABLE = ("check", "choose")
"""Packages that are functions as well."""

# Type checkers have the imports above instead: to them, a name that is none would be any name.
if not TYPE_CHECKING:
    __all__ = tuple(sorted({*losses.__all__, *_CALLABLE, *_LATER, "compare", "study"}))

    def compare(*args: Any, **options: Any) -> Results:
        """Compare losses on the same network and data; see `losskit.compare.compare`."""
        from losskit.compare import compare as run  # noqa: PLC0415 - it loads PyTorch

        return run(*args, **options)

    def study(text: str, **settings: float) -> Study:
        """Prepare a study, ``losskit.study("outliers").run()``; see `losskit.studies.study`."""
        from losskit.studies import study as prepare  # noqa: PLC0415 - it loads PyTorch

        return prepare(text, **settings)

    def __getattr__(name: str) -> Any:
        """Find losses that were registered later, and what is loaded when it is asked for."""
        if name in _CALLABLE:
            return import_module(f"losskit.{name}")
        if name in _LATER:
            return getattr(import_module(_LATER[name]), name)
        if name in CATALOGUE:
            return CATALOGUE[name]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        """Name the losses, the functions, and what packages have been loaded."""
        packages = (name for name, item in globals().items() if isinstance(item, ModuleType))
        return sorted({"__version__", *__all__, *CATALOGUE, *packages})
