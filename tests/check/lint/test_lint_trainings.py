"""Whole trainings: how they accumulate, what they hold against what, and which files they use."""

from __future__ import annotations

from pathlib import Path

import pytest
from lint_runs import found

HEAD = """
import torch, torch.nn as nn, torch.nn.functional as F
from torch.autograd import Variable
net, optimizer = nn.Linear(4, 3), torch.optim.SGD(net.parameters(), 0.1)
"""
ROUND = "    loss = F.cross_entropy(net(x), y)DIVIDED\n    loss.backward()\n"
DONE = "        optimizer.step()\n        optimizer.zero_grad()\n"

LOOPS = {
    "remainder": (
        "for i, (x, y) in enumerate(loader):\n" + ROUND + "    if (i + 1) % steps == 0:\n" + DONE
    ),
    "remainder by a name": (
        "for i, (x, y) in enumerate(loader):\n"
        + ROUND
        + "    full = (i + 1) % self.cfg.steps == 0\n"
        + "    if full or i == len(loader) - 1:\n"
        + "        torch.nn.utils.clip_grad_norm_(net.parameters(), self.cfg.most)\n"
        + DONE
    ),
    "counter that begins again": (
        "count = 0\nfor x, y in loader:\n"
        + ROUND
        + "    count += 1\n    if count == steps:\n"
        + DONE
        + "        count = 0\n"
    ),
    "update of a model's own": (
        "for i, (x, y) in enumerate(loader):\n"
        + ROUND
        + "    if (i + 1) % steps == 0:\n        model.update()\n        model.zero_grad()\n"
    ),
}


@pytest.mark.parametrize("name", LOOPS)
@pytest.mark.parametrize(
    ("divided", "codes"), [("", {"LK171"}), (" / steps", set()), (" / self.cfg.steps", set())]
)
def test_accumulated_gradients_are_divided(
    name: str, divided: str, codes: set[str], tmp_path: Path
) -> None:
    text = HEAD + LOOPS[name].replace("DIVIDED", divided)
    assert {one.code for one in found(tmp_path, {"go.py": text})} == codes


def test_a_counter_that_goes_on_says_nothing(tmp_path: Path) -> None:
    """Each batch is a step; the counter only says when to print."""
    text = LOOPS["counter that begins again"].replace("DIVIDED", "")
    text = text.replace(
        "    count += 1\n", "    optimizer.step()\n    optimizer.zero_grad()\n    count += 1\n"
    )
    assert found(tmp_path, {"go.py": HEAD + text}) == []


SEEN = {
    "pictures where the output belongs": (
        "LK142",
        "for images, masks in torch.utils.data.DataLoader(rows):\n"
        "    F.binary_cross_entropy_with_logits(images, net(images)).backward()",
    ),
    "new leaf of a loss class of the project": (
        "LK151",
        "from elsewhere import *\n"
        "class PointLoss(nn.Module):\n"
        "    def forward(self, a, b):\n"
        "        loss = distance(a, b)\n"
        "        loss = Variable(loss, requires_grad=True)\n"
        "        return loss",
    ),
    "guess that is scattered": (
        "LK151",
        "class RecallLoss(nn.Module):\n"
        "    def forward(self, out, y):\n"
        "        guess = torch.max(out, 1)[1]\n"
        "        rows = torch.zeros(out.shape).scatter_(1, guess, 1)\n"
        "        return 1 - (rows * F.one_hot(y)).sum() / F.one_hot(y).sum()",
    ),
    "softmax of graphs": (
        "LK172",
        "from torch_geometric.utils import softmax\n"
        "def policy_loss(x, index): return -torch.log(softmax(net(x), index)).mean()",
    ),
    "largest entry of the target": (
        "LK181",
        "class Model(nn.Module):\n"
        "    def forward(self, x, label):\n"
        "        loss = F.mse_loss(F.softmax(net(x), dim=-1), label)\n"
        "        return torch.max(label, 1)[1], loss",
    ),
    "softmax over the batch in a layer": (
        "LK191",
        "class Model(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.last = nn.Sequential(nn.Linear(8, 5), nn.Softmax(dim=0))\n"
        "    def forward(self, x): return self.last(x.view(x.size(0), -1))",
    ),
    "function of a module that is not seen": (
        "LK103",
        "import tensorflow as tf, layers\n"
        "out = tf.nn.sigmoid(layers.conv2d(x, 1))\n"
        "tf.nn.sigmoid_cross_entropy_with_logits(logits=out, labels=y)",
    ),
    "last step of a sequence": (
        "LK141",
        "lstm, one = nn.LSTM(4, 8), nn.Linear(8, 1)\n"
        "out = one(lstm(x)[0])[:, -1, :]\n"
        "F.mse_loss(out, torch.tensor([1.0, 2.0]))",
    ),
}

SILENT = {
    "pictures that are made again": (
        "for images, masks in torch.utils.data.DataLoader(rows):\n"
        "    F.binary_cross_entropy_with_logits(net(images), images).backward()"
    ),
    "classes that are scattered": (
        "class OverlapLoss(nn.Module):\n"
        "    def forward(self, out, y):\n"
        "        rows = torch.zeros(out.shape).scatter_(1, y, 1)\n"
        "        return 1 - (rows * F.softmax(out, 1)).sum()"
    ),
    "softmax over the classes in a layer": (
        "class Model(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.last = nn.Sequential(nn.Linear(8, 5), nn.Softmax(dim=1))\n"
        "    def forward(self, x): return self.last(x.view(x.size(0), -1))"
    ),
    "one output of the last step": (
        "lstm, one = nn.LSTM(4, 8), nn.Linear(8, 1)\n"
        "out = one(lstm(x)[0])[:, -1, 0]\n"
        "F.mse_loss(out, torch.tensor([1.0, 2.0]))"
    ),
}


@pytest.mark.parametrize("name", SEEN)
def test_a_training_is_understood(name: str, tmp_path: Path) -> None:
    code, text = SEEN[name]
    assert code in {one.code for one in found(tmp_path, {"go.py": f"{HEAD}{text}\n"})}


@pytest.mark.parametrize("name", SILENT)
def test_a_sound_one_as_well(name: str, tmp_path: Path) -> None:
    assert found(tmp_path, {"go.py": f"{HEAD}{SILENT[name]}\n"}) == []


def test_a_star_brings_the_modules_that_a_package_lists(tmp_path: Path) -> None:
    files = {
        "nets/__init__.py": '__all__ = ["own"]\n',
        "nets/own.py": "import torch.nn as nn\ndef Net():\n"
        "    return nn.Sequential(nn.Linear(4, 3), nn.Softmax(dim=1))\n",
        "go.py": HEAD + "from nets import *\nF.cross_entropy(own.Net()(x), y).backward()\n",
    }
    assert {one.code for one in found(tmp_path, files)} == {"LK101"}


FACTORIES = {
    "one after the other": (
        "    if name == 'wrong': return Wrong()\n    if name == 'right': return Right()\n"
        "    raise ValueError(name)\n"
    ),
    "the last one without asking": "    if name == 'right': return Right()\n    return Wrong()\n",
    "by elif": (
        "    if name == 'right': return Right()\n    elif name == 'wrong': return Wrong()\n"
        "    else: return None\n"
    ),
    "by match": (
        "    match name:\n        case 'right': return Right()\n        case _: return Wrong()\n"
    ),
}


@pytest.mark.parametrize("name", FACTORIES)
def test_a_factory_keeps_what_it_built_before_it_returned(name: str, tmp_path: Path) -> None:
    text = f"""
class Right(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.last = nn.Linear(4, 3), nn.Softmax(dim=1)
    def forward(self, x): return self.fc(x)
class Wrong(Right):
    def forward(self, x): return self.last(self.fc(x))
def made(name):
{FACTORIES[name]}
model = made(args.model)
F.cross_entropy(model(x), y).backward()
"""
    assert {one.code for one in found(tmp_path, {"go.py": HEAD + text})} == {"LK101"}


@pytest.mark.parametrize(("leaves", "codes"), [("return None", set()), ("pass", {"LK101"})])
def test_what_another_branch_sets_stays_apart(leaves: str, codes: set[str], tmp_path: Path) -> None:
    """An object that both sides know is as the side leaves it that goes on."""
    text = f"""
class Holder:
    pass
def go(holder):
    holder.last = nn.Identity()
    if args.fresh:
        holder.last = nn.Softmax(dim=1)
        {leaves}
    F.cross_entropy(holder.last(net(x)), y).backward()
go(Holder())
"""
    assert {one.code for one in found(tmp_path, {"go.py": HEAD + text})} == codes


OUTPUTS = {
    "by its name": ("Out(scores=soft, rest=x)", "out.scores"),
    "by its place": ("Out(x, soft)", "out[1]"),
    "taken apart": ("Out(soft, x)", "[one for one in out][0]"),
}


@pytest.mark.parametrize("name", OUTPUTS)
@pytest.mark.parametrize("fields", ["['scores', 'rest']", "'scores rest'", "'scores, rest'"])
def test_a_named_tuple_keeps_what_it_holds(name: str, fields: str, tmp_path: Path) -> None:
    made, taken = OUTPUTS[name]
    text = f"""
from collections import namedtuple
Out = namedtuple("Out", {fields})
soft = torch.einsum("ij,jk->ik", x, net.weight).softmax(-1)
out = {made}
F.cross_entropy({taken}, y).backward()
"""
    assert {one.code for one in found(tmp_path, {"go.py": HEAD + text})} == {"LK101"}


EARLY = """
import tensorflow as tf
x, y = tf.placeholder("float", [None, 4]), tf.placeholder("float", [None, 3])
scores = tf.keras.layers.Dense(3)(x)
"""


@pytest.mark.parametrize(("first", "codes"), [("tf.sigmoid(scores)", {"LK105"}), ("scores", set())])
def test_an_early_tensorflow_takes_the_logits_first(
    first: str, codes: set[str], tmp_path: Path
) -> None:
    text = f"{EARLY}cost = tf.nn.softmax_cross_entropy_with_logits({first}, y)\n"
    assert {one.code for one in found(tmp_path, {"go.py": text})} == codes


MORE = {
    "input that is no logarithm, target that is one": (
        "LK121",
        "F.kl_div(F.softmax(net(x), -1), F.log_softmax(t, -1), log_target=True, reduction='sum')",
    ),
    "logarithm where a probability belongs": (
        "LK104",
        "def own_loss(a, b): return nn.BCELoss()(torch.log(a), b)",
    ),
    "labels that become a tensor in the call": (
        "LK142",
        "def step(y, y_pred): return nn.CrossEntropyLoss()(torch.Tensor(y[0]), y_pred)",
    ),
    "softmax of a parameter": (
        "LK191",
        "class Mixed(nn.Module):\n"
        "    def __init__(self): self.b = nn.Parameter(torch.zeros((3, 4)))\n"
        "    def forward(self, x): return F.softmax(self.b) * x",
    ),
    "what was cut out by a module that is not seen": (
        "LK103",
        "from boxes import crop\n"
        "F.binary_cross_entropy_with_logits(crop(torch.sigmoid(net(x)), box), y)",
    ),
    "product with weights that are learnt": (
        "LK111",
        "class Graph(nn.Module):\n"
        "    def __init__(self, n):\n"
        "        super().__init__()\n"
        "        self.own, self.weight = nn.NLLLoss(), nn.Parameter(torch.empty(n, 4))\n"
        "    def loss(self, x, y): return self.own(torch.mm(x, self.weight), y)",
    ),
    "product by its operator, and a bias": (
        "LK111",
        "w, b = nn.Parameter(torch.randn(4, 3)), nn.Parameter(torch.zeros(3))\n"
        "F.nll_loss(x @ w + b, y)",
    ),
    "axis of a batch that is normalised": (
        "LK191",
        "fc, bn = nn.Linear(4, 8), nn.BatchNorm1d(8)\n"
        "F.softmax(nn.Linear(8, 3)(F.relu(bn(fc(x)))), dim=0)",
    ),
    "mean that was asked for as it was once": (
        "LK122",
        "kl = nn.KLDivLoss(size_average=True)  # noqa: LK133\n"
        "kl(F.log_softmax(net(x), -1), F.softmax(t, -1))",
    ),
    "class that gets what functions get, by their names": (
        "LK131",
        "def own(logits, labels): return nn.BCEWithLogitsLoss(labels=labels, logits=logits)",
    ),
    "teacher in the place of the student, both in logarithms": (
        "LK123",
        "nn.KLDivLoss(reduction='batchmean', log_target=True)"
        "(teacher_logs, F.log_softmax(student, -1))",
    ),
    "loss of pictures as it was called once": (
        "LK111",
        "def own(x, y): return nn.NLLLoss2d()(nn.Conv2d(3, 3, 1)(x), y)",
    ),
    "loss that a function makes": (
        "LK142",
        "def loss_for(n):\n    def one(y_true, y_pred):\n"
        "        return F.binary_cross_entropy(y_true[:, :n], y_pred[:, :n])\n    return one",
    ),
    "what is done to each of several": (
        "LK101",
        "p, q = map(lambda one: F.softmax(net(one), -1), (x, z))\nF.cross_entropy(q, y)",
    ),
}


@pytest.mark.parametrize("name", MORE)
def test_what_a_loss_takes_is_understood(name: str, tmp_path: Path) -> None:
    code, text = MORE[name]
    assert {one.code for one in found(tmp_path, {"go.py": f"{HEAD}{text}\n"})} == {code}


def test_the_logarithm_of_anything_is_no_mistake_by_itself(tmp_path: Path) -> None:
    text = "F.binary_cross_entropy_with_logits(torch.log(a / (1 - a)), y)\nF.nll_loss(a.log(), y)\n"
    assert found(tmp_path, {"go.py": HEAD + text}) == []


ONCE = """
import tensorflow as tf
class PiModel(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.last = tf.keras.layers.Dense(3LAST)
    def call(self, x): return self.last(x)
def pi_loss(x, y, pi_model):
    return tf.losses.softmax_cross_entropy(y, pi_model(x))
"""


@pytest.mark.parametrize(("last", "codes"), [(", activation='softmax'", {"LK101"}), ("", set())])
def test_losses_of_an_early_tensorflow_take_the_model_of_the_file(
    last: str, codes: set[str], tmp_path: Path
) -> None:
    text = ONCE.replace("LAST", last)
    assert {one.code for one in found(tmp_path, {"go.py": text})} == codes


SIGMOID = """
import keras
from keras import layers
model = keras.Sequential([layers.Dense(4), layers.Dense(UNITS, activation="sigmoid")])
model.compile(loss="LOSS")
"""


@pytest.mark.parametrize(
    ("units", "loss", "said"),
    [
        ("9", "sparse_categorical_crossentropy", [("LK105", "suspicious")]),
        ("1", "sparse_categorical_crossentropy", [("LK105", "bug")]),
        ("9", "binary_crossentropy", []),
    ],
)
def test_keras_divides_sigmoids_by_their_sum(
    units: str, loss: str, said: list[tuple[str, str]], tmp_path: Path
) -> None:
    text = SIGMOID.replace("UNITS", units).replace("LOSS", loss)
    assert [(one.code, str(one.severity)) for one in found(tmp_path, {"go.py": text})] == said


def test_what_takes_gradients_is_a_training_wherever_its_names_come_from(tmp_path: Path) -> None:
    files = {
        "game.py": "from tools import *\nclass Game(nn.Module):\n    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.d = nn.Sequential(nn.Linear(4, 1), nn.Sigmoid())\n"
        "    def judge(self, x): return self.d(x)\n",
        "go.py": "from tools import *\nfrom game import Game\ndef train(data):\n"
        "    game = Game().to(device)\n    loss = -torch.mean((1 - game.judge(data)).log())\n"
        "    loss.backward()\n",
    }
    assert [one.code for one in found(tmp_path, files)] == ["LK172"]
