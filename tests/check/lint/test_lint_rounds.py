"""Gradients that one loss of a round leaves to the step of another."""

from __future__ import annotations

from pathlib import Path

import pytest
from lint_runs import found

GAN = """
import torch
from torch import nn

generator, judge = nn.Linear(2, 4), nn.Linear(4, 1)
opt_g = torch.optim.Adam(generator.parameters())
opt_d = torch.optim.Adam(judge.parameters())
criterion = nn.BCEWithLogitsLoss()
for real, noise, ones, zeros in loader:
    BEFORE
    made = generator(noise)
    d_loss = criterion(judge(real), ones) + criterion(judge(made), zeros)
    d_loss.backward(retain_graph=True)
    opt_d.step()
    BETWEEN
    g_loss = criterion(judge(made), ones)
    g_loss.backward()
    opt_g.step()
"""


def _leftovers(text: str, folder: Path) -> list[tuple[int, str]]:
    seen = [one for one in found(folder, {"go.py": text}) if one.code == "LK305"]
    return [(one.place.line, one.message) for one in seen]


def _gan(before: str, between: str) -> str:
    return GAN.replace("BEFORE", before).replace("BETWEEN", between)


BOTH = "opt_g.zero_grad(); opt_d.zero_grad()"


def test_a_generator_gets_the_gradient_of_its_judges_loss(tmp_path: Path) -> None:
    ((line, message),) = _leftovers(_gan(BOTH, "pass"), tmp_path)
    assert line == 17
    assert "opt_g" in message


@pytest.mark.parametrize(
    "text",
    [
        _gan("opt_d.zero_grad()", "opt_g.zero_grad()"),
        _gan("opt_d.zero_grad()", "generator.zero_grad()"),
        _gan("opt_d.zero_grad()", "generator.zero_grad()").replace(
            "Adam(generator.parameters())",
            "Adam([*generator.last.parameters(), *generator.first.parameters()])",
        ),
        _gan(BOTH, "pass").replace("judge(made), zeros", "judge(made.detach()), zeros"),
        _gan(BOTH, "pass").replace("generator(noise)", "noise @ real"),
        _gan(BOTH, "if judge.training: opt_g.zero_grad()"),
        _gan(BOTH, "for one in generator.parameters(): one.grad = None"),
        _gan(BOTH, "made = generator(noise)").replace(
            "    made = generator(noise)\n    d_loss",
            "    with torch.no_grad():\n        made = generator(noise)\n    d_loss",
        ),
        _gan(BOTH, "made = generator(noise)").replace(
            "    made = generator(noise)\n    d_loss",
            "    if kept:\n        made = kept.draw()\n    d_loss",
        ),
        _gan(BOTH, "reset_grad()"),
        _gan(BOTH, "begin()") + "def begin(): opt_g.zero_grad()\n",
    ],
    ids=[
        "cleared",
        "by the model",
        "by the model of parts",
        "detached",
        "of data",
        "at times",
        "by hand",
        "without a gradient",
        "chosen",
        "out of sight",
        "own",
    ],
)
def test_what_is_cleared_or_cut_leaves_nothing(text: str, tmp_path: Path) -> None:
    assert _leftovers(text, tmp_path) == []


AGAIN = """
import torch
opt = torch.optim.SGD(model.parameters(), lr=0.1)
opt_all = torch.optim.SGD([*model.parameters(), *head.parameters()], lr=0.1)
for x, y in loader:
    opt.zero_grad()
    out = model(x)
    first = criterion(out, y)
    first.backward(retain_graph=True)
    opt.step()
    CLEAR
    second = criterion(head(out), y)
    second.backward()
    opt_all.step()
"""


@pytest.mark.parametrize(("clear", "lines"), [("pass", [13]), ("opt_all.zero_grad()", [])])
def test_what_was_applied_once_is_not_applied_again(
    clear: str, lines: list[int], tmp_path: Path
) -> None:
    assert [line for line, _ in _leftovers(AGAIN.replace("CLEAR", clear), tmp_path)] == lines


def test_two_losses_may_train_what_both_are_for(tmp_path: Path) -> None:
    """As an encoder's and a generator's, whose second loss is added on purpose."""
    text = AGAIN.replace("opt_all = torch.optim.SGD([*model", "opt_all = torch.optim.SGD([*other")
    text = text.replace("head(out)", "head(other(out))").replace("= model(x)", "= model(other(x))")
    text = text.replace("opt.zero_grad()", "opt.zero_grad(); opt_all.zero_grad()")
    assert _leftovers(text.replace("CLEAR", "pass"), tmp_path) == []


FIRST = """
import torch
from torch import nn
from torch.autograd import Variable

generator, DomainDiscriminator_A = nn.Linear(2, 4), nn.Linear(4, 1)
opt_g = torch.optim.Adam(generator.parameters())
opt_d = torch.optim.Adam(DomainDiscriminator_A.parameters())
for real, noise in loader:
    BEFORE
    ones = Variable(torch.ones(9, 1), requires_grad=False)
    made = generator(noise)
    g_loss = criterion(DomainDiscriminator_A(made), ones)
    g_loss.backward()
    opt_g.step()
    BETWEEN
    d_loss = criterion(DomainDiscriminator_A(real), ones) - DomainDiscriminator_A(made.detach())
    d_loss.backward()
    opt_d.step()
"""


@pytest.mark.parametrize(
    ("before", "between", "lines"),
    [
        (BOTH, "pass", [18]),
        ("opt_g.zero_grad()", "opt_d.zero_grad()", []),
        (BOTH, "DomainDiscriminator_A.zero_grad()", []),
        (BOTH, "freeze(DomainDiscriminator_A)", []),
        (f"{BOTH}; DomainDiscriminator_A.requires_grad_(False)", "pass", []),
        (f"{BOTH}; set_requires_grad(DomainDiscriminator_A, False)", "pass", []),
    ],
)
def test_a_judge_gets_the_gradient_of_the_generators_loss(
    before: str, between: str, lines: list[int], tmp_path: Path
) -> None:
    """Which wants it to be wrong; what says that a number is no weight is in nobody's way."""
    text = FIRST.replace("BEFORE", before).replace("BETWEEN", between)
    assert [line for line, _ in _leftovers(text, tmp_path)] == lines


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("for real,", "frozen.requires_grad_(False); generator.requires_grad_(True)\nfor real,"),
        ("for real,", "DomainDiscriminator_A.body.requires_grad_(False)\nfor real,"),
        ("for real,", "assert all(p.requires_grad for p in generator.parameters())\nfor real,"),
        ("g_loss.backward()", "accelerator.backward(g_loss)"),
        ("BETWEEN", "if sync_gradients: clip_grad_norm_(generator.parameters(), max_grad_norm)"),
        (
            "opt_g = torch.optim.Adam(generator.parameters())",
            "some = list(generator.first.parameters())\nsome += generator.last.parameters()\n"
            "opt_g = torch.optim.Adam(some)",
        ),
    ],
    ids=["another", "a part", "asked", "accelerate", "clipped", "a list"],
)
def test_what_hides_nothing(old: str, new: str, tmp_path: Path) -> None:
    text = FIRST.replace(old, new).replace("BEFORE", BOTH).replace("BETWEEN", "pass")
    added = text[: text.index("d_loss.backward()")].count("\n") + 1
    assert [line for line, _ in _leftovers(text, tmp_path)] == [added]


@pytest.mark.parametrize(
    "switch",
    [
        "DomainDiscriminator_A.body.requires_grad_(False); made = generator(noise)\n    "
        "DomainDiscriminator_A.body.requires_grad_(True)",
        "DomainDiscriminator_A.requires_grad_(False)",
        "DomainDiscriminator_A.requires_grad_(training)",
        "models.requires_grad_(False)",
    ],
)
def test_what_may_freeze_a_judge(switch: str, tmp_path: Path) -> None:
    text = FIRST.replace("BEFORE", f"{BOTH}; {switch}").replace("BETWEEN", "pass")
    text = text.replace("DomainDiscriminator_A", "models.judge") if "models" in switch else text
    assert _leftovers(text, tmp_path) == []
