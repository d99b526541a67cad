"""What objects get, and keep, that nobody in the file makes."""

from __future__ import annotations

from pathlib import Path

import pytest
from lint_runs import found

HEAD = """
import torch, torch.nn as nn, torch.nn.functional as F
net = nn.Linear(4, 3)
"""

SEEN = {
    "a model that a method builds": (
        "LK101",
        "class Trainer:\n"
        "    def __init__(self): self.model = nn.Sequential()\n"
        "    def build(self):\n        self.model = nn.Sequential(net, nn.Softmax(dim=1))\n"
        "    def train(self, x, y): F.cross_entropy(self.model(x), y).backward()",
    ),
    "what a class out of sight keeps": (
        "LK101",
        "from trainers import Trainer\n"
        "class Own(Trainer):\n"
        "    def __init__(self):\n"
        "        model, criterion = nn.Sequential(net, nn.Softmax(dim=1)), nn.CrossEntropyLoss()\n"
        "        super().__init__(model, criterion)\n"
        "    def train(self, x, y): self.criterion(self.model(x), y).backward()",
    ),
}


@pytest.mark.parametrize("name", SEEN)
def test_what_an_object_keeps_is_known(name: str, tmp_path: Path) -> None:
    code, text = SEEN[name]
    assert code in {one.code for one in found(tmp_path, {"go.py": f"{HEAD}{text}\n"})}


TRAINED = """
class Trainer(object):
    def __init__(self, generator, judge, items):
        self.generator, self.judge = generator, judge
    def train(self, x, y):
        found, classes = self.judge(self.generator(x))
        return F.cross_entropy(classes, y)

class Generator(nn.Module):
    def forward(self, z): return net(z)

class NAME(nn.Module):
    def __init__(self):
        super().__init__()
        self.whole, self.kind = nn.Linear(4, 1), nn.Linear(4, 3)
    def forward(self, x):
        return torch.sigmoid(self.whole(x)), F.softmax(self.kind(x), dim=1)
"""


@pytest.mark.parametrize(
    ("name", "more", "codes"),
    [
        ("Judge", "", {"LK101"}),
        ("Judge_of_pictures", "", {"LK101"}),
        ("Jury", "", set()),
        ("JudgeHead", "", set()),
        ("JudgeOne", "\nclass JudgeTwo(JudgeOne): pass", set()),
    ],
)
def test_a_parameter_called_like_the_only_such_model_is_one(
    name: str, more: str, codes: set[str], tmp_path: Path
) -> None:
    text = HEAD + TRAINED.replace("NAME", name) + more
    assert {one.code for one in found(tmp_path, {"go.py": text})} == codes


SETTINGS = """
def train(model, optimizer, loader, args):
    if args.loss == "BCE":
        criterion = nn.BCEWithLogitsLoss()
    elif args.loss == "CE":
        criterion = nn.CrossEntropyLoss()
    args.criterion = criterion
    for x, y in loader:
        step(optimizer, criterion(model(x), y))
    validate(model, loader, args)

def validate(model, loader, args):
    for x, y in loader:
        out = torch.sigmoid(model(x))
        if isinstance(args.criterion, torch.nn.CrossEntropyLoss):
            loss = args.criterion(out, y.argmax(1))
        else:
            loss = args.criterion(out, y)
"""


def test_settings_carry_one_of_several_criteria_and_each_branch_gets_its_own(
    tmp_path: Path,
) -> None:
    seen = [(one.code, one.place.line) for one in found(tmp_path, {"go.py": HEAD + SETTINGS})]
    assert seen == [("LK105", 19), ("LK103", 21)]


AUTOENCODER = """
class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.mean, self.spread, self.out = nn.Linear(4, 2), nn.Linear(4, 2), nn.Linear(2, 4)
    def decode(self, z): return GIVEN(self.out(z))
    def forward(self, x):
        mu, logvar = self.mean(x), self.spread(x)
        return self.decode(mu + torch.randn_like(mu) * (logvar / 2).exp()), mu, logvar
    def loss_function(self, recon_x, x, mu, logvar):
        divergence = -0.5 * (1 + logvar - mu.pow(2) - logvar.exp()).sum()
        return F.binary_cross_entropy(recon_x, x, reduction="sum") + divergence
"""


@pytest.mark.parametrize(
    ("given", "codes"), [("torch.sigmoid", []), ("torch.tanh", ["LK104"]), ("", ["LK104"])]
)
def test_an_autoencoders_own_loss_takes_its_reconstruction(
    given: str, codes: list[str], tmp_path: Path
) -> None:
    text = HEAD + AUTOENCODER.replace("GIVEN", given)
    assert [one.code for one in found(tmp_path, {"go.py": text})] == codes
    # Which of its outputs that is has to be said.
    unnamed = text.replace("decode(", "finish(")
    assert found(tmp_path, {"go.py": unnamed}) == []


OWN_PARTS = """
class Recogniser:
    def __init__(self):
        self.decoder = nn.Sequential(net, nn.Softmax(dim=1))
        self.size = 3
    def epoch(self, loader, NAME, optimizer):
        for x, y in loader:
            optimizer.zero_grad()
            F.cross_entropy(NAME(x), y).backward()
            optimizer.step()
"""


@pytest.mark.parametrize(
    ("name", "codes"), [("decoder", {"LK101"}), ("encoder", set()), ("size", set())]
)
def test_a_method_gets_what_its_object_keeps_under_the_name(
    name: str, codes: set[str], tmp_path: Path
) -> None:
    text = HEAD + OWN_PARTS.replace("NAME", name)
    assert {one.code for one in found(tmp_path, {"go.py": text})} == codes
