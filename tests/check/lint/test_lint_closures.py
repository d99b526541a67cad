"""Functions that others define or hand on, and what a function gets that nobody in sight calls."""

from __future__ import annotations

from pathlib import Path

import pytest
from lint_runs import found

from losskit.check.findings import Severity

HEAD = """
import torch, torch.nn as nn, torch.nn.functional as F
net = nn.Linear(4, 3)
"""
TWICE = "F.cross_entropy(F.softmax(net(x), dim=1), y).backward()"

RUN = {
    "a closure of an optimizer": (
        "def train(optimizer, x, y):\n"
        f"    def closure():\n        optimizer.zero_grad()\n        {TWICE}\n"
        "    optimizer.step(closure)"
    ),
    "the objective of a search": (
        "import optuna\n"
        "def search(x, y):\n"
        f"    def objective(trial):\n        {TWICE}\n"
        "    optuna.create_study().optimize(objective, n_trials=9)"
    ),
    "what builds a model for a search": (
        "import keras\nfrom keras_tuner import RandomSearch\n"
        "def search(x, y):\n"
        "    def build(settings):\n"
        "        model = keras.Sequential([keras.layers.Dense(3, activation='softmax')])\n"
        "        model.compile(loss=keras.losses.CategoricalCrossentropy(from_logits=True))\n"
        "        return model\n"
        "    RandomSearch(build, objective='loss').search(x, y)"
    ),
    "what a method gives back": (
        "class Net(nn.Module):\n"
        f"    def trainer(self, x, y):\n        def train(step):\n            {TWICE}\n"
        "        return train"
    ),
    "a loss of the model's own output": (
        "class Net(nn.Module):\n"
        "    def forward(self, x): return F.softmax(net(x), dim=1)\n"
        "    def loss(self, y_pred, y): return nn.CrossEntropyLoss()(y_pred, y)"
    ),
    "what a base class makes of its heirs": (
        "class Base(nn.Module):\n"
        "    def evaluate(self, x, y): return F.cross_entropy(self.forward(x), y)\n"
        "class Net(Base):\n"
        "    def forward(self, x): return F.softmax(net(x), dim=1)"
    ),
}


@pytest.mark.parametrize("name", RUN)
def test_functions_run_that_others_are_handed(name: str, tmp_path: Path) -> None:
    assert {one.code for one in found(tmp_path, {"go.py": f"{HEAD}{RUN[name]}\n"})} == {"LK101"}


SILENT = {
    "what a closure takes before it is changed": (
        "def train(optimizer, x, y):\n"
        "    scores = net(x)\n"
        "    def closure():\n        F.cross_entropy(scores, y).backward()\n"
        "    optimizer.step(closure)\n"
        "    scores = F.softmax(scores, dim=1)\n"
        "    return scores.argmax(1)"
    ),
    "a function that is called as well": (
        "import jax\n"
        "def train(x, y):\n"
        "    def loss(scores): return F.cross_entropy(scores, y)\n"
        "    return jax.value_and_grad(loss)(net(x))"
    ),
    "a loss of scores by their name": (
        "class Net(nn.Module):\n"
        "    def forward(self, x): return F.softmax(net(x), dim=1)\n"
        "    def loss(self, logits, y): return nn.CrossEntropyLoss()(logits, y)"
    ),
    "a loss of another model's output": (
        "class Net(nn.Module):\n"
        "    def forward(self, x): return torch.tanh(net(x))\n"
        "    def adversarial_loss(self, y_hat, y): return F.binary_cross_entropy(y_hat, y)"
    ),
    "a loss that is called with something else": (
        "class Net(nn.Module):\n"
        "    def forward(self, x): return torch.tanh(net(x))\n"
        "    def loss(self, y_hat, y): return F.binary_cross_entropy(y_hat, y)\n"
        "    def training_step(self, x, y): return self.loss(torch.sigmoid(net(x)), y)"
    ),
    "a model that gives several things": (
        "class Net(nn.Module):\n"
        "    def forward(self, x): return net(x), F.softmax(net(x), dim=1)\n"
        "    def loss(self, pred, y): return nn.CrossEntropyLoss()(pred, y)"
    ),
    "a test of what must raise": (
        "import pytest\n"
        "def test_probabilities_are_refused(x, y):\n"
        f"    with pytest.raises(ValueError):\n        {TWICE}"
    ),
    "another model of the same name, once a function was called": (
        "import keras\n"
        "def train(model, x, y, optimizer=None):\n"
        "    F.cross_entropy(model(x), y).backward()\n"
        "model = nn.Sequential(net)\n"
        "train(model, x, y)\n"
        "model = keras.Sequential([keras.layers.Dense(3, activation='softmax')])"
    ),
    "a loss of Keras that takes no targets": (
        "import keras, tensorflow as tf\n"
        "binary = keras.losses.BinaryCrossentropy()\n"
        "def of_a_generator(judged): return binary(tf.ones_like(judged), judged)\n"
        "model = keras.Sequential([keras.layers.Dense(1, activation='sigmoid')])\n"
        "model.compile(loss=of_a_generator)"
    ),
    "a model whose weights are read": (
        "import keras\n"
        "model = keras.Sequential([keras.layers.Dense(3)])\n"
        "model.compile(loss='sparse_categorical_crossentropy')\n"
        "model.load_weights('weights.h5')"
    ),
    "a loss that is computed for a log": (
        "def compute_loss(batches):\n"
        "    total = 0.0\n"
        "    for x, y in batches: total += F.cross_entropy(net(x), y).item()\n"
        "    return total"
    ),
}


@pytest.mark.parametrize("name", SILENT)
def test_functions_that_do_nothing_wrong_are_left_alone(name: str, tmp_path: Path) -> None:
    assert found(tmp_path, {"go.py": f"{HEAD}{SILENT[name]}\n"}) == []


def test_a_loss_that_is_tried_out_takes_what_a_model_gives(tmp_path: Path) -> None:
    text = (
        "class F1Loss(nn.Module):\n"
        "    def forward(self, input, target):\n"
        "        return 1 - (input.argmax(1) == target).float().mean()\n"
        "print(F1Loss()(torch.Tensor([[0.5, 1.0]]), torch.Tensor([0, 1])))\n"
    )
    assert {one.code for one in found(tmp_path, {"go.py": HEAD + text})} == {"LK151"}


def test_a_loss_that_a_trainer_computes_has_to_have_a_gradient(tmp_path: Path) -> None:
    text = (
        "from transformers import Trainer\n"
        "class Own(Trainer):\n"
        "    def compute_loss(self, model, x):\n"
        "        return F.cross_entropy(model(x), x).item()\n"
    )
    assert {one.code for one in found(tmp_path, {"go.py": HEAD + text})} == {"LK151"}


MODELS = """
import torch.nn as nn
__all__ = ["net"]
class BasicBlock(nn.Module):
    def forward(self, x): return nn.functional.relu(x)
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(4, 1)
    def forward(self, x): return GIVEN
def net(): return Net()
"""


@pytest.mark.parametrize(
    ("given", "codes"),
    [("self.last(x).sigmoid()", set()), ("self.last(x)", {"LK104"})],
)
def test_parts_of_models_are_not_chosen_by_a_name(
    given: str, codes: set[str], tmp_path: Path
) -> None:
    go = (
        "import sys, torch.nn.functional as F, models\n"
        "def train(x, y):\n"
        "    model = models.__dict__[sys.argv[1]]()\n"
        "    F.binary_cross_entropy(model(x), y).backward()\n"
    )
    files = {"go.py": go, "models.py": MODELS.replace("GIVEN", given)}
    assert {one.code for one in found(tmp_path, files)} == codes


CHOOSING = """
import torch, torch.nn as nn
def get_criterion(loss_type):
    if loss_type == 'BCE': criterion = nn.BCEWithLogitsLoss()
    elif loss_type == 'L2': criterion = nn.MSELoss()
    return criterion
def train(cfg, net, x, y):
    criterion = get_criterion(cfg.LOSS_TYPE)
    if cfg.LOSS_TYPE == 'WORD':
        return criterion(torch.sigmoid(net(x)), y)
"""


@pytest.mark.parametrize(("word", "codes"), [("L2", set()), ("BCE", {"LK103"})])
def test_a_setting_keeps_its_value_where_a_parameter_has_its_name(
    word: str, codes: set[str], tmp_path: Path
) -> None:
    text = CHOOSING.replace("WORD", word)
    assert {one.code for one in found(tmp_path, {"go.py": text})} == codes


SEGMENTING = """
import torch.nn as nn, torch.nn.functional as F
class Net(nn.Module):
    def __init__(self, use_softmax=False):
        super().__init__()
        self.last, self.use_softmax = nn.Linear(4, 3), use_softmax
    def decode(self, x):
        x = self.last(x)
        return F.softmax(x, dim=1) if self.use_softmax else x
    def forward(self, x, y=None, size=None):
        if size is None:
            return F.cross_entropy(self.decode(x), y)
        return self.decode(x)
"""


@pytest.mark.parametrize(("size", "codes"), [("image.shape[1:]", set()), ("None", {"LK101"})])
def test_what_only_predicts_computes_no_loss(size: str, codes: set[str], tmp_path: Path) -> None:
    predict = (
        "from net import Net\n"
        f"def load(image): return image, {size}\n"
        "def predict(model, image, size): return model(image, size=size)\n"
        "model = Net(use_softmax=True)\nmodel.eval()\n"
        "image, size = load(path)\npredict(model, image, size)\n"
    )
    files = {"net.py": SEGMENTING, "predict.py": predict}
    bugs = [one for one in found(tmp_path, files) if one.severity is Severity.BUG]
    assert {one.code for one in bugs} == codes
