"""Models and functions that come from elsewhere: other files, other classes of a name, disks."""

from __future__ import annotations

from pathlib import Path

import pytest
from lint_runs import brief, found

MODEL = """
from torch import nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.fc = nn.Linear(4, classes)
    def forward(self, x):
        return F.softmax(self.fc(x), dim=1)
"""

TRAINING = """
from torch import nn

def train(model, loader):
    for x, y in loader:
        nn.CrossEntropyLoss()(model(x), y).backward()
"""

CHOSEN = """
def main(args):
    if args.model == "own":
        from own import train
        from nets import Net
        model = Net(args)
    else:
        from other import Net, train
        model = Net(args, 3)
    train(model, args.loader)
"""


@pytest.mark.parametrize("end", ["", "    train.flush()\n"])
def test_what_a_branch_imports_is_looked_up(end: str, tmp_path: Path) -> None:
    """Be there several of a name, of which some are out of sight."""
    files = {"own.py": TRAINING, "nets.py": MODEL, "go.py": f"{CHOSEN}{end}\nmain(options)\n"}
    assert brief(found(tmp_path, files), tmp_path) == [("LK101", "bug", "own.py", 6)]


def test_both_files_of_a_choice_are_looked_into(tmp_path: Path) -> None:
    files = {
        "own.py": TRAINING,
        "nets.py": MODEL,
        "other.py": f"from nets import Net\n{TRAINING}",
        "go.py": f"{CHOSEN}\nmain(options)\n",
    }
    places = {(one[0], one[2], one[3]) for one in brief(found(tmp_path, files), tmp_path)}
    assert places == {("LK101", "own.py", 6), ("LK101", "other.py", 7)}


AGAIN = """
import torch, torch.nn as nn, torch.nn.functional as F

class Net(nn.Module):
    def forward(self, x):
        return F.softmax(x)

net = Net()

class Net(nn.Module):
    def forward(self, x):
        return x.relu()

net = Net()
"""


def test_a_class_counts_whose_name_was_given_away(tmp_path: Path) -> None:
    seen = brief(found(tmp_path, {"go.py": AGAIN}), tmp_path)
    assert [(code, line) for code, _, _, line in seen] == [("LK191", 6)]


SAVED = """
import torch, torch.nn as nn
folder = "models/"
net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(dim=1))
torch.save(net.to("cpu"), folder + "net.pt")
again = torch.load({}).cuda()
nn.CrossEntropyLoss()(again(x), y).backward()
"""


@pytest.mark.parametrize(
    ("path", "codes"),
    [
        ("folder + 'net.pt'", ["LK101"]),
        ("f='models/net.pt'", ["LK101"]),
        ("'other.pt'", []),
        ("path", []),
    ],
)
def test_a_model_is_loaded_that_was_saved(path: str, codes: list[str], tmp_path: Path) -> None:
    assert [one.code for one in found(tmp_path, {"go.py": SAVED.format(path)})] == codes


def test_weights_that_were_saved_are_no_model(tmp_path: Path) -> None:
    text = SAVED.format("'models/net.pt'").replace('net.to("cpu")', "net.state_dict()")
    assert found(tmp_path, {"go.py": text}) == []


APPLIED = """
import tensorflow as tf
import tensorflow.contrib.slim as slim
x, y = tf.placeholder(tf.float32, [None, 9]), tf.placeholder(tf.float32, [None, 3])
hidden = slim.fully_connected(x, 20)
{}
"""

LAYERS = {
    "sigmoid in a layer": (
        "LK103",
        "p = tf.layers.dense(hidden, 1, activation=tf.nn.sigmoid)\n"
        "tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=p)",
    ),
    "softmax in a layer, by its place": (
        "LK101",
        "p = tf.layers.dense(hidden, 3, tf.nn.softmax)\n"
        "tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=p)",
    ),
    "softmax in a layer of slim": (
        "LK101",
        "p = slim.fully_connected(hidden, 3, activation_fn=tf.nn.softmax)\n"
        "tf.losses.softmax_cross_entropy(y, p)",
    ),
    "one output": (
        "LK105",
        "p = tf.contrib.layers.fully_connected(hidden, num_outputs=1, activation_fn=None)\n"
        "tf.losses.softmax_cross_entropy(y, p)",
    ),
    "one output without a bias": (
        "LK105",
        "import flax.linen as nn, optax\n"
        "optax.softmax_cross_entropy_with_integer_labels(nn.Dense(1, False)(x), y).mean()",
    ),
    "softmax of one output": (
        "LK105",
        "model = tf.keras.Sequential([tf.keras.layers.Dense(1, activation='softmax')])\n"
        "model.compile(loss='mean_squared_error')",
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_functions_that_apply_a_layer_are_known(name: str, tmp_path: Path) -> None:
    code, text = LAYERS[name]
    assert code in {one.code for one in found(tmp_path, {"go.py": APPLIED.format(text)})}


@pytest.mark.parametrize(
    "layer",
    [
        "tf.layers.dense(hidden, 3)",
        "tf.layers.dense(hidden, 3, tf.nn.relu)",
        "slim.fully_connected(hidden, 3)",
        "slim.conv2d(hidden, 3, 1, activation_fn=own)",
        "own.dense(hidden, 3, tf.nn.softmax)",
    ],
)
def test_layers_without_a_softmax_are_left_alone(layer: str, tmp_path: Path) -> None:
    text = APPLIED.format(f"tf.losses.softmax_cross_entropy(y, {layer})")
    assert found(tmp_path, {"go.py": text}) == []


OWN = """
class Loss(nn.Module):
    def forward(self, x, y):
        logs = F.log_softmax(x, dim=1)
        faded = (1 - logs.exp()) ** 2 * logs
        return F.nll_loss(faded, y)

def train(x, y):
    Loss()(Net(3)(x), y).backward()
"""


def test_a_second_softmax_is_shown_where_it_is_applied(tmp_path: Path) -> None:
    """Whatever the loss makes of it afterwards."""
    text = MODEL + OWN
    assert brief(found(tmp_path, {"go.py": text}), tmp_path) == [("LK101", "bug", "go.py", 14)]


LOSSES = """
import torch.nn.functional as F

def loss_of(output, target):
    return F.cross_entropy(output, target)
"""

TESTS = """
import torch, torch.nn.functional as F
from losses import loss_of

class KIND(unittest.TestCase):
    def test_loss(self):
        output = F.softmax(torch.randn(4, 3), dim=1)
        self.assertGreater(loss_of(output, torch.tensor([0, 1, 2, 0])).item(), 0)
        F.nll_loss(output, torch.tensor([0, 1, 2, 0]))
"""


@pytest.mark.parametrize(
    ("name", "kind", "places"),
    [
        ("import unittest", "Trial", [("LK111", "test_losses.py", 9)]),
        ("from pytest import approx", "Trial", [("LK111", "test_losses.py", 9)]),
        ("import losses", "TestLoss", [("LK111", "test_losses.py", 9)]),
        ("import losses", "Trial", [("LK101", "losses.py", 5), ("LK111", "test_losses.py", 9)]),
    ],
)
def test_what_tests_hand_over_is_no_trainings(
    name: str, kind: str, places: list[tuple[str, str, int]], tmp_path: Path
) -> None:
    text = TESTS.lstrip().replace("KIND", kind)
    files = {"losses.py": LOSSES, "test_losses.py": f"{name}\n{text}"}
    seen = brief(found(tmp_path, files), tmp_path)
    assert [(code, path, line) for code, _, path, line in seen] == places
