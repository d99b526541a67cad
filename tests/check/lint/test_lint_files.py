"""Whatever lies in a folder gets a finding, a line or nothing, never a traceback or a wait."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from lint_runs import brief, found, written

from losskit.check.lint.analysis import analyse
from losskit.check.lint.files import discover
from losskit.check.lint.finder import Finder
from losskit.check.lint.kinds import ACTIVATIONS
from losskit.check.lint.library.filled import FILLING
from losskit.check.lint.library.shapes import SHAPING
from losskit.check.lint.names import MAKERS
from losskit.check.lint.run import Outcome, lint
from losskit.check.lint.settings import Settings

MODEL = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(8, 3)
        self.softmax = nn.Softmax(dim=1)

    def forward(self, x):
        return self.softmax(self.last(x))
"""

TRAIN = """\
from torch import nn
from {module} import Net

model, criterion = Net(), nn.CrossEntropyLoss()


def step(x, y):
    return criterion(model(x), y)
"""


def run(folder: Path, *paths: str, cached: bool = False) -> Outcome:
    return lint([str(folder / path) for path in paths or (".",)], Settings(), cached=cached, jobs=1)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("old.py", 'print "loss"; nn.CrossEntropyLoss()\n', "this is Python 2"),
        ("broken.py", "def loss(:\n    nn.CrossEntropyLoss()\n", "line 1: "),
        ("binary.py", b"CrossEntropyLoss\0\x01\xff", "it is no text"),
        ("latin.py", "# softmax CrossEntropyLoss é\n".encode("latin-1"), "its encoding"),
        ("large.py", b"x = 1  # CrossEntropyLoss\n" * 100_000, "more than 2 MB"),
        ("deep.py", "CrossEntropyLoss = " + "(" * 5000 + ")" * 5000, ""),
        ("book.ipynb", "CrossEntropyLoss", "it is no Jupyter notebook"),
    ],
)
def test_what_cannot_be_read_gets_one_line(
    name: str, content: str | bytes, said: str, tmp_path: Path
) -> None:
    outcome = run(written(tmp_path, {name: content}), name)
    assert outcome.findings == []
    [(path, text)] = outcome.notes
    assert path.endswith(name)
    assert said in text
    assert "\n" not in text
    assert outcome.unreadable


def test_a_file_says_its_encoding(tmp_path: Path) -> None:
    text = "# -*- coding: latin-1 -*-\n# é\n" + MODEL + TRAIN.format(module="math")
    source = text.replace("from math import Net\n", "")
    [finding] = found(tmp_path, {"a.py": source.encode("latin-1")})
    assert finding.code == "LK101"


def test_columns_count_characters(tmp_path: Path) -> None:
    line = 'F.cross_entropy(F.softmax(x, 1), y) if "é𝔁" else 0'
    other = 'z = ("é𝔁", F.cross_entropy(F.softmax(x, 1), y))'
    text = f"import torch.nn.functional as F\n{line}\n{other}\n"
    places = [one.place for one in found(tmp_path, {"a.py": text}) if one.place is not None]
    assert [(one.line, one.column, one.end_column) for one in places] == [
        (2, 1, 36),
        (3, 12, 47),
    ]


def test_links_in_a_circle_are_followed_once(tmp_path: Path) -> None:
    written(tmp_path, {"inner/net.py": MODEL})
    (tmp_path / "inner" / "again").symlink_to(tmp_path)
    (tmp_path / "same.py").symlink_to(tmp_path / "inner" / "net.py")
    assert len(discover([str(tmp_path)], ())) == 1


def test_nothing_outside_the_given_paths_is_read(tmp_path: Path) -> None:
    written(tmp_path, {"secret/net.py": MODEL, "open/train.py": TRAIN.format(module="net")})
    (tmp_path / "open" / "net.py").symlink_to(tmp_path / "secret" / "net.py")
    assert run(tmp_path, "open").findings == []
    written(tmp_path, {"train.py": TRAIN.format(module="secret.net")})
    assert run(tmp_path, "train.py").findings == []
    assert [one.code for one in run(tmp_path, "train.py", "secret").findings] == ["LK101"]


@pytest.mark.parametrize(
    ("files", "module"),
    [
        ({"net.py": MODEL}, "net"),
        ({"models/net.py": MODEL}, "models.net"),
        ({"models/__init__.py": "from .net import Net\n", "models/net.py": MODEL}, "models"),
        ({"models/__init__.py": "from .net import *\n", "models/net.py": MODEL}, "models"),
        ({"src/models/net.py": MODEL}, "models.net"),
    ],
)
def test_imports_are_found(files: dict[str, str], module: str, tmp_path: Path) -> None:
    findings = found(tmp_path, {**files, "train.py": TRAIN.format(module=module)})
    assert brief(findings, tmp_path) == [("LK101", "bug", "train.py", 8)]
    assert any(step.place.path.endswith("net.py") for step in findings[0].evidence)


@pytest.mark.parametrize(
    "source",
    [
        "x = nn.CrossEntropyLoss\n" + "x = x(x)\n" * 3000,
        "def loss(n):\n    return loss(n) + loss(n) + loss(n)\nloss(1)\n",
        "def criterion(x):\n" + "".join(f"    if x.a{i}: x = [x, x]\n" for i in range(400)),
        "loss = " + " + ".join(["x"] * 20_000) + "\n",
        "loss = " + "[" * 90 + "1" + "]" * 90 + "\n",
        "class Loss(Loss): pass\nLoss().forward(1)\n",
        "a = []\na.append(a)\nfor loss in a: a.append(loss)\n",
        "x = " + "9" * 4000 + "\nloss = x * x\n",
        "def criterion(f): return f(f)\ncriterion(criterion)\n",
        "while True:\n    loss = lambda loss: loss(loss)\n    loss(loss)\n",
    ],
)
def test_hostile_code_is_read_in_bounded_time(source: str, tmp_path: Path) -> None:
    """Steps are counted, so that this cannot hang on a slow machine either."""
    outcome = run(written(tmp_path, {"a.py": f"# CrossEntropyLoss\n{source}"}), "a.py")
    assert outcome.files == 1
    assert outcome.findings == []


def test_files_that_import_each_other(tmp_path: Path) -> None:
    a = "from b import *\nimport b\nfrom torch.nn import CrossEntropyLoss as Loss\n"
    b = "from a import *\nimport a\nloss = a.Loss()\n"
    assert found(tmp_path, {"a.py": a, "b.py": b}) == []


def notebook(*cells: str) -> str:
    content = {
        "cells": [
            {"cell_type": "code", "metadata": {}, "outputs": [], "source": text.splitlines(True)}
            if not text.startswith("#md")
            else {"cell_type": "markdown", "metadata": {}, "source": text.splitlines(True)}
            for text in cells
        ],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(content, indent=1) + "\n"


def test_cells_of_a_notebook_share_their_names(tmp_path: Path) -> None:
    text = notebook(
        "%matplotlib inline\n!pip install torch\nimport torch.nn.functional as F\n",
        "#md F.cross_entropy(F.softmax(x, 1), y)",
        "%%bash\nrm -rf /\n",
        "files = !ls\np = F.softmax(model(x), dim=1)\nmodel?",
        "this is no Python\n",
        "loss = F.cross_entropy(p, y)",
    )
    [finding] = found(tmp_path, {"train.ipynb": text})
    assert finding.code == "LK101"
    assert str(finding.place).endswith("train.ipynb:cell 6:1:8")
    assert [step.place.cell for step in finding.evidence] == [4, 4, 6]


CELLS = """import torch.nn.functional as F
#%%
p = F.softmax(model(x), dim=1)
# %% for later
q = p[word] for word in words
# %%
loss = F.cross_entropy(p, y)
"""


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_script_of_cells_is_linted_but_for_those_that_are_no_python(
    ends: str, tmp_path: Path
) -> None:
    (tmp_path / "a.py").write_bytes(CELLS.replace("\n", ends).encode())
    outcome = lint([str(tmp_path / "a.py")], Settings(), cached=False)
    [finding] = outcome.findings
    assert (finding.code, finding.place.line) == ("LK101", 7)
    [(_, note)] = outcome.notes
    assert note == "the cells that begin at line 4 (line 5: invalid syntax)"
    assert outcome.unreadable


def test_a_script_without_cells_is_python_or_not(tmp_path: Path) -> None:
    text = CELLS.replace("# %%", "#").replace("#%%", "#")
    (tmp_path / "a.py").write_text(text)
    outcome = lint([str(tmp_path)], Settings(), cached=False)
    assert [note for _, note in outcome.notes] == ["line 5: invalid syntax"]
    assert outcome.findings == []


def test_what_is_left_out_by_name(tmp_path: Path) -> None:
    written(tmp_path, {"a.py": "", "build/b.py": "", "tests/c.py": "", ".venv/lib/d.py": ""})
    assert [
        os.path.basename(one.path) for one in discover([str(tmp_path)], Settings().exclude)
    ] == [
        "a.py",
        "c.py",
    ]
    named = discover([str(tmp_path / "build" / "b.py")], Settings().exclude)
    assert len(named) == 1


def test_files_that_hand_on_lead_from_a_main_to_the_training(tmp_path: Path) -> None:
    """Neither of them mentions a training, and packages may say much before they hand it on."""
    about = f'"""{"About it. " * 500}"""\n'
    files = {
        "main.py": "from jobs import Job\nfrom nets import Net\nmain(Job(Net()).run())\n",
        "jobs/__init__.py": about + "from .all import Job\n",
        "jobs/all.py": "from .one.job import Job\n",
        "jobs/one/job.py": "from torch import nn\nclass Job:\n"
        "    def __init__(self, net):\n        self.net, self.hard = net, nn.NLLLoss()\n"
        "    def run(self):\n        self.hard(self.net(self.x), self.y).backward()\n",
        "nets/__init__.py": about + "from .net import Net\n",
        "nets/net.py": MODEL,
    }
    [finding] = found(tmp_path, files)
    assert (finding.code, finding.place.path.endswith("job.py")) == ("LK111", True)


def test_imports_are_found_with_and_without_a_note() -> None:
    """Both ways to look for a module agree."""
    names = ["a.py", "b/__init__.py", "b/c.py", "b/d/e.py", "src/f.py", "b/src/g.py", "b/b.py"]
    finder = Finder({f"/p/{name}": name for name in names})
    asked = ["", "a", "b", "b.c", "b.d", "b.d.e", "c", "d.e", "f", "g", "e", "b.b", "x", "torch"]
    importers = ["/p/a.py", "/p/b/c.py", "/p/b/d/e.py", "/p/src/f.py"]
    answers = {
        (one, name, level): finder.find(one, name, level)
        for one in importers
        for name in asked
        for level in (0, 1, 2)
        if name or level
    }
    assert {key: finder.means(*key) for key in answers} == answers
    assert answers["/p/b/d/e.py", "c", 2] == "/p/b/c.py"
    assert answers["/p/b/c.py", "f", 0] == "/p/src/f.py"
    assert answers["/p/a.py", "", 1] is None


HOSTILE = {
    "text that doubles": "s = 'a' * 2\n" + "s = s + s\ns = s.replace('a', s)\n" * 40 + "eval(s)\n",
    "text that reads itself": "s = 'eval(s)'\neval(s)\n",
    "long sum with exponentials": "a = " + " - ".join(["torch.exp(b)"] * 4000) + "\n",
    "many conditions": "if " + " and ".join(f"args.a{n}" for n in range(2000)) + ":\n    pass\n",
    "many branches in a loop": (
        "for i in r:\n    loss.backward()\n    optimizer.zero_grad()\n"
        + "".join(f"    if i % {n} == n{n}: x{n} = {n}\n" for n in range(2, 3000))
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_written_to_take_long_does_not(name: str, tmp_path: Path) -> None:
    text = "import torch\nF = torch.nn.functional\nF.cross_entropy(F.softmax(z, 1), y).backward()\n"
    assert "LK101" in {one.code for one in found(tmp_path, {"go.py": text + HOSTILE[name]})}


ODD = ("", "()", "[]", "None", "*a", "**b", "-1", "1, 2, 3, 4", "x", "(None, ...)", "dim=()", "'a'")
CALLED = sorted(
    [
        *SHAPING,
        *ACTIVATIONS,
        *FILLING,
        *MAKERS,
        *("cat", "stack", "where", "einsum", "matmul", "gather", "scatter_", "max", "topk", "sum"),
        *("mean", "one_hot", "split", "clamp", "log", "exp", "pow", "size", "backward", "item"),
        *("requires_grad_", "bmm", "argmax", "Parameter", "Variable", "linear", "pad_sequence"),
        *("Sequential", "OrderedDict", "ModuleList", "DataLoader", "CrossEntropyLoss", "nll_loss"),
    ]
)


@pytest.mark.parametrize("tensor", ["nn.Linear(4, 1)(y)", "torch.zeros(3, 1)", "y", "[y, y]"])
def test_calls_that_make_no_sense_are_borne(tensor: str, tmp_path: Path) -> None:
    functions = [
        f"def {name}_loss(y, a, b):\n    x = {tensor}\n"
        + "".join(f"    x.{name}({odd})\n    torch.{name}({odd})\n" for odd in ODD)
        for name in CALLED
    ]
    text = "import torch\nfrom torch import nn\n" + "".join(functions)
    written(tmp_path, {"odd.py": text})
    assert run(tmp_path).notes == []


def test_a_mistake_of_the_linter_costs_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(project: object, unit: object, *rest: object, **settings: object) -> bool:
        if str(getattr(unit, "path", "")).endswith("odd.py"):
            raise IndexError(7)
        return analyse(project, unit, *rest, **settings)  # type: ignore[arg-type]

    monkeypatch.setattr("losskit.check.lint.run.analyse", failing)
    files = {"net.py": MODEL, "train.py": TRAIN.format(module="net")}
    written(tmp_path, {**files, "odd.py": "from torch.nn.functional import cross_entropy\n"})
    outcome = run(tmp_path)
    assert [one.code for one in outcome.findings] == ["LK101"]
    [(path, said)] = outcome.notes
    assert path.endswith("odd.py")
    assert "IndexError(7)" in said
    assert "report" in said


def test_methods_that_a_file_inherits_from_another_are_run(tmp_path: Path) -> None:
    """The file of the model names no loss, and nobody makes the model."""
    files = {
        "base.py": "import torch.nn as nn, torch.nn.functional as F\n"
        "class Base(nn.Module):\n    def fit(self, x, y):\n"
        "        loss = F.nll_loss(self(x), y)\n        loss.backward()\n",
        "net.py": "import torch.nn as nn\nfrom base import Base\nclass Net(Base):\n"
        "    def __init__(self):\n        super().__init__()\n        self.last = nn.Linear(4, 3)\n"
        "    def forward(self, x): return self.last(x)\n",
    }
    [finding] = found(tmp_path, files)
    assert (finding.code, Path(finding.place.path).name) == ("LK111", "base.py")
