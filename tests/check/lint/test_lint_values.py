"""What a line of code makes of a value, told from what is said of the loss that takes it."""

from __future__ import annotations

from pathlib import Path

import pytest
from lint_runs import found

from losskit.check.findings import Severity

HEAD = """
import torch, torch.nn as nn, torch.nn.functional as F
from torch.autograd import Variable
from transformers import AutoModelForSequenceClassification
net, one, z = nn.Linear(4, 3), nn.Linear(4, 1), nn.Linear(4, 3)(x)
p = F.softmax(z, dim=1)
bert = AutoModelForSequenceClassification.from_pretrained("bert-base-cased")
bert.classifier = nn.Sequential(nn.Linear(8, 2), nn.Softmax(dim=1))
users, films = nn.Embedding(9, 4), nn.Embedding(9, 4)
"""

SEEN = {
    "softmax before log-softmax, NLL": ("LK101", "F.nll_loss(F.log_softmax(p, dim=1), y)"),
    "softmax before log-softmax, layers": ("LK101", "nn.NLLLoss()(nn.LogSoftmax(dim=1)(p), y)"),
    "softmax before log-softmax, KL": (
        "LK101",
        "F.kl_div(F.log_softmax(p, dim=-1), q, reduction='batchmean')",
    ),
    "softmax before log-softmax, cross-entropy": (
        "LK101",
        "F.cross_entropy(F.log_softmax(p, dim=1), y)",
    ),
    "logarithm of a second softmax": ("LK101", "F.nll_loss(F.softmax(p, dim=1).log(), y)"),
    "logits by key": ("LK101", "F.cross_entropy(bert(x)['logits'], y)"),
    "logits by get": ("LK101", "F.cross_entropy(bert(x).get('logits').view(-1, 2), y)"),
    "logits by attribute": ("LK101", "F.cross_entropy(bert(x).logits, y)"),
    "logits by place": ("LK101", "F.cross_entropy(bert(x)[0], y)"),
    "logits behind the loss": ("LK101", "F.cross_entropy(bert(x, labels=y)[1], y)"),
    "pair or tensor": (
        "LK101",
        "pair = (x, p) if flag else p\nF.cross_entropy(pair, y)",
    ),
    "one-hot by scatter": ("LK181", "F.mse_loss(p, torch.zeros(8, 3).scatter(1, y, 1))"),
    "one-hot by scatter_ in a line of its own": (
        "LK181",
        "h = torch.zeros(8, 3)\nh.scatter_(1, y.view(-1, 1), 1.0)\nF.mse_loss(p, h)",
    ),
    "rows of an identity matrix": ("LK181", "F.mse_loss(p, torch.eye(3)[y])"),
    "sigmoid in place": ("LK103", "z.sigmoid_()\nF.binary_cross_entropy_with_logits(z, y)"),
    "absolute value": ("LK104", "F.binary_cross_entropy(torch.abs(one(x)), y)"),
    "square": ("LK104", "F.binary_cross_entropy(one(x) ** 2, y)"),
    "mean of absolute values": ("LK104", "F.binary_cross_entropy(net(x).abs().mean(1), y)"),
    "distance": ("LK104", "F.binary_cross_entropy(F.pairwise_distance(net(a), net(b)), y)"),
    "product of embeddings": (
        "LK104",
        "F.binary_cross_entropy((users(i) * films(j)).sum(dim=1), y)",
    ),
    "matrix product of embeddings": (
        "LK104",
        "F.binary_cross_entropy(torch.matmul(users(i), films(j).t()), y)",
    ),
    "loss as a Variable": (
        "LK151",
        "loss = Variable(F.cross_entropy(z, y), requires_grad=True)\nloss.backward()",
    ),
    "loss of anything as a new tensor": (
        "LK151",
        "loss = torch.tensor(some_loss(x, y), requires_grad=True)\nloss.backward()",
    ),
    "loss that needs its requires_grad": (
        "LK151",
        "loss = F.mse_loss(elsewhere(x), y)\nloss.requires_grad = True\nloss.backward()",
    ),
    "loss that needs requires_grad_()": (
        "LK151",
        "loss = F.mse_loss(elsewhere(x), y)\nloss.requires_grad_(True)\nloss.backward()",
    ),
    "loss that is scaled as a new tensor": (
        "LK151",
        "def own_loss(a, b):\n"
        "    loss = torch.sum(a - b)\n"
        "    return 5.0 * torch.tensor(loss, requires_grad=True)",
    ),
    "list of losses as a new tensor": (
        "LK151",
        "torch.tensor([F.mse_loss(net(a), b) for a, b in rows]).mean().backward()",
    ),
    "data of what a model gives that is not seen": (
        "LK151",
        "model = nn.DataParallel(elsewhere.Net())\nF.cross_entropy(model(x).data, y).backward()",
    ),
    "index whose requires_grad is set": (
        "LK151",
        "F.mse_loss(net(x).argmax(1).float().requires_grad_(True), y).backward()",
    ),
    "arguments in the order of their names": (
        "LK142",
        "def step(model, x_all, y_all):\n"
        "    y = torch.tensor(y_all[:8])\n"
        "    y_hat = model(torch.tensor(x_all[:8])).squeeze()\n"
        "    F.binary_cross_entropy(y, y_hat).backward()",
    ),
    "weight of positives where there is none": ("LK183", "nn.BCELoss(weight=pos_weight)"),
    "shares of the classes as weights": (
        "LK183",
        "nn.NLLLoss(weight=torch.FloatTensor(char_percentage))",
    ),
    "softmax over the batch, from the end": ("LK191", "F.softmax(z.view(-1, 3), dim=-2)"),
    "both labels of each row": (
        "LK111",
        "q = torch.sigmoid(one(x))\nF.nll_loss(torch.cat((1 - q, q), dim=1), y)",
    ),
    "first step that is given before those of a model": (
        "LK101",
        "q = F.softmax(net(x), 2)\nF.cross_entropy(torch.cat((torch.zeros(8, 1, 3), q), 1), y)",
    ),
    "weight that a module holds which is not seen": (
        "LK151",
        "import weights\n"
        "cut = F.mse_loss(one(x).detach(), y)\n"
        "(weights.A * F.l1_loss(net(x), y) + weights.B * cut).backward()",
    ),
    "model that is read again": (
        "LK101",
        "soft = nn.Sequential(net, nn.Softmax(dim=1))\n"
        "if resume:\n"
        "    soft = torch.load('soft.pt')\n"
        "F.cross_entropy(soft(x), y)",
    ),
    "teacher first by name": (
        "LK123",
        "def distil(student_out, teacher_out):\n"
        "    return F.kl_div(F.log_softmax(teacher_out, 1), F.softmax(student_out, 1))",
    ),
    "what has no gradient before what has one": (
        "LK123",
        "def distil(model, other, x):\n"
        "    found = model(x)\n"
        "    with torch.no_grad():\n"
        "        wanted = other(x)\n"
        "    nn.KLDivLoss(reduction='batchmean')(wanted, found).backward()",
    ),
    "resize": ("LK101", "F.cross_entropy(p.resize(1, 3), y)"),
    "number in another mode": (
        "LK111",
        "def forward(mode, x):\n"
        "    if mode == 'write':\n"
        "        return 0\n"
        "    return torch.tanh(net(x))\n"
        "F.nll_loss(forward(mode, x), y)",
    ),
    "one-hot rows from a file": (
        "LK181",
        "import numpy as np\n"
        "np.save('rows.npy', [np.eye(3)[label] for label in labels])\n"
        "F.mse_loss(p, torch.Tensor([row for row in np.load('rows.npy')]))",
    ),
    "dictionary that a function replaces": (
        "LK101",
        "settings = {}\n"
        "def read():\n"
        "    global settings\n"
        "    settings = ask()\n"
        "def build(settings):\n"
        "    if settings.get('kind') == 'soft':\n"
        "        return nn.Sequential(nn.Linear(4, 3), nn.Softmax(dim=1))\n"
        "    return nn.Linear(4, 3)\n"
        "F.cross_entropy(build(settings)(x), y)",
    ),
    "order of a late TensorFlow": (
        "LK142",
        "import tensorflow as tf\n"
        "tf.nn.softmax_cross_entropy_with_logits(tf.keras.layers.Dense(3)(x), labels)",
    ),
    "target that is called yb": ("LK142", "for xb, yb in loader: F.cross_entropy(yb, net(xb))"),
}

SILENT = {
    "softmax over rows and over columns": (
        "F.nll_loss(F.log_softmax(F.softmax(z, dim=0), dim=1), y)"
    ),
    "logarithm before log-softmax": "F.nll_loss(F.log_softmax(p.log(), dim=1), y)",
    "log-softmax twice": "F.nll_loss(F.log_softmax(F.log_softmax(z, dim=1), dim=1), y)",
    "identity matrix": "F.mse_loss(p, torch.eye(3))",
    "other numbers by scatter": "F.mse_loss(z, torch.zeros(8, 3).scatter(1, y, 0.9))",
    "absolute value of tanh": "F.binary_cross_entropy(torch.tanh(one(x)).abs(), y)",
    "exponential of a negative distance": (
        "F.binary_cross_entropy(torch.exp(-F.pairwise_distance(net(a), net(b))), y)"
    ),
    "requires_grad of a loss that has one": (
        "loss = F.mse_loss(net(x), y)\nloss.requires_grad = True\nloss.backward()"
    ),
    "requires_grad that is switched off": (
        "loss = F.mse_loss(elsewhere(x), y)\nloss.requires_grad = False\nloss.backward()"
    ),
    "softmax against a teacher's": "F.mse_loss(p, torch.eye(3) @ F.softmax(net(x), dim=1))",
    "softmax over the classes, from the end": "F.softmax(z.view(-1, 3), dim=-1)",
    "student first by name": (
        "def distil(student_out, teacher_out):\n"
        "    return F.kl_div(F.log_softmax(student_out, 1), F.softmax(teacher_out, 1),\n"
        "                    reduction='batchmean')"
    ),
    "input as a Variable": (
        "x = Variable(x, requires_grad=True)\nF.cross_entropy(net(x), y).backward()"
    ),
    "new tensor that is optimised": (
        "w = torch.tensor(start, requires_grad=True)\n((w - y) ** 2).mean().backward()"
    ),
    "reduction by its place": "F.kl_div(z.log_softmax(1), q, None, None, 'batchmean')",
    "order of an early TensorFlow": (
        "import tensorflow as tf\n"
        "labels = tf.placeholder('float', [None, 3])\n"
        "tf.nn.softmax_cross_entropy_with_logits(tf.keras.layers.Dense(3)(x), labels)"
    ),
    "argument that says nothing": "nn.KLDivLoss(size_average=None, reduction='batchmean')",
}


@pytest.mark.parametrize("name", SEEN)
def test_value_is_known(name: str, tmp_path: Path) -> None:
    code, text = SEEN[name]
    assert code in {one.code for one in found(tmp_path, {"go.py": HEAD + text + "\n"})}


@pytest.mark.parametrize("name", SILENT)
def test_look_alike_is_left_alone(name: str, tmp_path: Path) -> None:
    seen = found(tmp_path, {"go.py": HEAD + SILENT[name] + "\n"})
    assert [(one.code, one.severity) for one in seen if one.severity is not Severity.REDUNDANT] in (
        [],
        [("LK172", Severity.SUSPICIOUS)],
    )


def test_names_that_nothing_binds_mean_what_they_mean_everywhere(tmp_path: Path) -> None:
    """As in a cell that was pasted into a file without its imports."""
    [finding] = found(tmp_path, {"go.py": "F.cross_entropy(F.softmax(nn.Linear(4, 3)(x), 1), y)\n"})
    assert finding.code == "LK101"


@pytest.mark.parametrize(("name", "codes"), [("Pair", {"LK101"}), ("SoftmaxHead", set())])
def test_a_model_that_is_handed_in_is_the_only_one_of_the_file(
    name: str, codes: set[str], tmp_path: Path
) -> None:
    """Unless it is called like a part of one."""
    text = f"""
class {name}(nn.Module):
    def __init__(self):
        super().__init__()
        self.out, self.softmax = nn.Linear(8, 3), nn.Softmax(dim=-1)
    def forward(self, a, b):
        return self.softmax(self.out(torch.cat([a, b], 1)))
def train(loader, model, optimizer):
    for a, b, y in loader:
        nn.CrossEntropyLoss()(model(a, b), y).backward()
"""
    assert {one.code for one in found(tmp_path, {"go.py": HEAD + text})} == codes


def test_a_step_that_takes_the_gradient_itself_returns_what_is_logged(tmp_path: Path) -> None:
    text = """
class Job:
    def training_step(self, x, y):
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        return loss.detach()
"""
    assert found(tmp_path, {"go.py": HEAD + text}) == []


def test_a_model_that_hands_on_its_input_is_no_proof(tmp_path: Path) -> None:
    """Its layers may be added elsewhere."""
    text = """
class Stack(nn.Module):
    def __init__(self):
        super().__init__()
        self.parts = nn.ModuleList()
    def forward(self, x):
        for part in self.parts:
            x = part(x)
        return x
for x, y in loader:
    F.mse_loss(Stack()(x), y).backward()
"""
    assert found(tmp_path, {"go.py": HEAD + text}) == []


def test_a_library_is_meant_where_a_folder_has_its_name(tmp_path: Path) -> None:
    """As in a package that has a module for PyTorch, or where PyTorch lies beside the scripts."""
    files = {
        "kit/torch/__init__.py": "def softmax(x): return x\n",
        "kit/torch/nn/__init__.py": "",
        "kit/torch/nn/functional.py": "def cross_entropy(x, y): return x\n",
        "kit/go.py": HEAD + "F.cross_entropy(p, y)\n",
    }
    [finding] = found(tmp_path, files)
    assert (finding.code, finding.place.path.endswith("go.py")) == ("LK101", True)


def test_a_training_is_looked_at_whatever_its_loss_is(tmp_path: Path) -> None:
    text = """
def train(self):
    for i, batch in enumerate(self.loader):
        loss = self.model(**batch).loss
        loss.backward()
        if (i + 1) % self.steps == 0:
            self.optimizer.step()
            self.optimizer.zero_grad()
"""
    [finding] = found(tmp_path, {"go.py": text})
    assert finding.code == "LK171"


def test_parameters_are_what_the_file_keeps_under_their_names(tmp_path: Path) -> None:
    """Where a framework that is not seen calls the function with them."""
    text = """
model, criterion = nn.Sequential(nn.Linear(4, 3), nn.Softmax(dim=1)), nn.CrossEntropyLoss()
def train(model, loader, criterion):
    for x, y in loader:
        criterion(model(x), y).backward()
recipe = {"criterion": criterion, "train": train}
"""
    [finding] = found(tmp_path, {"go.py": HEAD + text})
    assert finding.code == "LK101"


def test_many_steps_that_have_nothing_to_do_with_models_are_left(tmp_path: Path) -> None:
    """What is computed beside the training does not keep the linter from it."""
    busy = "".join(f"    a{n} = [b * {n} + c for b, c in pairs(a{n - 1})]\n" for n in range(1, 900))
    text = f"""
def busy(a0):
{busy}    return a899
def train(x, y):
    for round in range(9):
        busy(x)
    F.cross_entropy(p, y).backward()
"""
    seen = found(tmp_path, {"go.py": HEAD + text})
    assert {one.code for one in seen} == {"LK101"}


def test_a_training_is_followed_however_long_it_takes_to_begin(tmp_path: Path) -> None:
    start = "".join(f"    a{n} = [b * {n} for b in pairs(a{n - 1})]\n" for n in range(1, 100))
    train = f"def train(a0):\n{start}    F.cross_entropy(p, a0).backward()\n"
    seen = found(tmp_path, {"go.py": f"{HEAD}def main():\n    train(x)\n{train}"})
    assert {one.code for one in seen} == {"LK101"}


def test_an_inherited_loop_trains_the_class_that_has_a_forward(tmp_path: Path) -> None:
    text = """
class Base(nn.Module):
    def fit(self, data):
        for x, y in data:
            F.cross_entropy(self(x), y).backward()
class Net(Base):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 3)
    def forward(self, x):
        return F.softmax(self.fc(x), -1)
"""
    [finding] = found(tmp_path, {"go.py": HEAD + text})
    assert finding.code == "LK101"


def test_files_that_name_no_loss_lead_from_the_model_to_the_training(tmp_path: Path) -> None:
    """A main makes the model and a server, and the server makes the client that trains."""
    files = {
        "main.py": "from server import Server\nfrom nets import Net\n"
        "if __name__ == '__main__':\n    Server(Net()).train()\n",
        "server.py": "from parts.client import Client\nclass Server:\n"
        "    def __init__(self, net):\n        self.client = Client(net)\n"
        "    def train(self):\n        self.client.work()\n",
        "parts/client.py": "import torch.nn as nn\nclass Client:\n"
        "    def __init__(self, net):\n        self.net, self.hard = net, nn.CrossEntropyLoss()\n"
        "    def work(self):\n        self.hard(self.net(self.x), self.y).backward()\n",
        "nets.py": "import torch.nn as nn\ndef Net():\n"
        "    return nn.Sequential(nn.Linear(4, 3), nn.Softmax(dim=1))\n",
    }
    [finding] = found(tmp_path, files)
    assert (finding.code, finding.place.path.endswith("client.py")) == ("LK101", True)
