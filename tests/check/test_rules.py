"""The catalogue of rules is complete and says what users need."""

from __future__ import annotations

import ast
import dataclasses

import pytest

from losskit.check.catalogue import rule, rule_modules, rules_by_code
from losskit.check.findings import Rule

every_rule = pytest.mark.parametrize("found", rules_by_code().values(), ids=rules_by_code().keys())


def test_every_file_holds_one_rule_of_its_name() -> None:
    for module in rule_modules():
        assert module.__name__.rpartition(".")[2] == module.RULE.name.replace("-", "_")
        assert module.__doc__.startswith(f"{module.RULE.code}: ")
    assert len(rules_by_code()) == len(rule_modules())
    assert len({found.name for found in rules_by_code().values()}) == len(rule_modules())


@every_rule
def test_rules_are_told_completely(found: Rule) -> None:
    for field in dataclasses.fields(found):
        assert getattr(found, field.name), f"{found.code} has no {field.name}"
    for text in (found.summary, found.why, found.mend):
        assert text.endswith("."), f"{found.code}: {text!r} is no sentence"
    for source in found.sources:
        assert source.url.startswith("https://")
    assert found.bad != found.good
    ast.parse(found.bad)
    ast.parse(found.good)


def test_a_rule_is_found_by_its_code() -> None:
    assert rule("lk101").name == "softmax-before-cross-entropy"
    with pytest.raises(ValueError, match=r"no rule has the code 'LK999'; there is LK101, "):
        rule("LK999")
