"""Terms of a loss from which no gradient gets where a step is taken."""

from __future__ import annotations

from pathlib import Path

import pytest
from lint_runs import found

GAN = """
import torch
from base import Base
from networks import Discriminator, Generator
from torch import nn, optim

class Gan(Base):
    def __init__(self, opt):
        self.opt = opt
        self.g, self.d = None, None
        self.g = Generator(opt).to(self.device)
        self.d = Discriminator(opt).to(self.device)
        self.near = nn.L1Loss()
        self.is_real = nn.BCEWithLogitsLoss()
        self.real, self.input = torch.ones(opt.batch_size), torch.empty(opt.batch_size)
        self.g_optimizer = optim.Adam(self.g.parameters(), lr=opt.lr)
        self.d_optimizer = optim.Adam(self.d.parameters(), lr=opt.lr)

    def forward(self):
        self.fake = self.g(self.input)
        self.seen = self.d(SHOWN)

    def backward_g(self):
        self.adversarial = self.opt.weight * self.near(self.seen, self.d(self.input))
        self.content = self.near(self.fake, self.input)
        self.loss_g = TOTAL
        self.loss_g.backward(retain_graph=True)

    def backward_d(self):
        self.loss_d = self.is_real(self.seen, self.real)
        self.loss_d.backward()

    def optimize(self):
        self.forward()
        self.g_optimizer.zero_grad()
        self.backward_g()
        self.g_optimizer.step()
        CLEAR
        self.backward_d()
        self.d_optimizer.step()
        if self.loss_d.item() < 1e-5:
            self.reinit_d()
"""
SUM = "self.adversarial + self.content"


def _gan(
    shown: str = "self.fake.detach()",
    total: str = SUM,
    clear: str = "self.d_optimizer.zero_grad()",
) -> str:
    return GAN.replace("SHOWN", shown).replace("TOTAL", total).replace("CLEAR", clear)


def _lines(text: str, folder: Path) -> list[tuple[str, int]]:
    seen = found(folder, {"go.py": text})
    return [(one.code, one.place.line) for one in seen if one.place and one.code != "LK305"]


@pytest.mark.parametrize(
    "total",
    [
        SUM,
        "0.5 * self.content + 2 * self.content - self.adversarial",
        "(self.adversarial + self.content) * 0.5",
        "sum([self.adversarial]) + self.content",
    ],
)
def test_a_term_of_what_was_detached(total: str, tmp_path: Path) -> None:
    """The discriminator is cleared before its step, and the generator gets nothing of it."""
    line = 26 if "sum" in total else 24
    assert _lines(_gan(total=total), tmp_path) == [("LK151", line)]


@pytest.mark.parametrize(
    "text",
    [
        _gan(shown="self.fake"),
        # By what nothing clears the discriminator takes its step.
        _gan(clear="pass"),
        _gan(clear="self.update_both(self.g, self.d)"),
        _gan().replace("self.g_optimizer.step()", "self.d_optimizer.step()"),
        _gan().replace("self.g_optimizer.step()", "self.g_optimizer.step(); self.both.step()"),
        _gan().replace("self.near(self.seen, ", "self.near(self.seen + self.d(self.fake), "),
    ],
)
def test_terms_that_are_used(text: str, tmp_path: Path) -> None:
    assert _lines(text, tmp_path) == []


PERCEPTUAL = """
import torch
from torch import nn, optim
from torch.autograd import Variable
from networks import *

model = Generator()
extractor = Features(vgg())
near = nn.MSELoss()
optimizer = optim.Adam(model.parameters())

loader = DataLoader(pictures(), batch_size=8)

def train(epoch):
    for image, wanted in loader:
        image = Variable(image)
        optimizer.zero_grad()
        made = model(image)
        theirs = extractor(Variable(MADE))
        ours = extractor(wanted)
        style = sum([near(theirs[i], ours[i].detach()) for i in range(len(ours))])
        loss = near(made, wanted) + style
        loss.backward()
        optimizer.step()
"""


@pytest.mark.parametrize("made", ["made.data", "made.detach()"])
def test_features_of_what_was_detached(made: str, tmp_path: Path) -> None:
    assert _lines(PERCEPTUAL.replace("MADE", made), tmp_path) == [("LK151", 21)]


def test_features_of_what_was_made(tmp_path: Path) -> None:
    text = PERCEPTUAL.replace("Variable(MADE)", "made")
    assert _lines(text, tmp_path) == []


ADDED = """
class Trainer:
    def step(self, sharp, blurred):
        adversarial_loss = self.adversarial_loss(self.discriminator(blurred))
        content_loss = self.content_loss(self.generator(blurred), sharp)
        loss = SUM
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()

import torch
"""


@pytest.mark.parametrize(
    ("terms", "lines"),
    [
        ("adversarial_loss.detach() + content_loss", [("LK151", 6)]),
        ("content_loss + adversarial_loss - adversarial_loss.detach()", []),
        ("content_loss * adversarial_loss.detach()", []),
        ("content_loss + self.scale.detach()", []),
    ],
)
def test_a_loss_that_is_detached_as_it_is_added(
    terms: str, lines: list[tuple[str, int]], tmp_path: Path
) -> None:
    assert _lines(ADDED.replace("SUM", terms), tmp_path) == lines


WEIGHED = """
import torch.nn.functional as F

def train(model, optimizer, loader, teaches, weight):
    for x, y in loader:
        output = model(x)
        values = F.mse_loss(output, y, reduction="none") if teaches else 0 * y
        loss = F.mse_loss(output, y) + (values * COMPARED).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
"""


@pytest.mark.parametrize(
    ("compared", "lines"), [("weight.gt(0)", []), ("output.gt(0)", [("LK151", 8)])]
)
def test_what_is_weighed_by_a_comparison(
    compared: str, lines: list[tuple[str, int]], tmp_path: Path
) -> None:
    assert _lines(WEIGHED.replace("COMPARED", compared), tmp_path) == lines


ENTROPY = """
import torch, torch.nn.functional as F
from torch import nn, optim
net = nn.Linear(4, 2)
optimizer = optim.Adam(net.parameters())
for states, actions, rewards in batches:
    found = F.softmax(net(states), dim=1)
    gain = torch.log(found.gather(1, actions) + 1e-8) * rewards
    entropy = -(found * torch.log(found + 1e-8)).sum(1)
    target_entropy, weight = entropy.detach(), 0.01
    optimizer.zero_grad()
    (TERMS).backward()
    optimizer.step()
"""


@pytest.mark.parametrize(
    ("terms", "codes"),
    [
        ("-gain.mean() - 0.01 * entropy.detach().mean()", ["LK151"]),
        ("-gain.mean() - weight * entropy.detach().mean()", ["LK151"]),
        ("-gain.mean() + -0.01 * entropy.mean().detach()", ["LK151"]),
        ("-gain.mean() - 0.01 * entropy.mean()", []),
        ("-gain.mean() - weight * target_entropy.mean()", []),
        ("(weight * entropy.detach() - 1).mean() * gain.mean()", []),
    ],
)
def test_an_entropy_that_is_detached_rewards_nothing(
    terms: str, codes: list[str], tmp_path: Path
) -> None:
    text = ENTROPY.replace("TERMS", terms)
    assert [one.code for one in found(tmp_path, {"go.py": text})] == codes
