"""What ``losskit diagnose`` sees in logs of real trainings, with faults and without."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from typer.testing import CliRunner

from losskit.check.catalogue import rules_by_code
from losskit.check.curves.diagnose import diagnose
from losskit.check.curves.log import LogError, read_logs
from losskit.check.curves.names import Kind, kind_of
from losskit.check.curves.series import MOST, Recorder
from losskit.check.findings import Tool
from losskit.cli.main import app
from tools.trials.tasks import TASKS, Task

LOGS = Path(__file__).parent / "logs"
SCHEMA = Path(__file__).parents[2] / "docs" / "findings-schema.json"

Row = dict[str, Any]


def net(task: Task, width: int = 32) -> nn.Module:
    inputs = task.inputs.shape[1]
    return nn.Sequential(nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, task.outputs))


def trained(
    task: Task,
    *,
    model: nn.Module | None = None,
    loss_fn: Callable[[Tensor, Tensor], Tensor] = nn.functional.cross_entropy,
    lr: float = 3e-3,
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.AdamW,
    epochs: int = 20,
    size: int = 64,
    change: Callable[[Tensor], Tensor] = lambda z: z,
    samples: int = 10_000,
    metric: Callable[[Tensor, Tensor], float] | None = None,
    seed: int = 0,
    **options: Any,
) -> list[Row]:
    """Train, and return a row for each epoch."""
    torch.manual_seed(seed)
    model = net(task) if model is None else model
    moving = optimizer(model.parameters(), lr=lr, **options)
    rows = []
    for epoch in range(epochs):
        model.train()
        losses = []
        for at in torch.randperm(min(len(task.inputs), samples)).split(size):
            loss = loss_fn(change(model(task.inputs[at])), task.targets[at])
            moving.zero_grad()
            loss.backward()
            moving.step()
            losses.append(float(loss.detach()))
        model.eval()
        with torch.no_grad():
            output = change(model(task.held_inputs))
            row = {"epoch": epoch, "train_loss": float(np.mean(losses))}
            row["val_loss"] = float(loss_fn(output, task.held_targets))
            if task.kind == "classes":
                row["val_acc"] = float((output.argmax(1) == task.held_targets).float().mean())
            if metric is not None:
                row["val_f1"] = metric(output, task.held_targets)
            rows.append(row)
    return rows


def written(path: Path, rows: list[Row]) -> Path:
    """Write rows as CSV, as pandas and most scripts do."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    return path


DIGITS, DIABETES, CANCER = TASKS["digits"], TASKS["diabetes"], TASKS["cancer"]
SGD = torch.optim.SGD


def full_batch(lr: float, epochs: int = 60, momentum: float = 0.0) -> list[Row]:
    torch.manual_seed(0)
    return trained(DIABETES, model=nn.Linear(10, 1), loss_fn=nn.functional.mse_loss, lr=lr,
                   optimizer=SGD, epochs=epochs, size=1000, momentum=momentum)  # fmt: skip


def resumed() -> list[Row]:
    """Go on from weights of long ago."""
    torch.manual_seed(0)
    model = net(DIGITS)
    trained(DIGITS, model=model, epochs=1)
    early = {name: value.clone() for name, value in model.state_dict().items()}
    first = trained(DIGITS, model=model, epochs=12)
    model.load_state_dict(early)
    second = trained(DIGITS, model=model, epochs=12)
    # The log of the second begins where that of the first was when it was interrupted.
    return first + [row | {"epoch": row["epoch"] + 10} for row in second]


def burdened() -> list[Row]:
    """Dropout of nine tenths, which validation does not have."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Dropout(0.8), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    return trained(DIGITS, model=model, epochs=40)


def rare() -> tuple[list[Row], list[Row]]:
    """A rare class, its F1; once with its weight, once without."""
    torch.manual_seed(0)
    x = torch.randn(1500, 6)
    y = ((x[:, 0] + 2.5 * torch.randn(1500)) > 4.5).float()[:, None]
    task = Task("rare", "binary", x[:1000], y[:1000], x[1000:], y[1000:], 1)

    def f1(output: Tensor, target: Tensor) -> float:
        hits = float(((output > 0) & (target > 0.5)).sum())
        wrong = float(((output > 0) != (target > 0.5)).sum())
        return 2 * hits / max(2 * hits + wrong, 1)

    def run(weight: float) -> list[Row]:
        loss = nn.BCEWithLogitsLoss(pos_weight=torch.tensor([weight]))
        return trained(task, loss_fn=loss, metric=f1, lr=1e-3)

    return run(1.0), run(12.0)


def overfitted() -> list[Row]:
    noisy = DIGITS.targets.clone()
    noisy[:20] = noisy[:20].roll(1)
    task = Task(**{**DIGITS.__dict__, "targets": noisy})
    return trained(task, model=net(DIGITS, 256), samples=80, epochs=80, size=20)


def with_nan() -> list[Row]:
    """Weights overflow after some steps that are far too long."""
    return full_batch(3.0, epochs=150)


def kl_of_probabilities() -> list[Row]:
    rows = nn.functional.one_hot(DIGITS.targets, 10).float()
    held = nn.functional.one_hot(DIGITS.held_targets, 10).float()
    task = Task(**{**DIGITS.__dict__, "kind": "soft", "targets": rows, "held_targets": held})
    return trained(task, loss_fn=nn.KLDivLoss(reduction="batchmean"), epochs=10,
                   change=lambda z: z.softmax(1))  # fmt: skip


CASES: dict[str, tuple[Callable[[], list[Row]], dict[str, Any]]] = {
    "LK101": (lambda: trained(DIGITS, change=lambda z: z.softmax(1), epochs=60), {"classes": 10}),
    "LK202": (with_nan, {}),
    "LK218": (kl_of_probabilities, {"loss": "KLDivLoss"}),
    "LK401": (lambda: trained(DIGITS, lr=1e-9, optimizer=SGD), {"classes": 10}),
    "LK402": (lambda: full_batch(0.35), {}),
    # The absolute error's steps have one length however near the end is.
    "LK403": (lambda: trained(DIABETES, model=nn.Linear(10, 1), loss_fn=nn.functional.l1_loss,
                              lr=2.0, optimizer=SGD, epochs=60, size=1000), {}),
    "LK404": (lambda: full_batch(0.0002), {}),
    "LK405": (lambda: full_batch(1e-9), {}),
    "LK406": (overfitted, {}),
    "LK407": (resumed, {}),
    "LK408": (burdened, {}),
    "LK409": (lambda: rare()[0], {}),
}  # fmt: skip

HEALTHY: dict[str, tuple[Callable[[], list[Row]], dict[str, Any]]] = {
    "digits": (lambda: trained(DIGITS), {"classes": 10}),
    "cancer": (lambda: trained(CANCER, loss_fn=nn.functional.binary_cross_entropy_with_logits,
                               lr=1e-3), {}),
    "diabetes": (lambda: full_batch(0.05), {}),
    "rare, weighted": (lambda: rare()[1], {}),
    "momentum": (lambda: trained(DIGITS, lr=0.05, optimizer=SGD, momentum=0.9), {"classes": 10}),
    "short": (lambda: trained(DIGITS, epochs=4), {}),
}  # fmt: skip


def test_every_rule_that_diagnose_reports_is_tried() -> None:
    reported = {code for code, rule in rules_by_code().items() if Tool.DIAGNOSE in rule.tools}
    assert reported == {*CASES, "LK301"}


@pytest.mark.parametrize("code", CASES)
def test_the_fault_is_named_first(code: str, tmp_path: Path) -> None:
    make, options = CASES[code]
    torch.manual_seed(0)
    report = diagnose(written(tmp_path / "log.csv", make()), **options)
    assert code in report.codes[:2], str(report)
    assert all(Tool.DIAGNOSE in finding.rule.tools for finding in report)


@pytest.mark.parametrize("name", HEALTHY)
def test_a_fine_curve_is_met_with_silence(name: str, tmp_path: Path) -> None:
    make, options = HEALTHY[name]
    report = diagnose(written(tmp_path / "log.csv", make()), **options)
    assert not report, str(report)


def test_norms_of_gradients_that_explode(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = nn.Linear(10, 1)
    rows = []
    for step in range(60):
        loss = nn.functional.mse_loss(model(DIABETES.inputs), DIABETES.targets)
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        norm = float(torch.stack([one.norm() for one in gradients]).norm())
        rows.append({"step": step, "loss": loss.item(), "grad_norm": norm})
        with torch.no_grad():
            for at, parameter in enumerate(model.parameters()):
                parameter.sub_(0.35 * gradients[at])
    assert "LK301" in diagnose(written(tmp_path / "log.csv", rows)).codes


def test_where_overfitting_begins(tmp_path: Path) -> None:
    rows = overfitted()
    report = diagnose(written(tmp_path / "log.csv", rows))
    finding = next(one for one in report if one.code == "LK406")
    lowest = min(rows, key=lambda row: row["val_loss"])
    assert finding.sight is not None
    assert finding.sight.epoch == pytest.approx(lowest["epoch"], abs=1)
    assert finding.numbers["lowest"] == pytest.approx(lowest["val_loss"], rel=0.01)


def test_a_validation_loss_below_the_training_loss_is_explained(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.4), nn.Linear(64, 10))
    report = diagnose(written(tmp_path / "log.csv", trained(DIGITS, model=model, epochs=12)))
    assert not report, str(report)
    assert "dropout or augmentation" in " ".join(report.notes)


# Formats.


@pytest.mark.parametrize(
    ("file", "train", "held", "metric"),
    [
        ("lightning.csv", "train_loss", "val_loss", "val_acc"),
        ("trainer_state.json", "loss", "eval_loss", "eval_accuracy"),
        ("events.out.tfevents.1", "train/loss", "val/loss", None),
    ],
)
def test_logs_that_the_libraries_themselves_wrote(
    file: str, train: str, held: str, metric: str | None
) -> None:
    log = read_logs([LOGS / file])
    assert log.train is not None
    assert log.validation is not None
    assert (log.train.name, log.validation.name) == (train, held)
    assert [curve.name for curve in log.metrics] == ([] if metric is None else [metric])
    assert not diagnose(LOGS / file)
    if file.startswith("events"):
        # What was written: 2.3 / (i + 1) + 0.1 at step 10 i, in float32.
        expected = 2.3 / np.arange(1, 41) + 0.1
        np.testing.assert_allclose(log.train.mean, expected, rtol=1e-6)
        assert log.train.step.tolist() == [10.0 * i for i in range(40)]
    else:
        assert log.train.epoch[-1] >= 11


def test_all_forms_of_one_history_give_the_same(tmp_path: Path) -> None:
    rows = trained(DIGITS, lr=1e-9, optimizer=SGD)
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    forms = {
        "log.csv": written(tmp_path / "log.csv", rows).read_text(),
        "tabs.csv": "\n".join(
            "\t".join(map(str, line)) for line in [list(rows[0]), *(r.values() for r in rows)]
        ),
        "log.jsonl": "\n".join(map(json.dumps, rows)),
        "cut.jsonl": "\n".join(map(json.dumps, rows)) + '\n{"epoch": 2',
        "rows.json": json.dumps(rows),
        "keras.json": json.dumps(columns),
        "history.json": json.dumps({"history": columns}),
        "trainer_state.json": json.dumps({"log_history": rows}),
    }
    levels = []
    for name, text in forms.items():
        (tmp_path / name).write_text(text)
        [finding] = diagnose(tmp_path / name, classes=10)
        assert finding.code == "LK401"
        levels.append(finding.numbers["level"])
    assert np.ptp(levels) == 0
    (tmp_path / "bare.csv").write_text("\n".join(str(row["train_loss"]) for row in rows))
    report = diagnose(tmp_path / "bare.csv", classes=10)
    assert report.codes == ("LK401",)


def test_an_event_file_of_tensorflow(tmp_path: Path) -> None:
    """Scalars as tensors, in folders for training and validation, as Keras writes them."""
    # An event of step 7 with the tag epoch_loss and a float tensor of 0.5, from the definitions
    # of event.proto, summary.proto and tensor.proto, field by field.
    tensor = b"\x08\x01" + b"\x12\x00" + b"\x22\x04" + np.float32(0.5).tobytes()
    value = b"\x0a\x0aepoch_loss" + b"\x42" + bytes([len(tensor)]) + tensor
    summary = b"\x0a" + bytes([len(value)]) + value
    event = b"\x10\x07" + b"\x2a" + bytes([len(summary)]) + summary
    record = len(event).to_bytes(8, "little") + b"\0" * 4 + event + b"\0" * 4
    for folder in ("train", "validation"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "events.out.tfevents.2").write_bytes(record + record[:9])
    log = read_logs([tmp_path])
    assert log.train is not None
    assert log.validation is not None
    assert (log.train.name, log.validation.name) == ("train/epoch_loss", "validation/epoch_loss")
    assert (log.train.mean.tolist(), log.train.step.tolist()) == ([0.5], [7.0])


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("none.csv", None, "is no file"),
        ("empty.csv", b"", "is empty"),
        ("text.csv", b"a,b\nc,d\n", "has no loss: it has no numbers"),
        ("binary.csv", bytes(range(200)), "is no text"),
        ("latin.csv", "lößß,x\n1,2\n".encode("latin-1"), "is no text in UTF-8"),
        ("bad.jsonl", b"{\n{\n", "is no JSON"),
        ("number.json", b"3", "holds a int, no log"),
        ("empty.json", b"{}", "holds no list of numbers by name"),
        ("x.tfevents.1", b"\xff" * 64, "is no event file, or is damaged"),
    ],
)
def test_what_is_no_log_is_refused(
    tmp_path: Path, name: str, content: bytes | None, why: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LogError, match=why):
        diagnose(path)
    result = CliRunner().invoke(app, ["diagnose", str(path)])
    assert (result.exit_code, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1


def test_names_tell_what_a_series_is() -> None:
    wanted = {
        "loss": Kind.TRAIN_LOSS,
        "train/loss_epoch": Kind.TRAIN_LOSS,
        "trainLoss": Kind.TRAIN_LOSS,
        "val_loss": Kind.VALIDATION_LOSS,
        "eval_loss": Kind.VALIDATION_LOSS,
        "test_nll": Kind.VALIDATION_LOSS,
        "valid/acc": Kind.VALIDATION_METRIC,
        "accuracy": Kind.TRAIN_METRIC,
        "val_rmse": Kind.VALIDATION_METRIC,
        "lr-AdamW": Kind.LEARNING_RATE,
        "learning_rate": Kind.LEARNING_RATE,
        "grad_norm": Kind.GRADIENT_NORM,
        "train_runtime": Kind.OTHER,
        "epoch_time": Kind.OTHER,
    }
    assert {name: kind_of(name) for name in wanted} == wanted


# Size.


@pytest.mark.parametrize("length", [1, 17, MOST, 2 * MOST + 1, 100_003])
def test_buckets_hold_what_was_put_in(length: int) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=length)
    recorder = Recorder("loss")
    at = 0
    while at < length:
        part = values[at : at + int(rng.integers(1, 5000))]
        steps = np.arange(at, at + len(part), dtype=np.float64)
        recorder.add(steps, steps / 100, part)
        at += len(part)
    curve = recorder.curve()
    assert curve.points == length
    assert len(curve) <= 2 * MOST + 1
    assert curve.low.min() == values.min()
    assert curve.high.max() == values.max()
    assert curve.step[-1] == length - 1
    if length <= 2 * MOST:
        np.testing.assert_array_equal(curve.mean, values)
    else:
        assert curve.mean.mean() == pytest.approx(values.mean(), abs=2e-3)


MEASURE = """
import resource, sys
from losskit.check.curves.diagnose import diagnose
diagnose(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(diagnose(sys.argv[2]).notes[0])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_long_log_takes_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    """A twentieth of ten million rows; the memory is that of a hundredth of it."""
    lines = [f"{i},{i % 97 / 97 + 1e6 / (i + 1e6):.5f}\n" for i in range(100_000)]
    for name, times in (("short.csv", 1), ("long.csv", 5)):
        with (tmp_path / name).open("w") as file:
            file.write("step,loss\n")
            for _ in range(times):
                file.writelines(lines)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path / "short.csv"), str(tmp_path / "long.csv")],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    note, grown = done.stdout.splitlines()
    assert "500,000 points" in note
    assert int(grown) < 8_000, f"{grown} KiB more"


# The command.


def test_the_command_tells_and_draws(tmp_path: Path) -> None:
    path = written(tmp_path / "log.csv", overfitted())
    picture = tmp_path / "curves.svg"
    result = CliRunner().invoke(app, ["diagnose", str(path), "--plot", str(picture)])
    assert result.exit_code == 1
    assert result.stdout.splitlines()[0] == "log.csv: 1 finding (1 suspicious)"
    assert f"Picture: {picture}" in result.stdout
    drawn = picture.read_text()
    for text in ("LK406 overfits", "train_loss", "val_loss", "epoch", "loss"):
        assert text in drawn
    again = tmp_path / "again.svg"
    CliRunner().invoke(app, ["diagnose", str(path), "--plot", str(again)])
    assert again.read_text() == drawn
    for kind, start in (("png", b"\x89PNG"), ("pdf", b"%PDF")):
        CliRunner().invoke(app, ["diagnose", str(path), "--plot", str(tmp_path / f"x.{kind}")])
        assert (tmp_path / f"x.{kind}").read_bytes().startswith(start)


def test_json_follows_the_documented_schema(tmp_path: Path) -> None:
    schema = json.loads(SCHEMA.read_text("utf-8"))
    for rows, code in ((with_nan(), 1), (trained(DIGITS, epochs=8), 0)):
        path = written(tmp_path / "log.csv", rows)
        result = CliRunner().invoke(app, ["diagnose", str(path), "--format", "json"])
        assert result.exit_code == code
        jsonschema.validate(json.loads(result.stdout), schema)


def test_several_logs_are_one_training(tmp_path: Path) -> None:
    rows = resumed()
    first = written(tmp_path / "first.csv", rows[:12])
    second = written(tmp_path / "second.csv", rows[12:])
    report = diagnose(first, second)
    assert report.codes == ("LK407",)
    assert report.subject == "2 logs"


def test_nothing_of_a_log_is_markup(tmp_path: Path) -> None:
    name = "[bold]$x^_loss"
    path = tmp_path / "log.csv"
    path.write_text(f"{name}\n" + "\n".join(["2.0"] * 40))
    picture = tmp_path / "x.svg"
    result = CliRunner().invoke(app, ["diagnose", str(path), "--plot", str(picture)])
    assert name in result.stdout
    assert name in picture.read_text()
