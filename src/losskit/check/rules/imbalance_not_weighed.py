"""LK210: imbalance not weighed."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK210",
    name="imbalance-not-weighed",
    severity=Severity.SUSPICIOUS,
    summary="Some labels are rare, and nothing makes up for it.",
    why=(
        "To predict the frequent label is almost best: accuracy looks good while the rare "
        "label is never found."
    ),
    bad="""\
from torch import nn

criterion = nn.BCEWithLogitsLoss()  # 1 positive in 100
""",
    good="""\
from torch import nn, tensor

criterion = nn.BCEWithLogitsLoss(pos_weight=tensor([10.0]))  # 1 positive in 100
""",
    mend=(
        "Report recall and precision of the rare label; weigh it, draw it more often, or move "
        "the threshold on validation data."
    ),
    sources=(
        Source(
            "PyTorch, torch.nn.BCEWithLogitsLoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.BCEWithLogitsLoss.html",
        ),
        Source(
            "T.-Y. Lin et al., Focal Loss for Dense Object Detection",
            "https://arxiv.org/abs/1708.02002",
        ),
    ),
    tools=(Tool.CHECK,),
    fixes=Fixes.NEVER,
)
