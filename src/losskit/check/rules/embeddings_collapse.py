"""LK216: embeddings collapse."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK216",
    name="embeddings-collapse",
    severity=Severity.SUSPICIOUS,
    summary="All embeddings point the same way, or to one point.",
    why=(
        "Examples cannot be told apart any more. To map everything to one point is a solution "
        "of any loss that only pulls together, and a trap for hard negatives."
    ),
    bad="""\
def loss_of(first, second):
    return (first - second).square().sum(1).mean()
""",
    good="""\
import losskit.torch.functional as F


def loss_of(first, second):
    return F.info_nce_loss(first, second)
""",
    mend=(
        "Use a loss with negatives, semi-hard triplets instead of the hardest, a lower "
        "learning rate, and normalised embeddings."
    ),
    sources=(
        Source(
            ("F. Schroff et al., FaceNet: a unified embedding for face recognition and clustering"),
            "https://arxiv.org/abs/1503.03832",
        ),
        Source(
            (
                "L. Jing et al., Understanding dimensional collapse in contrastive self- "
                "supervised learning"
            ),
            "https://arxiv.org/abs/2110.09348",
        ),
    ),
    tools=(Tool.CHECK, Tool.WATCH),
    fixes=Fixes.NEVER,
)
