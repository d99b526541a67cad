"""Shapes that the linter follows, told from what is said of (N, 1) against (N,)."""

from __future__ import annotations

from pathlib import Path

import pytest
from lint_runs import found

HEAD = """
import torch, torch.nn as nn, torch.nn.functional as F
one, q = nn.Linear(4, 1), nn.Linear(4, 3)
taken = q(x).gather(1, a.unsqueeze(1))
best = q(s).max(1)[0].detach()
"""

LEARNING = """
def learn(Q, s, x, a, rew, kept):
    wanted = rew + 0.9 * kept * Q(s).detach().max(1)[0]{axes}
    (wanted - Q(x).gather(1, a.unsqueeze(1))).pow(2).mean().backward()
"""

RETURNED = """
def learn(x, rewards):
    returns, total = [], 0
    for reward in rewards[::-1]:
        total = reward + 0.9 * total
        returns.insert(0, total)
    return F.mse_loss({taken}, torch.tensor(returns))
"""

BROADCAST = {
    "numbers in a row": "F.mse_loss(one(x), torch.tensor([1.0, 2.0]))",
    "random numbers in a row": "F.mse_loss(one(x), torch.randn(100))",
    "squeezed against unsqueezed": "F.mse_loss(one(x).squeeze(1), y.unsqueeze(1))",
    "squeezed by no name": "F.mse_loss(one(x).squeeze(), y.unsqueeze(-1))",
    "what was chosen against the best": "F.mse_loss(taken, reward + 0.9 * best)",
    "what actions choose": (
        "def learn(policy, x, actions):\n"
        "    return F.mse_loss(policy(x).gather(1, actions), torch.zeros(batch_sz))"
    ),
    "what was chosen, squeezed": "F.mse_loss(taken.squeeze(1), (r + best).unsqueeze(1))",
    "best values by their name": "F.mse_loss(taken, q(s).max(1).values)",
    "zeros that are filled": (
        "then = torch.zeros(batch_size)\nthen[kept] = best\nF.mse_loss(taken, torch.cat(r) + then)"
    ),
    "ones for each row of a batch": "F.mse_loss(one(x), torch.ones(x.size(0)))",
    "ones for each row, by name": (
        "def loss(x):\n    n, d = x.shape\n    return F.mse_loss(one(x), torch.ones(n))"
    ),
    "zeros for each row of a batch": "F.mse_loss(one(x), torch.zeros(x.shape[0]))",
    "a function of a row": "F.mse_loss(one(x), torch.sin(torch.linspace(-3, 3, 100)))",
    "a matrix times a vector": "F.mse_loss(one(x), torch.randn(99, 4) @ torch.randn(4))",
    "whatever was squeezed against a column": "F.mse_loss(net(x).squeeze(), y.view(-1, 1))",
    "one output against what was squeezed": "F.l1_loss(one(x), y.squeeze())",
    "error of what was taken, of rewards and best actions": LEARNING.format(axes=""),
    "the same in a class of its own for tensors": (
        "class Variable(torch.autograd.Variable):\n"
        "    def __init__(self, data): super().__init__(data.cuda())\n"
        + LEARNING.format(axes="")
        .replace("a.uns", "Variable(a).uns")
        .replace("rew +", "Variable(rew) +")
    ),
    "values that are 0 at the end": (
        "value = one(x)\nvalue[done] = 0.0\nF.mse_loss(value, torch.randn(100))"
    ),
    "rewards that were added up": RETURNED.format(taken="one(x)"),
    "rewards and best actions": (
        "F.mse_loss(net(x).gather(1, a.view(-1, 1)), reward + net(s).max(1)[0])"
    ),
}

FITTING = {
    "numbers in a row": "F.mse_loss(one(x).squeeze(1), torch.tensor([1.0, 2.0]))",
    "both in rows": "F.mse_loss(one(x).squeeze(1), y.view(-1))",
    "both in columns": "F.mse_loss(one(x), y.unsqueeze(1))",
    "chosen and best, in columns": "F.mse_loss(taken, (r + 0.9 * best).unsqueeze(1))",
    "chosen and best, in rows": "F.mse_loss(taken.squeeze(), r + 0.9 * best)",
    "best that keeps its axis": "F.mse_loss(taken, r + q(s).max(1, keepdim=True)[0])",
    "sorted": "F.mse_loss(one(x), q(s).sort(1)[0])",
    "one number for each class": "F.mse_loss(q(x), torch.rand(3) * y)",
    "a column of ones": "F.mse_loss(one(x), torch.ones(x.size(0), 1))",
    "a matrix times a matrix": "F.mse_loss(one(x), torch.randn(99, 4) @ torch.randn(4, 1))",
    "what an index chooses": (
        "def pick(policy, x, index): return F.mse_loss(policy(x).gather(1, index), torch.ones(9))"
    ),
    "both squeezed": "F.mse_loss(net(x).squeeze(), y.squeeze())",
    "squeezed, then a column again": "F.mse_loss(one(x), y.squeeze().unsqueeze(1))",
    "zeros of an unknown shape": "F.mse_loss(one(x), torch.zeros(wanted))",
    "error of what was taken, in columns": LEARNING.format(axes=".unsqueeze(1)"),
    "largest of each pixel": LEARNING.format(axes="").replace("rew", "own"),
    "one number that is learnt": "F.mse_loss(one(x), nn.Parameter(torch.randn(1)) * y)",
    "rewards that were added up, in rows": RETURNED.format(taken="one(x).squeeze(1)"),
    "rows of what is not known": RETURNED.format(taken="one(x)").replace("returns", "rows"),
    "a grid of indices, where actions are learnt": (
        "def learn(rewards, rows):\n"
        "    return F.mse_loss(one(x), store[rows.unsqueeze(1) + torch.arange(5)])"
    ),
    "a sum along an axis that was not known of": (
        "def learn(states, rewards, actions):\n"
        "    found = q(states).max(1)[0]\n"
        "    gain = torch.FloatTensor(rewards).unsqueeze(1) * q(states).gather(1, actions)\n"
        "    return F.mse_loss(gain + found.sum(dim=1, keepdim=True), gain)"
    ),
    "rewards less their mean": (
        "rewards = torch.FloatTensor(memory.rewards).unsqueeze(1)\n"
        "F.mse_loss(one(x), (rewards - rewards.mean(dim=0)) / rewards.std(dim=0))"
    ),
    "the bias of a product": "F.mse_loss(x @ nn.Parameter(w) + nn.Parameter(torch.zeros(3)), y)",
}


@pytest.mark.parametrize("name", BROADCAST)
def test_shapes_that_broadcast_are_seen(name: str, tmp_path: Path) -> None:
    assert "LK141" in {one.code for one in found(tmp_path, {"go.py": HEAD + BROADCAST[name]})}


@pytest.mark.parametrize("name", FITTING)
def test_shapes_that_fit_are_left_alone(name: str, tmp_path: Path) -> None:
    assert "LK141" not in {one.code for one in found(tmp_path, {"go.py": HEAD + FITTING[name]})}


TABLE = """
import pandas as pd
from sklearn.datasets import load_diabetes, make_regression
from torch.utils.data import DataLoader, Dataset
table = pd.read_csv("houses.csv").dropna()
class Rows(Dataset):
    def __init__(self, table):
        self.x = torch.tensor(table.drop("price", axis=1).values, dtype=torch.float32)
        self.y = torch.tensor(table[PRICE].values, dtype=torch.float32)
    def __getitem__(self, i): return self.x[i], self.y[i]
"""
TARGETS = {
    "column of a table": "y = torch.from_numpy(table['price'].values).float()",
    "column by its place": "y = torch.tensor(table.iloc[:, -1].to_numpy())",
    "column by its name, as pandas had it once": "y = torch.Tensor(table.ix[:, 'price'].values)",
    "targets of a set": "y = torch.tensor(load_diabetes().target)",
    "targets beside the inputs": "x, y = make_regression(100)\ny = torch.from_numpy(y)",
    "targets that are asked for": "x, y = load_diabetes(return_X_y=True)\ny = torch.tensor(y)",
    "last column of a text": "import numpy as np\ny = np.loadtxt('a.csv', delimiter=',')[:, -1]",
    "last numbers of windows": (
        "import numpy as np\nfrom sklearn.preprocessing import MinMaxScaler\n"
        "rows, ys = MinMaxScaler().fit_transform(table.values), []\n"
        "for i in range(len(rows) - 9):\n    ys.append(rows[i + 9, -1])\n"
        "y = torch.Tensor(np.array(ys))"
    ),
}


@pytest.mark.parametrize("name", TARGETS)
def test_columns_have_one_axis(name: str, tmp_path: Path) -> None:
    text = HEAD + TABLE + TARGETS[name]
    flat = {"flat.py": f"{text}\nF.mse_loss(one(x), y)\n"}
    column = {"column.py": f"{text}\nF.mse_loss(one(x), y.reshape(-1, 1))\n"}
    assert {one.code for one in found(tmp_path / "flat", flat)} == {"LK141"}
    assert found(tmp_path / "column", column) == []


@pytest.mark.parametrize(("price", "codes"), [("'price'", {"LK141"}), ("['price']", set())])
def test_a_set_of_rows_adds_the_axis_of_the_batch(
    price: str, codes: set[str], tmp_path: Path
) -> None:
    text = HEAD + TABLE.replace("PRICE", price)
    text += "for a, b in DataLoader(Rows(table), batch_size=8):\n    F.mse_loss(one(a), b)\n"
    assert {one.code for one in found(tmp_path, {"go.py": text})} == codes


MORE_TARGETS = {
    "several columns, as the UCI repository has targets": (
        "from ucimlrepo import fetch_ucirepo\n"
        "y = torch.tensor(fetch_ucirepo(id=9).data.targets.values)"
    ),
    "columns by a slice": "y = torch.tensor(table.iloc[:, 1:2].values)",
}


@pytest.mark.parametrize("name", MORE_TARGETS)
def test_a_table_is_no_row(name: str, tmp_path: Path) -> None:
    text = HEAD + TABLE + MORE_TARGETS[name]
    flat = {"flat.py": f"{text}\nF.mse_loss(one(x).view(-1), y)\n"}
    table = {"table.py": f"{text}\nF.mse_loss(one(x), y)\n"}
    row = {"row.py": f"{text}\nF.mse_loss(one(x).view(-1), y.view(-1))\n"}
    assert {one.code for one in found(tmp_path / "flat", flat)} == {"LK141"}
    assert found(tmp_path / "table", table) == []
    assert found(tmp_path / "row", row) == []


@pytest.mark.parametrize(("name", "codes"), [("Price", {"LK141"}), ("T", set()), ("size", set())])
def test_attributes_of_a_table_with_a_capital_are_columns(
    name: str, codes: set[str], tmp_path: Path
) -> None:
    text = f"{HEAD}{TABLE}y = torch.tensor(np.array(table.{name}))\nF.mse_loss(one(x), y)\n"
    assert {one.code for one in found(tmp_path, {"go.py": text})} == codes


ACTING = """
from torch.distributions import Categorical, Normal
class Actor(nn.Module):
    def __init__(self):
        super().__init__()
        self.actor = nn.Sequential(nn.Linear(4, 2), nn.Softmax(dim=1))
        self.critic = nn.Linear(4, 1)
    def forward(self, x): return Categorical(self.actor(x)), self.critic(x)
model = Actor()
def learn(envs, state):
    logs, values, rewards = [], [], []
    for _ in range(5):
        dist, value = model(state)
        action = dist.sample()
        state, reward = envs.step(action)
        logs.append(dist.log_prob(action))
        values.append(value)
        rewards.append(torch.FloatTensor(reward).unsqueeze(1))
    advantage = torch.cat(rewards) - torch.cat(values).detach()
    (-(LOSS).mean()).backward()
"""


@pytest.mark.parametrize(
    ("loss", "codes"),
    [
        ("torch.cat(logs) * advantage", {"LK141"}),
        ("(both := torch.cat(logs)) * advantage", {"LK141"}),
        # As the returns of a distribution, which are to broadcast.
        ("(supports := torch.cat(logs)) * advantage", set()),
        ("torch.cat(logs) * advantage.squeeze(1)", set()),
        ("torch.cat(logs).unsqueeze(1) * advantage", set()),
        ("logs[0] * advantage", set()),
        ("Normal(model.critic(state), 1).log_prob(state) * advantage", set()),
    ],
)
def test_log_probabilities_of_classes_have_no_axis_of_their_own(
    loss: str, codes: set[str], tmp_path: Path
) -> None:
    text = HEAD + ACTING.replace("LOSS", loss)
    assert {one.code for one in found(tmp_path, {"go.py": text})} == codes


JOINED = {
    "rows one after the other": ("torch.cat([torch.randn(9), torch.randn(9)])", {"LK141"}),
    "rows above each other": ("torch.stack([torch.randn(9), torch.randn(9)])", set()),
    "numbers of a list": ("torch.stack([torch.randn(9).sum(), torch.randn(9).sum()])", {"LK141"}),
    "columns beside each other": ("torch.cat([y.view(-1, 1), y.view(-1, 1)], dim=1)", set()),
    "columns above each other": ("torch.cat([y.view(-1, 1), y.view(-1, 1)])", set()),
}


@pytest.mark.parametrize("name", JOINED)
def test_what_is_put_together_keeps_its_axes(name: str, tmp_path: Path) -> None:
    made, codes = JOINED[name]
    text = f"{HEAD}F.mse_loss(one(x), {made})\n"
    assert {one.code for one in found(tmp_path, {"go.py": text})} == codes


LISTS = {
    "items of unknown shape": "y = []\nfor row in rows:\n    y.append(row)\ny = torch.tensor(y)",
    "several columns": "y = torch.tensor(table[['price', 'size']].values)",
    "columns by a slice": "y = torch.tensor(table.iloc[:, 1:2].values)",
}


@pytest.mark.parametrize("name", LISTS)
def test_other_parts_may_have_more(name: str, tmp_path: Path) -> None:
    text = f"{HEAD}{TABLE}{LISTS[name]}\nF.mse_loss(one(x), y)\n"
    assert found(tmp_path, {"go.py": text}) == []


SETS = """
from torchvision import datasets
from torch.utils.data import DataLoader
for a, b in DataLoader(datasets.MADE, batch_size=8):
    F.mse_loss(one(a), b.float()SHAPED)
"""


@pytest.mark.parametrize(
    ("made", "shaped", "codes"),
    [
        ("MNIST('data')", "", {"LK141"}),
        ("ImageFolder('data')", ".unsqueeze(1)", set()),
        ("CIFAR10('data', target_transform=rows)", "", set()),
        ("CocoDetection('data')", "", set()),
    ],
)
def test_sets_of_pictures_have_one_class_each(
    made: str, shaped: str, codes: set[str], tmp_path: Path
) -> None:
    text = HEAD + SETS.replace("MADE", made).replace("SHAPED", shaped)
    assert {one.code for one in found(tmp_path, {"go.py": text})} == codes


KERAS = """
import tensorflow as tf
model = tf.keras.Sequential([tf.keras.layers.Dense(4), tf.keras.layers.Dense(1)])
def step(x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(TARGET - model(x)))
    return tape.gradient(loss, model.trainable_variables)
"""


@pytest.mark.parametrize(("target", "codes"), [("tf.squeeze(y)", {"LK141"}), ("y", set())])
def test_a_training_that_is_written_out_is_looked_at(
    target: str, codes: set[str], tmp_path: Path
) -> None:
    text = KERAS.replace("TARGET", target)
    assert {one.code for one in found(tmp_path, {"go.py": text})} == codes


STEPS = """
class Net(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.rnn, self.fc = nn.LSTM(hidden, hidden, batch_first=True), nn.Linear(hidden, 1)
    def forward(self, x):
        steps, _ = self.rnn(x)
        return self.fc(TAKEN).squeeze(-1)
class Rows(torch.utils.data.Dataset):
    def __getitem__(self, i):
        return self.rows[i], torch.FloatTensor([self.labels[i]])
net = Net(8)
for x, y in torch.utils.data.DataLoader(Rows()):
    nn.BCEWithLogitsLoss()(net(x), y).backward()
"""


@pytest.mark.parametrize(("taken", "codes"), [("steps", set()), ("steps[:, -1]", {"LK141"})])
def test_a_recurrent_layer_gives_every_step(taken: str, codes: set[str], tmp_path: Path) -> None:
    text = f"import torch\nfrom torch import nn\n{STEPS}".replace("TAKEN", taken)
    assert {one.code for one in found(tmp_path, {"go.py": text})} == codes
