"""LK217: no active triplets."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK217",
    name="no-active-triplets",
    severity=Severity.SUSPICIOUS,
    summary="Nearly all triplets or pairs satisfy the margin, so that few give a gradient.",
    why=(
        "Random triplets are soon easy. The loss is near 0, nothing is learnt any more, and "
        "retrieval is far from done."
    ),
    bad="""\
from torch import nn

criterion = nn.TripletMarginLoss(margin=0.01)
""",
    good="""\
from losskit.mining import semi_hard
from torch import nn

criterion = nn.TripletMarginLoss(margin=0.2)


def loss_of(embeddings, labels):
    return criterion(*semi_hard(embeddings, labels).of(embeddings))
""",
    mend=(
        "Mine semi-hard triplets, enlarge the margin or the batch, or take InfoNCE, which "
        "always has a gradient."
    ),
    sources=(
        Source(
            ("F. Schroff et al., FaceNet: a unified embedding for face recognition and clustering"),
            "https://arxiv.org/abs/1503.03832",
        ),
        Source(
            "PyTorch, torch.nn.TripletMarginLoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.TripletMarginLoss.html",
        ),
    ),
    tools=(Tool.CHECK, Tool.WATCH),
    fixes=Fixes.NEVER,
)
