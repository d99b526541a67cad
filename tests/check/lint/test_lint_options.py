"""Options of the command line: what a run without any of them computes is certain."""

from __future__ import annotations

from pathlib import Path

import pytest
from lint_runs import found

HEAD = """
import argparse, torch, torch.nn as nn
class Sigmoid(nn.Module):
    def __init__(self): super().__init__(); self.fc = nn.Linear(4, 3)
    def forward(self, x): return torch.sigmoid(self.fc(x))
class Raw(Sigmoid):
    def forward(self, x): return self.fc(x)
class Dice(nn.Module):
    def forward(self, p, y): return 1 - (p * y).sum() / (p + y).sum()
parser = argparse.ArgumentParser()
"""
DECLARED = """
parser.add_argument("-p", "--pre-trained", ACTION)
parser.add_argument("--loss", default="WORD")
args = parser.parse_args()
"""
TRAINING = """
def main(args):
    net = Sigmoid()
    if args.pre_trained:
        net = Raw()
    if args.loss == "dice":
        criterion = Dice()
    elif args.loss == "ce":
        criterion = nn.CrossEntropyLoss()
    for x, y in loader:
        criterion(net(x), y).backward()
main(args)
"""
BY_WORD = """
net = Sigmoid()
if args.pre_trained:
    net = Raw()
criterion = {"dice": Dice(), "ce": nn.CrossEntropyLoss()}[args.loss]
for x, y in loader:
    criterion(net(x), y).backward()
"""


@pytest.mark.parametrize(
    ("action", "word", "codes"),
    [
        ("action='store_true'", "ce", {"LK105"}),
        ("action='store_true'", "dice", set()),
        ("action='store_false'", "ce", set()),
        ("type=int, default=0", "ce", {"LK105"}),
        ("type=int, default=1", "ce", set()),
        ("type=int", "ce", set()),
    ],
)
def test_the_defaults_choose_the_model_and_the_loss(
    action: str, word: str, codes: set[str], tmp_path: Path
) -> None:
    declared = DECLARED.replace("ACTION", action).replace("WORD", word)
    seen = found(tmp_path, {"go.py": HEAD + declared + TRAINING})
    assert {one.code for one in seen} == codes


@pytest.mark.parametrize(("word", "codes"), [("ce", {"LK105"}), ("dice", set())])
def test_a_default_is_the_word_of_a_dictionary(word: str, codes: set[str], tmp_path: Path) -> None:
    declared = DECLARED.replace("ACTION", "action='store_true'").replace("WORD", word)
    seen = found(tmp_path, {"go.py": HEAD + declared + BY_WORD})
    assert {one.code for one in seen} == codes


def test_an_option_that_is_declared_twice_has_no_default(tmp_path: Path) -> None:
    declared = DECLARED.replace("ACTION", "action='store_true'").replace("WORD", "ce")
    again = 'parser.add_argument("--loss", default="dice")\n'
    assert found(tmp_path, {"go.py": HEAD + again + declared + TRAINING}) == []


def test_a_subcommand_brings_its_model(tmp_path: Path) -> None:
    text = """
commands = parser.add_subparsers()
commands.add_parser("raw").set_defaults(model=Raw)
commands.add_parser("sigmoid").set_defaults(model=Sigmoid)
args = parser.parse_args()
net = args.model()
for x, y in loader:
    nn.CrossEntropyLoss()(net(x), y).backward()
"""
    assert {one.code for one in found(tmp_path, {"go.py": HEAD + text})} == {"LK105"}


WORDS = {
    "name of the file": "net = globals()[args.model]()",
    "expression": "net = eval(args.model)()",
    "expression with brackets": "net = eval(args.model + '()')",
    "name that is changed": "net = globals()[args.model.lower().capitalize()]()",
    "module and name": "net = getattr(importlib.import_module('nets.' + args.file), 'Soft')()",
    "module in a text": "net = importlib.import_module(f'nets.{args.file}').Soft()",
    "module by format": "net = importlib.import_module('nets.{}'.format(args.file)).Soft()",
    "module by per cent": "net = importlib.import_module('nets.%s' % args.file).Soft()",
    "split at the last dot": (
        "file, name = args.path.rsplit('.', 1)\n"
        "net = getattr(importlib.import_module(file), name)()"
    ),
    "cut at the last dot": (
        "dot = args.path.rfind('.')\n"
        "net = getattr(importlib.import_module(args.path[:dot]), args.path[dot + 1 :])()"
    ),
    "loss of torch.nn": "net, criterion = Soft(), getattr(torch.nn, args.loss)()",
}
NETS = """
import argparse, importlib, torch, torch.nn as nn
class Raw(nn.Module):
    def forward(self, x): return nn.Linear(4, 3)(x)
class Soft(Raw):
    def forward(self, x): return nn.Softmax(dim=1)(super().forward(x))
"""
PARSED = """
parser = argparse.ArgumentParser()
parser.add_argument("--model", default="MODEL")
parser.add_argument("--file", default="FILE")
parser.add_argument("--path", default="nets.FILE.Soft")
parser.add_argument("--loss", default="LOSS")
args, criterion = parser.parse_args(), nn.CrossEntropyLoss()
CHOSEN
for x, y in loader:
    criterion(net(x), y).backward()
"""


@pytest.mark.parametrize("name", WORDS)
@pytest.mark.parametrize(
    ("model", "file", "loss", "wrong"),
    [("Soft", "soft", "CrossEntropyLoss", True), ("Raw", "raw", "GaussianNLLLoss", False)],
)
def test_the_default_names_the_model_or_the_loss(
    name: str, model: str, file: str, loss: str, wrong: bool, tmp_path: Path
) -> None:
    text = NETS + PARSED.replace("MODEL", model).replace("FILE", file).replace("LOSS", loss)
    files = {
        "go.py": text.replace("CHOSEN", WORDS[name]),
        "nets/__init__.py": "",
        "nets/soft.py": NETS,
        "nets/raw.py": NETS.partition("class Soft")[0].replace("class Raw", "class Soft"),
    }
    assert ("LK101" in {one.code for one in found(tmp_path, files)}) is wrong


def test_a_class_that_trains_gets_the_model_of_its_file(tmp_path: Path) -> None:
    """Of several, it is one of them."""
    text = """
class Trainer:
    def __init__(self, model, loader):
        self.model, self.loader, self.criterion = model, loader, nn.CrossEntropyLoss()
    def train(self):
        for x, y in self.loader:
            self.criterion(self.model(x), y).backward()
"""
    single = """
import torch, torch.nn as nn
class Soft(nn.Module):
    def forward(self, x): return nn.Softmax(dim=1)(nn.Linear(4, 3)(x))
"""
    [finding] = found(tmp_path / "one", {"go.py": single + text})
    assert (finding.code, finding.severity.value) == ("LK101", "bug")
    [finding] = found(tmp_path / "two", {"go.py": NETS + text})
    assert (finding.code, finding.severity.value) == ("LK101", "suspicious")


def test_settings_of_each_model_are_handed_on_together(tmp_path: Path) -> None:
    """A dictionary that a branch fills brings what that branch chose."""
    text = """
def train(model, loader, loss, rate):
    for x, y in loader:
        loss(input=model(x), target=y).backward()
def main(args):
    if args.model.lower() == "soft":
        net, chosen = Soft(), {"loss": LOSS(), "rate": 1}
    else:
        net, chosen = Raw(), {"loss": nn.CrossEntropyLoss(), "rate": 2}
    train(net, loader, **chosen)
main(args)
"""
    for loss, code in (("nn.CrossEntropyLoss", "LK101"), ("nn.MSELoss", "LK181")):
        files = {"go.py": NETS + text.replace("LOSS", loss)}
        assert {one.code for one in found(tmp_path / loss, files)} == {code}


@pytest.mark.parametrize(("kind", "codes"), [("flat", {"LK101"}), ("plain", set())])
def test_conditions_are_asked_one_after_the_other(
    kind: str, codes: set[str], tmp_path: Path
) -> None:
    text = f"""
parser = argparse.ArgumentParser()
parser.add_argument("--loss", default="ce")
parser.add_argument("--kind", default="{kind}")
args = parser.parse_args()
criterion = nn.CrossEntropyLoss() if args.loss == "ce" else nn.GaussianNLLLoss()
net = Raw()
for x, y in loader:
    out = net(x)
    if args.loss == "ce" and args.kind != "plain":
        out = torch.softmax(out, dim=1)
    criterion(out, y).backward()
"""
    assert {one.code for one in found(tmp_path, {"go.py": NETS + text})} == codes


COUNTED = """
import torch.nn as nn, torch.nn.functional as F
class Agent:
    def __init__(self):
        self.net, self.seen = nn.Linear(4, 3), 0
    def keep(self, step):
        self.seenCOUNT
    def learn(self, x, y):
        if self.seen < 64:
            return
        F.cross_entropy(F.softmax(self.net(x), -1), y).backward()
"""


@pytest.mark.parametrize(("count", "codes"), [(" += 1", {"LK101"}), (".add(step)", set())])
def test_what_methods_count_on_is_not_what_it_begins_with(
    count: str, codes: set[str], tmp_path: Path
) -> None:
    text = COUNTED.replace("COUNT", count)
    assert {one.code for one in found(tmp_path, {"go.py": text})} == codes


SETTLED = """
import torch, torch.nn as nn
class Net(nn.Module):
    def __init__(self, activation="sigmoid"):
        super().__init__()
        self.fc, self.activation = nn.Linear(4, 1), activation
    def forward(self, x):
        if self.activation is None:
            return self.fc(x)
        return torch.sigmoid(self.fc(x))
class Wide(Net):
    def forward(self, x):
        x = self.fc(x)
        if self.activation is None:
            return x
        return torch.sigmoid(x)
class DiceLoss(nn.Module):
    def forward(self, logits, target):
        probs = torch.sigmoid(logits)
        return 1 - 2 * (probs * target).sum() / (probs.sum() + target.sum())
def train(cfg, loader):
    net = {"net": Net, "wide": Wide}.get(cfg.net)(SETTINGS)
    for x, y in loader:
        DiceLoss()(net(x), y).backward()
"""


@pytest.mark.parametrize(("settings", "codes"), [("", {"LK103"}), ("**cfg.settings", set())])
def test_settings_that_are_not_known_decide_what_each_model_gives(
    settings: str, codes: set[str], tmp_path: Path
) -> None:
    text = SETTLED.replace("SETTINGS", settings)
    assert {one.code for one in found(tmp_path, {"go.py": text})} == codes


PREDICTOR = """
import torch, torch.nn as nn
from data import loader
class Raw(nn.Module):
    def __init__(self): super().__init__(); self.fc = nn.Linear(4, 1)
    def forward(self, x): return self.fc(x)
class Net(Raw):
    def forward(self, x): return torch.sigmoid(self.fc(x))
class Predictor:
    def load(self):
        self.net = Raw()
    def _train(self, loader, groups=None):
        for x, y in loader:
            nn.BCELoss()(self.net(x), y).backward()
    def fit(self, loader):
        self.net = Net()
        self._train(loader)
CALL
"""


@pytest.mark.parametrize("call", ["", "Predictor().fit(loader)"])
def test_a_method_meets_what_its_caller_sets_up(call: str, tmp_path: Path) -> None:
    assert found(tmp_path, {"go.py": PREDICTOR.replace("CALL", call)}) == []


def test_a_method_meets_what_others_leave(tmp_path: Path) -> None:
    text = PREDICTOR.replace("Net()", "Raw()").replace("CALL", "")
    assert [one.code for one in found(tmp_path, {"go.py": text})] == ["LK104"]


MANY = """
from elsewhere import OwnLoss

def get_model(model_name):
    if model_name == "soft":
        return Soft()
MORE    raise ValueError(model_name)

class Trainer:
    def __init__(self, config):
        self.config, self.model = config, None
        self.create(config.model.name)
        if config.model.loss.lower() == "ce":
            self.criterion = nn.CrossEntropyLoss()
        else:
            self.criterion = OwnLoss()
    def create(self, model_name):
        if model_name == "raw_0":
            self.model = get_model(model_name)
        else:
            self.model = get_model(model_name)
    def train(self, loader):
        for x, y in loader:
            self.criterion(self.model(x), y).backward()
"""


def test_a_factory_of_many_models_may_be_called_on_both_sides_of_a_branch(tmp_path: Path) -> None:
    """What the branch asks leaves one model on one side, and all others on the other.

    It is no more than suspicious where the loss is chosen as well.
    """
    raw = NETS[NETS.index("class Raw") : NETS.index("class Soft")]
    nets = NETS + "".join(raw.replace("Raw", f"Raw{at}") for at in range(9))
    more = "".join(
        f'    if model_name == "raw_{at}":\n        return Raw{at}()\n' for at in range(9)
    )
    findings = found(tmp_path, {"go.py": nets + MANY.replace("MORE", more)})
    assert [(one.code, str(one.severity)) for one in findings] == [("LK101", "suspicious")]


@pytest.mark.parametrize(
    ("asked", "codes"),
    [
        ("config.head", []),
        ("config.model.name.lower()", ["LK101"]),
        ("config.net", ["LK101"]),
        ("config.model.loss", []),
    ],
)
def test_a_model_and_a_loss_may_be_chosen_apart(
    asked: str, codes: list[str], tmp_path: Path
) -> None:
    """Where the loss asks for what the model asks for, they belong together, most likely."""
    text = f"""
from elsewhere import OwnLoss

def run(config, loader):
    model = Soft() if {asked} == "a" else Raw()
    criterion = nn.CrossEntropyLoss() if config.model.loss.lower() == "ce" else OwnLoss()
    for x, y in loader:
        criterion(model(x), y).backward()
"""
    assert [one.code for one in found(tmp_path, {"go.py": NETS + text})] == codes
