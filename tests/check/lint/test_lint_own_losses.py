"""Losses that the code itself defines, and what they make of what they get."""

from __future__ import annotations

from pathlib import Path

import pytest
from lint_runs import brief, found

DICE = """
import torch
from torch import nn
import torch.nn.functional as F

class BinaryDice{end}(nn.Module):
    def forward(self, output, target):
        output = torch.sigmoid(output)
        {loss}
        return 1 - 2 * (output * target).sum() / (output + target).sum()

class Dice{end}(nn.Module):
    def forward(self, output, target):
        dice = BinaryDice{end}()
        output = {given}
        return sum(dice(output[:, one], target[:, one]) for one in range(3))
"""


@pytest.mark.parametrize(
    ("end", "given", "loss", "lines"),
    [
        ("Loss", "F.softmax(output, dim=1)", "pass", [8]),
        ("Loss", "torch.sigmoid(output)", "pass", [8]),
        ("Loss", "output * 2", "pass", []),
        ("Loss", "torch.tanh(output)", "pass", []),
        # A gate may do what it likes.
        ("Gate", "F.softmax(output, dim=1)", "pass", []),
        # The loss that takes it is told of.
        ("Loss", "F.softmax(output, dim=1)", "return F.binary_cross_entropy(output, target)", [9]),
    ],
)
def test_a_sigmoid_of_probabilities_in_a_loss(
    end: str, given: str, loss: str, lines: list[int], tmp_path: Path
) -> None:
    text = DICE.format(end=end, given=given, loss=loss)
    seen = [one for one in brief(found(tmp_path, {"go.py": text}), tmp_path) if one[0] == "LK103"]
    assert seen == [("LK103", "bug", "go.py", line) for line in lines]


BY_HAND = """
import torch
from torch import nn

class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(8, 30)
    def forward(self, x):
        return {output}

def masked_nll(scores, target, mask):
    costs = -torch.log({taken}.squeeze(1){shifted})
    return costs.masked_select(mask).mean()

decoder = Decoder()
for x, y, mask in loader:
    masked_nll(decoder(x), y, mask).backward()
"""
RAW, TAKEN = "self.out(x)", "torch.gather(scores, 1, target.view(-1, 1))"


@pytest.mark.parametrize(
    ("output", "taken", "shifted", "expected"),
    [
        (RAW, TAKEN, "", [("LK111", "bug", "go.py", 13)]),
        (RAW, "scores.gather(1, target)", "", [("LK111", "bug", "go.py", 13)]),
        (f"{RAW}.softmax(1)", TAKEN, "", [("LK172", "suspicious", "go.py", 13)]),
        (f"{RAW}.softmax(1)", TAKEN, " + 1e-9", []),
        (f"{RAW}.exp()", TAKEN, "", []),
        # Of numbers that may be anything it may be asked for: they may be known to be positive.
        (RAW, "scores", "", []),
    ],
)
def test_a_likelihood_by_hand(
    output: str, taken: str, shifted: str, expected: list[tuple[object, ...]], tmp_path: Path
) -> None:
    text = BY_HAND.format(output=output, taken=taken, shifted=shifted)
    assert brief(found(tmp_path, {"go.py": text}), tmp_path) == expected


CRITIC = """
import torch
import torch.nn.functional as F

class Agent:
    def learn(self, states, actions, rewards, following):
        value = self.critic_model_1(states, actions){value}
        wanted = {wanted}{target}
        with torch.{mode}():
            loss = {loss}
        return loss
"""
RETURN = "rewards + 0.9 * self.critic_model_target(following)"
ENDING = "R + self.gamma * self.critic_model_target(following) * (1 - done)"
LOSS = "F.smooth_l1_loss(value, wanted)"


@pytest.mark.parametrize(
    ("value", "wanted", "target", "loss", "lines"),
    [
        (".detach()", RETURN, "", LOSS, [10]),
        (".detach()", ENDING, "", LOSS, [10]),
        (".detach()", RETURN, "", "F.mse_loss(wanted, value)", [10]),
        ("", f"({RETURN})", ".detach()", LOSS, []),
        ("", RETURN, "", LOSS, []),
        # A teacher's output is detached on purpose, on whichever side it stands.
        (".detach()", "self.student(states)", "", LOSS, []),
        # What steps are drawn by, and what is logged.
        (".detach()", RETURN, "", "F.mse_loss(value, wanted, reduction='none')", []),
        (".detach()", f"({RETURN})", ".detach()", LOSS, []),
    ],
)
def test_the_value_is_detached_instead_of_its_target(
    value: str, wanted: str, target: str, loss: str, lines: list[int], tmp_path: Path
) -> None:
    text = CRITIC.format(value=value, wanted=wanted, target=target, loss=loss, mode="enable_grad")
    seen = brief(found(tmp_path, {"go.py": text}), tmp_path)
    assert [one for one in seen if one[0] == "LK151"] == [
        ("LK151", "bug", "go.py", line) for line in lines
    ]


def test_a_value_is_detached_where_nothing_keeps_gradients(tmp_path: Path) -> None:
    text = CRITIC.format(value=".detach()", wanted=RETURN, target="", loss=LOSS, mode="no_grad")
    assert found(tmp_path, {"go.py": text}) == []


WRITTEN = """
import torch

{wrapper}
def edge_loss(pred, target, weight):
    if target.numel() == 0:
        return pred.sum() * 0
    assert pred.size() == target.size()
    kept = {kept}
    return ((kept[:, 1:] - kept[:, :-1]) * weight).abs().mean(){more}
"""


@pytest.mark.parametrize(
    ("kept", "more", "wrapper", "cut"),
    [
        ("pred.detach()", "", "", True),
        ("pred.data", " + F.mse_loss(target, weight)", "", True),
        ("pred", "", "", False),
        ("pred.detach()", " + (pred - target).pow(2).mean()", "", False),
        ("pred.detach()", "", "@torch.no_grad()", False),
        ("target.detach()", " + pred.mean()", "", False),
        # Without the prediction, it is a loss of something else.
        ("target", "", "", False),
    ],
)
def test_a_loss_that_takes_its_prediction_without_a_gradient(
    kept: str, more: str, wrapper: str, *, cut: bool, tmp_path: Path
) -> None:
    text = WRITTEN.format(kept=kept, more=more, wrapper=wrapper)
    seen = brief(found(tmp_path, {"go.py": text}), tmp_path)
    assert seen == ([("LK151", "suspicious", "go.py", 9)] if cut else [])


BUILT = """
import torch
from torch import nn

class {kind}(nn.Module):
    {init}
    def forward(self, output, target, weight=None):
        return (output - target).abs().mean()

net = nn.Linear(4, 1)

for x, y in batches:
    output = net(x)
    loss = {kind}({given})
    loss.backward()
"""


@pytest.mark.parametrize(
    ("kind", "init", "given", "seen"),
    [
        ("OwnLoss", "pass", "output, y", True),
        ("OwnLoss", "def __init__(self): super().__init__()", "net(x), y", True),
        ("OwnLoss", "def __init__(self, a, b): super().__init__()", "output, y", False),
        ("OwnLoss", "def __init__(self, *given): super().__init__()", "output, y", False),
        ("OwnLoss", "pass", ")(output, y", False),
        ("OwnLoss", "pass", "*output", False),
        # What keeps the features that it compares with, and a pair of something else.
        ("StyleLoss", "def __init__(self, wanted): super().__init__()", "output", False),
        ("Pair", "pass", "output, y", False),
    ],
)
def test_an_own_loss_is_built_with_what_it_computes_from(
    kind: str, init: str, given: str, *, seen: bool, tmp_path: Path
) -> None:
    text = BUILT.format(kind=kind, init=init, given=given)
    told = [("LK131", "bug", "go.py", 14)] if seen else []
    assert brief(found(tmp_path, {"go.py": text}), tmp_path) == told


KERAS = """
import tensorflow as tf
from tensorflow.keras import layers, losses, models

class Own({base}):
    def call(self, y_true, y_pred):
        return tf.nn.softmax_cross_entropy_with_logits(labels=y_true, logits=y_pred)

class Classifier:
    def __init__(self):
        self.model = models.Sequential([layers.Dense(3, activation="softmax")])
        self.model.compile(optimizer="adam", loss={loss})
    def loss(self, y_true, y_pred):
        return tf.nn.softmax_cross_entropy_with_logits(labels=y_true, logits=y_pred)
    def train(self, x, y):
        self.model.fit(x, y)
"""


@pytest.mark.parametrize(("loss", "line"), [("self.loss", 14), ("Own()", 7), ("'mse'", None)])
def test_keras_calls_methods_and_objects(loss: str, line: int | None, tmp_path: Path) -> None:
    text = KERAS.format(base="losses.Loss", loss=loss)
    seen = [] if line is None else [("LK101", "bug", "go.py", line)]
    assert brief(found(tmp_path, {"go.py": text}), tmp_path) == seen


UNFITTED = """
from tensorflow.keras import layers, models

class Game:
    def __init__(self):
        self.maker = models.Sequential([layers.Dense(8, activation="tanh")])
        self.maker.compile(loss="binary_crossentropy", optimizer="adam")
        judge = models.Sequential([layers.Dense(1, activation="sigmoid")])
        self.both = models.Sequential([self.maker, judge])
        self.both.compile(loss="binary_crossentropy", optimizer="adam")
    def train(self, x, y):
        self.FITTED.train_on_batch(x, y)
"""


@pytest.mark.parametrize(("fitted", "codes"), [("both", []), ("maker", ["LK104"])])
def test_what_is_compiled_and_never_fitted_has_no_loss(
    fitted: str, codes: list[str], tmp_path: Path
) -> None:
    text = UNFITTED.replace("FITTED", fitted)
    assert [one.code for one in found(tmp_path, {"go.py": text})] == codes


SMOOTHED = """
import torch, torch.nn as nn, torch.nn.functional as F

class Smoothed(nn.Module):
    def forward(self, scores, target):
        logged = F.log_softmax(scores, dim=-1)
        wanted = logged.data.clone()
        FILL
        wanted.scatter_(1, target.unsqueeze(1), 0.9)
        return F.kl_div(logged, wanted, reduction="sum")
"""


@pytest.mark.parametrize(
    ("fill", "codes"), [("wanted.fill_(0.1 / 9)", []), ("wanted.zero_()", []), ("", ["LK124"])]
)
def test_what_is_filled_in_place_holds_what_it_was_filled_with(
    fill: str, codes: list[str], tmp_path: Path
) -> None:
    text = SMOOTHED.replace("FILL", fill or "wanted = wanted.contiguous()")
    assert [one.code for one in found(tmp_path, {"go.py": text})] == codes


COLUMN = """
import tensorflow as tf
from tensorflow.keras import layers, losses, models

model = models.Sequential([layers.Dense(8), layers.Dense(1)])
wanted = tf.zeros(64)
with tf.GradientTape() as tape:
    loss = LOSS(wanted, model(inputs))
"""


@pytest.mark.parametrize(
    ("loss", "codes"),
    [("losses.MeanSquaredError()", []), ("losses.mean_squared_error", ["LK141"])],
)
def test_objects_of_keras_give_both_the_same_axes(
    loss: str, codes: list[str], tmp_path: Path
) -> None:
    text = COLUMN.replace("LOSS", loss)
    assert [one.code for one in found(tmp_path, {"go.py": text})] == codes
