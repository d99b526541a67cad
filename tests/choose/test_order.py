"""The order of the losses follows from their cards, and what is said of it is true."""

import dataclasses
import re

import numpy as np
import pytest

import losskit
from cases import every_loss
from losskit.choose.build import changes
from losskit.choose.goals import Wanted
from losskit.choose.ranking import goals_of, rank, signs_of
from losskit.choose.rules import RULES
from losskit.core.elementwise import Residual
from losskit.core.targets import KINDS, NUMBERS, REAL, TargetKind
from losskit.core.uses import Estimate, Goal, Sign, Use
from losskit.losses import CATALOGUE

DRAW = np.random.default_rng(2)
every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=str)


@every_loss
def test_every_loss_says_what_it_is_for(kind) -> None:
    assert kind.card.uses
    for use in kind.card.uses:
        assert use.why.endswith(".")
        assert use.target in KINDS.values()
        assert set(use.settings) <= set(kind.parameters())
        assert not set(use.better_with) & set(use.worse_with)
        plain = {name: value for name, value in use.settings.items() if not isinstance(value, str)}
        kind(**plain)


@every_kind
def test_every_kind_has_losses_and_a_clear_first_one(kind: TargetKind) -> None:
    ranked = rank(kind, ())
    assert ranked
    ranks = [candidate.use.rank for candidate in ranked]
    assert ranks == sorted(ranks)
    assert ranks[0] == 1
    uses = [use for loss in CATALOGUE.values() for use in loss.card.uses if use.target is kind]
    assert len({use.rank for use in uses}) == len(uses), "two losses have one place"


@every_kind
def test_every_goal_and_sign_moves_something(kind: TargetKind) -> None:
    for goal in goals_of(kind):
        assert (
            rank(kind, (), (goal,))[0].speaks_for == (goal,)
            or goal in rank(kind, (), (goal,))[0].speaks_for
        )
    for sign in signs_of(kind):
        moved = [one for one in rank(kind, (sign,)) if sign in (*one.use.needs, *one.speaks_for)]
        assert moved


def test_no_sign_goal_or_estimate_is_idle() -> None:
    uses = [use for loss in CATALOGUE.values() for use in loss.card.uses]
    named = {one for use in uses for one in (*use.needs, *use.better_with, *use.worse_with)}
    assert named == {*Sign, *Goal}
    values = [value for use in uses for value in use.settings.values()]
    assert {one for one in values if isinstance(one, Estimate)} == set(Estimate)
    assert all(goal.meaning for goal in Goal)


@every_kind
def test_what_would_change_the_answer_does(kind: TargetKind) -> None:
    first = rank(kind, ())[0]
    for said in changes(kind, (), Wanted()):
        goal = re.search(r"\(goal ([a-z-]+)\)", said)
        if goal:
            then = rank(kind, (), (Goal(goal[1]),))[0]
        else:
            sign = next(one for one in Sign if said.startswith(f"If {one}:"))
            then = rank(kind, (sign,))[0]
        assert then.loss.__name__ in said
        assert (then.loss, then.use) != (first.loss, first.use)


@pytest.mark.parametrize(
    ("target", "goal", "first"),
    [
        (DRAW.normal(0, 1, 300), "robust", "Huber"),
        (DRAW.normal(0, 1, 300), "median", "MAE"),
        (DRAW.normal(0, 1, 300), "quantile=0.1", "Quantile"),
        (DRAW.normal(0, 1, 300), "intervals", "GaussianNLL"),
        (DRAW.standard_t(1, 300), "mean", "MSE"),
        (DRAW.lognormal(3, 1, 300), "mean", "GammaNLL"),
        (DRAW.lognormal(3, 1, 300), "median", "MAE"),
        (DRAW.poisson(2, 300), "robust", "Huber"),
        (DRAW.random(300) < 0.1, "calibrated", "BinaryCrossEntropyWithLogits"),
        (DRAW.random(300) < 0.1, "rare-recall", "BinaryCrossEntropyWithLogits"),
        (np.repeat(["a", "b", "c"], [90, 60, 20]), "robust", "GeneralizedCrossEntropy"),
        (np.repeat(["a", "b", "c"], [90, 60, 20]), "rare-recall", "CrossEntropy"),
        (DRAW.integers(0, 2, (4, 9, 9)), "overlap", "Dice"),
    ],
)
def test_goals_decide(target: object, goal: str, first: str) -> None:
    found = losskit.choose(target, goal=goal)
    assert found[0].name == first
    assert found.goal == goal
    assert any(reason.text.startswith("You asked for") for reason in found[0].because)
    weighted = "weight" in found[0].spec
    assert weighted == (goal == "rare-recall")


def test_robust_losses_come_first_where_targets_are_wild() -> None:
    found = losskit.choose(DRAW.standard_t(1.1, 1000))
    assert [one.name for one in found[:2]] == ["Huber", "MAE"]
    assert "robust standard deviations" in found[0].because[1].text
    assert any(
        said.startswith("If it were not so that some targets lie far")
        for said in found[0].would_change
    )
    assert not any(
        "lie far" in one.text for one in losskit.choose(DRAW.normal(0, 1, 999))[0].because
    )


def test_rules_cover_the_kinds_that_data_can_show() -> None:
    assert set(RULES) <= set(KINDS)
    assert {kind.name for kind in NUMBERS} <= set(RULES)
    for rule in RULES.values():
        assert rule.overrule
        assert not rule.overrule.endswith(".")


def test_a_loss_of_ones_own_is_recommended_for_what_its_card_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    @dataclasses.dataclass(frozen=True)
    class Quartic(Residual):
        card = dataclasses.replace(
            losskit.MSE.card,
            title="quartic loss",
            uses=(Use(REAL, 0, "The test says so.", better_with=(Goal.MEAN,)),),
            torch=(),
            equivalents={},
        )

        def value_at(self, input, target, xp):
            return (input - target) ** 4

        def gradient_at(self, input, target, xp):
            return 4 * (input - target) ** 3

        def curvature_at(self, input, target, xp):
            return 12 * (input - target) ** 2

    monkeypatch.setitem(CATALOGUE, "Quartic", Quartic)
    target = DRAW.normal(0, 1, 200)
    found = losskit.choose(target, goal="mean")
    assert found[0].name == "Quartic"
    assert found[0].because[-1].text == "The test says so."
    assert abs(found[0].output_bias - target.mean()) < 0.2
