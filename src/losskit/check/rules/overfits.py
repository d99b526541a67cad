"""LK406: overfits."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK406",
    name="overfits",
    severity=Severity.SUSPICIOUS,
    summary="The validation loss rises while the training loss falls.",
    why=(
        "The model learns the training examples by heart. What follows the lowest validation "
        "loss makes predictions more confident, not better."
    ),
    bad="""\
def train(epochs, one_epoch):
    for _ in range(epochs):
        one_epoch()
""",
    good="""\
def train(epochs, one_epoch, validate, save, patience=5):
    best, waited = float("inf"), 0
    for _ in range(epochs):
        one_epoch()
        loss = validate()
        best, waited = (loss, 0) if loss < best else (best, waited + 1)
        if not waited:
            save()
        if waited > patience:
            break
""",
    mend=(
        "Keep the weights of the epoch that is named; stop there; get more data or "
        "augmentation, weight decay, dropout, or a smaller model."
    ),
    sources=(
        Source(
            "L. Prechelt, Early stopping - but when?",
            "https://doi.org/10.1007/3-540-49430-8_3",
        ),
        Source(
            "V. Godbole et al., Deep Learning Tuning Playbook",
            "https://github.com/google-research/tuning_playbook",
        ),
    ),
    tools=(Tool.WATCH, Tool.DIAGNOSE),
    fixes=Fixes.NEVER,
)
