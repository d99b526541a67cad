"""LK408: validation far below training."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK408",
    name="validation-far-below-training",
    severity=Severity.SUSPICIOUS,
    summary="The validation loss stays far below the training loss.",
    why=(
        "A little lower is normal: dropout and augmentation only burden the training, and its "
        "loss is the mean over an epoch while validation comes at its end. Far lower, "
        "validation is easier than training, or its examples were trained on."
    ),
    bad="""\
def split(rows):
    return rows[:-100], rows[:100]
""",
    good="""\
def split(rows):
    return rows[:-100], rows[-100:]
""",
    mend=(
        "Compute the training loss in evaluation mode on a fixed part of the data; look for "
        "duplicates across the split and for weights, smoothing or penalties that only one of "
        "the two losses has."
    ),
    sources=(
        Source(
            "TensorFlow, Overfit and underfit",
            "https://www.tensorflow.org/tutorials/keras/overfit_and_underfit",
        ),
        Source(
            "V. Godbole et al., Deep Learning Tuning Playbook",
            "https://github.com/google-research/tuning_playbook",
        ),
    ),
    tools=(Tool.DIAGNOSE,),
    fixes=Fixes.NEVER,
)
