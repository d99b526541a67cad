"""Logs of all kinds and lengths, read for what they are or refused in one line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from curve_runs import DIGITS, SGD, trained, written
from typer.testing import CliRunner

from losskit.check.curves.diagnose import diagnose
from losskit.check.curves.log import LogError, read_logs
from losskit.check.curves.names import Kind, kind_of
from losskit.check.curves.series import MOST, Recorder
from losskit.cli.main import app

LOGS = Path(__file__).parent / "logs"


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
        ("number.json", b"3", "holds a number, no log"),
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


def test_commas_in_numbers_and_numbers_written_out(tmp_path: Path) -> None:
    falling = [2 / (i + 1) for i in range(20)]
    commas = "\n".join(f"{i};{value:.6f}".replace(".", ",") for i, value in enumerate(falling))
    (tmp_path / "commas.csv").write_text(f"epoch;train loss\n{commas}\n")
    log = read_logs([tmp_path / "commas.csv"])
    assert log.train is not None
    np.testing.assert_allclose(log.train.mean, falling, atol=1e-6)
    # As W&B writes what JSON has no number for.
    rows = [json.dumps({"loss": value if i < 15 else "NaN"}) for i, value in enumerate(falling)]
    (tmp_path / "nan.jsonl").write_text("\n".join(rows))
    [finding] = diagnose(tmp_path / "nan.jsonl")
    assert (finding.code, finding.sight.step) == ("LK202", 15)


def test_sums_of_huge_numbers_do_not_overflow(tmp_path: Path) -> None:
    (tmp_path / "huge.csv").write_text("loss\n" + "1.7e308\n" * 40)
    assert diagnose(tmp_path / "huge.csv").codes == ("LK202",)


def test_series_are_named_where_their_names_do_not_tell(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    rows = [f"{i % 7},{2 / (i + 1)},{3 / (i + 1)}" for i in range(40)]
    path.write_text("\n".join(["a,b,c", *rows]))
    report = diagnose(path)
    assert "no series is named a loss; 'a' is taken for the training loss" in " ".join(report.notes)
    log = read_logs([path], train="b", validation="c")
    assert log.train is log.curves["b"]
    assert log.validation is log.curves["c"]
    options = ["--train", "b", "--validation", "c"]
    result = CliRunner().invoke(app, ["diagnose", str(path), *options])
    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, "log.csv: nothing found")
    result = CliRunner().invoke(app, ["diagnose", str(path), "--train", "d"])
    assert result.exit_code == 2
    assert "has no series 'd'; it has 'a', 'b', 'c'" in result.stderr


def test_what_was_not_looked_at_is_told(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("loss,loss_step\n2,3\n")
    notes = " ".join(diagnose(path).notes)
    assert "'loss' (1 point)" in notes
    assert "other losses are left aside: 'loss_step'" in notes
    assert "loss has too few points to have a shape" in notes
