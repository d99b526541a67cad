"""Losses and softmaxes that are written out, and targets and layers that are made by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from lint_runs import found

HEAD = """
import numpy as np, torch, torch.nn as nn, torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset, TensorDataset
one, net = nn.Linear(4, 1), nn.Linear(4, 3)
p, z = torch.sigmoid(one(x)), one(x)
soft = F.softmax(net(x), dim=1)
"""

FORMULAS = {
    "as it is derived": "{x} - {x} * y + torch.log(1 + torch.exp(-{x}))",
    "with a clamp": "{x}.clamp(min=0) - {x} * y + torch.log1p(torch.exp(-{x}.abs()))",
    "of the negatives": "(1 - y) * {x} + F.softplus(-{x})",
    "by softplus": "F.softplus({x}) - y * {x}",
    "of TensorFlow's documentation": (
        "torch.max({x}, zero) - torch.mul({x}, y) + torch.log(1 + torch.exp(-torch.abs({x})))"
    ),
    "of PyTorch 0.3": "{x} - {x} * y + top + ((-top).exp() + (-{x} - top).exp()).log()",
}


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_takes_what_the_loss_takes(name: str, tmp_path: Path) -> None:
    """A sigmoid before a binary cross-entropy with logits is one too many, however it is said."""
    for value, codes in (("p", {"LK103"}), ("z", set())):
        text = f"{HEAD}loss = ({FORMULAS[name].format(x=value)}).mean()\nloss.backward()\n"
        assert {one.code for one in found(tmp_path, {"go.py": text})} == codes


PLACES = {
    "lines": "loss = (\n    p\n    - p * y\n    + torch.log(1 + torch.exp(-p))\n)",
    "a case": (
        "match kind:\n    case 'bce':\n        loss = p - p * y + torch.log(1 + torch.exp(-p))"
    ),
    "a condition": "if (p - p * y + torch.log(1 + torch.exp(-p))).mean() > 1:\n    pass",
    "what a block is entered with": (
        "with kept(p - p * y + torch.log(1 + torch.exp(-p))) as loss:\n    pass"
    ),
}


@pytest.mark.parametrize("name", PLACES)
def test_a_formula_is_found_wherever_it_stands(name: str, tmp_path: Path) -> None:
    seen = found(tmp_path, {"go.py": f"{HEAD}{PLACES[name]}\n"})
    assert [one.code for one in seen] == ["LK103"]


def test_a_formula_is_followed_through_a_loss_of_the_project(tmp_path: Path) -> None:
    files = {
        "losses.py": "import torch\ndef bce(out, y):\n"
        "    return torch.mean(out - out * y + torch.log(1 + torch.exp(-out)))\n",
        "go.py": HEAD + "from losses import bce\n"
        "class Net(nn.Module):\n"
        "    def forward(self, x): return torch.sigmoid(one(x))\n"
        "model = Net()\nfor x, y in loader:\n    bce(model(x), y).backward()\n",
    }
    [finding] = found(tmp_path, files)
    assert (finding.code, Path(finding.place.path).name) == ("LK103", "losses.py")


ORDINARY = {
    "sum without labels": "p + torch.log(1 + torch.exp(-p))",
    "evidence of a Gaussian": "-0.5 * (1 + p - mean * mean - torch.exp(p))",
    "labels of both": "p * y - y * p + F.softplus(q)",
}


@pytest.mark.parametrize("name", ORDINARY)
def test_other_sums_are_no_losses(name: str, tmp_path: Path) -> None:
    text = f"{HEAD}({ORDINARY[name]}).mean().backward()\n"
    assert found(tmp_path, {"go.py": text}) == []


SEEN = {
    "mixture that is normalised": (
        "LK101",
        "q = shares * torch.exp(net(x)) + 1e-9\nF.cross_entropy(q / q.sum(1, keepdim=True), y)",
    ),
    "constant that is changed before it decides": (
        "LK103",
        "def made(name, last=''):\n"
        "    if (name + last).lower() == 'sigmoid':\n"
        "        return nn.Sigmoid()\n"
        "    return nn.Identity()\n"
        "F.binary_cross_entropy_with_logits(made('Sigmoid')(one(x)), y)\n",
    ),
    "label smoothing of timm": (
        "LK101",
        "from timm.loss import LabelSmoothingCrossEntropy\nLabelSmoothingCrossEntropy()(soft, y)",
    ),
    "overlap of segmentation-models-pytorch": (
        "LK103",
        "import segmentation_models_pytorch as smp\n"
        "net = smp.Unet('resnet34', activation='sigmoid')\n"
        "smp.losses.DiceLoss('binary')(net(x), y)",
    ),
    "overlap of probabilities, of raw scores": (
        "LK104",
        "import segmentation_models_pytorch as smp\n"
        "net = smp.Unet('resnet34')\n"
        "smp.losses.DiceLoss('binary', from_logits=False)(net(x), y)",
    ),
    "softmax at a temperature, of a softmax": (
        "LK101",
        "F.kl_div(F.log_softmax(soft / 4.0, dim=1), q, reduction='batchmean')",
    ),
    "mean of softmaxes": (
        "LK101",
        "F.cross_entropy((soft + F.softmax(net(a), dim=1)) / 2, y)",
    ),
    "mean of a list of softmaxes": (
        "LK101",
        "F.cross_entropy(sum(F.softmax(one(x), 1) for one in nets) / 3, y)",
    ),
    "softmax of a softmax, in Keras": (
        "LK101",
        "import tensorflow as tf\n"
        "out = tf.keras.layers.Dense(3, activation='softmax')(x)\n"
        "tf.keras.losses.KLDivergence()(t, tf.nn.softmax(out / 2.0))",
    ),
    "softmax of one output": (
        "LK105",
        "F.binary_cross_entropy(F.softmax(one(x), dim=1), y)",
    ),
    "sum over all numbers": (
        "LK122",
        "F.kl_div(F.log_softmax(net(x), 1), q, reduction='sum') * (T * T) / out.numel()",
    ),
    "sum and a rate for each batch": (
        "LK171",
        "optimizer = torch.optim.SGD(net.parameters(), lr=0.1 * args.batch_size)\n"
        "F.cross_entropy(net(x), y, reduction='sum').backward()",
    ),
    "a class of Keras": (
        "LK131",
        "from tensorflow.keras.losses import MeanSquaredError\nloss = MeanSquaredError(y, net(x))",
    ),
    "a model of Keras with a list of one output": (
        "LK105",
        "from tensorflow import keras\nrows = keras.layers.Input(shape=(4,))\n"
        "last = keras.layers.Dense(2, activation='sigmoid')(rows)\n"
        "model = keras.Model(inputs=[rows], outputs=[last])\n"
        "keras.losses.categorical_crossentropy(y, model(x))",
    ),
    "outputs of one row after another": (
        "LK101",
        "model = nn.Sequential(net, nn.Softmax(dim=-1)) if small else "
        "nn.Sequential(net, nn.ReLU(), nn.Linear(3, 3), nn.Softmax(dim=-1))\n"
        "F.cross_entropy(torch.cat([model(row) for row in x]), y)",
    ),
    "a softmax without an axis, in another mode": (
        "LK191",
        "class Net(nn.Module):\n    def forward(self, x, mode='features'):\n"
        "        if mode == 'features': return x\n        return F.softmax(x)",
    ),
    "what TensorFlow 1 is fed with": (
        "LK172",
        "import tensorflow as tf\nfed = tf.placeholder(tf.float32)\n"
        "w = tf.Variable(tf.zeros([4, 3]))\n"
        "cost = -tf.reduce_sum(y * tf.log(tf.nn.softmax(tf.add(tf.matmul(fed, w), b))))",
    ),
    "a tensor that a loop grows": (
        "LK101",
        "rows = torch.tensor([], requires_grad=True)\n"
        "for a in batches:\n    rows = torch.cat((rows, F.softmax(net(a), dim=1)), dim=0)\n"
        "F.cross_entropy(rows, y)",
    ),
    "a cross-entropy of smoothed labels": (
        "LK101",
        "smooth = torch.zeros(4, 3).scatter(1, y, 0.9)\n"
        "loss = -(smooth * F.log_softmax(soft, dim=1)).sum(dim=1).mean()",
    ),
    "the last layer of a model that is not seen": (
        "LK101",
        "from resnets import ResNet18\nmodel = ResNet18()\n"
        "model.fc = nn.Sequential(nn.Linear(4, 3), nn.Softmax(dim=-1))\n"
        "F.cross_entropy(model(x), y)",
    ),
    "a mean of losses, one term of which has no gradient": (
        "LK151",
        "kept = []\nfor a, b in loader:\n    lost = F.mse_loss(net(a).detach(), b)\n"
        "    kept.append(F.l1_loss(net(a), b) + lost)\n"
        "torch.mean(torch.stack(kept)).backward()",
    ),
    "a clamp that float32 rounds to 1": (
        "LK172",
        "q = torch.clamp(p, 1e-8, 1 - 1e-8)\nloss = -(y * torch.log(q) + (1 - y) * (1 - q).log())",
    ),
    "a clamp from below, and 1 minus it": ("LK172", "torch.log(1 - p.clamp_min(1e-6))"),
    "an addend before it is taken from 1": ("LK172", "torch.log(1 - (p + 1e-6))"),
    "a sigmoid that another function applies": (
        "LK172",
        "def decode(z):\n    return torch.sigmoid(one(z))\n"
        "def likelihood(z, y):\n    return y * torch.log(decode(z))",
    ),
    "a layer of a module that is not seen": (
        "LK101",
        "import tensorflow as tf, norms\nhead = norms.Dense(units=10, activation=tf.nn.softmax)\n"
        "tf.losses.softmax_cross_entropy(y, head(x))",
    ),
    "softmax that nobody calls": (
        "LK191",
        "class Head(nn.Module):\n    def __init__(self): self.last = nn.LogSoftmax()",
    ),
    "column against row in BCE": (
        "LK141",
        "y = torch.tensor([0.0, 1.0])\n"
        "for a, b in DataLoader(TensorDataset(X, y)):\n"
        "    F.binary_cross_entropy(torch.sigmoid(one(a)), b).backward()",
    ),
    "labels first, in an evaluation": (
        "LK142",
        "for a, y_batch in loader:\n"
        "    with torch.no_grad():\n"
        "        out = net(a)\n"
        "        F.cross_entropy(y_batch, out)",
    ),
    "gradient that is asked for of a loss that has one": (
        "LK151",
        "loss = F.cross_entropy(net(x), y)\nloss.requires_grad = True\nloss.backward()",
    ),
    "targets against themselves": (
        "LK152",
        "F.mse_loss(torch.Tensor(b['y']).float(), torch.Tensor(b['y']).float()).backward()",
    ),
    "losses in a list that becomes a tensor": (
        "LK151",
        "loss = torch.tensor([F.mse_loss(net(a), b) for a, b in rows]).mean()\n"
        "loss.requires_grad = True\nloss.backward()",
    ),
    "model of a module that is not seen": (
        "LK151",
        "import nets\nmodel = nets.inception(4)\n"
        "optimizer = torch.optim.SGD(model.parameters())\n"
        "F.cross_entropy(model(x).data, y).backward()",
    ),
    "a softmax class that is called with tensors": (
        "LK131",
        "loss = nn.BCELoss(nn.Softmax(net(x)), 0.9 * rows + 0.1)",
    ),
    "an output by its name, and numbers": (
        "LK131",
        "def style_loss(style_preds, labels):\n"
        "    return nn.BCELoss(style_preds, 0.9 * labels + 0.1)",
    ),
    "the weight of positives that a function gets": (
        "LK183",
        "F.binary_cross_entropy(torch.sigmoid(one(x)), y, weight=torch.tensor([args.pos_weight]))",
    ),
    "softmax over the rows of what is not negative": (
        "LK191",
        "F.softmax(F.relu(net(x.view(-1, 4))), dim=0)",
    ),
    "a logarithm behind an option": (
        "LK172",
        "class Net(nn.Module):\n"
        "    def __init__(self, soft=False):\n"
        "        super().__init__()\n"
        "        self.soft, self.out = soft, nn.Linear(4, 3)\n"
        "    def forward(self, x):\n"
        "        if self.soft:\n"
        "            return torch.log(torch.softmax(self.out(x), dim=1))\n"
        "        return self.out(x)",
    ),
    "row with a one": (
        "LK181",
        "class Rows(Dataset):\n"
        "    def __getitem__(self, i):\n"
        "        row = np.zeros(3)\n"
        "        row[self.c[i]] = 1\n"
        "        return self.x[i], row\n"
        "for a, b in DataLoader(Rows()):\n"
        "    F.mse_loss(F.softmax(net(a), 1), b).backward()",
    ),
    "softmax against what the data hold": (
        "LK181",
        "for a, b in DataLoader(rows):\n    F.mse_loss(F.softmax(net(a), 1), b).backward()",
    ),
    "softmax over the rows, in a model": (
        "LK191",
        "class Head(nn.Module):\n"
        "    def forward(self, x): return F.log_softmax(net(x).view(-1, 3), dim=-2)",
    ),
    "layers after a list of layers": (
        "LK101",
        "model = nn.Sequential(*list(body.children())[:-1], nn.Linear(8, 3), nn.Softmax(dim=1))\n"
        "F.cross_entropy(model(x), y)",
    ),
    "only loss of the file": (
        "LK101",
        "model, loss = nn.Sequential(net, nn.Softmax(dim=1)), nn.CrossEntropyLoss()\n"
        "def fit(model, loader, criterion):\n"
        "    for x, y in loader: criterion(model(x), y).backward()",
    ),
    "only class that fills in an abstract one": (
        "LK101",
        "class Base(nn.Module): pass\n"
        "def fit(model: Base, loader):\n"
        "    for x, y in loader: F.cross_entropy(model(x), y).backward()\n"
        "class Net(Base):\n"
        "    def forward(self, x): return F.softmax(net(x), dim=1)",
    ),
}

SILENT = {
    "what may be an object by then": (
        "class Net:\n"
        "    def __init__(self, criterion=nn.MSELoss): self.criterion_ = criterion\n"
        "    def get_loss(self, y_pred, y): return self.criterion_(y_pred, rows(y))"
    ),
    "weights by their name": "loss = nn.BCELoss(weights)",
    "no weight of positives": (
        "F.binary_cross_entropy(torch.sigmoid(one(x)), y, weight=torch.tensor([args.weight]))"
    ),
    "a class of Keras that is built with words": (
        "from tensorflow.keras.losses import MeanSquaredError\n"
        "loss = MeanSquaredError('sum', 'error')(y, net(x))"
    ),
    "a clamp away from 0 and 1": (
        "q = p.clamp(1e-6, 1 - 1e-6)\nloss = -(y * q.log() + (1 - y) * (1 - q).log())"
    ),
    "a clamp from above, and 1 minus it": "torch.log(1 - p.clamp_max(1 - 1e-6))",
    "an addend after it was taken from 1": "torch.log(1 - p + 1e-6)",
    "a model and a loss that are watched": (
        "import wandb\nmodel = nn.Sequential(one, nn.Sigmoid())\n"
        "wandb.watch(model, criterion=nn.BCEWithLogitsLoss())"
    ),
    "constant that decides for nothing": (
        "def made(name):\n"
        "    return nn.Sigmoid() if f'{name}'.lower() == 'sigmoid' else nn.Identity()\n"
        "F.binary_cross_entropy_with_logits(made('None')(one(x)), y)\n"
    ),
    "overlap of probabilities": (
        "import segmentation_models_pytorch as smp\n"
        "smp.losses.DiceLoss('binary', from_logits=False)(p, y)"
    ),
    "overlap of raw scores": (
        "import segmentation_models_pytorch as smp\nsmp.losses.DiceLoss('binary')(z, y)"
    ),
    "softmax of scores at a temperature": (
        "F.kl_div(F.log_softmax(net(x) / 4.0, dim=1), q, reduction='batchmean')"
    ),
    "half a softmax among numbers": "F.mse_loss(soft * 0.5, q)",
    "two classes": "F.nll_loss(F.log_softmax(nn.Linear(4, 2)(x), dim=1), y)",
    "classes that a loop counts": (
        "names = []\nfor name in folder:\n    names.append(name)\n"
        "F.nll_loss(F.log_softmax(nn.Linear(4, len(names))(x), dim=1), y)"
    ),
    "softmax that is told its axis somehow": "last = nn.Softmax(**settings)",
    "sum and a rate of its own": (
        "optimizer = torch.optim.SGD(net.parameters(), lr=0.1 / args.batch_size)\n"
        "F.cross_entropy(net(x), y, reduction='sum').backward()"
    ),
    "mean and a rate for each batch": (
        "optimizer = torch.optim.SGD(net.parameters(), lr=0.1 * args.batch_size / 256)\n"
        "F.cross_entropy(net(x), y).backward()"
    ),
    "sum over the batch": ("F.kl_div(F.log_softmax(net(x), 1), q, reduction='sum') / out.size(0)"),
    "softmax against a teacher's": "F.mse_loss(soft, F.softmax(net(x), 1).detach())",
    "random numbers against others": (
        "F.mse_loss(torch.tensor(draw()), torch.tensor(draw())).backward()"
    ),
    "gradient of an input": (
        "v.requires_grad = True\nF.cross_entropy(net(v), y).backward()\nv.grad.sign()"
    ),
    "layers before a list of layers": (
        "F.cross_entropy(nn.Sequential(nn.Softmax(dim=1), *list(body.children()))(x), y)"
    ),
}


@pytest.mark.parametrize("name", SEEN)
def test_what_is_made_by_hand_is_known(name: str, tmp_path: Path) -> None:
    code, text = SEEN[name]
    assert code in {one.code for one in found(tmp_path, {"go.py": f"{HEAD}{text}\n"})}


@pytest.mark.parametrize("name", SILENT)
def test_what_looks_like_it_is_left_alone(name: str, tmp_path: Path) -> None:
    assert found(tmp_path, {"go.py": f"{HEAD}{SILENT[name]}\n"}) == []
