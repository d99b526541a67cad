"""LK152: loss without the model."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK152",
    name="loss-without-the-model",
    severity=Severity.BUG,
    summary="A loss whose gradient is taken does not depend on any output of the model.",
    why=(
        "It is computed from the wrong variable: the targets against themselves, or the "
        "inputs. The model does not learn from it."
    ),
    bad="""\
import torch.nn.functional as F


def step(model, optimizer, inputs, labels):
    outputs = model(inputs)
    loss = F.mse_loss(labels, labels)
    loss.backward()
    optimizer.step()
""",
    good="""\
import torch.nn.functional as F


def step(model, optimizer, inputs, labels):
    outputs = model(inputs)
    loss = F.mse_loss(outputs, labels)
    loss.backward()
    optimizer.step()
""",
    mend="Give the loss the model's output.",
    sources=(
        Source(
            "PyTorch, Tensor.backward",
            "https://docs.pytorch.org/docs/stable/generated/torch.Tensor.backward.html",
        ),
    ),
    tools=(Tool.LINT, Tool.WATCH),
    fixes=Fixes.NEVER,
)
