"""Models that are trained against one another: whose optimizer, whose gradient, what judgements."""

from __future__ import annotations

from pathlib import Path

import pytest
from lint_runs import brief, found

TWO_STAGES = """
import itertools
import torch
from torch import nn, optim

def frozen(models, on):
    for model in models:
        for weight in model.parameters():
            weight.requires_grad = on

def train(first, second, judge, loader):
    optimizer = optim.Adam({parameters}, lr=1e-4)
    judging = optim.Adam(judge.parameters(), lr=1e-4)
    is_real, near, weights = nn.BCEWithLogitsLoss(), nn.L1Loss(), {{"near": 10.0}}
    for x, y in loader:
        made = second(first(x))
        frozen([judge], True)
        judging.zero_grad()
        seen, real = judge(made.detach()), judge(y)
        is_real(seen, torch.zeros_like(seen)).backward()
        judging.step()
        frozen([judge], False)
        optimizer.zero_grad()
        seen = judge({shown})
        adversarial = is_real(seen, torch.ones_like(seen))
        (weights["near"] * near(made, y) + 0.1 * adversarial).backward()
        optimizer.step()
"""
BOTH = [
    "list(first.parameters()) + list(second.parameters())",
    "itertools.chain(first.parameters(), second.parameters())",
    "[{'params': first.parameters()}, {'params': second.parameters(), 'lr': 1e-3}]",
    "[*first.parameters(), *second.parameters()]",
]


@pytest.mark.parametrize("parameters", BOTH)
@pytest.mark.parametrize(("shown", "seen"), [("made.detach()", True), ("made", False)])
def test_an_optimizer_of_two_models_wants_the_gradient_of_each_term(
    parameters: str, shown: str, *, seen: bool, tmp_path: Path
) -> None:
    text = TWO_STAGES.format(parameters=parameters, shown=shown)
    line = text[: text.index("adversarial =")].count("\n") + 1
    told = [("LK151", "bug", "go.py", line)] if seen else []
    assert brief(found(tmp_path, {"go.py": text}), tmp_path) == told


@pytest.mark.parametrize("parameters", ["own(first, second)", "[first.weight]"])
def test_of_other_parameters_nothing_is_said(parameters: str, tmp_path: Path) -> None:
    text = TWO_STAGES.format(parameters=parameters, shown="made.detach()")
    assert found(tmp_path, {"go.py": text}) == []


GROWN = """
import torch.nn.functional as F
from networks import Curve, Net
from torch import optim

net, curve = Net(), Curve()
optimizer = optim.Adam([{"params": net.parameters()}, {"params": curve.parameters()}])
for start in games:
    optimizer.zero_grad()
    values, rest = [], 0
    while not start.done:
        found = net(start.state)
        values.append(found)
    last, part = found, 0
    for value in reversed(values):
        last = curve(last)
        part += F.mse_loss(last.detach(), value)
    loss = part + rest
    loss.backward()
    optimizer.step()
"""


def test_a_list_that_a_loop_fills_holds_what_it_was_filled_with(tmp_path: Path) -> None:
    assert found(tmp_path, {"go.py": GROWN}) == []


LEARNT = """
import torch
from data import loader
from learning import Learner
from torch import nn, optim

model = nn.Linear(2, 1)
learner = Learner(model={given}, lr=0.1)
optimizer = optim.Adam(learner.parameters())
for x, y in loader:
    optimizer.zero_grad()
    error = nn.MSELoss()(model(x), y)
    error.backward()
    optimizer.step()
"""


@pytest.mark.parametrize(("given", "codes"), [("model", []), ("None", ["LK152"])])
def test_a_model_that_is_built_of_another_is_reached_through_it(
    given: str, codes: list[str], tmp_path: Path
) -> None:
    text = LEARNT.format(given=given)
    assert [one.code for one in found(tmp_path, {"go.py": text})] == codes


PAIR = """
from networks import First, Second
from torch import optim

{first}, {second} = First(), Second()
{a} = optim.Adam({first}.parameters(), lr=1e-4)
{b} = optim.Adam({given}.parameters(), lr=1e-4)
for batch in loader:
    play({first}, {second}, batch).backward()
"""


@pytest.mark.parametrize(
    ("first", "second", "a", "b"),
    [
        ("netG", "netD", "optimizerG", "optimizerD"),
        ("generator", "discriminator", "optimizer_g", "optimizer_d"),
        ("actor", "critic", "actor_optimizer", "critic_optimizer"),
        ("encoder", "decoder", "enc_optim", "dec_optim"),
        ("generator", "discriminator", "opt_gen", "opt_disc"),
    ],
)
def test_an_optimizer_gets_the_parameters_of_the_counterpart(
    first: str, second: str, a: str, b: str, tmp_path: Path
) -> None:
    names = {"first": first, "second": second, "a": a, "b": b}
    wrong, right = (PAIR.format(given=given, **names) for given in (first, second))
    assert brief(found(tmp_path / "a", {"go.py": wrong}), tmp_path / "a") == [
        ("LK152", "bug", "go.py", 7)
    ]
    assert found(tmp_path / "b", {"go.py": right}) == []


def test_an_optimizer_by_any_name_may_have_a_model_to_itself(tmp_path: Path) -> None:
    names = {"first": "netG", "second": "netE", "a": "optimizerE", "given": "netE", "b": "optimD"}
    assert found(tmp_path, {"go.py": PAIR.format(**names)}) == []


RELATIVE = """
import torch
from torch import nn

judge = nn.Sequential(nn.Linear(4, 1){sigmoid})
criterion = nn.{loss}()
for real, fake in loader:
    seen, made = judge(real), judge(fake)
    loss = criterion({given}, torch.ones_like(seen))
    loss.backward()
"""


@pytest.mark.parametrize(
    ("sigmoid", "loss", "given", "seen"),
    [
        (", nn.Sigmoid()", "BCEWithLogitsLoss", "seen - made", [("LK103", "suspicious")]),
        (", nn.Sigmoid()", "BCEWithLogitsLoss", "seen - made.mean(0)", [("LK103", "suspicious")]),
        (", nn.Sigmoid()", "BCELoss", "seen - made", [("LK104", "bug")]),
        ("", "BCEWithLogitsLoss", "seen - made", []),
        (", nn.Sigmoid()", "BCEWithLogitsLoss", "seen - real", []),
        (", nn.ReLU()", "BCELoss", "torch.abs(seen - made)", [("LK104", "bug")]),
    ],
)
def test_judgements_are_compared(
    sigmoid: str, loss: str, given: str, seen: list[tuple], tmp_path: Path
) -> None:
    text = RELATIVE.format(sigmoid=sigmoid, loss=loss, given=given)
    assert [one[:2] for one in brief(found(tmp_path, {"go.py": text}), tmp_path)] == seen


WRITTEN = {
    "net.py": (
        "from common import *\n"
        "class Judge(object):\n"
        "    def __init__(self, made):\n"
        "        self.real = tf.placeholder(tf.float32, [None, 8])\n"
        "        both = tf.concat([self.real, made], axis=0)\n"
        "        weights = tf.Variable(tf.zeros([8, 1]))\n"
        "        sure = tf.nn.sigmoid(tf.matmul(both, weights))\n"
        "        self.seen = tf.slice(sure, [0, 0], [64, -1])\n"
    ),
    "common.py": "import tensorflow as tf\n",
    "go.py": (
        "from common import *\n"
        "from net import *\n"
        "class Game():\n"
        "    def __init__(self):\n"
        "        self.judge = Judge(tf.Variable(tf.zeros([64, 8])))\n"
        "        self.loss = tf.reduce_mean(-tf.log(self.judge.seen))\n"
        "        self.step = tf.train.AdamOptimizer(1e-4).minimize(self.loss)\n"
    ),
}


def test_slices_keep_what_they_hold_through_stars(tmp_path: Path) -> None:
    assert brief(found(tmp_path, WRITTEN), tmp_path) == [("LK172", "suspicious", "go.py", 6)]


LOGARITHM = """
import torch
from torch import nn

judge = nn.Sequential(nn.Linear(4, 1), nn.Sigmoid())
for real in loader:
    loss = -torch.{name}(judge(real){eps}).mean()
    loss.backward()
"""


@pytest.mark.parametrize("name", ["log", "log2", "log10"])
@pytest.mark.parametrize(("eps", "codes"), [("", ["LK172"]), (" + 1e-8", [])])
def test_logarithms_of_any_base(name: str, eps: str, codes: list[str], tmp_path: Path) -> None:
    text = LOGARITHM.format(name=name, eps=eps)
    assert [one.code for one in found(tmp_path, {"go.py": text})] == codes


BY_HAND = """
import torch
from torch import nn

judge = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1){last})
for real, fake in loader:
    seen = judge(fake)
    loss = -torch.log({value}).mean()
    loss.backward()
"""


@pytest.mark.parametrize(
    ("last", "value", "seen"),
    [
        ("", "1 - seen", [("LK104", "bug")]),
        ("", "1.0 - seen + 1e-8", [("LK104", "bug")]),
        ("", "2 - seen", []),
        ("", "1 + seen", []),
        ("", "1 - (1 - seen)", []),
        (", nn.Sigmoid()", "1 - seen", [("LK172", "suspicious")]),
        (", nn.Sigmoid()", "1 - seen + 1e-8", []),
    ],
)
def test_one_minus_a_score_is_no_probability(
    last: str, value: str, seen: list[tuple], tmp_path: Path
) -> None:
    text = BY_HAND.format(last=last, value=value)
    assert [one[:2] for one in brief(found(tmp_path, {"go.py": text}), tmp_path)] == seen


RENAMED = """
from networks import Net
from torch import nn, optim

model = Net()
optimizer = optim.SGD(model.parameters(), lr=0.1)
criterion = nn.CrossEntropyLoss()

def train(net, loader):
    for epoch in range(9):
        net = net.train()
        for x, y in loader:
            optimizer.zero_grad()
            loss = criterion(net(x), y)
            loss.backward()
            optimizer.step()

class Trainer:
    def __init__(self):
        self.maker, self.judge = Net(), Net()
        self.making = optim.SGD(self.maker.parameters(), lr=0.1)
        self.judging = optim.SGD(self.judge.parameters(), lr=0.1)
    def forward(self, x):
        self.made = self.maker.forward(x)
    def length(self, x, model=None): return (x ** 2).sum()
    def step(self, x):
        self.making.zero_grad()
        self.length(x, self.judge)
        loss = self.made.abs().mean() + self.judge(x).mean()
        loss.backward()
        self.making.step()
"""


def test_a_parameter_that_is_given_again_and_what_a_trainer_keeps(tmp_path: Path) -> None:
    assert found(tmp_path, {"go.py": RENAMED}) == []
