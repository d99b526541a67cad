"""All rules by their codes. A new one is its file in ``rules``."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from types import ModuleType

from losskit.check import rules
from losskit.check.findings import Rule

__all__ = ["rule", "rule_modules", "rules_by_code"]


@cache
def rule_modules() -> tuple[ModuleType, ...]:
    """Return the modules of ``rules``, in the order of their codes; each holds one ``RULE``."""
    names = [info.name for info in pkgutil.iter_modules(rules.__path__)]
    modules = [importlib.import_module(f"{rules.__name__}.{name}") for name in names]
    return tuple(sorted(modules, key=lambda module: module.RULE.code))


@cache
def rules_by_code() -> dict[str, Rule]:
    """Return every rule by its code, in the order of codes."""
    return {module.RULE.code: module.RULE for module in rule_modules()}


def rule(code: str) -> Rule:
    """Return the rule of a code.

    Raises
    ------
    ValueError
        If there is none.
    """
    found = rules_by_code().get(code.upper())
    if found is None:
        raise ValueError(f"no rule has the code {code!r}; there is {', '.join(rules_by_code())}")
    return found
