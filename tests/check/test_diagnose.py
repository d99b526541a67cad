"""What ``losskit diagnose`` sees in logs of real trainings, with faults and without."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import torch
from curve_runs import (
    CANCER,
    DIABETES,
    DIGITS,
    SGD,
    Row,
    burdened,
    full_batch,
    kl_of_probabilities,
    overfitted,
    rare,
    resumed,
    softmax_twice,
    trained,
    with_nan,
    written,
)
from torch import nn
from typer.testing import CliRunner

from losskit.check.catalogue import rules_by_code
from losskit.check.curves.diagnose import diagnose
from losskit.check.findings import Tool
from losskit.cli.main import app

SCHEMA = Path(__file__).parents[2] / "docs" / "findings-schema.json"

CASES: dict[str, tuple[Callable[[], list[Row]], dict[str, Any]]] = {
    "LK101": (softmax_twice, {"classes": 10}),
    # Without the number of classes: with an accuracy like this, no other model has such a loss.
    "LK101 by accuracy": (softmax_twice, {}),
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
    assert reported == {*(name[:5] for name in CASES), "LK301"}


@pytest.mark.parametrize("name", CASES)
def test_the_fault_is_named_first(name: str, tmp_path: Path) -> None:
    make, options = CASES[name]
    torch.manual_seed(0)
    report = diagnose(written(tmp_path / "log.csv", make()), **options)
    assert name[:5] in report.codes[:2], str(report)
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


def test_a_curve_of_nan_has_a_picture(tmp_path: Path) -> None:
    path, picture = tmp_path / "log.csv", tmp_path / "x.svg"
    path.write_text("loss\n" + "nan\n" * 9)
    result = CliRunner().invoke(app, ["diagnose", str(path), "--plot", str(picture)])
    assert result.exit_code == 1
    assert "LK202 not-finite" in picture.read_text()


def test_a_loss_of_nothing_but_zeros_teaches_nothing(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("loss\n" + "0\n" * 40)
    assert diagnose(path).codes == ("LK405",)


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
