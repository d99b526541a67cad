"""The verdict follows the numbers, whichever way they fall."""

import math

import pytest

from losskit.compare.metrics import METRICS
from losskit.compare.verdict import judge

MAE, RMSE = METRICS["regression"][:2]


def verdict(mae, rmse=None, metric=MAE):
    tables = {"mae": mae, "rmse": rmse or mae}
    return judge(metric, [MAE, RMSE], tables, {label: label for label in mae}, 1 / 3)


CLOSE = {"A": [1.0, 1.2, 0.9, 1.1, 1.0], "B": [1.1, 1.1, 1.0, 1.0, 1.1]}
APART = {"A": [1.0, 1.2, 0.9, 1.1, 1.0], "B": [2.0, 2.3, 1.9, 2.2, 2.0]}


def test_a_clear_difference_is_decided_and_turns_round_with_the_numbers() -> None:
    found, _ = verdict(APART)
    assert (found.leader, found.decided) == ("A", True)
    assert found.headline.startswith("A is best in mean absolute error (1.040)")
    turned, _ = verdict({"A": APART["B"], "B": APART["A"]})
    assert (turned.leader, turned.decided) == ("B", True)


def test_no_difference_is_said_so() -> None:
    found, (comparison,) = verdict(CLOSE)[0], verdict(CLOSE)[1][:1]
    assert not found.decided
    assert found.headline.startswith("No difference that five seeds can show: A leads")
    assert comparison.low < 0 < comparison.high
    assert comparison.conclusion == "no difference shown"


def test_some_are_worse_and_some_are_not() -> None:
    found, _ = verdict(CLOSE | {"C": APART["B"]})
    assert not found.decided
    assert found.headline == (
        "A leads in mean absolute error (1.040) and is better than C; against B there is no "
        "difference that five seeds can show."
    )


def test_higher_is_better_where_it_is() -> None:
    r2 = METRICS["regression"][3]
    found, _ = judge(r2, [r2], {"r2": APART}, {"A": "A", "B": "B"}, 1 / 3)
    assert found.leader == "B"


def test_one_seed_claims_nothing() -> None:
    found, comparisons = verdict({"A": [1.0], "B": [9.0]})
    assert not found.decided
    assert "one seed allows no interval" in found.headline
    assert {one.conclusion for one in comparisons} == {"no interval"}


def test_two_seeds_are_plural_and_thirteen_are_digits() -> None:
    assert "two seeds" in verdict({"A": [1.0, 2.0], "B": [2.0, 1.5]})[0].headline
    many = {"A": [1.0, 2.0] * 6 + [1.5], "B": [2.0, 1.0] * 6 + [1.6]}
    assert "13 seeds" in verdict(many)[0].headline


def test_one_loss_is_compared_with_nothing() -> None:
    found, comparisons = verdict({"A": [1.0, 2.0]})
    assert (found.leader, found.decided, comparisons) == ("A", False, [])
    assert "no other loss" in found.headline


def test_equal_differences_are_no_evidence() -> None:
    # A spread of zero would make an interval of zero width out of two seeds.
    found, _ = verdict({"A": [1.0, 1.0], "B": [1.5, 1.5]})
    assert not found.decided


def test_identical_runs_are_not_different() -> None:
    found, (comparison, *_) = verdict({"A": [1.0, 2.0], "B": [1.0, 2.0]})
    assert not found.decided
    assert comparison.conclusion == "no difference shown"
    assert found.headline == (
        "No difference at all: every loss reaches the same mean absolute error (1.500)."
    )


def test_a_loss_that_diverged_cannot_lead() -> None:
    found, comparisons = verdict({"A": [math.nan, 0.1], "B": [1.0, 1.1]})
    assert found.leader == "B"
    assert comparisons[0].conclusion == "not measured"
    assert "could not be measured" in found.against[0]
    nothing, _ = verdict({"A": [math.nan], "B": [math.nan]})
    assert nothing.leader is None


def test_another_metric_that_sees_it_differently_is_told() -> None:
    turned = {"A": APART["B"], "B": APART["A"]}
    found, _ = verdict(APART, turned)
    (line,) = found.other_metrics
    assert line.startswith("Root mean squared error: B is better than A, 1.040 against 2.080 (diff")
    unclear, _ = verdict(CLOSE, {"A": CLOSE["B"], "B": CLOSE["A"]})
    assert unclear.other_metrics == [
        "Root mean squared error: another loss leads, but that may be chance."
    ]


@pytest.mark.parametrize("losses", [2, 5])
def test_more_losses_need_more_evidence(losses: int) -> None:
    # The same pair is decided alone, and open among many.
    pair = {"A": [1.0, 1.2, 0.9, 1.1, 1.0], "B": [1.2, 1.62, 1.13, 1.35, 1.4]}
    others = {str(n): [9.0, 9.1, 9.3, 9.0, 9.2] for n in range(losses - 2)}
    found, comparisons = verdict(pair | others)
    assert (comparisons[0].conclusion == "worse") == (losses == 2)
    assert found.leader == "A"
