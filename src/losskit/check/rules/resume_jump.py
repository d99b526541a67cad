"""LK407: resume jump."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK407",
    name="resume-jump",
    severity=Severity.SUSPICIOUS,
    summary="The loss jumps where a training was resumed.",
    why=(
        "Something was not restored: the optimiser's moments, the schedule of the learning "
        "rate, the order of the data, or the weights."
    ),
    bad="""\
import torch


def resume(model, path):
    state = torch.load(path)
    model.load_state_dict(state["model"])
""",
    good="""\
import torch


def resume(model, optimizer, scheduler, path):
    state = torch.load(path)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    scheduler.load_state_dict(state["scheduler"])
""",
    mend=(
        "Save and load the state of the optimiser, the scheduler, the gradient scaler and the "
        "sampler with the weights."
    ),
    sources=(
        Source(
            "PyTorch, saving and loading a general checkpoint",
            "https://docs.pytorch.org/tutorials/recipes/recipes/saving_and_loading_a_general_checkpoint.html",
        ),
    ),
    tools=(Tool.DIAGNOSE,),
    fixes=Fixes.NEVER,
)
