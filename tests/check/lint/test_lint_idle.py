"""Steps of an optimizer to whose model no gradient gets."""

from __future__ import annotations

from pathlib import Path

import pytest
from lint_runs import found

HEAD = """
import torch
import torch.nn.functional as F
from networks import Actor, Critic, Value
from torch import nn
from torch.optim import Adam

class Agent:
    def __init__(self, inputs, outputs, rate):
        self.actor, self.pair = None, None
        self.critic = Critic(inputs, outputs)
        self.critic_optimizer = Adam(self.critic.parameters(), rate)
        self.value = Value(inputs)
        self.value_optimizer = Adam(self.value.parameters(), rate)
        self.target_value = TARGET
        self.rate = rate

    def update(self, state, action, reward):
        state, action = torch.FloatTensor(state), torch.FloatTensor(action)
        best = self.critic(state, action) WISHED
        hoped = GIVEN
        BEFORE
        loss = F.mse_loss(hoped, best)
        self.value_optimizer.zero_grad()
        loss.backward()
        AFTER
        self.value_optimizer.step()
"""


def _agent(
    given: str,
    target: str = "Value(inputs)",
    wished: str = "",
    before: str = "self.critic_optimizer.zero_grad()",
    after: str = "self.critic_optimizer.step()",
) -> str:
    text = HEAD.replace("TARGET", target).replace("GIVEN", given).replace("WISHED", wished)
    return text.replace("BEFORE", before).replace("AFTER", after)


def _idle(text: str, folder: Path) -> list[tuple[str, int]]:
    codes = {"LK151", "LK152", "LK305"}
    seen = [one for one in found(folder, {"go.py": text}) if one.code in codes]
    return [(one.code, one.place.line) for one in seen]


def test_a_loss_of_another_model(tmp_path: Path) -> None:
    """The target's value, where the value's was meant."""
    text = _agent("self.target_value(state)")
    assert _idle(text, tmp_path) == [("LK152", 23)]
    (one,) = found(tmp_path, {"go.py": text})
    assert "self.value, by which self.value_optimizer steps" in one.message


@pytest.mark.parametrize("name", ["soft_update", "self.update_target", "self.hard_copy"])
def test_copying_weights_is_no_training(name: str, tmp_path: Path) -> None:
    after = f"{name}(self.value, self.target_value)"
    assert _idle(_agent("self.target_value(state)", after=after), tmp_path) == [("LK152", 23)]


def test_an_output_that_is_detached(tmp_path: Path) -> None:
    assert _idle(_agent("self.value(state).detach()"), tmp_path) == [("LK151", 23)]


def test_gradients_that_are_cleared_before_the_step(tmp_path: Path) -> None:
    text = _agent("self.value(state)", after="self.value_optimizer.zero_grad()")
    assert _idle(text, tmp_path) == [("LK305", 25)]


@pytest.mark.parametrize(
    "text",
    [
        _agent("self.value(state)"),
        _agent("self.value.forward(state)"),
        _agent("self.head(state)", before="self.head = nn.Sequential(self.value, nn.Tanh())"),
        _agent("self.target_value(state)", target="Value(self.value)"),
        _agent("self.target_value(state)", target="self.value"),
        _agent("self.target_value(state)", wished="+ self.value(state)"),
        _agent("self.target_value(state)", wished="+ unknown(state)"),
        _agent("self.target_value(state)", wished="+ self.guess(state)"),
        _agent("self.target_value(state)", before="self.target_value.last = self.value"),
        _agent("self.target_value(state)", before="self.parts.append(self.value)").replace(
            "self.target_value(state)", "self.parts[0](state)"
        ),
        _agent("self.target_value(state)", after="for p in ps: p.grad = torch.ones(1)"),
        _agent("self.target_value(state)", after="if reward: self.value(state).backward()"),
        _agent("self.target_value(state)", after="train_value(self.value)"),
        _agent("reward")
        .replace("def update(self", "def update(self, hoped")
        .replace("        hoped = reward\n", ""),
    ],
)
def test_what_may_reach_the_model(text: str, tmp_path: Path) -> None:
    assert _idle(text, tmp_path) == []


def test_a_method_behind_a_call_takes_its_arguments_along(tmp_path: Path) -> None:
    """``critic.first(state, actor(state)).mean()`` is of both."""
    text = _agent("self.target_value(state)").replace(
        "loss = F.mse_loss(hoped, best)",
        "loss = -self.critic.first(state, self.value(state)).mean()",
    )
    assert _idle(text, tmp_path) == []


def test_what_a_function_is_given_may_be_of_a_model(tmp_path: Path) -> None:
    text = _agent("self.critic(images, action)").replace(
        "state, action, reward", "state, action, images"
    )
    assert _idle(text, tmp_path) == []


def test_a_copy_shares_nothing(tmp_path: Path) -> None:
    text = _agent("self.target_value(state)", target="copy.deepcopy(self.value)")
    assert _idle(text, tmp_path) == [("LK152", 23)]


ENCODER = """
import torch
from networks import Encoder, Judge, loader
from torch import nn

encoder, judge = Encoder(), Judge()
step_e = torch.optim.Adam(encoder.parameters())
step_j = torch.optim.Adam(judge.parameters())
criterion = nn.BCELoss()
for images, ones in loader:
    code = encoder(images)CUT
    judged = judge(code)
    loss = criterion(judged, ones)
    step_e.zero_grad()
    loss.backward()
    step_e.step()
"""


@pytest.mark.parametrize(("cut", "seen"), [(".detach()", [("LK151", 13)]), ("", [])])
def test_a_script(cut: str, seen: list[tuple[str, int]], tmp_path: Path) -> None:
    assert _idle(ENCODER.replace("CUT", cut), tmp_path) == seen


def test_names_that_get_their_value_without_a_gradient(tmp_path: Path) -> None:
    text = ENCODER.replace("    code = ", "    with torch.no_grad():\n        code = ")
    assert _idle(text.replace("CUT", ""), tmp_path) == [("LK151", 14)]


GAMES = """
import torch
from torch import nn, optim
from torch.distributions import Categorical

class Policy(nn.Module):
    pass

policy, judge = Policy(4, 2), Policy(4, 1)
optimizer = optim.Adam(policy.parameters())

def learn(states, env):
    kept = []
    for state in states:
        choice = Categorical(policy(state))
        policy.rewards.append(env.reward)
        kept.append({kept})
    returns = list(policy.rewards)
    for at in range(9):
        optimizer.zero_grad()
        loss = {loss}
        loss.backward()
        optimizer.step()
"""


@pytest.mark.parametrize(
    ("kept", "loss", "idle"),
    [
        # The rewards that a policy keeps are no part of it, and the judge is another model.
        ("state", "returns[at] - judge(kept[at])", True),
        ("state", "policy.rewards[at] - judge(kept[at])", True),
        ("state", "returns[at] - policy(kept[at])", False),
        # What was appended in another loop was computed from the policy.
        ("choice.log_prob(choice.sample())", "kept[at] * judge(returns[at])", False),
        ("policy(state)", "kept[at] * judge(returns[at])", False),
        ("unknown(state)", "kept[at] * judge(returns[at])", False),
    ],
)
def test_the_gradient_of_another_model_changes_nothing(
    kept: str, loss: str, *, idle: bool, tmp_path: Path
) -> None:
    text = GAMES.format(kept=kept, loss=loss)
    seen = [(one.code, str(one.severity)) for one in found(tmp_path, {"go.py": text})]
    assert seen == ([("LK152", "bug")] if idle else [])


def test_the_last_output_of_a_loop_is_the_models(tmp_path: Path) -> None:
    text = (
        "import torch\nfrom torch import nn, optim\nfrom networks import Net\n"
        "model = Net()\noptimizer = optim.SGD(model.parameters(), 0.1)\n"
        "for epoch in range(9):\n"
        "    optimizer.zero_grad()\n"
        "    for x in rows:\n"
        "        made, hidden = model(x)\n"
        "    loss = nn.MSELoss()(made.view(-1), wanted.view(-1))\n"
        "    loss.backward()\n"
        "    optimizer.step()\n"
    )
    assert _idle(text, tmp_path) == []
