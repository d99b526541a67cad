"""LK409: loss falls metric stays."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK409",
    name="loss-falls-metric-stays",
    severity=Severity.SUSPICIOUS,
    summary="The loss falls, and the metric that it stands for does not move.",
    why=(
        "A loss is not a metric: it can fall by more confidence on what is right already, or "
        "on the frequent label, while what is asked for stays as it was."
    ),
    bad="""\
from torch import nn

criterion = nn.MSELoss()  # the metric is recall
""",
    good="""\
from torch import nn, tensor

criterion = nn.BCEWithLogitsLoss(pos_weight=tensor([10.0]))  # the metric is recall
""",
    mend=(
        "See whether the metric is computed right (threshold, averaging, which class is "
        "positive); choose a loss or weights that stand for it."
    ),
    sources=(
        Source(
            "V. Godbole et al., Deep Learning Tuning Playbook",
            "https://github.com/google-research/tuning_playbook",
        ),
        Source(
            "scikit-learn, Metrics and scoring",
            "https://scikit-learn.org/stable/modules/model_evaluation.html",
        ),
    ),
    tools=(Tool.WATCH, Tool.DIAGNOSE),
    fixes=Fixes.NEVER,
)
