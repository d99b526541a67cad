"""Shapes where actions are learnt from rewards, and of values that TensorFlow 1 is fed."""

from __future__ import annotations

from pathlib import Path

import pytest
from lint_runs import found


def _seen(text: str, folder: Path) -> list[tuple[str, str, int]]:
    return [
        (one.code, one.severity.value, one.place.line) for one in found(folder, {"go.py": text})
    ]


SOFT = """
import torch, torch.nn as nn, torch.nn.functional as F
from torch.distributions import Normal

class Actor(nn.Module):
    def __init__(self, states, actions):
        super().__init__()
        self.mean, self.spread = nn.Linear(states, WIDTH), nn.Linear(states, WIDTH)

    def evaluate(self, state):
        mean, spread = self.mean(state), self.spread(state).exp()
        drawn = mean + spread * torch.randn(1)
        action = torch.tanh(drawn)
        density = Normal(mean, spread).log_prob(drawn) - torch.log(1 - action.pow(2) + 1e-6)
        return action, densitySUM

class Critic(nn.Module):
    def __init__(self, states, actions):
        super().__init__()
        self.last = nn.Linear(states + actions, 1)

    def forward(self, state, action):
        return self.last(torch.cat([state, action], 1))

actor, critic, target = Actor(8, n_actions), Critic(8, n_actions), Critic(8, n_actions)

def learn(state, action, rewards, next_state, done, alpha=0.2):
    next_action, density = actor.evaluate(next_state)
    best = target(next_state, next_action)
    hoped = rewards + 0.9 * (1 - done) * (best - alpha * density.squeeze(0).cpu())
    loss = F.mse_loss(critic(state, action), hoped.detach())
    loss.backward()
"""


@pytest.mark.parametrize(
    ("width", "total", "seen"),
    [
        ("actions", "", [("LK141", "suspicious", 31)]),
        ("4", "", [("LK141", "bug", 31)]),
        ("1", "", []),
        ("actions", ".sum(1, keepdim=True)", []),
        ("actions", ".sum(-1, keepdim=True)", []),
    ],
)
def test_log_densities_of_an_action_are_summed(
    width: str, total: str, seen: list[tuple[str, str, int]], tmp_path: Path
) -> None:
    """Each component of an action has a density of its own, and the action has their product."""
    text = SOFT.replace("WIDTH", width).replace("SUM", total)
    assert _seen(text, tmp_path) == seen


MEMORY = """
import numpy as np
import torch, torch.nn as nn

class Agent:
    def __init__(self, env):
        self.states = env.observation_space.shape[0]
        actions = env.action_space.n
        self.net, self.target = nn.Linear(4, actions), nn.Linear(4, actions)
        self.memory = np.zeros((2000, N_STATES * 2 + 2))
        self.criterion = nn.MSELoss()

    def learn(self):
        drawn = np.random.choice(2000, 32)
        batch = self.memory[drawn, :]
        state = torch.FloatTensor(batch[:, :N_STATES])
        taken = torch.LongTensor(batch[:, N_STATES:N_STATES + 1].astype(int))
        reward = torch.FloatTensor(batch[:, SLICE])
        value = self.net(state).gather(1, taken)
        best = self.target(state).detach().max(1)[0]
        loss = self.criterion(value, reward + 0.9 * bestVIEW)
        loss.backward()
"""


@pytest.mark.parametrize(
    "part", ["N_STATES + 1:N_STATES + 2", "-1:", "5:6", "-N_STATES-1:-N_STATES"]
)
def test_a_column_of_a_memory_meets_the_best_values(part: str, tmp_path: Path) -> None:
    text = MEMORY.replace("SLICE", part)
    assert _seen(text.replace("VIEW", ""), tmp_path) == [("LK141", "bug", 21)]
    assert _seen(text.replace("VIEW", ".view(32, 1)"), tmp_path) == []


@pytest.mark.parametrize("part", ["N_STATES + 1", "5"])
def test_numbers_of_a_memory_meet_the_best_values(part: str, tmp_path: Path) -> None:
    """Each is a number for a row, and so is the value of each action that was taken."""
    text = MEMORY.replace("SLICE", part).replace("gather(1, taken)", "gather(1, taken).squeeze(1)")
    assert _seen(text.replace("VIEW", ""), tmp_path) == []


FED = """
import tensorflow as tf

x = tf.placeholder(tf.float32, shape=[None, 50])
y = tf.placeholder(tf.float32, shape=[None])
hidden = tf.layers.dense(x, 64, activation=tf.nn.relu)
hidden = tf.reshape(tf.layers.batch_normalization(hidden), shape=[-1, 64])
value = tf.identity(tf.layers.dense(hidden, 1, activation=tf.tanh), name="value")
loss = tf.reduce_mean(tf.square(valueSHAPE - 0.9 * y))
step = tf.train.AdamOptimizer(1e-3).minimize(loss)
"""


@pytest.mark.parametrize(
    ("shape", "seen"), [("", [("LK141", "bug", 9)]), ("[:, 0]", []), (" * y[:, None]", [])]
)
def test_what_is_fed_meets_a_column(
    shape: str, seen: list[tuple[str, str, int]], tmp_path: Path
) -> None:
    text = FED.replace("SHAPE", shape)
    if shape.startswith(" "):
        text = text.replace("- 0.9 * y))", "))")
    assert _seen(text, tmp_path) == seen


ADVANTAGES = """
import torch
from torch.distributions import Normal

def surrogate(actor, states, actions, rewards):
    advantage = torch.Tensor(rewards.shape[0])
    for i in range(rewards.shape[0]):
        advantage[i] = rewards[i]
    advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
    mean, spread = actor(states)
    density = Normal(mean, spread).log_prob(actions).sum(dim=1KEEP)
    loss = -(torch.exp(density - density.detach()) * advantage).mean()
    loss.backward()
"""


def test_advantages_are_one_for_each_step(tmp_path: Path) -> None:
    kept = ADVANTAGES.replace("KEEP", ", keepdim=True")
    assert _seen(kept, tmp_path) == [("LK141", "bug", 12)]
    assert _seen(ADVANTAGES.replace("KEEP", ""), tmp_path) == []


DISCOUNTED = """
import torch, torch.nn as nn
from torch import optim

class Learner:
    def __init__(self, gamma, scale):
        self.gamma, self.scale = gamma, scale
        self.states, self.rewards, self.following = [], [], []
        self.value = nn.Linear(4, 1)
        self.optimizer = optim.Adam(self.value.parameters())
    def update(self):
        states = torch.FloatTensor(self.states)
        rewards = torch.FloatTensor(self.rewards)
        following = torch.FloatTensor(self.following)
        GRADED:
            now = self.value(states)
        with torch.no_grad():
            later = self.value(following)
        wanted = rewards.unsqueeze(1) + self.FACTOR * later
        self.optimizer.zero_grad()
        loss = (wanted - now).pow(2).mean()
        loss.backward()
        self.optimizer.step()
"""


@pytest.mark.parametrize(
    ("graded", "factor", "codes"),
    [
        ("with torch.no_grad()", "gamma", ["LK151"]),
        ("with torch.enable_grad()", "gamma", []),
        # What is called otherwise may be learnt.
        ("with torch.no_grad()", "scale", []),
    ],
)
def test_rewards_are_discounted_by_a_number(
    graded: str, factor: str, codes: list[str], tmp_path: Path
) -> None:
    text = DISCOUNTED.replace("GRADED", graded).replace("FACTOR", factor)
    assert [code for code, *_ in _seen(text, tmp_path)] == codes


DEFAULT = """
import torch.nn as nn, torch.nn.functional as F

class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(512, 2)
    def pi(self, x, softmax_dim=AXIS):
        x = x.view(x.size(0), -1)
        return F.softmax(self.last(x), dim=softmax_dim)
"""


@pytest.mark.parametrize(("axis", "seen"), [("0", [("LK191", "bug", 10)]), ("1", []), ("-1", [])])
def test_the_axis_may_be_a_default(axis: str, seen: list[tuple], tmp_path: Path) -> None:
    assert _seen(DEFAULT.replace("AXIS", axis), tmp_path) == seen
