"""What imported modules bring: packages that hand on everything, and modules that are busy."""

from __future__ import annotations

from pathlib import Path

import pytest
from lint_runs import brief, found, written

from losskit.check.lint.run import lint
from losskit.check.lint.settings import Settings

NET = """
from torch import nn
import torch.nn.functional as F

class {name}(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 3)
    def forward(self, x):
        return F.softmax(self.fc(x), dim=1)
"""

TRAINING = """
from torch import nn
{imports}

model = {model}
for x, y in loader:
    nn.CrossEntropyLoss()(model(x), y).backward()
"""

SEEN = [("LK101", "bug", "train.py", 7)]


@pytest.mark.parametrize("number", [0, 30, 59])
def test_of_a_large_package_only_what_is_asked_for_is_read(number: int, tmp_path: Path) -> None:
    """More modules than one analysis may look into, of which one hands on each name."""
    nets = {f"zoo/net{at}.py": NET.format(name=f"Net{at}") for at in range(60)}
    stars = "".join(f"from .net{at} import *\n" for at in range(60))
    training = TRAINING.format(imports="import zoo", model=f"zoo.Net{number}()")
    # A name that nobody defines is looked for everywhere, and must not be in the way.
    files = {**nets, "zoo/__init__.py": f"{stars}print(len([]))\n", "train.py": training}
    assert brief(found(tmp_path, files), tmp_path) == SEEN


@pytest.mark.parametrize(
    "imports",
    ["from zoo import Net", "from zoo import *", "import zoo\nNet = zoo.Net"],
)
def test_names_come_through_stars_of_stars(imports: str, tmp_path: Path) -> None:
    """Also where two modules import everything from one another."""
    files = {
        "zoo/__init__.py": "from .other import *\n",
        "zoo/other.py": "from .nets import *\nfrom . import *\n",
        "zoo/nets.py": f"from .other import *\n{NET.format(name='Net')}",
        "train.py": TRAINING.format(imports=imports, model="Net()").replace("\nmodel", "model", 1),
    }
    assert [one[:3] for one in brief(found(tmp_path, files), tmp_path)] == [SEEN[0][:3]]


def test_the_later_of_two_stars_counts(tmp_path: Path) -> None:
    files = {
        "zoo/__init__.py": "from .first import *\nfrom .second import *\n",
        "zoo/first.py": NET.format(name="Net").replace(
            "F.softmax(self.fc(x), dim=1)", "self.fc(x)"
        ),
        "zoo/second.py": NET.format(name="Net"),
        "train.py": TRAINING.format(imports="from zoo import Net", model="Net()"),
    }
    assert brief(found(tmp_path, files), tmp_path) == SEEN


def test_a_function_may_be_called_as_its_module_is(tmp_path: Path) -> None:
    """As in torchvision: the star binds the function after the module."""
    files = {
        "zoo/__init__.py": "from .alex import *\n",
        "zoo/alex.py": f"{NET.format(name='AlexNet')}\ndef alex():\n    return AlexNet()\n",
        "train.py": TRAINING.format(imports="import zoo", model="zoo.alex()"),
    }
    assert brief(found(tmp_path, files), tmp_path) == SEEN


def test_a_module_is_found_in_a_package_of_stars(tmp_path: Path) -> None:
    files = {
        "zoo/__init__.py": "from .tools import *\n",
        "zoo/tools.py": "def alex():\n    pass\n",
        "zoo/nets.py": NET.format(name="Net"),
        "train.py": TRAINING.format(imports="from zoo import nets", model="nets.Net()"),
    }
    assert brief(found(tmp_path, files), tmp_path) == SEEN


OFTEN = """
def version(name):
    found = {}
    for one in range(3):
        if one in names:
            found[one] = names[one] + name
        if one in others:
            found[one] = others[one] + name
    return found
"""

LONG = "def version(name):\n" + "    found = 1 + 2 * 3\n" * 4_000


@pytest.mark.parametrize(("tools", "times"), [(OFTEN, 900), (LONG, 1)], ids=["often", "long"])
def test_what_has_nothing_to_do_with_models_is_left(tools: str, times: int, tmp_path: Path) -> None:
    """Be it one function that takes long, or many runs of a short one."""
    calls = ", ".join(["version(1)"] * times)
    busy = f"from tools import *\ntry:\n    known = [{calls}]\nexcept KeyError:\n    pass\n"
    files = {
        "tools.py": tools,
        "zoo.py": f"{busy}{NET.format(name='Net')}",
        "train.py": TRAINING.format(imports="from zoo import Net", model="Net()"),
    }
    assert brief(found(tmp_path, files), tmp_path) == SEEN


CHOSEN = """
import argparse
from importlib import import_module
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--model", required=True)
name = parser.parse_args().model
module = import_module({asked})
model = {model}
for x, y in loader:
    nn.CrossEntropyLoss()(model(x), y).backward()
"""
LOGITS = NET.replace("F.softmax(self.fc(x), dim=1)", "self.fc(x)")


@pytest.mark.parametrize("model", ["module.Net()", "getattr(module, 'Net')()"])
@pytest.mark.parametrize(
    ("asked", "seen"),
    [
        ("'zoo.' + name", True),
        ("f'zoo.{name}'", True),
        ("'zoo.{}'.format(name)", True),
        ("'zoo.%s' % name", True),
        ("'zoo.' + name + '_net'", True),
        ("'zoo.' + name + '_head'", False),
        ("'zoo' + name", False),
        ("name", False),
    ],
)
def test_a_module_that_is_named_in_part_is_one_of_its_folder(
    asked: str, model: str, *, seen: bool, tmp_path: Path
) -> None:
    files = {
        "zoo/plain_net.py": LOGITS.format(name="Net"),
        "zoo/sure_net.py": NET.format(name="Net"),
        "train.py": CHOSEN.format(asked=asked, model=model),
    }
    told = [("LK101", "bug", "train.py", 12)] if seen else []
    assert brief(found(tmp_path, files), tmp_path) == told


def test_a_module_that_comes_to_a_folder_counts_though_nothing_else_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files = {
        "zoo/plain.py": LOGITS.format(name="Net"),
        "train.py": CHOSEN.format(asked="'zoo.' + name", model="module.Net()"),
    }
    written(tmp_path, files)
    assert not lint(["."], Settings(), cached=True, jobs=1).findings
    written(tmp_path, {"zoo/sure.py": NET.format(name="Net")})
    assert [one.code for one in lint(["."], Settings(), cached=True, jobs=1).findings] == ["LK101"]
