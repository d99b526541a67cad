"""What code that nobody chose for its mistakes has taught: findings, and silence."""

from __future__ import annotations

from pathlib import Path

import pytest
from lint_runs import found

HEAD = """
import numpy as np, pandas as pd
import torch, torch.nn as nn, torch.nn.functional as F
"""

BY_HAND = """
features = pd.get_dummies(pd.read_csv("temps.csv"))
y = torch.tensor(np.array(features["actual"]))
x = torch.tensor(np.array(features.drop("actual", axis=1)))
first, last = torch.randn(14, 128, requires_grad=True), torch.randn(128, 1, requires_grad=True)
bias = torch.zeros(1, requires_grad=True)
for _ in range(1000):
    predicted = ACTIVATION(x.mm(first)).mm(last) + bias
    loss = torch.mean((predicted - y) ** 2)
    loss.backward()
"""


@pytest.mark.parametrize("activation", ["torch.relu", "torch.tanh", "torch.sigmoid", ""])
def test_weights_of_ones_own_give_a_column(activation: str, tmp_path: Path) -> None:
    text = HEAD + BY_HAND.replace("ACTIVATION", activation)
    assert [(one.code, one.place.line) for one in found(tmp_path, {"go.py": text})] == [
        ("LK141", 12)
    ]
    right = text.replace("- y)", "- y.unsqueeze(1))")
    assert found(tmp_path, {"go.py": right}) == []


FACTORY = "".join(
    f"class Net{at}(nn.Module):\n"
    "    def __init__(self):\n        super().__init__()\n        self.last = nn.Linear(4, 3)\n"
    f"    def forward(self, x): return {given}\n"
    for at, given in enumerate(11 * ["self.last(x)"] + ["F.softmax(self.last(x), 1)"])
)


def test_one_of_many_models_that_are_chosen_by_name(tmp_path: Path) -> None:
    chosen = "\n    elif ".join(f"name == 'net{at}': model = Net{at}()" for at in range(12))
    text = (
        f"{HEAD}{FACTORY}def build(name):\n    if {chosen}\n    return model\n"
        "model = build(name)\nF.cross_entropy(model(x), y).backward()\n"
    )
    assert [one.code for one in found(tmp_path, {"go.py": text})] == ["LK101"]


UNGRADED = """
judge, maker = nn.Linear(4, 1), nn.Linear(4, 4)
made = maker(x)
with torch.no_grad():
    score = torch.sigmoid(judge(made))
loss = F.l1_loss(made, x) + 0.5 * F.binary_cross_entropy(score, TARGET)
loss.backward()
"""


@pytest.mark.parametrize("target", ["0", "1.0", "torch.ones(8, 1)"])
def test_a_term_without_a_gradient_may_have_a_number_for_its_target(
    target: str, tmp_path: Path
) -> None:
    text = HEAD + UNGRADED.replace("TARGET", target)
    assert [one.code for one in found(tmp_path, {"go.py": text})] == ["LK152"]


BRANCHES = """
def train(net, criterion, batches):
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    if isinstance(criterion, nn.CrossEntropyLoss):
        for x, y in batches:
            optimizer.zero_grad()
            criterion(net(x), y).backward()
            optimizer.step()
    else:
        for x, y in batches:
            CLEARcriterion(net(x), F.one_hot(y)).backward()
            optimizer.step()
"""


@pytest.mark.parametrize(("clear", "lines"), [("", [14]), ("optimizer.zero_grad(); ", [])])
def test_one_of_two_trainings_clears_no_gradient(
    clear: str, lines: list[int], tmp_path: Path
) -> None:
    seen = found(tmp_path, {"go.py": HEAD + BRANCHES.replace("CLEAR", clear)})
    assert [one.place.line for one in seen if one.code == "LK305"] == lines


SILENT = {
    "a mean of what was logged": (
        "class Stats:\n"
        "    losses: list\n"
        "    def __init__(self): self.restart()\n"
        "    def update(self, loss): self.losses.append(loss)\n"
        "    def moving_loss(self): return torch.mean(torch.Tensor(self.losses))\n"
        "    def restart(self): self.losses = []\n"
        "for x, y in loader:\n"
        "    loss = F.mse_loss(nn.Linear(4, 3)(x), y)\n    Stats().update(loss)"
    ),
    "a temperature that is learnt": (
        "class Learner:\n"
        "    def __init__(self):\n"
        "        self.log_temp = torch.tensor(1.0).log()\n"
        "        self.log_temp.requires_grad = True\n"
        "    @property\n"
        "    def temp(self): return self.log_temp.exp()\n"
        "    def learn(self, x):\n"
        "        loss = torch.mean(self.temp * (-nn.Linear(4, 3)(x) - 1).detach())\n"
        "        loss.backward()"
    ),
    "a gradient that is compared": (
        "out = nn.AvgPool2d(2)(given := torch.tensor(x, requires_grad=True))\n"
        "out.backward(torch.ones_like(out))\nprint(given.grad)"
    ),
    "a prediction for one row": (
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.words, self.last = nn.Embedding(9, 4), nn.Linear(4, 3)\n"
        "    def forward(self, x):\n"
        "        rows = []\n"
        "        for one in self.words(x): rows.append(one.mean(0).reshape(1, 4))\n"
        "        return self.last(torch.cat(rows, 0))\n"
        "    def predict_prob(self, text):\n"
        "        return F.softmax(self.forward(indices(text)), dim=0)\n"
        "F.cross_entropy(Net()(x), y).backward()\nNet().predict_prob(text)"
    ),
    "noise that is looked for": (
        "net = nn.Linear(4, 3)\nnoise = torch.zeros(x.shape, requires_grad=True)\n"
        "F.cross_entropy(net(x + noise), y).backward()"
    ),
}


@pytest.mark.parametrize("name", SILENT)
def test_what_is_right_is_left_alone(name: str, tmp_path: Path) -> None:
    assert found(tmp_path, {"go.py": f"{HEAD}{SILENT[name]}\n"}) == []


@pytest.mark.parametrize("name", ["score", "predict_loss"])
def test_the_same_softmax_elsewhere_is_seen(name: str, tmp_path: Path) -> None:
    text = SILENT["a prediction for one row"].replace("predict_prob", name)
    assert [one.code for one in found(tmp_path, {"go.py": f"{HEAD}{text}\n"})] == ["LK191"]


COUNTED = """
import os

class Clips(Dataset):
    def __init__(self, folder):
        self.paths = self.collect(folder)
        self.names = sorted(list(set([path.split("/")[-2] for path in self.paths])))
        self.classes = len(self.names)

    def collect(self, folder):
        paths = []
        for name in os.listdir(folder):
            paths += [os.path.join(folder, name)]
        return paths

clips = Clips("clips")
model = nn.Sequential(nn.Linear(4, clips.classes), nn.Softmax(dim=-1))
F.cross_entropy(model(x), y).backward()
"""


def test_a_list_that_a_loop_puts_together_has_any_length(tmp_path: Path) -> None:
    """As many classes as it has names, and not one."""
    text = HEAD + "from torch.utils.data import Dataset\n" + COUNTED
    assert [one.code for one in found(tmp_path, {"go.py": text})] == ["LK101"]


TAKEN = """
import tensorflow as tf
from tensorflow.keras.layers import Dense

model = tf.keras.Sequential([Dense(8, activation="relu"), Dense(4, activation="softmax")])

@tf.function
def learn(states, places, rewards):
    with tf.GradientTape() as tape:
        taken = tf.expand_dims(tf.gather_nd(model(states), places), axis=-1)
        loss = -tf.reduce_mean(rewards * tf.math.log(takenADDED))
    return tape.gradient(loss, model.trainable_variables)
"""


@pytest.mark.parametrize(("added", "codes"), [("", ["LK172"]), (" + 1e-8", [])])
def test_what_gather_nd_takes_of_a_softmax(added: str, codes: list[str], tmp_path: Path) -> None:
    text = TAKEN.replace("ADDED", added)
    assert [one.code for one in found(tmp_path, {"go.py": text})] == codes


SEQUENCES = """
import tensorflow as tf

words = tf.placeholder(tf.int32, (None, None))
outputs, state = tf.nn.dynamic_rnn(cell, inputs=inputs, dtype=tf.float32)
scores = tf.contrib.layers.fully_connected(outputs, num_outputs=50, activation_fn=None)
loss = tf.contrib.seq2seq.sequence_loss(GIVEN, words, tf.ones([32, 20]))
"""


@pytest.mark.parametrize(("given", "codes"), [("tf.nn.softmax(scores)", ["LK101"]), ("scores", [])])
def test_the_loss_of_sequences_takes_logits(given: str, codes: list[str], tmp_path: Path) -> None:
    text = SEQUENCES.replace("GIVEN", given)
    assert [one.code for one in found(tmp_path, {"go.py": text})] == codes


PARTS = """
from networks import Fused

model = Fused()
optimizer = torch.optim.Adam(model.parameters())
other = torch.optim.Adam(more.parameters())
for images, flows, labels in loader:
    other.zero_grad()
    CLEARED
    loss = F.cross_entropy(model.fuse(model.first(images), model.second(flows)), labels)
    loss.backward()
    optimizer.step()
    other.step()
"""


@pytest.mark.parametrize(
    ("cleared", "codes"),
    [("model.first.zero_grad(); model.second.zero_grad()", []), ("pass", ["LK305"])],
)
def test_gradients_that_are_cleared_by_parts(
    cleared: str, codes: list[str], tmp_path: Path
) -> None:
    text = HEAD + PARTS.replace("CLEARED", cleared)
    assert [one.code for one in found(tmp_path, {"go.py": text})] == codes


LAYERS = """
import torch
import torch.nn as nn
import torch.nn.functional as F

class Decoder(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.net = nn.Sequential()
        for i, (before, after) in enumerate(zip(sizes[:-1], sizes[1:])):
            self.net.add_module(name=f"L{i}", module=nn.Linear(before, after))
            if i + 2 < len(sizes):
                self.net.add_module(name=f"A{i}", module=nn.ReLU())
            else:
                self.net.add_module(name="last", module=LAST)

class Both(nn.Module):
    def __init__(self, args):
        super().__init__()
        self.first = nn.Linear(4, 2)
        if args.kind == "dense":
            self.decoder = Decoder(SIZES)

    def forward(self, x):
        return self.decoder.net(self.first(x))

def loss(args, x):
    return F.binary_cross_entropy(Both(args)(x), x)
"""


@pytest.mark.parametrize(
    ("last", "sizes", "codes"),
    [
        ("nn.Sigmoid()", "args.sizes", []),
        ("nn.Sigmoid()", "[2, 3, 4]", []),
        ("nn.Tanh()", "[2, 3, 4]", ["LK104"]),
    ],
)
def test_layers_that_a_loop_adds_by_names(
    last: str, sizes: str, codes: list[str], tmp_path: Path
) -> None:
    text = LAYERS.replace("LAST", last).replace("SIZES", sizes)
    assert [one.code for one in found(tmp_path, {"go.py": text})] == codes


MATCHED = """
def step(model, x, y, kind="mse"):
    match kind:
        case "mse":
            loss = nn.MSELoss()(model(x), y)
        case WANTED:
            loss = nn.L1Loss(model(x), y)
        case _:
            raise ValueError(kind)
    loss.backward()
"""


@pytest.mark.parametrize("wanted", ["'mae'", "'mae' | 'l1'", "None", "'mae' if x is None", "other"])
def test_what_nobody_is_known_to_choose_of_a_match_is_looked_at(
    wanted: str, tmp_path: Path
) -> None:
    text = HEAD + MATCHED.replace("WANTED", wanted)
    text = (
        text.replace("        case _:\n            raise ValueError(kind)\n", "")
        if (wanted == "other")
        else text
    )
    assert [(one.code, one.place.line) for one in found(tmp_path, {"go.py": text})] == [
        ("LK131", 10)
    ]


SMOOTHED = """
import tensorflow as tf
EPSILON = 1e-5
scores = tf.layers.dense(inputs, 10)
sure = tf.add(tf.nn.softmax(scores), tf.constant(ADDED, dtype=tf.float32))
loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=sure)
"""


@pytest.mark.parametrize(
    ("added", "codes"), [("EPSILON", ["LK101"]), ("1e-8", ["LK101"]), ("[1.0, 2.0]", [])]
)
def test_a_constant_number_is_a_number(added: str, codes: list[str], tmp_path: Path) -> None:
    text = SMOOTHED.replace("ADDED", added)
    assert [one.code for one in found(tmp_path, {"go.py": text})] == codes
