"""Tensors that are made anew: of which lengths, and with which gradients."""

from __future__ import annotations

from pathlib import Path

import pytest
from lint_runs import brief, found

LABELS = """
import torch
from torch import nn
from torch.autograd import Variable

model = nn.Sequential(nn.Flatten(), nn.Linear(8, 1), nn.Sigmoid())
criterion = nn.BCELoss()

def train(loader, batch_size):
    BEFORE
    for images, shape in loader:
        criterion(model(images), LABELS).backward()
"""


@pytest.mark.parametrize(
    ("before", "labels"),
    [
        ("pass", "torch.ones(images.size()[0])"),
        ("pass", "torch.ones(images.shape[0])"),
        ("pass", "torch.rand(len(images)) / 3"),
        ("pass", "Variable(torch.FloatTensor(batch_size).fill_(1))"),
        ("labels = torch.FloatTensor(3)", "labels"),
        ("labels = torch.zeros(3, 4); labels.data.resize_(batch_size).fill_(1)", "labels"),
        ("labels = torch.zeros(3, 1); labels.squeeze_(1)", "labels"),
    ],
)
def test_labels_of_one_axis_meet_a_column(before: str, labels: str, tmp_path: Path) -> None:
    text = LABELS.replace("BEFORE", before).replace("LABELS", labels)
    assert [one[0] for one in brief(found(tmp_path, {"go.py": text}), tmp_path)] == ["LK141"]


@pytest.mark.parametrize(
    ("before", "labels"),
    [
        ("pass", "torch.ones(images.size()[0], 1)"),
        ("pass", "torch.ones(shape)"),
        ("pass", "torch.ones(images.size()[:2])"),
        ("labels = torch.FloatTensor(3); labels.resize_(batch_size, 1)", "labels"),
        ("labels = torch.FloatTensor(3); labels.data.resize_(shape).fill_(1)", "labels"),
        ("labels = torch.FloatTensor(3); labels.resize_as_(batch_size)", "labels"),
        ("labels = torch.FloatTensor(3); labels.unsqueeze_(1)", "labels"),
        # A list, and not the length of one.
        ("pass", "torch.FloatTensor(new_labels)"),
        ("pass", "torch.FloatTensor(n_classes)"),
        ("pass", "torch.ones(8).view(new_shape)"),
    ],
)
def test_labels_of_other_shapes_are_left_alone(before: str, labels: str, tmp_path: Path) -> None:
    text = LABELS.replace("BEFORE", before).replace("LABELS", labels)
    assert found(tmp_path, {"go.py": text}) == []


WRAPPED = """
import torch
import torch.nn.functional as F
from torch.autograd import Variable

def step(model, optimizer, inputs, targets):
    outputs = model(inputs)
    taken = outputs.detach().numpy()
    loss = F.mse_loss(GIVEN, targets)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
SUSPICIOUS = [("LK151", "suspicious", "go.py", 9)]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("outputs", []),
        ("model(Variable(inputs))", []),
        ("Variable(outputs)", [("LK151", "bug", "go.py", 9)]),
        ("Variable(torch.from_numpy(taken), requires_grad=True)", SUSPICIOUS),
        ("torch.tensor(taken, requires_grad=True)", SUSPICIOUS),
        # What is optimised is no output of a model.
        ("Variable(inputs, requires_grad=True)", []),
    ],
)
def test_outputs_that_are_wrapped(given: str, wanted: list[tuple], tmp_path: Path) -> None:
    assert brief(found(tmp_path, {"go.py": WRAPPED.replace("GIVEN", given)}), tmp_path) == wanted


GROWN = """
import torch
from torch import nn

model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))

class Buffer:
    def __init__(self):
        self.states = []

    def push(self, state):
        self.states.append(state)

def step(environment, targets):
    buffer = Buffer()
    buffer.push(environment.reset())
    for _ in range(10):
        buffer.push(environment.step())
    states = torch.FloatTensor(buffer.states[:-1])
    nn.functional.mse_loss(model(states)[:, :1], targets.view(-1, 1)).backward()
    nn.functional.mse_loss(states[:, :1], model(states).mean(1)).backward()
"""


def test_a_part_of_a_grown_list_has_any_length(tmp_path: Path) -> None:
    assert [one.code for one in found(tmp_path, {"go.py": GROWN})] == []


UNGRADED = """
import torch

def update(model, optimizer, inputs, targets):
    with torch.no_grad():
        values = model(inputs)
    loss = LOSS
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""


@pytest.mark.parametrize(
    ("loss", "lines"),
    [
        ("(values - 1).pow(2).mean()", [("LK151", "bug", "go.py", 9)]),
        ("(values - targets).pow(2).mean()", []),
        ("(values - model(inputs)).pow(2).mean()", []),
    ],
)
def test_a_loss_of_what_has_no_gradient(loss: str, lines: list[tuple], tmp_path: Path) -> None:
    assert brief(found(tmp_path, {"go.py": UNGRADED.replace("LOSS", loss)}), tmp_path) == lines


@pytest.mark.parametrize(
    ("support", "codes"),
    [
        ("self.support", ["LK141"]),
        ("self.support.expand(64, 51)", []),
        ("self.support.expand((64, -1))", []),
        ("self.support.expand_as(next_values)", []),
        ("torch.broadcast_to(self.support, next_values.shape)", []),
    ],
)
def test_what_is_expanded_has_new_axes(support: str, codes: list[str], tmp_path: Path) -> None:
    text = (
        "import torch\n\nclass Agent:\n    def __init__(self):\n"
        "        self.support = torch.linspace(-10, 10, 51)\n\n"
        "    def wish(self, rewards, next_values):\n"
        "        values = self.model(rewards).view(-1, 1)\n"
        f"        return torch.nn.functional.mse_loss(values, 0.9 * {support})\n"
    )
    assert [one.code for one in found(tmp_path, {"go.py": text})] == codes


MEMORY = """
import torch
from torch import nn

critic = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))

class Memory:
    def __init__(self):
        self.memory = []

    def push(self, state, reward, mask):
        self.memory.append((state, reward, mask))

def update(memory):
    states, rewards, masks = zip(SPREAD)
    rewards, masks = torch.Tensor(rewards), torch.Tensor(masks)
    values = critic(torch.Tensor(states))
    errors = torch.Tensor(rewards.size(0), 1)
    sums = torch.Tensor(rewards.size(0), 1)
    last_value, last_sum = 0, 0
    for i in reversed(range(rewards.size(0))):
        errors[i] = rewards[i] + gamma * last_value * masks[i] - values.data[i]
        sums[i] = errors[i] + gamma * last_sum * masks[i]
        last_value, last_sum = values.data[i, 0], sums[i, 0]
    nn.functional.mse_loss(values, sums).backward()

memory = Memory()
while True:
    memory.push(*environment.step())
    update(memory)
"""


@pytest.mark.parametrize("spread", ["*memory.memory", "*[one for one in memory.memory]"])
def test_what_a_memory_holds_is_of_any_number(spread: str, tmp_path: Path) -> None:
    assert found(tmp_path, {"go.py": MEMORY.replace("SPREAD", spread)}) == []


def test_nothing_comes_of_a_list_without_items(tmp_path: Path) -> None:
    """``zip`` ends with the shortest."""
    text = (
        "import torch.nn.functional as F\n\n"
        "def step(model, inputs, targets):\n    outputs = model(inputs).softmax(1)\n"
        "    for output, other in zip([outputs], OTHERS):\n"
        "        F.cross_entropy(output, targets).backward()\n"
    )
    assert found(tmp_path / "none", {"go.py": text.replace("OTHERS", "[]")}) == []
    (one,) = found(tmp_path / "one", {"go.py": text.replace("OTHERS", "[1]")})
    assert one.code == "LK101"


@pytest.mark.parametrize(
    ("test", "codes"),
    [
        ("type(criterion) == nn.CrossEntropyLoss", ["LK101"]),
        ("type(criterion) is nn.MSELoss", []),
        ("type(criterion) != torch.nn.modules.loss.CrossEntropyLoss", []),
        ("type(criterion) != nn.MSELoss", ["LK101"]),
        ("isinstance(criterion, torch.nn.modules.loss._WeightedLoss)", ["LK101"]),
    ],
)
def test_the_type_of_a_loss_decides(test: str, codes: list[str], tmp_path: Path) -> None:
    """What cannot be is suspicious at most: another caller may give another loss."""
    text = (
        "import torch\nfrom torch import nn\n\n"
        "model = nn.Sequential(nn.Linear(4, 3), nn.Softmax(dim=1))\n\n"
        "def step(criterion, inputs, targets):\n"
        f"    if {test}:\n"
        "        return criterion(model(inputs), targets)\n\n"
        "step(nn.CrossEntropyLoss(), *batch())\n"
    )
    bugs = [one for one in found(tmp_path, {"go.py": text}) if one.severity == "bug"]
    assert [one.code for one in bugs] == codes
