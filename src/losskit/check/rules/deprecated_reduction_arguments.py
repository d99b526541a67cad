"""LK133: deprecated reduction arguments."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK133",
    name="deprecated-reduction-arguments",
    severity=Severity.SUSPICIOUS,
    summary="A loss gets size_average or reduce, which are deprecated.",
    why=(
        "They give way to reduction and win over it where both are given. Each of their four "
        "combinations means one of its words."
    ),
    bad="""\
from torch import nn

criterion = nn.MSELoss(size_average=False)
""",
    good="""\
from torch import nn

criterion = nn.MSELoss(reduction="sum")
""",
    mend='Say reduction="mean", "sum" or "none".',
    sources=(
        Source(
            "PyTorch, torch.nn.MSELoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.MSELoss.html",
        ),
    ),
    tools=(Tool.LINT,),
    fixes=Fixes.SAFE,
)
