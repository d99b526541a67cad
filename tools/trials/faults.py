"""Trainings with one fault each, put into a healthy training drawn at random.

``python -m tools.trials.faults`` runs every kind with ten seeds, sees whether the right code is
among the first two findings, and writes the table of docs/faults.md.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

import losskit.torch as own
from tools.trials.healthy import OPTIMIZERS, network
from tools.trials.tasks import TASKS, Task, Training, run

__all__ = ["FAULTS", "Fault", "found_by"]

DOCS = Path(__file__).parents[2] / "docs" / "faults.md"


@dataclass(frozen=True)
class Fault:
    """A kind of fault.

    Attributes
    ----------
    name : str
        What is wrong, in words.
    codes : tuple of str
        The findings that name it; the first is the closest.
    kinds : tuple of str
        The kinds of tasks that can have it.
    put : callable
        Puts the fault into a healthy training; draws from the generator what is left open.
    """

    name: str
    codes: tuple[str, ...]
    kinds: tuple[str, ...]
    put: Callable[[Training, np.random.Generator], Training]


FAULTS: list[Fault] = []

_SOUND = {
    "classes": nn.CrossEntropyLoss,
    "binary": nn.BCEWithLogitsLoss,
    "real": nn.MSELoss,
}


def healthy(fault: Fault, rng: np.random.Generator) -> Training:
    """Draw a healthy training that can have the fault."""
    tasks = [task for task in TASKS.values() if task.kind in fault.kinds]
    task = tasks[rng.integers(len(tasks))]
    optimizer = OPTIMIZERS[("SGD", "AdamW")[rng.integers(2)]]
    make = network(task, int(rng.integers(16, 49)), int(rng.integers(1, 3)))
    return Training(task, make, _SOUND[task.kind](), optimizer, epochs=25)


def fault(
    name: str, codes: str, kinds: str = "classes binary real"
) -> Callable[[Callable[[Training, np.random.Generator], Training]], Fault]:
    """Register a kind of fault."""

    def register(put: Callable[[Training, np.random.Generator], Training]) -> Fault:
        found = Fault(name, tuple(codes.split()), tuple(kinds.split()), put)
        FAULTS.append(found)
        return found

    return register


class Then(nn.Module):
    """A model with something done to its output."""

    def __init__(self, model: nn.Module, change: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.model, self.change = model, change

    def forward(self, x: Tensor) -> Tensor:
        """Run the model, and change what it gives."""
        return self.change(self.model(x))


def _then(training: Training, change: Callable[[Tensor], Tensor]) -> Training:
    make = training.model
    return training.but(model=lambda: Then(make(), change))


def _before(training: Training, change: Callable[[Tensor], Tensor]) -> Training:
    task = training.task
    moved = Task(
        task.name,
        task.kind,
        change(task.inputs),
        task.targets,
        change(task.held_inputs),
        task.held_targets,
        task.outputs,
    )
    return training.but(task=moved)


def _targets(training: Training, change: Callable[[Tensor], Tensor]) -> Training:
    task = training.task
    targets, held = change(task.targets), change(task.held_targets)
    moved = Task(task.name, task.kind, task.inputs, targets, task.held_inputs, held, task.outputs)
    return training.but(task=moved)


def _pairs(training: Training, change: Callable[[Tensor, Tensor], tuple[Tensor, ...]]) -> Training:
    return training.but(pairs=lambda model, x, y: change(model(x), y))


def _model(training: Training, change: Callable[[nn.Module], object]) -> Training:
    make = training.model

    def changed() -> nn.Module:
        model = make()
        with torch.no_grad():
            change(model)
        return model

    return training.but(model=changed)


# Activations.


@fault("softmax before cross-entropy", "LK101", "classes")
def _(training: Training, rng: np.random.Generator) -> Training:
    return _then(training, lambda z: z.softmax(1))


@fault("log-softmax before cross-entropy", "LK102", "classes")
def _(training: Training, rng: np.random.Generator) -> Training:
    return _then(training, lambda z: z.log_softmax(1))


@fault("sigmoid before BCE with logits", "LK103", "binary")
def _(training: Training, rng: np.random.Generator) -> Training:
    return _then(training, torch.sigmoid)


@fault("raw scores into BCE", "LK104", "binary")
def _(training: Training, rng: np.random.Generator) -> Training:
    return training.but(loss_fn=nn.BCELoss())


@fault("cross-entropy on one logit", "LK105", "binary")
def _(training: Training, rng: np.random.Generator) -> Training:
    return _pairs(training.but(loss_fn=nn.CrossEntropyLoss()), lambda z, y: (z, 0 * y[:, 0].long()))


@fault("probabilities into NLL", "LK111", "classes")
def _(training: Training, rng: np.random.Generator) -> Training:
    return _then(training.but(loss_fn=nn.NLLLoss()), lambda z: z.softmax(1))


@fault("raw scores into NLL", "LK111", "classes")
def _(training: Training, rng: np.random.Generator) -> Training:
    return training.but(loss_fn=nn.NLLLoss())


# Divergences.


def _soft(training: Training, loss: nn.Module, change: Callable[[Tensor], Tensor]) -> Training:
    """Train on smoothed one-hot rows, as a teacher would give them."""
    classes = training.task.outputs

    def pairs(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        rows = 0.9 * F.one_hot(y, classes).float() + 0.1 / classes
        return model(x).log_softmax(1), change(rows)

    return training.but(loss_fn=loss, pairs=pairs)


@fault("KL divergence of probabilities", "LK121", "classes")
def _(training: Training, rng: np.random.Generator) -> Training:
    soft = _soft(training, nn.KLDivLoss(reduction="batchmean"), lambda q: q)
    logs = soft.pairs
    assert logs is not None  # noqa: S101 - it was just made
    return soft.but(pairs=lambda model, x, y: (logs(model, x, y)[0].exp(), logs(model, x, y)[1]))


@fault("KL divergence averaged over classes", "LK122", "classes")
def _(training: Training, rng: np.random.Generator) -> Training:
    return _soft(training, nn.KLDivLoss(), lambda q: q)


@fault("target in log space not said", "LK124", "classes")
def _(training: Training, rng: np.random.Generator) -> Training:
    return _soft(training, nn.KLDivLoss(reduction="batchmean"), torch.log)


# Shapes and targets.


@fault("(N, 1) against (N,)", "LK141", "real")
def _(training: Training, rng: np.random.Generator) -> Training:
    return _pairs(training, lambda z, y: (z, y[:, 0]))


@fault("target before input", "LK142", "binary real")
def _(training: Training, rng: np.random.Generator) -> Training:
    return _pairs(training, lambda z, y: (y, z))


@fault("padding counted", "LK143", "classes")
def _(training: Training, rng: np.random.Generator) -> Training:
    """Rows of six labels, of which those past a length are 0, and so is no label."""
    classes = training.task.outputs + 1

    def pairs(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        lengths = 1 + (x[:, :1].abs() * 10).long() % 5
        labels = torch.where(torch.arange(8) < lengths, y[:, None] + 1, 0)
        return model(x)[:, :, None].expand(-1, -1, 8), labels

    wide = Task(**{**training.task.__dict__, "outputs": classes})
    return training.but(model=network(wide), pairs=pairs)


@fault("labels from 1 to K", "LK201", "classes")
def _(training: Training, rng: np.random.Generator) -> Training:
    return _targets(training, lambda y: y + 1)


@fault("labels -1 and 1 for BCE", "LK201 LK218", "binary")
def _(training: Training, rng: np.random.Generator) -> Training:
    return _targets(training, lambda y: 2 * y - 1)


@fault("class axis in the wrong place", "LK203", "classes")
def _(training: Training, rng: np.random.Generator) -> Training:
    # As many steps as there are classes or fewer, so that PyTorch refuses or computes it.
    steps = int(rng.integers(3, 9))
    return _pairs(
        training,
        lambda z, y: (z[:, None].expand(-1, steps, -1), y[:, None].expand(-1, steps)),
    )


@fault("class indices as floats", "LK204", "classes")
def _(training: Training, rng: np.random.Generator) -> Training:
    return _targets(training, lambda y: y.float())


@fault("squared error on class indices", "LK181", "classes")
def _(training: Training, rng: np.random.Generator) -> Training:
    one = Task(**{**training.task.__dict__, "outputs": 1})
    return _pairs(
        training.but(model=network(one), loss_fn=nn.MSELoss()), lambda z, y: (z[:, 0], y.float())
    )


@fault("softmax cross-entropy on several labels", "LK182", "classes")
def _(training: Training, rng: np.random.Generator) -> Training:
    classes = training.task.outputs

    def several(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return z, F.one_hot(y, classes).float() + F.one_hot((y + 1) % classes, classes).float()

    return _pairs(training, several)


@fault("missing values in the data", "LK202")
def _(training: Training, rng: np.random.Generator) -> Training:
    row, column = int(rng.integers(100)), int(rng.integers(2))

    def holed(x: Tensor) -> Tensor:
        x = x.clone()
        x[row % len(x), column] = torch.nan
        return x

    return _before(training, holed)


@fault("logarithm of 0", "LK202", "classes binary")
def _(training: Training, rng: np.random.Generator) -> Training:
    def unstable(z: Tensor) -> Tensor:
        z = torch.cat([-z, z], 1) if z.shape[1] == 1 else z
        # Where the softmax has underflowed.
        return torch.log((300 * z).softmax(1))

    return _pairs(
        training.but(loss_fn=nn.NLLLoss()),
        lambda z, y: (unstable(z), y.long().reshape(-1)),
    )


@fault("labels that do not belong to their inputs", "LK401 LK405 LK406", "classes binary")
def _(training: Training, rng: np.random.Generator) -> Training:
    seed = int(rng.integers(1000))

    def shuffled(y: Tensor) -> Tensor:
        return y[torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))]

    return _targets(training, shuffled)


@fault("real targets in the hundreds of thousands", "LK215", "real")
def _(training: Training, rng: np.random.Generator) -> Training:
    size = float(10 ** rng.uniform(4, 6))
    return _targets(training, lambda y: size * (3 + y))


# Weights and sums.


@fault("class weights that grow with frequency", "LK183", "classes")
def _(training: Training, rng: np.random.Generator) -> Training:
    task = training.task
    # Two thirds of the samples of all classes but the first are dropped.
    kept = (task.targets == 0) | (torch.arange(len(task.targets)) % 4 == 0)
    rare = Task(
        task.name,
        task.kind,
        task.inputs[kept],
        task.targets[kept],
        task.held_inputs,
        task.held_targets,
        task.outputs,
    )
    shares = torch.bincount(rare.targets, minlength=task.outputs).float()
    weights = task.outputs * shares / shares.sum()
    return training.but(task=rare, loss_fn=nn.CrossEntropyLoss(weight=weights))


@fault("one term of a sum dominates", "LK212", "real")
def _(training: Training, rng: np.random.Generator) -> Training:
    return training.but(loss_fn=own.MSELoss() + float(10 ** rng.uniform(3, 5)) * own.L1Loss())


@fault("loss summed over the batch", "LK213")
def _(training: Training, rng: np.random.Generator) -> Training:
    loss = type(training.loss_fn)(reduction="sum")
    return training.but(loss_fn=loss)


# Gradients.


@fault("output detached", "LK151")
def _(training: Training, rng: np.random.Generator) -> Training:
    return _pairs(training, lambda z, y: (z.detach(), y))


@fault("loss without the model", "LK152 LK151", "real binary")
def _(training: Training, rng: np.random.Generator) -> Training:
    stray = nn.Parameter(torch.zeros(()))
    return training.but(pairs=lambda model, x, y: (0 * model(x).detach() + stray, y))


@fault("optimiser of another model", "LK304")
def _(training: Training, rng: np.random.Generator) -> Training:
    make = training.optimizer
    return training.but(optimizer=lambda model: make(training.model()))


@fault("gradients never cleared", "LK305")
def _(training: Training, rng: np.random.Generator) -> Training:
    def step(loss: Tensor, optimizer: torch.optim.Optimizer) -> None:
        loss.backward()
        optimizer.step()

    return training.but(step=step)


@fault("vanishing gradients: ten layers of sigmoids", "LK302")
def _(training: Training, rng: np.random.Generator) -> Training:
    width, depth = int(rng.integers(16, 33)), int(rng.integers(9, 13))
    task = training.task

    def deep() -> nn.Module:
        layers: list[nn.Module] = [nn.Linear(task.inputs.shape[1], width), nn.Sigmoid()]
        for _ in range(depth):
            layers += [nn.Linear(width, width), nn.Sigmoid()]
        return nn.Sequential(*layers, nn.Linear(width, task.outputs))

    return training.but(model=deep)


@fault("dead ReLUs", "LK303 LK207")
def _(training: Training, rng: np.random.Generator) -> Training:
    low = -float(10 ** rng.uniform(1, 2))

    def kill(model: nn.Module) -> None:
        model[0].bias.fill_(low)  # type: ignore[index, operator]

    return _model(training, kill)


@fault("last layer of zeros, and a dead one before it", "LK207 LK303")
def _(training: Training, rng: np.random.Generator) -> Training:
    def zero(model: nn.Module) -> None:
        for parameter in model.parameters():
            parameter.zero_()

    return _model(training, zero)


@fault("weights that start too large", "LK214 LK208", "classes binary")
def _(training: Training, rng: np.random.Generator) -> Training:
    scale = float(rng.uniform(20, 60))

    def enlarge(model: nn.Module) -> None:
        for parameter in model.parameters():
            parameter.mul_(scale)

    return _model(training, enlarge)


@fault("input thrown away", "LK307 LK207")
def _(training: Training, rng: np.random.Generator) -> Training:
    make = training.model

    class Blind(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = make()

        def forward(self, x: Tensor) -> Tensor:
            return self.model(x * 0)  # type: ignore[no-any-return]

    return training.but(model=Blind)


@fault("samples mixed within the batch", "LK211")
def _(training: Training, rng: np.random.Generator) -> Training:
    make = training.model
    kind = rng.integers(3)

    def mix(z: Tensor) -> Tensor:
        if kind == 0:
            return z - z.mean(0)
        if kind == 1:
            return z + 0.5 * z.roll(1, 0)
        return z * z.softmax(0) * len(z)

    return training.but(model=lambda: Then(make(), mix))


# Learning rates.


def _rate(training: Training, rate: float) -> Training:
    return training.but(
        optimizer=lambda model: torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)
    )


@fault("learning rate far too high", "LK402 LK202 LK301 LK403 LK303", "real classes")
def _(training: Training, rng: np.random.Generator) -> Training:
    return _rate(training, float(10 ** rng.uniform(0.7, 2)))


@fault("learning rate far too low", "LK404 LK405 LK401")
def _(training: Training, rng: np.random.Generator) -> Training:
    return _rate(training, float(10 ** rng.uniform(-6, -4.5)))


# What only shows in time.


@fault("over-fitting: a large network, few samples", "LK406", "classes binary real")
def _(training: Training, rng: np.random.Generator) -> Training:
    task = training.task
    noisy = task.targets[:60].clone()
    flip = torch.tensor(rng.permutation(60)[:15])
    noisy[flip] = noisy[flip.roll(1)]
    few = Task(
        task.name,
        task.kind,
        task.inputs[:60],
        noisy,
        task.held_inputs,
        task.held_targets,
        task.outputs,
    )
    return training.but(
        task=few,
        model=network(few, 256, 2),
        optimizer=lambda model: torch.optim.Adam(model.parameters(), lr=3e-3),
        epochs=80,
        size=20,
    )


def _embedder(task: Task) -> Callable[[], nn.Module]:
    return lambda: nn.Sequential(nn.Linear(task.inputs.shape[1], 32), nn.ReLU(), nn.Linear(32, 8))


@fault("embeddings pulled together only", "LK216", "classes")
def _(training: Training, rng: np.random.Generator) -> Training:
    loss = nn.CosineEmbeddingLoss()

    def pairs(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        return model(x), model(x.roll(1, 0)), torch.ones(len(x))

    return training.but(
        model=_embedder(training.task), loss_fn=loss, pairs=pairs, epochs=40, flight=False
    )


@fault("random triplets, and a tiny margin", "LK217", "classes")
def _(training: Training, rng: np.random.Generator) -> Training:
    loss = nn.TripletMarginLoss(margin=float(10 ** rng.uniform(-4, -2)))

    def pairs(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        order = torch.argsort(y, stable=True)
        z = model(x)[order]
        return z, z.roll(1, 0), z.roll(len(z) // 2, 0)

    tight = TASKS["blobs"]
    return training.but(task=tight, model=_embedder(tight), loss_fn=loss, pairs=pairs, flight=False)


@fault("batch normalisation and a last batch of a few", "LK308", "classes binary real")
def _(training: Training, rng: np.random.Generator) -> Training:
    task = training.task
    if len(task.inputs) < 300:
        task = TASKS["digits" if task.kind == "classes" else "cancer"]
    # Of two samples, normalisation leaves nothing but their signs.
    length = (len(task.inputs) - 2) // 32 * 32 - 32 + 2
    cut = Task(
        task.name,
        task.kind,
        task.inputs[:length],
        task.targets[:length],
        task.held_inputs,
        task.held_targets,
        task.outputs,
    )

    def normalised() -> nn.Module:
        return nn.Sequential(
            nn.Linear(task.inputs.shape[1], 32),
            nn.BatchNorm1d(32),
            nn.ReLU(),
            nn.Linear(32, task.outputs),
        )

    return training.but(task=cut, model=normalised, size=32)


def found_by(fault: Fault, seed: int) -> tuple[bool, list[str], str]:
    """Run a fault; say whether it is among the first two findings, and all of their codes."""
    rng = np.random.default_rng([seed, *fault.name.encode()])
    training = fault.put(healthy(fault, rng), rng)
    outcome = run(training, seed)
    return bool(set(fault.codes) & set(outcome.codes[:2])), outcome.codes, outcome.error


def table(rows: list[tuple[Fault, int, int, Counter[str]]]) -> str:
    """Write the page."""
    total, right = sum(row[2] for row in rows), sum(row[1] for row in rows)
    seeds = rows[0][2]
    lines = [
        "# Faults, and what finds them",
        "",
        "Made by `python -m tools.trials.faults --write`. Each fault is put into a healthy",
        "training that is drawn at random (scikit-learn's data, a small network, SGD or AdamW);",
        "the batch is tried with `preflight`, the training watched with `watch`. A fault counts as",
        "found where a code that names it is among the first two findings.",
        "",
        f"**{right} of {total} found ({right / total:.0%}); {len(rows)} kinds, {seeds} seeds.**",
        "",
        "| fault | codes that name it | found | first findings |",
        "|---|---|---|---|",
    ]
    for fault, hits, tried, firsts in rows:
        shown = ", ".join(f"{code} {count}" for code, count in firsts.most_common(3)) or "none"
        lines.append(f"| {fault.name} | {', '.join(fault.codes)} | {hits}/{tried} | {shown} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run all faults with all seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="number of the first seed")
    parser.add_argument("--only", default="", help="part of a fault's name")
    parser.add_argument("--write", action="store_true", help="write docs/faults.md")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for fault in FAULTS:
        if arguments.only not in fault.name:
            continue
        hits, firsts = 0, Counter[str]()
        for seed in range(arguments.first, arguments.first + arguments.seeds):
            right, codes, error = found_by(fault, seed)
            hits += right
            firsts.update(codes[:2])
            if not right:
                sys.stdout.write(f"  missed: {fault.name}, seed {seed}: {codes} {error}\n")
        rows.append((fault, hits, arguments.seeds, firsts))
        sys.stdout.write(f"{fault.name}: {hits}/{arguments.seeds}\n")
        sys.stdout.flush()
    page = table(rows)
    sys.stdout.write(page.split("\n\n")[2] + "\n")
    if arguments.write:
        DOCS.write_text(page, encoding="utf-8")
    return int(sum(row[1] for row in rows) < 0.85 * sum(row[2] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
