"""What a check finds: the vocabulary that all checks share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = [
    "Edit",
    "Finding",
    "Fix",
    "Fixes",
    "Place",
    "Rule",
    "Severity",
    "Sight",
    "Source",
    "Step",
    "Tool",
]


class Severity(StrEnum):
    """How sure a finding is, and what it costs."""

    BUG = "bug"
    SUSPICIOUS = "suspicious"
    REDUNDANT = "redundant"


class Tool(StrEnum):
    """What can see a mistake."""

    LINT = "lint"
    CHECK = "check"
    WATCH = "watch"
    DIAGNOSE = "diagnose"

    @property
    def name_in_use(self) -> str:
        """The command, or the function where there is none."""
        return "losskit.torch.watch" if self is Tool.WATCH else f"losskit {self}"


class Fixes(StrEnum):
    """Whether a linter can mend a mistake by itself."""

    NEVER = "never"
    SAFE = "safe"
    UNSAFE = "unsafe"
    """The mend may change what other code gets, such as a model's output at inference."""


@dataclass(frozen=True)
class Source:
    """Where one can read more."""

    title: str
    url: str


@dataclass(frozen=True)
class Rule:
    """A mistake that is found under one code, by whichever check sees it.

    Attributes
    ----------
    code : str
        ``LK`` and three digits; never given to another mistake.
    name : str
        The mistake in words with hyphens.
    severity : Severity
        That of most findings; a finding may be milder.
    summary : str
        What is wrong, in one sentence.
    why : str
        What it does to a training.
    bad, good : str
        The same code with the mistake and without it.
    mend : str
        What to do.
    sources : tuple of Source
        Documentation, and public reports of the mistake.
    tools : tuple of Tool
        What can report it.
    fixes : Fixes
        Whether ``losskit lint`` can mend it; unsafe ones only where asked for.
    """

    code: str
    name: str
    severity: Severity
    summary: str
    why: str
    bad: str
    good: str
    mend: str
    sources: tuple[Source, ...]
    tools: tuple[Tool, ...]
    fixes: Fixes = Fixes.NEVER


@dataclass(frozen=True, order=True)
class Place:
    """A stretch of source text.

    Attributes
    ----------
    path : str
        The file, as it was named on the command line or found below it.
    line, column : int
        Where it begins; both count from 1, columns in characters.
    end_line, end_column : int
        One past its last character.
    cell : int
        The cell of a notebook, from 1, in which the lines count; 0 in other files.
    """

    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    cell: int = 0

    def __str__(self) -> str:
        cell = f"cell {self.cell}:" if self.cell else ""
        return f"{self.path}:{cell}{self.line}:{self.column}"


@dataclass(frozen=True)
class Step:
    """One link of the evidence: what happens to the value at a place."""

    place: Place
    text: str


@dataclass(frozen=True, order=True)
class Edit:
    """Text that takes the place of other text."""

    place: Place
    text: str


@dataclass(frozen=True)
class Fix:
    """How a finding is mended in the source.

    Attributes
    ----------
    edits : tuple of Edit
        What to replace.
    safe : bool
        Whether nothing but the loss changes.
    """

    edits: tuple[Edit, ...]
    safe: bool


@dataclass(frozen=True)
class Sight:
    """Where numbers show a mistake.

    Attributes
    ----------
    argument : str
        The argument of the loss, as in its call.
    sample : int, optional
        Which of the batch, from 0.
    layer : str
        Name of the module within the model.
    step : int, optional
        Which call of the loss in training, from 0.
    epoch : float, optional
        As the log or the training counts it.
    series : str
        Name of the curve in a log.
    file : str
        The log.
    """

    argument: str = ""
    sample: int | None = None
    layer: str = ""
    step: int | None = None
    epoch: float | None = None
    series: str = ""
    file: str = ""

    def __str__(self) -> str:
        parts = [
            self.file,
            self.series,
            self.argument,
            f"sample {self.sample}" if self.sample is not None else "",
            f"layer {self.layer}" if self.layer else "",
            f"step {self.step}" if self.step is not None else "",
            f"epoch {self.epoch:g}" if self.epoch is not None else "",
        ]
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True)
class Finding:
    """A mistake that was seen.

    Attributes
    ----------
    rule : Rule
        Which mistake.
    severity : Severity
        That of the rule, or a milder one.
    message : str
        What was seen, in one line.
    place : Place, optional
        Where the loss takes the value; None where there is no source.
    evidence : tuple of Step
        From what produced the value to the loss, in the order of the flow.
    fix : Fix, optional
        How it is mended in the source.
    sight : Sight, optional
        Where numbers show it; None where source does.
    numbers : mapping
        The evidence in numbers, each by what it is.
    advice : str
        What to do in this case; empty where it is what the rule says.
    """

    rule: Rule
    severity: Severity
    message: str
    place: Place | None = None
    evidence: tuple[Step, ...] = ()
    fix: Fix | None = None
    sight: Sight | None = None
    numbers: Mapping[str, float] = field(default_factory=dict)
    advice: str = ""

    @property
    def code(self) -> str:
        """Code of the rule."""
        return self.rule.code

    @property
    def mend(self) -> str:
        """What to do."""
        return self.advice or self.rule.mend
