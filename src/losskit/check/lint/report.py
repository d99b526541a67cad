"""How rules say what they see, and what becomes of it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

from losskit.check.catalogue import rule_modules
from losskit.check.findings import Finding, Fix, Rule, Severity, Step
from losskit.check.lint.facts import (
    Activation,
    Asked,
    Averaged,
    Backward,
    Combined,
    Fact,
    Logarithm,
    LossBuilt,
    LossCall,
    OwnLossBuilt,
    Returned,
    Scanned,
    Taken,
)
from losskit.check.lint.noqa import silenced
from losskit.check.lint.seen import Seen
from losskit.check.lint.units import Unit
from losskit.check.lint.values import Trail

__all__ = ["HOOKS", "Report"]

HOOKS: dict[str, type[Fact]] = {
    "on_loss_call": LossCall,
    "on_loss_built": LossBuilt,
    "on_own_loss_built": OwnLossBuilt,
    "on_activation": Activation,
    "on_logarithm": Logarithm,
    "on_averaged": Averaged,
    "on_combined": Combined,
    "on_taken": Taken,
    "on_asked": Asked,
    "on_backward": Backward,
    "on_returned": Returned,
    "on_file": Scanned,
}
"""Function of a rule's file → what it looks at. It yields what it sees."""

Hook = Callable[[Fact], Iterable[Seen]]


@cache
def _hooks() -> dict[type[Fact], list[tuple[Rule, Hook]]]:
    found: dict[type[Fact], list[tuple[Rule, Hook]]] = {}
    for module in rule_modules():
        for name, fact in HOOKS.items():
            hook = getattr(module, name, None)
            if hook is not None:
                found.setdefault(fact, []).append((module.RULE, hook))
    return found


@dataclass(slots=True)
class Report:
    """Findings, each once."""

    findings: dict[tuple[object, str], Finding]

    def tell(self, fact: Fact) -> None:
        """Let every rule look at a fact."""
        for rule, hook in _hooks().get(type(fact), ()):
            for seen in hook(fact):
                self._add(rule, fact, seen)

    def _add(self, rule: Rule, fact: Fact, seen: Seen) -> None:
        unit = seen.unit or fact.unit
        node = seen.node or fact.node
        first = getattr(node, "lineno", 1)
        if silenced(unit.lines, first, getattr(node, "end_lineno", None) or first, rule.code):
            return
        place = unit.place(node)
        severity = seen.severity or rule.severity
        if isinstance(fact, LossCall) and any(one.supposed for one in fact.guards):
            # Nobody is known to set it so.
            severity = max(severity, Severity.SUSPICIOUS, key=_ORDER.__getitem__)
        key = ((place.path, place.cell, place.line, place.column), rule.code)
        known = self.findings.get(key)
        if known is not None and _ORDER[known.severity] <= _ORDER[severity]:
            return
        fix = None if seen.fix is None else Fix(seen.fix.edits, seen.fix.safe)
        self.findings[key] = Finding(
            rule,
            severity,
            seen.text,
            place,
            _steps(seen.trail, unit, seen.node or fact.node, seen.end),
            fix,
        )


_ORDER = {Severity.BUG: 0, Severity.SUSPICIOUS: 1, Severity.REDUNDANT: 2}


def _steps(trail: Trail | None, unit: Unit, node: ast.AST, end: str) -> tuple[Step, ...]:
    if trail is None:
        return ()
    steps = [Step(one.unit.place(one.node), one.text) for one in trail]
    if end:
        steps.append(Step(unit.place(node), end))
    return tuple(steps)
