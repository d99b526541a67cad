"""What a memory of games gives: rows of steps, and weights of those that matter more."""

from __future__ import annotations

from pathlib import Path

import pytest
from lint_runs import brief, found

AGENT = """
import random
import numpy as np
import torch
from networks import Network

SIZE, EVERY = int(1e5), 4

class Agent:
    def __init__(self):
        self.net, self.target = Network(), Network()
        self.memory = Memory(SIZE)
        self.{counter} = 0

    def step(self, state, action, reward):
        self.memory.add(state, action, reward)
        {counting}
        if self.{counter} == 0:
            self.learn(self.memory.sample())

    def learn(self, steps):
        states, actions, rewards, weights = steps
        values = self.net(states).gather(1, actions)
        wanted = rewards + 0.9 * self.target(states).detach().max(1)[0].unsqueeze(1)
        weights = torch.from_numpy(np.power(weights, -0.5)).float()
        loss = (wanted - values).pow(2) * weights{shaped}
        loss.mean().backward()

class Memory:
    def __init__(self, size):
        self.kept = []
        self.priorities = np.zeros(size)

    def add(self, *step):
        self.kept.append(step)

    def sample(self):
        shares = np.power(np.array(self.priorities), 0.6)[:len(self.kept)]
        places = np.random.choice(len(self.kept), size=64, p=shares / np.sum(shares))
        steps = [self.kept[one] for one in places]
        states = torch.from_numpy(np.vstack([one.state for one in steps])).float()
        actions = torch.from_numpy(np.vstack([one.action for one in steps])).long()
        rewards = torch.from_numpy(np.vstack([one.reward for one in steps])).float()
        return states, actions, rewards, shares[places]
"""
COUNTED = "self.{0} = (self.{0} + 1) % EVERY"


def _seen(folder: Path, counter: str, counting: str, shaped: str = "") -> list[str]:
    text = AGENT.format(counter=counter, counting=counting.format(counter), shaped=shaped)
    line = 1 + text[: text.index("loss = (")].count("\n")
    seen = brief(found(folder, {"agent.py": text}), folder)
    assert all(one == ("LK141", "bug", "agent.py", line) for one in seen)
    return [code for code, *_ in seen]


@pytest.mark.parametrize(
    ("shaped", "broadcasts"),
    [("", True), (".squeeze()", True), (".unsqueeze(1)", False), ("[:, None]", False)],
)
def test_weights_of_steps_meet_what_was_gathered(
    shaped: str, *, broadcasts: bool, tmp_path: Path
) -> None:
    assert _seen(tmp_path, "t_step", COUNTED, shaped) == ["LK141"] * broadcasts


@pytest.mark.parametrize(
    ("counter", "counting"),
    [
        ("t_step", COUNTED),
        ("steps", "self.{0} += 1\n        self.{0} %= EVERY"),
        ("turns", "self.{0} = 1 if self.{0} else 0"),
        ("n", COUNTED),
    ],
)
def test_what_counts_calls_is_no_constant(counter: str, counting: str, tmp_path: Path) -> None:
    """So that what happens at every fourth is followed with what it is given."""
    assert _seen(tmp_path, counter, counting) == ["LK141"]


def test_what_is_set_once_decides(tmp_path: Path) -> None:
    assert _seen(tmp_path, "mode", "self.{0} = 1") == []


TUTORIAL = """
import random
from collections import deque, namedtuple
import torch
from torch import nn

Step = namedtuple("Step", ("state", "action", "reward"))
policy, target = nn.Linear(4, 2), nn.Linear(4, 2)

class Memory:
    def __init__(self, size):
        self.kept = {kept}
    def push(self, *step):
        self.kept.append(Step(*step))
    def sample(self, size):
        return random.sample(self.kept, size)

memory = Memory(1000)

def learn():
    steps = memory.sample(32)
    batch = Step(*zip(*steps))
    values = policy(torch.cat(batch.state)).gather(1, torch.cat(batch.action))
    following = target(torch.cat(batch.state)).max(1)[0].detach()
    wanted = following * 0.9 + torch.{joined}(batch.reward)
    loss = nn.SmoothL1Loss()(values, wanted.unsqueeze(1))
    loss.backward()

for game in range(100):
    state = torch.tensor(env.reset()).unsqueeze(0)
    for turn in range(100):
        action = policy(state).max(1)[1].view(1, 1)
        reward = {reward}
        memory.push(state, action, reward)
        learn()
"""


@pytest.mark.parametrize("kept", ["deque([], maxlen=size)", "deque(maxlen=size)", "[]"])
@pytest.mark.parametrize(
    ("reward", "joined", "broadcasts"),
    [
        ("torch.tensor([env.reward])", "cat", False),
        ("torch.tensor([[env.reward]])", "cat", True),
        ("torch.tensor(env.reward).view(1, 1)", "cat", True),
        ("torch.tensor([env.reward])", "stack", True),
        ("torch.tensor([torch.tensor([env.reward])])", "cat", False),
    ],
)
def test_what_was_pushed_comes_out_in_columns(
    kept: str, reward: str, joined: str, *, broadcasts: bool, tmp_path: Path
) -> None:
    text = TUTORIAL.format(kept=kept, reward=reward, joined=joined)
    line = text[: text.index("wanted =")].count("\n") + 1
    seen = [("LK141", "bug", "go.py", line)] if broadcasts else []
    assert brief(found(tmp_path, {"go.py": text}), tmp_path) == seen


def test_a_memory_is_no_empty_list_where_nobody_pushes(tmp_path: Path) -> None:
    text = TUTORIAL.format(kept="deque(maxlen=size)", reward="0", joined="cat")
    text = text[: text.index("for game")].replace(
        "steps = memory", "if len(memory.kept) < 32:\n        return\n    steps = memory"
    )
    text = text.replace("loss.backward()", "nn.MSELoss(values, wanted).backward()")
    assert [one.code for one in found(tmp_path, {"go.py": text})] == ["LK131"]
