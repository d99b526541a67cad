"""The callbacks, called as Lightning and Hugging Face's Trainer document it.

``python -m tools.trials.callbacks`` runs them in the libraries themselves.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from losskit.torch import TrainingError
from tools.trials.tasks import TASKS

TASK = TASKS["digits"]
LIGHTNING = "losskit.check.training.in_lightning"
TRANSFORMERS = "losskit.check.training.in_transformers"


@pytest.fixture
def libraries(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stand-ins for what the callbacks derive from."""
    homes = {
        "lightning.pytorch.callbacks": SimpleNamespace(Callback=type("Callback", (), {})),
        "transformers": SimpleNamespace(TrainerCallback=type("TrainerCallback", (), {})),
    }
    for name in ("lightning", "lightning.pytorch"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    for name, home in homes.items():
        module = ModuleType(name)
        module.__dict__.update(vars(home))
        monkeypatch.setitem(sys.modules, name, module)
    for name in (LIGHTNING, TRANSFORMERS):
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield
    for name in (LIGHTNING, TRANSFORMERS):
        sys.modules.pop(name, None)


class Digits(nn.Module):
    """A Lightning module: its steps call parts of it, never itself."""

    def __init__(self, *, softmax: bool, hooked: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
        self.softmax = softmax
        if hooked:
            self.criterion = nn.CrossEntropyLoss()

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        scores = self.net(x).softmax(1) if self.softmax else self.net(x)
        own = getattr(self, "criterion", nn.functional.cross_entropy)
        loss: Tensor = own(scores, y)
        return loss


def fitted(callback: Any, module: Digits, epochs: int = 4) -> None:
    """Call what Lightning's trainer calls, in its order."""
    optimizer = torch.optim.AdamW(module.parameters(), lr=2e-3)
    trainer = SimpleNamespace(
        logger=None, current_epoch=0, sanity_checking=False, callback_metrics={}
    )
    callback.on_train_start(trainer, module)
    for epoch in range(epochs):
        trainer.current_epoch = epoch
        callback.on_train_epoch_start(trainer, module)
        module.train()
        for index, at in enumerate(torch.randperm(len(TASK.inputs)).split(64)):
            batch = TASK.inputs[at], TASK.targets[at]
            callback.on_train_batch_start(trainer, module, batch, index)
            loss = module.loss(*batch)
            callback.on_before_backward(trainer, module, loss)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        module.eval()
        with torch.no_grad():
            trainer.callback_metrics = {
                "val_loss": module.loss(TASK.held_inputs, TASK.held_targets),
                "val_acc": torch.tensor(0.1 * epoch),
            }
        callback.on_validation_end(trainer, module)
    callback.on_train_end(trainer, module)


@pytest.mark.parametrize("hooked", [True, False])
def test_a_training_in_lightning(libraries: None, hooked: bool) -> None:
    watch_of = importlib.import_module(LIGHTNING).LightningWatch
    callback = watch_of(every=5, on_finding="raise")
    fitted(callback, Digits(softmax=False, hooked=hooked))
    steps = 4 * -(-len(TASK.inputs) // 64)
    assert (callback.findings, callback.watching.steps) == ((), steps)
    log = callback.watching._record.log()
    assert [len(curve) for curve in (log.train, log.validation)] == [steps, 4]
    assert log.metrics[0].points == 4


def test_a_fault_in_lightning(libraries: None) -> None:
    watch_of = importlib.import_module(LIGHTNING).LightningWatch
    for loss_fn in (None, "criterion"):
        callback = watch_of(loss_fn, on_finding="raise")
        module = Digits(softmax=True, hooked=True)
        with pytest.raises(TrainingError, match="LK101") as caught:
            fitted(callback, module)
        callback.on_exception(None, module, caught.value)
        assert not module.criterion._forward_hooks
        assert [finding.code for finding in callback.findings] == ["LK101"]


class Own(nn.Module):
    """A model that returns its loss, as those of Hugging Face do."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.act, self.last = nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)

    def forward(self, x: Tensor, labels: Tensor) -> dict[str, Tensor]:
        scores = self.last(self.act(self.first(x)))
        return {"loss": nn.functional.cross_entropy(scores, labels), "logits": scores}


@pytest.mark.parametrize(("bias", "codes"), [(0.0, []), (-50.0, ["LK303"])])
def test_a_training_in_the_trainer(libraries: None, bias: float, codes: list[str]) -> None:
    watch_of = importlib.import_module(TRANSFORMERS).TrainerWatch
    callback = watch_of(every=5, on_finding=lambda finding: None)
    model, state = Own(), SimpleNamespace(epoch=None)
    nn.init.constant_(model.first.bias, bias)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    callback.on_train_begin(None, state, None, model=model)
    for epoch in range(4):
        state.epoch = float(epoch)
        callback.on_epoch_begin(None, state, None)
        model.train()
        for at in torch.randperm(len(TASK.inputs)).split(64):
            optimizer.zero_grad()
            model(TASK.inputs[at], labels=TASK.targets[at])["loss"].backward()
            optimizer.step()
        model.eval()
        metrics = {"eval_loss": 2.0, "eval_accuracy": 0.2 * epoch, "eval_runtime": 1.0}
        callback.on_evaluate(None, state, None, metrics=metrics)
    callback.on_train_end(None, state, None)
    assert [finding.code for finding in callback.findings][:1] == codes
    assert list(callback.watching._record.metrics) == ["eval_accuracy"]


def test_a_training_after_one_that_failed(libraries: None) -> None:
    """The Trainer tells nobody that an error has ended a training."""
    watch_of = importlib.import_module(TRANSFORMERS).TrainerWatch
    callback, model = watch_of(), Own()
    for _ in range(2):
        callback.on_train_begin(None, SimpleNamespace(epoch=None), None, model=model)
        assert len(model._forward_hooks) == len(model._forward_pre_hooks) == 1
    callback.on_train_end(None, SimpleNamespace(epoch=None), None)
    assert not model._forward_hooks
    assert not model._forward_pre_hooks


@pytest.mark.parametrize(
    ("module", "library"), [(LIGHTNING, "lightning"), (TRANSFORMERS, "transformers")]
)
def test_a_library_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, module: str, library: str
) -> None:
    for name in ("lightning", "lightning.pytorch", "pytorch_lightning", "transformers"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, module, raising=False)
    with pytest.raises(ImportError, match=f"pip install {library}"):
        importlib.import_module(module)
