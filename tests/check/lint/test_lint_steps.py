"""Steps of optimizers, before which nobody clears the gradients."""

from __future__ import annotations

from pathlib import Path

import pytest
from lint_runs import found

HEAD = "import torch, torch.nn as nn, torch.nn.functional as F\n"

LOOP = """
from torch import optim
def train(net, criterion, batches, epochs):
    optimizer = optim.Adam(net.parameters())
    for epoch in range(epochs):
        for x, y in batches:
            BEFOREloss = criterion(net(x), y)
            loss.backward()
            optimizer.step()
"""
FORK = LOOP.replace("BEFORE", "").replace(
    "            loss.backward()\n            optimizer.step()",
    """            if whole:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            else:
                BEFOREscaler.scale(loss).backward()
                scaler.step(optimizer)""",
)
CLEARING = {
    "nothing": (LOOP.replace("BEFORE", ""), ["bug"]),
    "the optimizer": (LOOP.replace("BEFORE", "optimizer.zero_grad()\n            "), []),
    "the model": (LOOP.replace("BEFORE", "net.zero_grad()\n            "), []),
    "by hand": (
        LOOP.replace("BEFORE", "for p in net.parameters(): p.grad = None\n            "),
        [],
    ),
    "somebody else": (LOOP.replace("BEFORE", "clear_gradients(net)\n            "), []),
    "nothing, in one loop": (
        "def train(net, optimizer, batches):\n    for x, y in batches:\n"
        "        own(net(x), y).backward()\n        optimizer.step()\n",
        ["suspicious"],
    ),
    "an engine": (
        "def train(engine, batches):\n    for x, y in batches:\n"
        "        engine.backward(own(engine(x), y))\n        engine.step()\n",
        [],
    ),
    "a schedule steps": (
        "def train(net, schedule, batches):\n    for x, y in batches:\n"
        "        own(net(x), y).backward()\n        schedule.step()\n",
        [],
    ),
    "a method of what keeps its optimizer": (
        "class Agent:\n    def learn(self, x, y):\n"
        "        own(self.net(x), y).backward()\n        self.optimizer.step()\n",
        ["suspicious"],
    ),
    "a method that gets the loss": (
        "class Agent:\n    def backward(self, loss):\n"
        "        loss.backward()\n        self.optimizer.step()\n",
        [],
    ),
    "a function that takes one step": (
        "def step(net, optimizer, x, y):\n    own(net(x), y).backward()\n    optimizer.step()\n",
        [],
    ),
    "nothing, though a seed is set": (
        "torch.manual_seed(0)\n" + LOOP.replace("BEFORE", ""),
        ["bug"],
    ),
    "nothing, where a scaler steps": (
        LOOP.replace("BEFORE", "")
        .replace("loss.backward()", "scaler.scale(loss).backward()")
        .replace("optimizer.step()", "scaler.step(optimizer)"),
        ["bug"],
    ),
    "the optimizer, on the other side of a condition": (FORK.replace("BEFORE", ""), ["bug"]),
    "the optimizer, on both sides": (
        FORK.replace("BEFORE", "optimizer.zero_grad()\n                "),
        [],
    ),
    "a new optimizer for each step": (
        "class Agent:\n    def learn(self, x, y):\n        own(self.net(x), y).backward()\n"
        "        torch.optim.Adam(params=self.net.parameters()).step()\n",
        ["suspicious"],
    ),
    "one round only": (
        "def train(net, optimizer, batches):\n    for x, y in batches:\n"
        "        own(net(x), y).backward()\n        optimizer.step()\n        break\n",
        [],
    ),
}


@pytest.mark.parametrize("name", CLEARING)
def test_loops_that_never_clear_their_gradients_are_seen(name: str, tmp_path: Path) -> None:
    text, severities = CLEARING[name]
    seen = found(tmp_path, {"go.py": HEAD + text})
    assert [str(one.severity) for one in seen if one.code == "LK305"] == severities


CHOSEN = """
def judged(pred, y, name):
    if name == "class_error":
        return (pred.argmax(1) != y).float().mean()
    return F.mse_loss(pred.MADE, y)
def train(net, x, y, name):
    judged(net(x), y, name).backward()
"""


@pytest.mark.parametrize(("made", "severities"), [("exp()", {"suspicious"}), ("round()", {"bug"})])
def test_a_gradient_that_is_cut_on_one_side_only_may_never_be_taken(
    made: str, severities: set[str], tmp_path: Path
) -> None:
    seen = found(tmp_path, {"go.py": HEAD + CHOSEN.replace("MADE", made)})
    assert {str(one.severity) for one in seen if one.code == "LK151"} == severities


REBUILT = """
class Memory(nn.Module):
    def __init__(self):
        super().__init__()
        self.keys, self.out = nn.Linear(4, 4), nn.Linear(4, 3)
    def forward(self, x):
        b, *_, n = x.shape
        q, k = self.keys(x), self.keys(x[:, 1:])
        CUT
        loss = F.mse_loss(torch.einsum("bd,bd->b", q, k) * n**-0.5, q.sum(-1))
        return self.out(x), loss
"""


@pytest.mark.parametrize(
    ("cut", "severities"),
    [
        ("q, k = map(torch.detach, (q, k))", ["suspicious"]),
        ("q, _ = map(torch.detach, (q, k))", []),
    ],
)
def test_a_loss_of_what_was_all_detached_teaches_nothing(
    cut: str, severities: list[str], tmp_path: Path
) -> None:
    seen = found(tmp_path, {"net.py": HEAD + REBUILT.replace("CUT", cut)})
    assert [str(one.severity) for one in seen if one.code == "LK151"] == severities


LOGGED = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(4, 3)
    def forward(self, x, y):
        loss = F.mse_loss(self.out(x), y)
        return loss, loss.detach()
def val_loss(net, batches):
    return torch.tensor([F.mse_loss(net(x), y).item() for x, y in batches]).mean()
"""


def test_what_is_only_logged_may_be_detached(tmp_path: Path) -> None:
    assert found(tmp_path, {"net.py": HEAD + LOGGED}) == []


TWO = """
from torch import optim
def train(real, fake, batches, epochs):
    one = optim.Adam(real.parameters())
    other = optim.Adam(fake.parameters())
    BETWEEN
    for epoch in range(epochs):
        for x in batches:
            one.zero_grad()
            own(real(x)).backward()
            one.step()
            BEFOREloss = own(fake(x))
            loss.backward()
            other.step()
"""
LEFT_OUT = {
    "it": ("", "", 1),
    "it, though its rate falls": ("fall = optim.lr_scheduler.StepLR(other, 3)", "", 1),
    "nothing": ("", "other.zero_grad()\n            ", 0),
    "nothing, by the model": ("", "fake.zero_grad()\n            ", 0),
    "nothing that is not handed on": ("", "clear(other)\n            ", 0),
    "nothing of its own": (
        "all = optim.SGD(fake.parameters())",
        "all.zero_grad()\n            ",
        0,
    ),
    "nothing that is listed": ("for one in (one, other): one.zero_grad()", "", 0),
}


@pytest.mark.parametrize("name", LEFT_OUT)
def test_an_optimizer_is_left_out(name: str, tmp_path: Path) -> None:
    between, before, count = LEFT_OUT[name]
    text = HEAD + TWO.replace("BETWEEN", between).replace("BEFORE", before)
    seen = [one for one in found(tmp_path, {"go.py": text}) if one.code == "LK305"]
    assert [one.place.line for one in seen] == [14 + bool(before)] * count


ELSEWHERE = {
    "the model, as it runs": ("net", "    def forward(self, x):\n        self.zero_grad()\n", 0),
    "a function of another file": (
        "begin(net)",
        "def begin(net):\n    net.zero_grad()\n    return net\n",
        0,
    ),
    "nobody": ("net", "def begin(net):\n    net.zero_grad()\n    return net\n", 1),
}


@pytest.mark.parametrize(("model", "code", "times"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_gradients_may_be_cleared_in_another_file(
    model: str, code: str, times: int, tmp_path: Path
) -> None:
    training = LOOP.replace("BEFORE", "").replace("criterion(net(", f"criterion({model}(")
    kind = f"{HEAD}class Net(nn.Module):\n    pass\n{code}"
    made = f"import own\nfrom own import *\n{HEAD}{training}\ntrain(Net(), nn.MSELoss(), [], 9)\n"
    seen = [one.code for one in found(tmp_path, {"own.py": kind, "go.py": made})]
    assert seen.count("LK305") == times


AROUND = """
import torch
from torch import nn, optim

def begin(net): pass
def clear(net): net.zero_grad()

def train(net, criterion, loader, optimizer):
    BEFORE
    for x, y in loader:
        loss = criterion(net(x), y)
        loss.backward()
        STEP
    AFTER

net = nn.Linear(2, 1)
for epoch in range(3):
    train(net, nn.MSELoss(), loader, optim.SGD(net.parameters(), 0.1))
"""
STEPS = {
    "cleared before": ("optimizer.zero_grad()", "optimizer.step()", "pass", 1),
    "cleared after": ("begin(net)", "begin(net); optimizer.step()", "net.zero_grad()", 1),
    "cleared in each round": ("optimizer.zero_grad()", "optimizer.step(); clear(net)", "pass", 0),
    "stepped at times": (
        "optimizer.zero_grad()",
        "if len(x) > 2: optimizer.step()",
        "optimizer.zero_grad()",
        0,
    ),
    "stepped once": ("optimizer.zero_grad()", "pass", "optimizer.step()", 0),
    "left at once": ("optimizer.zero_grad()", "optimizer.step(); break", "pass", 0),
}


@pytest.mark.parametrize("name", STEPS)
def test_rounds_are_cleared_around_their_loop(name: str, tmp_path: Path) -> None:
    before, step, after, count = STEPS[name]
    text = AROUND.replace("BEFORE", before).replace("STEP", step).replace("AFTER", after)
    seen = [one for one in found(tmp_path, {"go.py": text}) if one.code == "LK305"]
    assert [one.place.line for one in seen if one.place] == [12] * count
