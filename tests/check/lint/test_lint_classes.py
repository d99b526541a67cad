"""Classes of losses that get what their objects are called with."""

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
