"""Logs as exports and editors leave them: marks, long numbers, other names, cells of text."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from losskit.check.curves.diagnose import diagnose
from losskit.check.curves.log import read_logs
from losskit.check.curves.names import Kind, kind_of
from losskit.cli.main import app

FALLING = [2 / (i + 1) + 0.1 for i in range(40)]
ROWS = [{"step": 10 * i, "loss": value} for i, value in enumerate(FALLING)]
LINES = "\n".join(map(json.dumps, ROWS))


@pytest.mark.parametrize("digits", [400, 5000])
@pytest.mark.parametrize("ending", ["jsonl", "json"])
def test_whole_numbers_of_any_length(digits: int, ending: str, tmp_path: Path) -> None:
    """One in a column that nobody looks at does no harm; a loss of that size is infinite."""
    long = "9" * digits
    rows = [json.dumps(row)[:-1] + f', "id": {long}}}' for row in ROWS]
    path = tmp_path / f"log.{ending}"
    path.write_text("\n".join(rows) if ending == "jsonl" else f"[{','.join(rows)}]")
    assert not diagnose(path)
    path.write_text(path.read_text().replace(f'"loss": {FALLING[-1]},', f'"loss": {long},'))
    assert diagnose(path).codes == ("LK202",)
    path.write_text(path.read_text().replace('"step": 10,', f'"step": {long},'))
    assert CliRunner().invoke(app, ["diagnose", str(path)]).exit_code == 1


def test_an_event_whose_step_has_too_many_bits(tmp_path: Path) -> None:
    event = b"\x10" + b"\xff" * 157 + b"\x07" + b"\x2a\x00"
    path = tmp_path / "events.out.tfevents.3"
    path.write_bytes(len(event).to_bytes(8, "little") + b"\0" * 4 + event + b"\0" * 4)
    result = CliRunner().invoke(app, ["diagnose", str(path)])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "is damaged: a record is no event" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("log.jsonl", LINES),
        ("log.json", json.dumps(ROWS)),
        ("log.txt", LINES),
        ("log.csv", "step,loss\n" + "\n".join(f"{r['step']},{r['loss']}" for r in ROWS)),
    ],
)
def test_a_mark_of_utf_8_is_read_over(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8-sig")
    log = read_logs([tmp_path / name])
    assert log.train is not None
    np.testing.assert_allclose(log.train.mean, FALLING)
    assert log.train.step[-1] == 390


def test_what_stands_beside_a_loss_is_none() -> None:
    wanted = {
        "loss_scale": Kind.OTHER,
        "amp/lossScaler": Kind.OTHER,
        "ce_weight": Kind.OTHER,
        "weight_loss": Kind.TRAIN_LOSS,
        "scaled_loss": Kind.TRAIN_LOSS,
        "test-run-3 - train/loss": Kind.TRAIN_LOSS,
        "train-run-3 - val/loss": Kind.VALIDATION_LOSS,
        "train/val_loss": Kind.VALIDATION_LOSS,
        "dev-box - train/accuracy": Kind.TRAIN_METRIC,
    }
    assert {name: kind_of(name) for name in wanted} == wanted


def test_a_scale_that_never_moves_is_not_judged(tmp_path: Path) -> None:
    rows = [{"step": r["step"], "loss_scale": 65536, "train/loss": r["loss"]} for r in ROWS]
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, rows)))
    report = diagnose(tmp_path / "log.jsonl")
    assert not report, str(report)
    assert "training loss 'train/loss'" in report.notes[0]


@pytest.mark.parametrize("name", ["_step", "trainer/global_step", "train/global_step"])
def test_steps_as_trackers_call_them(name: str, tmp_path: Path) -> None:
    rows = [{name: 500 * i, "_runtime": 1.5 * i, "loss": v} for i, v in enumerate(FALLING)]
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, rows)))
    log = read_logs([tmp_path / "log.jsonl"])
    assert log.train is not None
    assert log.train.step.tolist() == [500.0 * i for i in range(40)]


def test_thousands_are_parted_by_the_other_mark(tmp_path: Path) -> None:
    values = [round(5000 / (i + 1) + 3, 2) for i in range(40)]
    for kind in ("{:,.2f}", "{:.2f}"):
        for swapped in (False, True):
            cells = [kind.format(value) for value in values]
            if swapped:
                cells = [cell.translate(str.maketrans(",.", ".,")) for cell in cells]
            lines = "\n".join(f"{i};{cell}" for i, cell in enumerate(cells))
            (tmp_path / "log.csv").write_text(f"step;loss\n{lines}\n")
            log = read_logs([tmp_path / "log.csv"])
            assert log.train is not None
            np.testing.assert_allclose(log.train.mean, values)
            assert len(log.notes) == 1


def test_cells_that_are_no_numbers_are_counted(tmp_path: Path) -> None:
    cells = ["n/a" if i % 10 == 3 else f"{value}" for i, value in enumerate(FALLING)]
    (tmp_path / "log.csv").write_text("loss,phase\n" + "".join(f"{c},warm\n" for c in cells))
    notes = diagnose(tmp_path / "log.csv").notes
    assert [one for one in notes if "no number" in one] == [
        "4 cells that are no numbers in 'loss', left out"
    ]
    rows = [{"loss": cell if cell == "n/a" else float(cell)} for cell in cells[:4]]
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, rows)))
    notes = diagnose(tmp_path / "log.jsonl").notes
    assert "1 cell that is no number in 'loss', left out" in notes


def test_columns_of_the_same_name_are_told_apart(tmp_path: Path) -> None:
    lines = "\n".join(f"{i},{value},0.5,7" for i, value in enumerate(FALLING))
    (tmp_path / "log.csv").write_text(f"step,loss,loss,loss (2)\n{lines}\n")
    report = diagnose(tmp_path / "log.csv")
    assert not report, str(report)
    assert "other losses are left aside: 'loss (2)', 'loss (2) (2)'" in report.notes
    log = read_logs([tmp_path / "log.csv"])
    assert log.train is not None
    np.testing.assert_allclose(log.train.mean, FALLING)
