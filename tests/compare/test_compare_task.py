"""What is seen in a target, and which targets are refused."""

import datetime

import polars as pl
import pytest

from losskit.compare.errors import CompareError
from losskit.compare.task import read_target


def column(values: list[object]) -> pl.DataFrame:
    return pl.DataFrame({"y": values, "x": list(range(len(values)))}, strict=False)


CASES = {
    "fractions": ([0.5, 1.25, 2.0, 3.5] * 10, "regression", "numbers with fractions"),
    "many integers": (list(range(60)), "regression", "60 different whole numbers"),
    "few integers": ([1, 2, 3] * 20, "multiclass", "only 3 different whole numbers"),
    "few integers, few rows": (list(range(8)) * 3, "regression", "8 different whole numbers"),
    "zero and one": ([0, 1] * 15, "binary", "two different values: 0, 1"),
    "zero and one as floats": ([0.0, 1.0] * 15, "binary", "two different values"),
    "two fractions": ([0.5, 1.5] * 15, "regression", "fractions"),
    "booleans": ([True, False] * 15, "binary", "two different values: False, True"),
    "two labels": (["yes", "no"] * 15, "binary", "two different labels: no, yes"),
    "three labels": (["a", "b", "c"] * 10, "multiclass", "3 different labels"),
    "numbers as text": (["1.5", " 2", "3e1", None] * 10, "regression", "fractions|whole"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_task_is_seen(case: str) -> None:
    values, task, reason = CASES[case]
    found = read_target(column(values), "y")
    assert found.task == task
    assert any(one in found.reason for one in reason.split("|"))


def test_labels_become_numbers_and_the_second_is_positive() -> None:
    found = read_target(column(["yes", "no", None] * 10), "y")
    assert found.classes == ("no", "yes")
    assert found.values.tolist()[:4] == [1, 0, 1, 0]
    assert found.rows.tolist()[:3] == [True, True, False]
    assert found.notes == ("10 rows were left out because the target 'y' is missing there.",)
    assert read_target(column([0.0, 1.0] * 15), "y").classes == ("0", "1")
    assert read_target(column([True, False] * 15), "y").classes == ("false", "true")


def test_the_task_can_be_said() -> None:
    stars = column([1, 2, 3, 4, 5] * 20)
    assert read_target(stars, "y").task == "multiclass"
    assert read_target(stars, "y", "regression").task == "regression"
    assert read_target(column(list(range(6)) * 5), "y", "multiclass").task == "multiclass"
    assert read_target(column([0.5, 1.5] * 15), "y", "binary").classes == ("0.5", "1.5")


REFUSED = {
    "constant": ([3] * 30, None, "constant (every row says 3)"),
    "missing": ([None] * 30, None, "missing in all 30 rows"),
    "NaN only": ([float("nan")] * 30, None, "missing in all 30 rows"),
    "infinite": ([1.5, float("inf"), 2.0] * 10, None, "10 infinite values"),
    "free text": ([f"remark {i}" for i in range(30)], None, "free text (30 different texts"),
    "one row in a class": (["a"] * 20 + ["b"] * 20 + ["c"], None, "'c' has 1 row, but at least 5"),
    "rare positive": ([0] * 40 + [1] * 3, None, "'1' has 3 rows"),
    "rare count": (
        [0] * 20 + [1] * 20 + [6],
        None,
        "merge or remove it, or ask for the task regression if they are amounts",
    ),
    "too few rows": ([1.5, 2.5, 3.5], None, "known in 3 rows only; at least 20"),
    "dates": ([datetime.date(2020, 1, 1 + i) for i in range(30)], None, "type Date"),
    "labels as numbers": (["a", "b"] * 20, "regression", "needs numbers"),
    "three as two": ([1, 2, 3] * 20, "binary", "has 3"),
    "two as many": ([1, 2] * 20, "multiclass", "at least three classes"),
    "unknown task": ([1, 2] * 20, "ranking", "task 'ranking' is unknown"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_learnt_is_refused_in_one_line(case: str) -> None:
    values, task, why = REFUSED[case]
    with pytest.raises(CompareError) as caught:
        read_target(column(values), "y", task)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_column_names_the_nearest() -> None:
    frame = pl.DataFrame({"Price": [1.0], "town": ["a"]})
    with pytest.raises(CompareError, match="'price': no such column; did you mean Price"):
        read_target(frame, "price")
