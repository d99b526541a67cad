"""Targets that stand where the model's output belongs."""

from __future__ import annotations

from pathlib import Path

import pytest
from lint_runs import found

TEXT = """
import torch
from torch import nn
criterion = nn.{loss}()

def step(model, x, y, out):
    p = model(x)
    return criterion({given})
"""


@pytest.mark.parametrize(
    ("loss", "given", "severities"),
    [
        ("BCEWithLogitsLoss", "(y > 1).float(), model(x)", ["bug"]),
        ("MultiLabelSoftMarginLoss", "torch.gt(y, 1).float(), p", ["bug"]),
        ("BCEWithLogitsLoss", "(p > 0).float(), model(y)", ["bug"]),
        # Of what nobody sees, its name tells.
        ("BCEWithLogitsLoss", "(y > 1).float(), out.class_logits", ["suspicious"]),
        ("BCEWithLogitsLoss", "(y > 1).float(), out.classes", []),
        ("BCEWithLogitsLoss", "model(x), (y > 1).float()", []),
        # A squared error is the same both ways round.
        ("MSELoss", "(y > 1).float(), model(x)", []),
    ],
)
def test_comparisons_are_targets(
    loss: str, given: str, severities: list[str], tmp_path: Path
) -> None:
    seen = found(tmp_path, {"go.py": TEXT.format(loss=loss, given=given)})
    assert [str(one.severity) for one in seen if one.code == "LK142"] == severities
