"""What a check found, as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from losskit.check.catalogue import rule
from losskit.check.causes import consequences
from losskit.check.findings import Finding, Rule, Severity, Sight

__all__ = ["Report", "found", "rule_as_dict", "told"]

_ORDER = tuple(Severity)


def found(
    code: str,
    message: str,
    *,
    severity: Severity | None = None,
    sight: Sight | None = None,
    advice: str = "",
    numbers: Mapping[str, float] | None = None,
    **more: float,
) -> Finding:
    """Make a finding of a rule from numbers.

    Parameters
    ----------
    code : str
        Code of the rule.
    message : str
        What was seen, in one line.
    severity : Severity, optional
        A milder one than the rule's.
    sight : Sight, optional
        Where.
    advice : str
        What to do in this case, where it is more than the rule says.
    numbers, **more : float
        The evidence, by what it is.
    """
    its = rule(code)
    plain = {name: float(value) for name, value in {**(numbers or {}), **more}.items()}
    return Finding(
        its, severity or its.severity, message, sight=sight, numbers=plain, advice=advice
    )


@dataclass(frozen=True)
class Report:
    """What a check found; false where it found nothing.

    Attributes
    ----------
    subject : str
        What was looked at.
    findings : tuple of Finding
        The worst first.
    notes : tuple of str
        What is worth knowing and no mistake.
    numbers : mapping
        What was measured on the way, by what it is.
    """

    subject: str
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    numbers: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        subject: str,
        findings: Iterable[Finding],
        notes: Iterable[str] = (),
        numbers: Mapping[str, float] | None = None,
    ) -> Report:
        """Sort findings: mistakes before their consequences, then by what they cost."""
        given = list(findings)
        after = consequences({one.code for one in given})
        ordered = sorted(given, key=lambda one: (one.code in after, _ORDER.index(one.severity)))
        return cls(subject, tuple(ordered), tuple(notes), dict(numbers or {}))

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of the findings, each once, in their order."""
        return tuple(dict.fromkeys(one.code for one in self.findings))

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def __bool__(self) -> bool:
        return bool(self.findings)

    def __str__(self) -> str:
        lines = [self.headline()]
        for one in self.findings:
            lines += ["", *told(one)]
        for note in self.notes:
            lines += ["", f"Note: {note}"]
        return "\n".join(lines)

    def headline(self) -> str:
        """Say in one line what was found."""
        if not self.findings:
            return f"{self.subject}: nothing found"
        counts = [(kind, sum(one.severity is kind for one in self.findings)) for kind in _ORDER]
        parts = [f"{count} {kind}" for kind, count in counts if count]
        number = "1 finding" if len(self.findings) == 1 else f"{len(self.findings)} findings"
        return f"{self.subject}: {number} ({', '.join(parts)})"

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON holds it: docs/findings-schema.json has the meaning of each."""
        return {
            "subject": self.subject,
            "findings": [_as_dict(one) for one in self.findings],
            "notes": list(self.notes),
            "numbers": _plain(self.numbers),
        }


def told(finding: Finding) -> list[str]:
    """Write a finding as lines of text."""
    where = f" [{finding.sight}]" if finding.sight is not None and str(finding.sight) else ""
    return [
        f"{finding.code} {finding.severity}: {finding.rule.name}{where}",
        f"  {finding.message}",
        f"  Mend: {finding.mend}",
    ]


def rule_as_dict(rule: Rule) -> dict[str, Any]:
    """Return a rule as JSON holds it: docs/rules-schema.json has the meaning of each."""
    return {
        "code": rule.code,
        "name": rule.name,
        "severity": str(rule.severity),
        "summary": rule.summary,
        "why": rule.why,
        "mend": rule.mend,
        "bad": rule.bad,
        "good": rule.good,
        "tools": [str(tool) for tool in rule.tools],
        "fixes": str(rule.fixes),
        "sources": [{"title": one.title, "url": one.url} for one in rule.sources],
    }


def _as_dict(finding: Finding) -> dict[str, Any]:
    sight = finding.sight or Sight()
    return {
        "code": finding.code,
        "name": finding.rule.name,
        "severity": str(finding.severity),
        "message": finding.message,
        "mend": finding.mend,
        "argument": sight.argument or None,
        "sample": sight.sample,
        "layer": sight.layer or None,
        "step": sight.step,
        "epoch": sight.epoch,
        "series": sight.series or None,
        "file": sight.file or None,
        "numbers": _plain(finding.numbers),
    }


def _plain(numbers: Mapping[str, float]) -> dict[str, float | None]:
    """Return numbers as JSON has them: it knows no NaN and no infinity."""
    return {
        name: float(value) if abs(value) < float("inf") else None for name, value in numbers.items()
    }
