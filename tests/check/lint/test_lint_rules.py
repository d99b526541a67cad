"""Every rule sees its own example, and nothing in the mended one."""

from __future__ import annotations

from pathlib import Path

import pytest
from lint_runs import found

from losskit.check.catalogue import rule_modules, rules_by_code
from losskit.check.findings import Fixes, Rule, Tool
from losskit.check.lint.fixes import changes
from losskit.check.lint.report import HOOKS
from losskit.check.lint.run import lint
from losskit.check.lint.settings import Settings

SEEN = {code: rule for code, rule in rules_by_code().items() if Tool.LINT in rule.tools}
every_rule = pytest.mark.parametrize("rule", SEEN.values(), ids=SEEN.keys())


@every_rule
def test_the_example_shows_the_mistake_and_nothing_else(rule: Rule, tmp_path: Path) -> None:
    [finding] = found(tmp_path, {"train.py": rule.bad})
    assert finding.code == rule.code
    assert finding.severity is rule.severity
    assert finding.place.path.endswith("train.py")


@every_rule
def test_the_mended_example_is_clean(rule: Rule, tmp_path: Path) -> None:
    assert found(tmp_path, {"train.py": rule.good}) == []


def test_every_rule_that_lint_reports_has_a_hook_and_no_other_has() -> None:
    for module in rule_modules():
        hooks = [name for name in HOOKS if hasattr(module, name)]
        assert bool(hooks) == (Tool.LINT in module.RULE.tools), module.RULE.code
        odd = [name for name in vars(module) if name.startswith("on_") and name not in HOOKS]
        assert not odd, f"{module.RULE.code} has {odd}, which nothing calls"


def mended(folder: Path, *, unsafe: bool) -> str:
    outcome = lint([str(folder / "train.py")], Settings(), cached=False, jobs=1)
    [changed] = changes(outcome.findings, unsafe=unsafe)
    return changed.after


def test_the_former_name_of_the_mean_is_mended(tmp_path: Path) -> None:
    text = 'from torch import nn\n\nloss = nn.MSELoss(reduction="elementwise_mean")\n'
    (tmp_path / "train.py").write_text(text)
    assert mended(tmp_path, unsafe=False) == text.replace("elementwise_mean", "mean")


# What the examples become; where the example itself has no fix, the good one differs too much.
@pytest.mark.parametrize(
    ("code", "before", "after"),
    [
        (
            "LK102",
            "F.cross_entropy(F.log_softmax(model(inputs), dim=1), ",
            "F.cross_entropy(model(inputs), ",
        ),
        ("LK103", "criterion(torch.sigmoid(model(inputs)), ", "criterion(model(inputs), "),
        ("LK111", "F.softmax(", "F.log_softmax("),
        ("LK123", "kl_div(q, p, ", "kl_div(p, q, "),
        ("LK131", "nn.MSELoss(model", "nn.MSELoss()(model"),
        ("LK133", "size_average=False", 'reduction="sum"'),
        (
            "LK142",
            "binary_cross_entropy(labels.float(), probabilities)",
            "binary_cross_entropy(probabilities, labels.float())",
        ),
        ("LK172", "torch.log(torch.softmax(logits, dim=1))", "torch.log_softmax(logits, dim=1)"),
        ("LK183", "BCEWithLogitsLoss(pos_weight)", "BCEWithLogitsLoss(pos_weight=pos_weight)"),
    ],
)
def test_fixes_change_nothing_else(code: str, before: str, after: str, tmp_path: Path) -> None:
    rule = rules_by_code()[code]
    (tmp_path / "train.py").write_text(rule.bad)
    assert before in rule.bad
    assert mended(tmp_path, unsafe=rule.fixes is Fixes.UNSAFE) == rule.bad.replace(before, after)
