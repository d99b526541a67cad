"""The callbacks in real trainings of Lightning and of Hugging Face's Trainer, and TensorBoard.

``python -m tools.trials.callbacks`` needs lightning, transformers, accelerate and tensorboard; it
trains with a fault and without, reads the logs that were written, and exits 1 if a fault is not
found or something else is.
"""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import losskit
import losskit.torch as losses
from tools.trials.tasks import TASKS

__all__ = ["in_lightning", "in_tensorboard", "in_transformers"]

TASK = TASKS["digits"]


def in_lightning(folder: str, *, softmax: bool, hooked: bool) -> list[str]:
    """Train digits with Lightning; return the codes that were found."""
    import lightning  # noqa: PLC0415
    from lightning.pytorch.loggers import CSVLogger  # noqa: PLC0415

    class Digits(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
            if hooked:
                self.criterion = nn.CrossEntropyLoss()

        def loss(self, batch: Any) -> Tensor:
            scores = self.net(batch[0])
            scores = scores.softmax(1) if softmax else scores
            found: Tensor = (
                self.criterion(scores, batch[1])
                if hooked
                else nn.functional.cross_entropy(scores, batch[1])
            )
            return found

        def training_step(self, batch: Any, index: int) -> Tensor:
            loss = self.loss(batch)
            self.log("train_loss", loss)
            return loss

        def validation_step(self, batch: Any, index: int) -> None:
            right = (self.net(batch[0]).argmax(1) == batch[1]).float().mean()
            self.log_dict({"val_loss": self.loss(batch), "val_acc": right})

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.AdamW(self.parameters(), lr=2e-3)

    lightning.seed_everything(0, verbose=False)
    callback = losses.LightningWatch(every=10, on_finding=lambda finding: None)
    trainer = lightning.Trainer(
        max_epochs=12,
        accelerator="cpu",
        callbacks=[callback],
        logger=CSVLogger(folder, name="csv"),
        log_every_n_steps=5,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
    )
    train = DataLoader(TensorDataset(TASK.inputs, TASK.targets), 64, shuffle=True)
    held = DataLoader(TensorDataset(TASK.held_inputs, TASK.held_targets), 256)
    trainer.fit(Digits(), train, held)
    assert callback.watching is not None  # noqa: S101 - the training has begun
    assert callback.watching.steps == trainer.global_step  # noqa: S101
    return [finding.code for finding in callback.findings]


class Classifier(nn.Module):
    """A model that returns its loss, as those of Hugging Face do."""

    def __init__(self, *, dead: bool) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(64, 32), nn.Linear(32, 10)
        self.act = nn.ReLU()
        if dead:
            nn.init.constant_(self.first.bias, -50.0)

    def forward(self, x: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Return loss and scores."""
        logits = self.last(self.act(self.first(x)))
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


def in_transformers(folder: str, *, dead: bool) -> list[str]:
    """Train digits with the Trainer; return the codes that were found."""
    import transformers  # noqa: PLC0415

    transformers.set_seed(0)
    rows = [{"x": x, "labels": y} for x, y in zip(TASK.inputs, TASK.targets, strict=True)]
    held = [{"x": x, "labels": y} for x, y in zip(TASK.held_inputs, TASK.held_targets, strict=True)]
    callback = losses.TrainerWatch(every=10, on_finding=lambda finding: None)
    trainer = transformers.Trainer(
        Classifier(dead=dead),
        transformers.TrainingArguments(
            folder,
            num_train_epochs=12,
            per_device_train_batch_size=64,
            learning_rate=3e-3,
            eval_strategy="epoch",
            logging_steps=5,
            save_strategy="no",
            report_to=[],
            use_cpu=True,
            disable_tqdm=True,
        ),
        train_dataset=rows,
        eval_dataset=held,
        compute_metrics=lambda given: {
            "accuracy": float((given.predictions.argmax(1) == given.label_ids).mean())
        },
        callbacks=[callback],
    )
    trainer.train()
    trainer.state.save_to_json(os.path.join(folder, "trainer_state.json"))
    return [finding.code for finding in callback.findings]


def in_tensorboard(folder: str, *, softmax: bool) -> list[str]:
    """Log a watch to TensorBoard, and diagnose what was written; return the codes of both."""
    from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415

    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    optimizer, criterion = torch.optim.AdamW(model.parameters(), lr=2e-3), nn.CrossEntropyLoss()
    writer = SummaryWriter(os.path.join(folder, f"softmax-{softmax}"))
    with losses.watch(
        model, criterion, every=10, on_finding=lambda finding: None, logger=writer
    ) as watching:
        for at in itertools.chain(*(torch.randperm(900).split(64) for _ in range(40))):
            scores = model(TASK.inputs[at])
            loss = criterion(scores.softmax(1) if softmax else scores, TASK.targets[at])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    writer.close()
    log = losskit.diagnose(os.path.join(folder, f"softmax-{softmax}"))
    assert "training loss 'losskit/loss'" in log.notes[0], log.notes  # noqa: S101
    return [finding.code for finding in (*watching.findings, *log)]


def main() -> int:
    """Train all of them."""
    wrong = 0
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trials = {
            "Lightning, sound": (in_lightning(folder, softmax=False, hooked=True), []),
            "Lightning, sound, function": (in_lightning(folder, softmax=False, hooked=False), []),
            "Lightning, softmax": (in_lightning(folder, softmax=True, hooked=True), ["LK101"]),
            "Trainer, sound": (in_transformers(folder, dead=False), []),
            "Trainer, dead": (in_transformers(folder, dead=True), ["LK303"]),
            "TensorBoard, sound": (in_tensorboard(folder, softmax=False), []),
            "TensorBoard, softmax": (in_tensorboard(folder, softmax=True), ["LK101"]),
        }
    for name, (found, wanted) in trials.items():
        right = found[:1] == wanted
        wrong += not right
        sys.stdout.write(f"{name}: {found}{'' if right else f', wanted {wanted}'}\n")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
