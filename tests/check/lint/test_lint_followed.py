"""What tensors go through on their way to a loss, and what only looks as if it changed them."""

from __future__ import annotations

from pathlib import Path

import pytest
from lint_runs import found

HEAD = """
import torch, torch.nn as nn, torch.nn.functional as F
import tensorflow as tf
one, net = nn.Linear(4, 1), nn.Linear(4, 3)
"""

SEEN = {
    "what a mask leaves of probabilities": (
        "LK101",
        "F.cross_entropy(torch.where(mask, F.softmax(net(x), dim=1), -100.0), y)",
    ),
    "a diagonal that is filled": ("LK172", "torch.sigmoid(net(x)).fill_diagonal_(1).log().sum()"),
    "an older name of a loss of TensorFlow": (
        "LK101",
        "scores = tf.nn.softmax(tf.layers.dense(x, 4))\n"
        "tf.nn.softmax_cross_entropy_with_logits_v2(logits=scores, labels=y)",
    ),
    "a weighted loss of TensorFlow": (
        "LK103",
        "scores = tf.sigmoid(tf.layers.dense(x, 1))\n"
        "tf.nn.weighted_cross_entropy_with_logits(targets=y, logits=scores, pos_weight=3)",
    ),
    "layers of Keras by their first names": (
        "LK104",
        "from keras.layers import Convolution2D, Dense, Flatten\n"
        "from keras.models import Sequential\n"
        "model = Sequential([Convolution2D(8, 3, 3), Flatten(), Dense(output_dim=1)])\n"
        "model.compile(loss='binary_crossentropy')",
    ),
    "a difference by a method": ("LK141", "one(x).sub(y.squeeze()).pow(2).mean().backward()"),
    "a difference by a method, by name": (
        "LK141",
        "one(x).sub(other=y.squeeze()).pow(2).mean().backward()",
    ),
    "a difference by a function": (
        "LK141",
        "w = tf.get_variable('w', shape=[9, 1])\n"
        "error = tf.subtract(tf.matmul(tf.placeholder(tf.float32, (20, 9)), w), tf.squeeze(y))\n"
        "tf.train.AdamOptimizer(0.1).minimize(tf.reduce_sum(error**2))",
    ),
    "what one-hot rows choose": (
        "LK172",
        "def loss(x, y):\n"
        "    p = F.softmax(net(x), dim=1)\n    mask = p.data.new(20, 3).fill_(0)\n"
        "    mask.scatter_(1, y.view(-1, 1), 1.0)\n    return -(p * mask).sum(1).log().mean()",
    ),
    "a product with weights that begin at random": (
        "LK141",
        "x, y = tf.placeholder(tf.float32, (20, 9)), tf.placeholder(tf.float32, (20,))\n"
        "given = tf.matmul(x, tf.Variable(tf.random_normal((9, 1)))) + tf.Variable([0.0])\n"
        "tf.train.AdamOptimizer(0.1).minimize(tf.reduce_sum((y - given)**2))",
    ),
    "a setting that is handed on by its place": (
        "LK133",
        "class Loss(nn.Module):\n"
        "    def __init__(self, weight=None, size_average=True):\n"
        "        super().__init__()\n        self.loss = nn.BCELoss(weight, size_average)\n"
        "    def forward(self, x, y): return self.loss(x, y)",
    ),
    "what was rounded, given to a loss out of sight": (
        "LK151",
        "from tqdm import tqdm\nfrom losses import FocalLoss\n"
        "from torch.utils.data import DataLoader\n"
        "loader, loss = DataLoader(rows), FocalLoss()\n"
        "with tqdm(loader) as bar:\n"
        "    for x, y in bar: loss(torch.round(torch.sigmoid(net(x))), y).backward()",
    ),
}


@pytest.mark.parametrize("name", SEEN)
def test_tensors_are_followed(name: str, tmp_path: Path) -> None:
    code, text = SEEN[name]
    assert code in {one.code for one in found(tmp_path, {"go.py": f"{HEAD}{text}\n"})}


SILENT = {
    "a filling of probabilities": (
        "F.binary_cross_entropy(torch.where(mask, torch.sigmoid(net(x)), 0.5), y)"
    ),
    "products of one-hot rows and logarithms": (
        "def loss(x, y):\n"
        "    return -(F.log_softmax(net(x), dim=1) * F.one_hot(y, 3)).sum(1).mean()"
    ),
    "what was packed": (
        "from torch.nn.utils.rnn import pack_padded_sequence\n"
        "def step(x, y):\n"
        "    lengths = torch.tensor([3, 2, 1])\n"
        "    scores = pack_padded_sequence(net(x), lengths, batch_first=True).data\n"
        "    wanted = torch.tensor([1, 2, 0])\n"
        "    F.cross_entropy(scores, wanted).backward()"
    ),
    "steps of what was packed": (
        "from torch.nn.utils.rnn import pack_sequence\n"
        "rnn = nn.LSTM(4, 3)\n"
        "def step(x, y):\n"
        "    steps, _ = rnn(pack_sequence(x))\n"
        "    F.cross_entropy(steps.data, y).backward()"
    ),
    "packed and unpacked": (
        "from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence\n"
        "rnn = nn.LSTM(4, 3)\n"
        "def step(x, y, lengths):\n"
        "    steps, _ = pad_packed_sequence(rnn(pack_padded_sequence(x, lengths))[0])\n"
        "    F.cross_entropy(steps.transpose(1, 2), y).backward()"
    ),
    "losses that take the output first": (
        "from tensorflow.contrib import slim\n"
        "scores = tf.layers.dense(x, 4)\n"
        "tf.contrib.losses.softmax_cross_entropy(scores, y)\n"
        "slim.losses.sigmoid_cross_entropy(scores, y)"
    ),
    "a method between what has no gradient and what has one": (
        "wanted = (r + net(s).max(1)[0]).detach()\n"
        "wanted.sub(net(x).max(1)[0]).pow(2).mean().backward()"
    ),
    "a product by a method of two tensors": (
        "kept = net(x).detach().mul(net(x))\nkept.mean().backward()"
    ),
    "weights that get their gradient later": (
        "x, y = torch.ones(5), torch.zeros(3)\n"
        "w, b = torch.randn(5, 3), torch.randn(3)\nw.requires_grad_(True)\nb.requires_grad_(True)\n"
        "F.binary_cross_entropy_with_logits(torch.matmul(x, w) + b, y).backward()"
    ),
    "data with a gradient of its own": (
        "from torch.autograd import Variable\n"
        "x = torch.randn(3)\nx = Variable(x, requires_grad=True)\n(x * 2).backward(torch.ones(3))"
    ),
    "a part that is written to": (
        "def step(x, rewards, actions):\n"
        "    outputs = net(x)\n    targets = outputs.clone()\n"
        "    for at in range(9): targets[at][actions[at]] = rewards[at]\n"
        "    F.mse_loss(outputs, targets).backward()"
    ),
    "classes that a comparison gives": (
        "y = torch.LongTensor((values > 3).astype(float))\nF.cross_entropy(net(x), y)"
    ),
    "how many different ones a list holds": (
        "names = []\nfor path in paths: names.append(path.stem)\n"
        "model = nn.Linear(4, len(set(names)))\nF.cross_entropy(model(x), y)"
    ),
    "how many different ones a list of another one holds": (
        "rows, names = [], []\nfor path in paths: rows.append(path.stem)\n"
        "for row in rows:\n    if row not in names: names.append(row)\n"
        "model = nn.Linear(4, len(sorted(names)))\nF.cross_entropy(model(x), y)"
    ),
    "weights of an attention": (
        "class Routing(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n"
        "        self.weight = nn.Parameter(torch.randn(8, 3))\n"
        "    def forward(self, x):\n"
        "        given, logits = (x @ self.weight).squeeze(), torch.zeros(9, 3, 1)\n"
        "        for _ in range(3):\n"
        "            logits = logits + (given * one(x)).sum(-1).unsqueeze(-1)\n"
        "        return (F.softmax(logits, dim=1) * given).sum(dim=1)\n"
        "F.mse_loss(Routing()(x), y).backward()"
    ),
}


@pytest.mark.parametrize("name", SILENT)
def test_what_stays_right_is_left_alone(name: str, tmp_path: Path) -> None:
    assert found(tmp_path, {"go.py": f"{HEAD}{SILENT[name]}\n"}) == []


def test_the_backend_of_keras_took_the_output_first_once(tmp_path: Path) -> None:
    text = "from keras import backend as K\ndef f(y_true, y_pred):\n    return "
    own = f"{text}K.binary_crossentropy(y_pred, y_true)\n"
    assert [(one.code, str(one.severity)) for one in found(tmp_path, {"go.py": own})] == [
        ("LK142", "suspicious")
    ]
