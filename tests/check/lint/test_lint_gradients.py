"""Losses that hand no gradient back: of one's own, of terms that were cut, of what is not seen."""

from __future__ import annotations

from pathlib import Path

import pytest
from lint_runs import found

HEAD = "import torch, torch.nn as nn, torch.nn.functional as F\n"

OWN = {
    "a threshold": """
class DiceLoss(nn.Module):
    def forward(self, inputs, targets):
        inputs = (torch.sigmoid(inputs) > 0.5).float()
        return 1 - 2 * (inputs * targets).sum() / (inputs.sum() + targets.sum() + 1)
""",
    "rounded": """
def f1_loss(y_pred, y_true):
    y_pred = torch.round(y_pred)
    right = torch.sum(y_true * y_pred)
    return 1 - 2 * right / (torch.sum(y_true) + torch.sum(y_pred) + 1e-7)
""",
    "the largest": """
def iou_loss(pred, target):
    pred = torch.argmax(pred, dim=1)
    both = ((pred == 1) & (target == 1)).sum().float()
    return 1 - both / (((pred == 1) | (target == 1)).sum() + 1e-6)
""",
    "with what keeps Keras from dividing by 0": """
from tensorflow.keras import backend as K
def f1_loss(y_true, y_pred):
    y_pred = K.round(y_pred)
    return 1 - 2 * K.sum(y_true * y_pred) / (K.sum(y_true) + K.sum(y_pred) + K.epsilon())
""",
}


@pytest.mark.parametrize("name", OWN)
def test_a_loss_that_nobody_calls_can_have_no_gradient(name: str, tmp_path: Path) -> None:
    seen = found(tmp_path, {"losses.py": HEAD + OWN[name]})
    assert [(one.code, str(one.severity)) for one in seen] == [("LK151", "suspicious")]


FINE = {
    "labels only weigh": """
class DiceLoss(nn.Module):
    def forward(self, inputs, targets):
        p = torch.sigmoid(inputs)
        wrong = ((p > 0.5).float() != targets).float()
        return 1 - 2 * (p * targets * (1 + wrong)).sum() / (p.sum() + targets.sum() + 1)
""",
    "no loss by its name": """
def dice_score(pred, target):
    pred = (pred > 0.5).float()
    return 2 * (pred * target).sum() / (pred.sum() + target.sum())
class Agreement(nn.Module):
    def forward(self, pred, target): return (pred.argmax(1) == target).float().mean()
""",
    "nothing known of what it weighs": """
class WeighedLoss(nn.Module):
    def forward(self, pred, weights): return ((pred > 0.5).float() * weights).sum()
""",
    "inputs of a model": """
def train_loss(model, inputs, labels):
    labels = (labels > 0.5).float()
    return F.mse_loss(model(inputs.round()), labels)
""",
}


@pytest.mark.parametrize("name", FINE)
def test_a_loss_with_a_gradient_is_left_alone(name: str, tmp_path: Path) -> None:
    assert found(tmp_path, {"losses.py": HEAD + FINE[name]}) == []


LISTED = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.mse = nn.Conv2d(3, 3, 1), nn.MSELoss()
    def forward(self, x, y):
        h, terms = x, []
        for _ in range(4):
            h = self.conv(h)
            terms.append(torch.cosine_similarity(h, x, dim=1).abs().mean())
        return h, self.mse(h, y) + 0.1 * torch.mean(MADE(terms))
"""


@pytest.mark.parametrize(("made", "lines"), [("torch.tensor", [12]), ("torch.stack", [])])
def test_terms_made_anew_of_a_list_are_lost(made: str, lines: list[int], tmp_path: Path) -> None:
    seen = found(tmp_path, {"net.py": HEAD + LISTED.replace("MADE", made)})
    assert [one.place.line for one in seen if one.code == "LK151" and one.place] == lines


UNSEEN = """
from losses import FocalLoss, dice_loss
net = nn.Linear(4, 3)
criterion = FocalLoss(gamma=2)
for x, y in loader:
    scores = torch.sigmoid(net(x))
    LOSS.backward()
"""


@pytest.mark.parametrize(
    ("loss", "codes"),
    [
        ("criterion(torch.round(scores), y)", {"LK151"}),
        ("dice_loss((scores > 0.5).float(), y)", {"LK151"}),
        ("criterion(scores, y)", set()),
        ("criterion(scores.detach(), y)", set()),
        ("criterion(scores.round(), scores)", set()),
    ],
)
def test_no_loss_that_is_not_seen_brings_a_gradient_back(
    loss: str, codes: set[str], tmp_path: Path
) -> None:
    text = HEAD + UNSEEN.replace("LOSS", loss)
    seen = {one.code for one in found(tmp_path, {"go.py": text})}
    assert seen - {"LK132"} == codes


PSEUDO_LABELS = """
def train(model, optimizer, loader, unlabelled):
    for (x, y), u in zip(loader, unlabelled):
        with torch.no_grad():
            out = model(u)
            made = out.argmax(1)
        term = F.cross_entropy(out, made)
        loss = F.cross_entropy(model(x), y) + 0.5 * term
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
"""


def test_a_term_is_cut_where_its_output_was_and_not_where_its_labels_are(tmp_path: Path) -> None:
    seen = found(tmp_path, {"go.py": HEAD + PSEUDO_LABELS})
    assert [(one.code, one.place.line) for one in seen] == [("LK151", 8)]
    learnt = HEAD + PSEUDO_LABELS.replace("cross_entropy(out,", "cross_entropy(model(u),")
    assert found(tmp_path, {"go.py": learnt}) == []


UNGRADED = """
net, other = nn.Linear(4, 3), nn.Linear(4, 3)
for x, y in loader:
    with torch.no_grad():
        out = net(x)
    loss = F.mse_loss(out, y)MORE
    loss.backward()
"""


@pytest.mark.parametrize(
    ("more", "codes"), [("", {"LK151"}), (" + F.mse_loss(other(x), y)", {"LK152"})]
)
def test_an_output_without_a_gradient_is_a_cut_or_the_wrong_one_of_several(
    more: str, codes: set[str], tmp_path: Path
) -> None:
    text = HEAD + UNGRADED.replace("MORE", more)
    assert {one.code for one in found(tmp_path, {"go.py": text})} == codes


REPLACED = {
    "one after the other": (
        "    criterion = nn.CrossEntropyLoss(weight=w)\n    criterion = nn.MSELoss()\n",
        [4],
    ),
    "both sides of a question": (
        "    if w:\n        criterion = nn.CrossEntropyLoss(weight=w)\n    else:\n"
        "        criterion = nn.NLLLoss()\n    criterion = nn.MSELoss()\n",
        [5, 7],
    ),
    "one that depends": (
        "    criterion = nn.BCELoss() if w else nn.NLLLoss()\n    criterion = nn.MSELoss()\n",
        [4],
    ),
    "one before a model is tested": (
        "    criterion = nn.BCELoss()\n    net.eval()\n    criterion = nn.MSELoss()\n",
        [4],
    ),
    "one that is read by its name": (
        "    criterion = nn.BCELoss()\n    eval(w)\n    criterion = nn.MSELoss()\n",
        [],
    ),
    "one that may be none": (
        "    criterion = nn.BCELoss() if w else None\n    criterion = nn.MSELoss()\n",
        [],
    ),
    "the same again": ("    criterion = nn.MSELoss()\n    criterion = nn.MSELoss()\n", []),
    "one that is asked for": (
        "    criterion = nn.CrossEntropyLoss()\n    if w:\n        criterion = nn.MSELoss()\n",
        [],
    ),
    "one that a function reads": (
        "    criterion = nn.CrossEntropyLoss()\n    def own(x): return criterion(x, x)\n"
        "    criterion = nn.MSELoss()\n",
        [],
    ),
    "one that was used before": (
        "    criterion = nn.CrossEntropyLoss()\n    first = criterion(x, y)\n"
        "    criterion = nn.MSELoss()\n",
        [],
    ),
}


@pytest.mark.parametrize("name", REPLACED)
def test_a_criterion_in_whose_place_another_comes_is_seen(name: str, tmp_path: Path) -> None:
    built, lines = REPLACED[name]
    text = f"{HEAD}def train(net, x, y, w):\n    net.train()\n{built}"
    seen = found(tmp_path, {"go.py": f"{text}    criterion(net(x), y).backward()\n"})
    assert [one.place.line for one in seen if one.code == "LK132" and one.place] == lines


TERMS = {
    "beside what is not known": """
occluded = (net(x).norm(dim=1) > 1).float()
loss_occ = torch.mean(occluded)
loss = similarity(x, y) + occ * loss_occ
""",
    "with a weight by its name": """
hits = torch.mean((net(x) > 1).float())
loss = F.mse_loss(net(x), y) + self.config.hit_weight * hits
""",
}


@pytest.mark.parametrize("name", TERMS)
def test_a_term_that_can_have_no_gradient_is_lost(name: str, tmp_path: Path) -> None:
    text = f"{HEAD}net = nn.Linear(4, 3)\n{TERMS[name]}loss.backward()\n"
    assert {one.code for one in found(tmp_path, {"go.py": text})} == {"LK151"}


SCALES = {
    "by a mask": "loss = F.mse_loss(net(x), y) / ((net(x) > 1).float().sum() + loss_floor)",
    "by what is not called a loss": "loss = own(x) + kept * (net(x) > 1).float().mean()",
}


@pytest.mark.parametrize("name", SCALES)
def test_a_factor_without_a_gradient_is_no_lost_term(name: str, tmp_path: Path) -> None:
    text = f"{HEAD}net = nn.Linear(4, 3)\n{SCALES[name]}\nloss.backward()\n"
    assert found(tmp_path, {"go.py": text}) == []


POOLED = """
class Net(nn.Module):
    def __init__(self, poolings):
        super().__init__()
        self.poolings, self.last = poolings, nn.Linear(4, 1)
    def forward(self, x):
        losses = []
        for pooling in self.poolings:
            x, one = pooling(x)
            losses.append(one)
        return self.last(x), MADE
"""


@pytest.mark.parametrize(
    ("made", "codes"),
    [("torch.mean(torch.tensor(losses))", {"LK151"}), ("torch.stack(losses).mean()", set())],
)
def test_a_model_makes_no_losses_anew(made: str, codes: set[str], tmp_path: Path) -> None:
    text = HEAD + POOLED.replace("MADE", made)
    assert {one.code for one in found(tmp_path, {"net.py": text})} == codes


COMPILED = """
import tensorflow as tf
from tensorflow.keras import backend as K, layers, models
def f1_loss(y_true, y_pred):
    return 1 - K.mean(HARD(y_pred) * y_true)
model = models.Sequential([layers.Dense(4), layers.Dense(1, activation="sigmoid")])
model.compile(optimizer="adam", loss=f1_loss)
"""


@pytest.mark.parametrize(("hard", "severities"), [("K.round", ["bug"]), ("K.square", [])])
def test_keras_takes_the_gradient_of_a_loss_of_ones_own(
    hard: str, severities: list[str], tmp_path: Path
) -> None:
    seen = found(tmp_path, {"go.py": COMPILED.replace("HARD", hard)})
    assert [str(one.severity) for one in seen if one.code == "LK151"] == severities


METRICS = {
    "error": "    if name == 'error': return (out.argmax(1) != y).float().mean()\n",
    "square": "    if name == 'square': return F.mse_loss(out, y)\n",
    "entropy": "    if name == 'entropy': return F.cross_entropy(out, y)\n",
}


@pytest.mark.parametrize(("names", "codes"), [(["error"], {"LK151"}), ([*METRICS], set())])
def test_one_of_many_metrics_is_chosen_by_its_name(
    names: list[str], codes: set[str], tmp_path: Path
) -> None:
    text = f"{HEAD}def measured(out, y, name):\n{''.join(METRICS[name] for name in names)}"
    if len(names) == 1:
        text += "    return F.l1_loss(out, y)\n"
    text += "net = nn.Linear(4, 3)\nmeasured(net(x), y, args.name).backward()\n"
    assert {one.code for one in found(tmp_path, {"go.py": text})} == codes


LOOKED_AT = """
import torch
from torch import nn
from torch.autograd import Variable

class Whole(nn.Sequential):
    def __init__(self):
        super().__init__()

class Part(nn.Module):
    def forward(self, x):
        return x

class Map:
    def __init__(self, model):
        self.model = model
    def __call__(self, x):
        return self.model(x)[0, 2]

seen = Variable(torch.as_tensor(rows[0:1]), requires_grad=True)
loss = {loss}
loss.backward()
"""


@pytest.mark.parametrize(
    ("loss", "codes"),
    [
        # Somebody asks what a model sees, and trains nothing; of its layers none is in sight.
        ("Map(Whole())(seen)", []),
        ("Map(Part())(seen)", []),
        ("seen[0, 2]", ["LK151"]),
    ],
)
def test_what_a_model_looks_at_may_have_a_gradient(
    loss: str, codes: list[str], tmp_path: Path
) -> None:
    seen = found(tmp_path, {"go.py": LOOKED_AT.format(loss=loss)})
    assert [one.code for one in seen] == codes
