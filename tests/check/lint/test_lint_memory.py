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
