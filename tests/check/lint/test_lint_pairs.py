"""Pairs and whether they match: labels of data sets, and distances."""

from __future__ import annotations

from pathlib import Path

import pytest
from lint_runs import brief, found

DATA = """
import numpy as np
import torch
from torch.utils.data import Dataset

class Pairs(Dataset):
    def __init__(self, rows):
        self.rows = rows
    def __getitem__(self, index):
        one, other = self.rows[index]
        same = {label}
        return one.image, other.image, torch.from_numpy(np.array(same, dtype=np.float32))
"""

TRAINING = """
import torch
from torch import nn
import torch.nn.functional as F
from torch.utils.data import DataLoader
from pairs import Pairs

class Twin(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(64, 5)
    def forward(self, one, other):
        return self.fc(one.view(one.size(0), -1)), self.fc(other.view(other.size(0), -1))

class Contrastive(nn.Module):
    def __init__(self):
        super().__init__()
        self.distance = nn.PairwiseDistance({settings})
    def forward(self, one, other, label):
        distance = {distance}
        return torch.mean(
            (1 - label) * torch.pow(distance, 2)
            + label * torch.clamp(2 - distance, min=0) ** 2
        )

model, criterion = Twin(), Contrastive()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for one, other, label in DataLoader(Pairs(rows), batch_size=32):
    first, second = model(one.cuda(), other.cuda())
    optimizer.zero_grad()
    criterion(first, second, label.cuda()).backward()
    optimizer.step()
"""

LISTED, BARE = "[int(one.name != other.name)]", "int(one.name != other.name)"
FUNCTION, MODULE = "F.pairwise_distance(one, other{})", "self.distance(one, other)"


@pytest.mark.parametrize(
    ("label", "distance", "settings", "broadcasts"),
    [
        (LISTED, FUNCTION.format(""), "", True),
        (LISTED, MODULE, "", True),
        (LISTED, MODULE, "2, 1e-6", True),
        (LISTED, FUNCTION.format(", keepdim=True"), "", False),
        (LISTED, MODULE, "keepdim=True", False),
        (LISTED, MODULE, "2, 1e-6, True", False),
        # One label for each pair, of no axis of its own.
        (BARE, FUNCTION.format(""), "", False),
        # Nobody knows what these are.
        (LISTED, FUNCTION.format(", **how"), "", False),
        ("one.same", FUNCTION.format(""), "", False),
        (LISTED, "torch.cdist(one, other)", "", False),
    ],
)
def test_a_label_in_a_list_of_its_own_meets_every_distance(
    label: str, distance: str, settings: str, *, broadcasts: bool, tmp_path: Path
) -> None:
    training = TRAINING.format(distance=distance, settings=settings)
    files = {"pairs.py": DATA.format(label=label), "train.py": training}
    line = 1 + training[: training.index("(1 - label)")].count("\n")
    expected = [("LK141", "bug", "train.py", line)] if broadcasts else []
    assert brief(found(tmp_path, files), tmp_path) == expected


def test_a_number_has_no_axes(tmp_path: Path) -> None:
    """Be it of a table or of a comparison: what int() and float() give is one number."""
    text = """
import numpy as np
import torch
from torch import nn

def step(net, frame, row):
    label = torch.from_numpy(np.array([{}(frame.iat[row, 2] > 0)], dtype=np.float32))
    return nn.MSELoss()(net(frame).squeeze(), torch.stack([label, label]))
"""
    for made in ("int", "float"):
        files = {f"{made}.py": text.format(made)}
        seen = brief(found(tmp_path / made, files), tmp_path / made)
        assert seen == [("LK141", "bug", f"{made}.py", 8)]


PARTS = """
import torch, torch.nn as nn
from torch.utils.data import ConcatDataset, DataLoader, Dataset, Subset, random_split

class Pictures(Dataset):
    def __init__(self, rows): self.rows = rows
    def __len__(self): return len(self.rows)
    def __getitem__(self, at):
        labels = torch.zeros(90)
        for one in self.rows[at]:
            labels[one] = 1.0
        return load(at), labels

net, criterion = nn.Linear(8, 90), nn.LOSS()
everything = Pictures(rows)
PART
for x, y in DataLoader(part, batch_size=16, shuffle=True):
    loss = criterion(net(x), y)
    loss.backward()
"""


@pytest.mark.parametrize(
    "part",
    [
        "part = everything",
        "part, rest = random_split(everything, [100, 20])",
        "part = random_split(dataset=everything, lengths=[100, 20])[0]",
        "part = Subset(everything, range(100))",
        "part = Subset(dataset=everything, indices=range(100))",
        "part = ConcatDataset([everything, Pictures(more)])",
    ],
)
@pytest.mark.parametrize(
    ("loss", "codes"), [("CrossEntropyLoss", ["LK182"]), ("BCEWithLogitsLoss", [])]
)
def test_a_part_of_a_data_set_gives_what_the_whole_gives(
    part: str, loss: str, codes: list[str], tmp_path: Path
) -> None:
    text = PARTS.replace("PART", part).replace("LOSS", loss)
    assert [one.code for one in found(tmp_path, {"go.py": text})] == codes


LIGHTNING = """
import pytorch_lightning as pl
import torch, torch.nn as nn
from torch.utils.data import DataLoader, Dataset

class Pictures(Dataset):
    def __getitem__(self, at):
        labels = torch.zeros(90)
        for one in self.rows[at]:
            labels[one] = 1.0
        return load(at), labels

class Module(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(8, 90)
    def NAME(self):
        return DataLoader(Pictures(), batch_size=16)
    def training_step(self, batch, at):
        x, y = batch
        return nn.functional.cross_entropy(self.net(x), y)
"""


@pytest.mark.parametrize(("name", "codes"), [("train_dataloader", ["LK182"]), ("loader", [])])
def test_a_module_is_trained_with_what_its_loader_gives(
    name: str, codes: list[str], tmp_path: Path
) -> None:
    text = LIGHTNING.replace("NAME", name)
    assert [one.code for one in found(tmp_path, {"go.py": text})] == codes
