"""Trainers that are given without the script that hands them a model."""

from __future__ import annotations

from pathlib import Path

import pytest
from lint_runs import brief, found, written

from losskit.check.lint.run import lint
from losskit.check.lint.settings import Settings

HEAD = "import torch, torch.nn as nn, torch.nn.functional as F\n"
RAW = """
class Raw(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(4, 3)
    def forward(self, x): return self.last(x)
"""
SOFT = RAW.replace("Raw", "Soft").replace("self.last(x)", "F.softmax(self.last(x), dim=1)")
TRAINED = """
def train(model, loader, optimizer):
    for x, y in loader:
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
"""
TRAINER = """
class Trainer:
    def __init__(self, NAME, loader):
        self.model, self.loader = NAME, loader
    def fit(self):
        for x, y in self.loader:
            F.cross_entropy(self.model(x), y).backward()
"""
MAKER = """
def get_model(args):
    if args.model == "raw":
        return Raw()
    return Soft()
"""
ELSEWHERE = "from nets import Soft, Raw\nfrom out_of_sight import run\nrun(Soft(), Raw())\n"

SEEN = {
    "one model": ({"nets.py": SOFT, "train.py": TRAINED}, "bug"),
    "one that a class keeps": (
        {"nets.py": SOFT, "train.py": TRAINER.replace("NAME", "network")},
        "bug",
    ),
    "one that is tried in its file": (
        {"nets.py": f"{SOFT}\nif __name__ == '__main__':\n    Soft()", "train.py": TRAINED},
        "bug",
    ),
    "one that has a part": (
        {"nets.py": f"{RAW}{SOFT.replace('nn.Linear(4, 3)', 'Raw()')}", "train.py": TRAINED},
        "bug",
    ),
    "one of two": ({"nets.py": RAW + SOFT, "train.py": TRAINED}, "suspicious"),
    "both of two": (
        {"nets.py": SOFT + SOFT.replace("Soft", "Softer"), "train.py": TRAINED},
        "bug",
    ),
    "one that is called like the parameter": (
        {"nets.py": RAW + SOFT, "train.py": TRAINER.replace("NAME", "soft")},
        "bug",
    ),
    "one that fills in another": (
        {
            "nets.py": "class Net(nn.Module):\n    def forward(self, x): raise TypeError\n"
            + SOFT.replace("nn.Module", "Net"),
            "train.py": TRAINED,
        },
        "bug",
    ),
    "what the file makes": (
        {"nets.py": RAW + SOFT, "train.py": f"from nets import Raw, Soft\n{MAKER}{TRAINED}"},
        "bug",
    ),
    "one that is made elsewhere": (
        {"nets.py": RAW + SOFT, "train.py": TRAINED, "go.py": ELSEWHERE},
        None,
    ),
    "one beside data that are made": (
        {
            "nets.py": SOFT,
            "data.py": "class Pairs(torch.utils.data.Dataset):\n"
            "    def __len__(self): return 4\npairs = Pairs()\n",
            "train.py": TRAINED,
        },
        "bug",
    ),
    "one that is left where another is made": (
        {
            "nets.py": RAW + SOFT,
            "go.py": "from nets import Raw\nmodel = Raw()\n",
            "train.py": TRAINED,
        },
        None,
    ),
    "no model by its name": (
        {"nets.py": SOFT, "train.py": TRAINED.replace("model", "student")},
        None,
    ),
    "the part of a model": (
        {"nets.py": SOFT.replace("Soft", "AttentionHead"), "train.py": TRAINED},
        None,
    ),
    "one that trains itself": (
        {
            "nets.py": f"{SOFT}    def training_step(self, batch, at): pass\n",
            "train.py": TRAINED,
        },
        None,
    ),
    "a method of a model": (
        {
            "nets.py": SOFT,
            "train.py": "class Wrapped(nn.Module):\n    def forward(self, x): return x\n"
            "    def step(self, model, x, y): F.cross_entropy(model(x), y).backward()\n",
        },
        None,
    ),
}


@pytest.mark.parametrize("name", SEEN)
def test_a_trainer_gets_the_model_that_nobody_else_gets(name: str, tmp_path: Path) -> None:
    files, severity = SEEN[name]
    findings = found(tmp_path, {path: HEAD + text for path, text in files.items()})
    line = next(
        at for at, text in enumerate(HEAD.split("\n") + files["train.py"].split("\n"), 1)
        if "F.cross_entropy" in text
    ) - 1  # fmt: skip
    expected = [] if severity is None else [("LK101", severity, "train.py", line)]
    assert brief(findings, tmp_path) == expected


OWN_LOSS = """
class OwnLoss(nn.Module):
    def forward(self, input, target): return F.nll_loss(input, target)
"""
WITH_LOSS = """
def train(model, loader, criterion):
    for x, y in loader:
        criterion(model(x), y).backward()
"""


@pytest.mark.parametrize(
    ("losses", "codes"),
    [(OWN_LOSS, ["LK111"]), (OWN_LOSS + OWN_LOSS.replace("OwnLoss", "OtherLoss"), [])],
)
def test_a_criterion_is_the_only_loss_that_nobody_builds(
    losses: str, codes: list[str], tmp_path: Path
) -> None:
    files = {"nets.py": HEAD + RAW, "losses.py": HEAD + losses, "train.py": HEAD + WITH_LOSS}
    assert [one.code for one in found(tmp_path, files)] == codes


def test_where_all_files_are_given_nothing_is_supposed(tmp_path: Path) -> None:
    files = {"nets.py": HEAD + SOFT, "train.py": HEAD + TRAINED}
    many = {f"more_{at}.py": "print()\n" for at in range(40)}
    assert len(found(tmp_path / "few", files)) == 1
    assert found(tmp_path / "many", files | many) == []


def test_a_file_that_comes_to_them_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also by what was kept of the files that were there."""
    written(tmp_path, {"nets.py": HEAD + SOFT, "train.py": HEAD + TRAINED})
    monkeypatch.chdir(tmp_path)
    assert [one.code for one in lint(["."], Settings(), jobs=1).findings] == ["LK101"]
    written(tmp_path, {"go.py": ELSEWHERE})
    assert lint(["."], Settings(), jobs=1).findings == []
