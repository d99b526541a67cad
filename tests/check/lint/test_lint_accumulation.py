"""Gradients that several rounds add up for one step, and what clears them in between."""

from __future__ import annotations

from pathlib import Path

import pytest
from lint_runs import found

HEAD = """
import torch, torch.nn as nn, torch.nn.functional as F
from torch import optim
def train(net, other, optimizer, scaler, loader, steps, epochs):
    optimizer_2 = optim.Adam(other.parameters())
    for epoch in range(epochs):
        OUTER
        for i, (x, y) in enumerate(loader):
            ROUND
"""
ROUND = """
CLEAR
with torch.autocast("cuda"):
    loss = F.cross_entropy(net(x), y)
(loss / steps).backward()
if (i + 1) % steps == 0:
    optimizer.step()
"""


def trained(around: str, outer: str = "pass") -> str:
    text = around.strip().replace("\n", "\n            ")
    return HEAD.replace("OUTER", outer).replace("ROUND", text)


CLEARED = {
    "in each round": ROUND.replace("CLEAR", "optimizer.zero_grad(set_to_none=True)"),
    "at its end": ROUND.replace("CLEAR", "") + "optimizer.zero_grad()\n",
    "for a scaler": ROUND.replace("CLEAR", "optimizer.zero_grad()")
    .replace("(loss / steps)", "scaler.scale(loss / steps)")
    .replace("optimizer.step()", "scaler.step(optimizer)"),
    "a loss divided before": ROUND.replace("CLEAR", "optimizer.zero_grad()").replace(
        "(loss / steps).backward()", "loss /= steps\nloss.backward()"
    ),
}


@pytest.mark.parametrize("name", CLEARED)
def test_what_is_to_be_added_up_is_not_cleared(name: str, tmp_path: Path) -> None:
    text = trained(CLEARED[name])
    clears = text[: text.index("optimizer.zero_grad(")].count("\n") + 1
    findings = found(tmp_path, {"go.py": text})
    assert [(one.code, one.severity, one.place.line) for one in findings] == [
        ("LK305", "bug", clears)
    ]


KEPT = {
    "after a step": ROUND.replace("CLEAR", "") + "    optimizer.zero_grad()\n",
    "before the first": ROUND.replace("CLEAR", "if i % steps == 0:\n    optimizer.zero_grad()"),
    "for another model": ROUND.replace("CLEAR", "optimizer_2.zero_grad()"),
    "in each step of several, divided by something else": ROUND.replace(
        "CLEAR", "optimizer.zero_grad()"
    ).replace("loss / steps", "loss / len(x)"),
    "in rounds that step": ROUND.replace("CLEAR", "optimizer.zero_grad()") + "optimizer.step()\n",
}


@pytest.mark.parametrize("name", KEPT)
def test_what_may_be_cleared(name: str, tmp_path: Path) -> None:
    assert found(tmp_path, {"go.py": trained(KEPT[name])}) == []


def test_an_epoch_may_begin_anew(tmp_path: Path) -> None:
    text = trained(KEPT["after a step"], outer="optimizer.zero_grad()")
    assert found(tmp_path, {"go.py": text}) == []
