"""Ways of writing a mistake, and its look-alikes, as they are met in public code."""

from __future__ import annotations

from pathlib import Path

import pytest
from lint_runs import found

from losskit.check.findings import Severity

HEAD = "import torch, torch.nn as nn, torch.nn.functional as F\n"
NET = """
class Net(nn.Module):
    def __init__(self, n=10):
        super().__init__()
        self.fc = nn.Linear(784, n)
    def forward(self, x):
        return OUTPUT
"""
SOFTMAX = HEAD + NET.replace("OUTPUT", "F.softmax(self.fc(x), dim=1)")
RAW = HEAD + NET.replace("OUTPUT", "self.fc(x)")
LOOP = """
for x, y in loader:
    loss = criterion(model(x), y)
    loss.backward()
"""
TRAINING = (
    SOFTMAX
    + """
def train_net(model, batches, criterion=nn.CrossEntropyLoss()):
    for x, y in batches:
        criterion(model(x), y).backward()
class Solver:
    def __init__(self, loss=nn.CrossEntropyLoss()):
        self.net, self.loss = Net(), loss
    def fit(self, x, y):
        self.loss(self.net(x), y).backward()
"""
)

FOUND = {
    "function that nobody calls joins them": (
        "LK101",
        {"h": TRAINING, "go": "from h import Net, train_net\ndef run(l): train_net(Net(), l)\n"},
    ),
    "module joins them": (
        "LK101",
        {"h": TRAINING, "go": "import h\nh.train_net(h.Net(), [])\n"},
    ),
    "object joins them": (
        "LK101",
        {"h": TRAINING, "go": "import h\nsolver = h.Solver()\nsolver.fit(x, y)\n"},
    ),
    "method joins them": (
        "LK101",
        {
            "h": TRAINING,
            "go": "from h import Net, train_net\n"
            "class Client:\n"
            "    def __init__(self): self.net = Net()\n"
            "    def fit(self, config): train_net(self.net, self.loader)\n",
        },
    ),
    "model by a word of the command line": (
        "LK101",
        {
            "nets": SOFTMAX,
            "go": HEAD
            + "import nets\nmodel = getattr(nets, args.arch)()\ncriterion = nn.CrossEntropyLoss()\n"
            + LOOP,
        },
    ),
    "network lent to a module": (
        "LK101",
        {
            "go": SOFTMAX + "class Probe:\n"
            "    def begin(self, trainer, module):\n"
            "        module.probe = Net(3)\n"
            "    def step(self, trainer, module, x, y):\n"
            "        F.cross_entropy(module.probe(x), y).backward()\n"
        },
    ),
    "method of the model computes the loss": (
        "LK101",
        {
            "net": SOFTMAX + "    def my_loss(self, p, y):\n        return F.cross_entropy(p, y)\n",
            "go": "from net import *\n"
            "def train(model, loader):\n"
            "    for x, y in loader:\n"
            "        loss = model.my_loss(model(x), y)\n"
            "        loss.backward()\n",
        },
    ),
    "inherited training": (
        "LK101",
        {
            "base": "class Base:\n"
            "    def fit(self):\n"
            "        for x, y in self.loader:\n"
            "            loss = self.criterion(self.model(x), y)\n"
            "            loss.backward()\n",
            "go": SOFTMAX + "from base import Base\n"
            "class Own(Base):\n"
            "    def __init__(self):\n"
            "        self.model, self.criterion = Net(), nn.CrossEntropyLoss()\n",
        },
    ),
    "names of fastai": (
        "LK101",
        {
            "go": "from fastai.vision import *\n"
            "def train(net, x, y):\n"
            "    F.cross_entropy(F.softmax(net(x), dim=1), y).backward()\n"
        },
    ),
    "async as a name": (
        "LK101",
        {
            "go": SOFTMAX
            + "model, criterion = Net().cuda(), nn.CrossEntropyLoss()\n"
            + LOOP.replace("y)\n", "y.cuda(async=True))\n")
        },
    ),
    "criterion kept and never called": (
        "LK132",
        {
            "go": HEAD + "class FocalLoss(nn.Module):\n"
            "    def __init__(self):\n"
            "        super().__init__()\n"
            "        self.bce = nn.BCEWithLogitsLoss()\n"
            "    def forward(self, x, y):\n"
            "        return F.softplus(-x * y).mean()\n"
        },
    ),
    "accumulation beside other divisions": (
        "LK171",
        {
            "go": RAW + "model = Net()\n"
            "for i, (x, y) in enumerate(loader):\n"
            "    loss = F.cross_entropy(model(x), y)\n"
            "    if fp16:\n"
            "        scaler.scale(loss).backward()\n"
            "    else:\n"
            "        loss.backward()\n"
            "    if i % steps == 0:\n"
            "        optimizer.step()\n"
            "        optimizer.zero_grad()\n"
            "    mean = (mean * i + loss.item()) / (i + 1)\n"
        },
    ),
    "softmax written out": (
        "LK172",
        {
            "go": HEAD + "def nll_loss(scores, all_scores):\n"
            "    return -torch.log(torch.exp(scores) / torch.exp(all_scores).sum(1)).mean()\n"
        },
    ),
    "one number as weight": (
        "LK183",
        {"go": HEAD + "w = torch.tensor([9.0])\ncriterion = nn.BCEWithLogitsLoss(weight=w)\n"},
    ),
    "own loss with arguments exchanged": (
        "LK142",
        {
            "go": HEAD + "def soft_cross_entropy(labels, logits):\n"
            "    return -(labels * F.log_softmax(logits, dim=1)).sum(1).mean()\n"
            "loss = soft_cross_entropy(logits, labels)\n"
        },
    ),
    "softmax over the rows that are gathered from": (
        "LK191",
        {
            "go": HEAD + "model = nn.Sequential(nn.Linear(4, 2), nn.Softmax(dim=0))\n"
            "p = model(states).gather(dim=1, index=actions)\n"
            "loss = -torch.log(p).mean()\n"
            "loss.backward()\n"
        },
    ),
    "comparison in the path": (
        "LK151",
        {
            "go": RAW + "model, criterion = Net(1), nn.BCELoss()\n"
            "for x, y in loader:\n"
            "    p = (torch.sigmoid(model(x)) > 0.5).float()\n"
            "    loss = criterion(p, y)\n"
            "    loss.backward()\n"
        },
    ),
    "several labels of a row": (
        "LK182",
        {
            "go": RAW + "class Data(torch.utils.data.Dataset):\n"
            "    def __getitem__(self, i):\n"
            "        row = torch.zeros(20)\n"
            "        for tag in self.tags[i]:\n"
            "            row[tag] = 1\n"
            "        return self.x[i], row\n"
            "loader = torch.utils.data.DataLoader(Data())\n"
            "model, criterion = Net(20), nn.CrossEntropyLoss()\n" + LOOP
        },
    ),
}

ASKED = (
    HEAD
    + """
class Job(nn.Module):
    def __init__(self, several=False):
        super().__init__()
        self.several = several
        self.fc = nn.Linear(20, 5)
    def forward(self, x):
        x = self.fc(x)
        if WANTED:
            x = torch.sigmoid(x)
        return x
    def training_step(self, batch):
        x, y = batch
        p = self(x)
        if not WANTED:
            return F.cross_entropy(p, y)
        else:
            return F.binary_cross_entropy(p, y)
"""
)

CHOSEN = """
def train(name, cfg, x, y):
    if FIRST:
        criterion = nn.MSELoss()
    else:
        criterion = nn.CrossEntropyLoss()
    out = Net()(x)
    if SECOND:
        loss = criterion(F.softmax(out, dim=1), y)
    else:
        loss = criterion(out, y)
    loss.backward()
"""

SILENT = {
    "weight without a gradient": RAW
    + "weight = float(Net()(x))\nloss = weight * unknown_loss(x)\nloss.backward()\n",
    "two things of one name": HEAD
    + "def f(a, b):\n    loss = F.mse_loss(a['x'], b['x'])\n    loss.backward()\n",
    "leaf for a gradient by hand": RAW
    + "out = Net()(x).detach().requires_grad_()\nF.cross_entropy(out, y).backward()\n",
    "attention over the first axis": HEAD + "class Attention(nn.Module):\n"
    "    def __init__(self):\n"
    "        super().__init__()\n"
    "        self.score = nn.Linear(8, 1)\n"
    "    def forward(self, h, n, b):\n"
    "        return F.softmax(self.score(h).view(n, b), dim=0)\n",
    "one question asked twice": ASKED.replace("WANTED", "self.several"),
    "one choice asked twice": ASKED.replace("WANTED", "self.task == 'tags'")
    .replace("several=False", "task='class'")
    .replace("self.several = several", "self.task = task"),
    "loss and activation by one name": RAW
    + CHOSEN.replace("FIRST", 'name == "mse"').replace("SECOND", 'name == "mse"'),
    "loss and activation by a name among several": RAW
    + CHOSEN.replace("FIRST", 'name == "mse"')
    .replace("SECOND", 'name == "mse"')
    .replace("else:", 'elif name == "ce":'),
    "loss and activation by one key": RAW
    + CHOSEN.replace("FIRST", 'cfg["loss"] == "mse"').replace("SECOND", 'cfg["loss"] == "mse"'),
    "loss by its word, activation by a test": RAW + "def train(name, x, y):\n"
    "    criterion = {'mse': nn.MSELoss(), 'ce': nn.CrossEntropyLoss()}[name]\n"
    "    out = Net()(x)\n"
    "    if name == 'mse':\n"
    "        out = F.softmax(out, 1)\n"
    "        return criterion(out, y)\n"
    "    return criterion(out, y)\n",
    "loss by the word that comes with it": RAW + "def chosen(name):\n"
    "    if name == 'mse':\n"
    "        return 'mse', nn.MSELoss()\n"
    "    return 'ce', nn.CrossEntropyLoss()\n"
    "def train(name, x, y):\n"
    "    mode, criterion = chosen(name)\n"
    "    out = Net()(x)\n"
    "    if mode == 'mse':\n"
    "        criterion(F.softmax(out, 1), y).backward()\n"
    "    else:\n"
    "        criterion(out, y).backward()\n",
    "probability of each class by NLL": RAW + "p = F.softmax(Net()(x), dim=1)\n"
    "focus = (1 + F.nll_loss(p, y, reduction='none')) ** 2\n"
    "loss = (focus * F.nll_loss(p.log(), y, reduction='none')).mean()\n"
    "loss.backward()\n",
    "loss that the code does not choose": RAW + "class Loss(nn.Module):\n"
    "    def __init__(self, logits=True):\n"
    "        super().__init__()\n"
    "        if logits:\n"
    "            self.loss = nn.BCEWithLogitsLoss()\n"
    "        else:\n"
    "            self.loss = nn.BCELoss()\n"
    "    def forward(self, a, b):\n"
    "        return self.loss(a, b)\n"
    "def main(loader):\n"
    "    model, criterion = Net(), Loss()\n"
    "    for x, y in loader:\n"
    "        criterion(model(x), y).backward()\n",
    "class as a default, others give an object": RAW
    + "def train(x, y, criterion=nn.CrossEntropyLoss):\n"
    "    criterion(Net()(x), y).backward()\n"
    "train(x, y, nn.CrossEntropyLoss())\n",
    "largest subtracted": HEAD + "def log_sum_exp_loss(x):\n"
    "    e = torch.exp(x - x.max())\n"
    "    return -torch.log(e / e.sum()).mean()\n",
}


@pytest.mark.parametrize("name", FOUND)
def test_mistake_is_seen(name: str, tmp_path: Path) -> None:
    """The code of the mistake is among the findings."""
    code, files = FOUND[name]
    seen = found(tmp_path, {f"{stem}.py": text for stem, text in files.items()})
    assert code in {one.code for one in seen}


@pytest.mark.parametrize("name", SILENT)
def test_look_alike_is_no_bug(name: str, tmp_path: Path) -> None:
    """Nothing is called a bug."""
    seen = found(tmp_path, {"go.py": SILENT[name]})
    assert not [one for one in seen if one.severity is Severity.BUG]


def test_question_asked_twice_still_finds(tmp_path: Path) -> None:
    """On the side that applies a sigmoid, another one is too many."""
    text = ASKED.replace("binary_cross_entropy", "binary_cross_entropy_with_logits")
    [finding] = found(tmp_path, {"go.py": text.replace("WANTED", "self.several")})
    assert (finding.code, finding.severity) == ("LK103", Severity.BUG)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('name == "mse"', 'name == "ce"'),
        ('name == "mse"', 'name != "mse"'),
        ('cfg["loss"] == "mse"', 'cfg["loss"] == "ce"'),
    ],
)
def test_the_wrong_side_of_a_name_is_a_bug(first: str, second: str, tmp_path: Path) -> None:
    """Where a softmax is applied for the very loss that applies one itself."""
    text = RAW + CHOSEN.replace("FIRST", first).replace("SECOND", second)
    seen = found(tmp_path, {"go.py": text})
    assert [(one.code, one.severity) for one in seen] == [("LK101", Severity.BUG)]


def test_task_that_decides_is_milder(tmp_path: Path) -> None:
    """A sigmoid for one kind of task only is suspicious, not a bug."""
    text = (
        RAW + "class Job:\n"
        "    def activate(self, x):\n"
        "        if self.method == 'binary':\n"
        "            return torch.sigmoid(x)\n"
        "        return x\n"
        "    def step(self, x, y):\n"
        "        p = self.activate(Net()(x))\n"
        "        F.binary_cross_entropy_with_logits(p, y).backward()\n"
    )
    [finding] = found(tmp_path, {"go.py": text})
    assert (finding.code, finding.severity) == ("LK103", Severity.SUSPICIOUS)
