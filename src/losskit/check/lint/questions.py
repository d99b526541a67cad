"""What branches ask of settings: those that ask the same go the same way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from losskit.check.lint.choices import Guard, excluded
from losskit.check.lint.defaults import holds
from losskit.check.lint.values import Value

__all__ = ["Questions"]


@dataclass(slots=True)
class Questions:
    """The branches that stand for what is asked.

    Attributes
    ----------
    options : dict
        Option of the command line → its default.
    """

    options: dict[str, Value] = field(default_factory=dict)
    _branches: dict[str, int] = field(default_factory=dict)

    def branch(self, asked: str, node: int) -> int:
        """Return the first branch that asked the same, which may be this one."""
        return self._branches.setdefault(asked, node)

    def ask(self, questions: Iterable[str]) -> None:
        """Take note of questions that no branch asks, as where a word chooses among values."""
        for one in questions:
            self._branches.setdefault(one, -1 - len(self._branches))

    def is_default(self, asked: str, side: int) -> bool:
        """Whether a side of a branch is taken where nobody gives an option."""
        so = holds(self.options, asked)
        return so is not None and so is (side == 0)

    def is_out(self, asked: str, side: int, conditions: frozenset[Guard]) -> bool:
        """Whether a word that is asked for is known to be that one, or another, by now."""
        of_word = asked.endswith(("'", '"'))
        return of_word and excluded(frozenset({Guard(self._branches[asked], side)}), conditions)

    def told(self, asked: str) -> frozenset[Guard]:
        """What holds where what is asked is so: that, and that a setting is no other word."""
        subject, equal, _ = asked.partition(" == ")
        own, default = self._branches[asked], self.is_default(asked, 0)
        return frozenset(
            Guard(branch, int(branch != own), default=default)
            for other, branch in self._branches.items()
            if branch == own or (equal and other.startswith(f"{subject} == "))
        )
