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
