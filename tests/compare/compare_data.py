"""Tables as people have them, and one that nobody should."""

from __future__ import annotations

import datetime

import numpy as np
import polars as pl

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


def houses(rows: int = 160) -> pl.DataFrame:
    """Make a table as people have them: every type of column, holes, odd names."""
    draw = np.random.default_rng(3)
    area = draw.uniform(30, 200, rows)
    town = draw.choice(["Köln", "Aachen", 'with "quotes", and commas'], rows)
    price = 1000 * area + 30000 * (town == "Köln") + draw.normal(0, 8000, rows)
    return pl.DataFrame(
        {
            "id": list(range(1, rows + 1)),
            "Fläche in m²": [None if i % 17 == 0 else float(a) for i, a in enumerate(area)],
            "town": [None if i % 23 == 0 else str(t) for i, t in enumerate(town)],
            "garden": [bool(g) for g in draw.integers(0, 2, rows)],
            "built": [
                datetime.date(1950, 1, 1) + datetime.timedelta(days=int(d))
                for d in draw.integers(0, 25000, rows)
            ],
            "remarks": [f"a long remark on house number {i} in full" for i in range(rows)],
            "country": ["DE"] * rows,
            "price": [None if i % 40 == 0 else round(float(p), 2) for i, p in enumerate(price)],
        }
    )


OWN_PROJECT = """
import numpy as np, torch
from torch import nn

def load():
    draw = np.random.default_rng(0)
    target = np.arange(120) % 3
    return draw.normal(size=(120, 2, 6)) + 3 * target[:, None, None], target

def numbers():
    inputs, target = load()
    return torch.tensor(inputs.reshape(120, 12)), torch.tensor(inputs.sum(axis=(1, 2)))

def tokens():
    return torch.arange(240).reshape(120, 2) % 7, np.array(["no", "yes"] * 60)

class Rows(torch.utils.data.Dataset):
    def __len__(self): return 60
    def __getitem__(self, at): return torch.full((2, 6), float(at % 3)), at % 3

def dataset(): return Rows()

def divided():
    inputs, target = load()
    parts = {"train": slice(0, 60), "validation": slice(60, 90), "test": slice(90, 120)}
    return {name: (inputs[part], target[part]) for name, part in parts.items()}

class Model(nn.Module):
    def __init__(self, outputs):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(2, 4, 3), nn.BatchNorm1d(4), nn.ReLU(), nn.Dropout(0.3),
            nn.Flatten(), nn.Linear(16, outputs),
        )
    def forward(self, x): return self.layers(x)

def build(outputs): return Model(outputs)

def embed(inputs, outputs):
    return nn.Sequential(nn.Embedding(7, 4), nn.Flatten(), nn.Linear(4 * inputs, outputs))

def line(inputs): return nn.Linear(inputs, 1)
def wide(): return nn.Sequential(nn.Flatten(), nn.Linear(12, 7))
def frozen(): return nn.Flatten()
kept = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
def same(): return kept
def lazy(): return nn.Sequential(nn.Flatten(), nn.LazyLinear(3))
def lacking():
    inputs, target = load()
    third = target == 2
    parts = {"train": ~third, "validation": third, "test": target > 0}
    return {name: (inputs[part], target[part]) for name, part in parts.items()}
def no_model(): return 5
class Late(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(12, 3)
    def forward(self, x):
        if self.training: raise RuntimeError("only when it learns")
        return self.layer(x.flatten(1))
def late(): return Late()
def broken(): raise RuntimeError("a line\\nand another")
def nan(): return np.full((9, 2), np.nan), np.arange(9.0)
def leaves(): raise SystemExit("bye")
def wants(path): return load()
def sure(outputs): return nn.Sequential(Model(outputs), nn.Softmax(-1))
def log_sure(outputs): return nn.Sequential(Model(outputs), nn.LogSoftmax(-1))
def uneven(): return np.zeros((9, 2)), np.zeros(8)
def nothing(): return None
def strange(): return {"train": 1, "rest": 2}
"""
