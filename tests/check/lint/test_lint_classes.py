"""Classes of losses: what they are built with, and whether anybody uses what is built."""

from __future__ import annotations

from pathlib import Path

import pytest
from lint_runs import found


@pytest.mark.parametrize(
    ("call", "codes"),
    [
        ("nn.MSELoss(fake, real)", ["LK131"]),
        ("nn.L1Loss(self.fake, real)", ["LK131"]),
        ("nn.MSELoss(size_average, reduce)", ["LK133"]),
        ("nn.MSELoss(average, summed)", []),
        ("nn.MSELoss(*both)", []),
        ("nn.MSELoss(fake)", []),
        ("nn.MSELoss(fake, True)", []),
        ("nn.CrossEntropyLoss(fake, real)", []),
        ("nn.HuberLoss(fake, real)", []),
        ("nn.MSELoss(False)", ["LK133"]),
    ],
)
def test_names_that_say_nothing_of_a_reduction(call: str, codes: list[str], tmp_path: Path) -> None:
    text = (
        "from torch import nn\n"
        "def own(self, fake, real, size_average, reduce, average, summed, both):\n"
        f"    return {call}\n"
    )
    assert [one.code for one in found(tmp_path, {"go.py": text})] == codes


SCRIPT = """
import torch
from torch import nn

def main(net, loader, optimizer):
    LOCAL
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        optimizer.step()

if __name__ == "__main__":
    criterion = nn.CrossEntropyLoss(weight=torch.ones(3))
    main(nn.Linear(2, 3), batches(), MORE)
"""


@pytest.mark.parametrize(
    ("local", "more", "lines"),
    [
        ("criterion = nn.CrossEntropyLoss()", "None", [14]),
        ("criterion = nn.CrossEntropyLoss()", "criterion", []),
        ("global criterion; criterion = nn.CrossEntropyLoss()", "None", []),
        ("pass", "None", []),
    ],
)
def test_a_script_builds_what_its_functions_build_anew(
    local: str, more: str, lines: list[int], tmp_path: Path
) -> None:
    text = SCRIPT.replace("LOCAL", local).replace("MORE", more)
    seen = [one for one in found(tmp_path, {"go.py": text}) if one.code == "LK132"]
    assert [one.place.line for one in seen if one.place] == lines
