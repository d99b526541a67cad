"""Targets that are easily taken for something else; each as people have it."""

import numpy as np
import polars as pl
import pytest

import losskit
from losskit.choose import ChooseError

DRAW = np.random.default_rng(7)


def first(target: object, **options: object) -> tuple[str, str]:
    found = losskit.choose(target, **options)
    return found.kind, found[0].name if len(found) else ""


@pytest.mark.parametrize(
    "codes", [(0, 1, 2), (10, 20, 30), (1, 2, 3), (1, 2, 4, 7), (100, 200, 300, 400)]
)
def test_numeric_codes_are_classes_and_it_is_said_how_to_overrule_that(
    codes: tuple[int, ...],
) -> None:
    target = np.repeat(codes, [50, 62, 48, 55][: len(codes)])
    found = losskit.choose(DRAW.permutation(target))
    assert (found.kind, found[0].name) == ("classes", "CrossEntropy")
    assert f"{len(codes)} linear units" in found[0].output_layer
    assert losskit.choose(target, kind="real").kind == "real"
    assert losskit.choose(target, kind="ordinal").kind == "ordinal"


def test_codes_from_0_need_no_numbering_and_others_do() -> None:
    assert losskit.choose(np.repeat([0, 1, 2], 50))[0].coding == ""
    assert "10 → 0, 20 → 1, 30 → 2" in losskit.choose(np.repeat([10, 20, 30], 50))[0].coding


def test_counts_that_look_like_classes() -> None:
    visits = DRAW.poisson(0.8, 2000)
    assert len(np.unique(visits)) < 10
    assert first(visits) == ("count", "PoissonNLL")
    assert first(visits.astype(float)) == ("count", "PoissonNLL")
    assert first([str(one) for one in visits]) == ("count", "PoissonNLL")


def test_prices_in_cents_are_amounts() -> None:
    cents = (DRAW.lognormal(3, 1, 500) * 100).round().astype(int)
    found = losskit.choose(cents)
    assert found.kind == "amount"
    assert found[0].transform.name == "log"


@pytest.mark.parametrize("form", [int, float, str])
def test_ratings_are_ordinal_and_classes_second(form: type) -> None:
    stars = DRAW.choice([1, 2, 3, 4, 5], 1000, p=[0.05, 0.05, 0.15, 0.35, 0.4])
    found = losskit.choose([form(one) for one in stars])
    assert found.kind == "ordinal"
    assert "4 linear units" in found[0].output_layer
    assert "CrossEntropy" in [one.name for one in found[:2]]


def test_what_data_cannot_tell_is_assumed_and_said() -> None:
    grades = DRAW.choice([1, 2, 3, 4], 400, p=[0.2, 0.3, 0.3, 0.2])
    found = losskit.choose(grades)
    assert found.assumption
    assert "--kind" in found.assumption
    for kind in ("classes", "ordinal", "real"):
        again = losskit.choose(grades, kind=kind)
        assert again.kind == kind
        assert again.assumption == ""
        assert "you said so" in again.why


def test_percentages_from_0_to_100() -> None:
    share = (DRAW.beta(0.6, 0.6, 600) * 100).round(1)
    found = losskit.choose(pl.Series("turnout_percent", share))
    assert (found.kind, found[0].name) == ("share", "BinaryCrossEntropyWithLogits")
    assert "100 * sigmoid" in found[0].output_layer
    assert "divide the target by 100" in found[0].coding
    unnamed = losskit.choose(share)
    assert "share" in {unnamed.kind, *(one.target for one in unnamed)}


@pytest.mark.parametrize(
    "labels",
    [
        (0.0, 1.0),
        (0, 1),
        (-1, 1),
        (1, 2),
        (False, True),
        ("no", "yes"),
        ("N", "Y"),
        ("benign", "malignant"),
        ("not spam at all", "spam of course"),
        (" no", "yes "),
    ],
)
def test_two_values_in_any_coding(labels: tuple[object, object]) -> None:
    target = [labels[one] for one in DRAW.permutation([0] * 70 + [1] * 30)]
    found = losskit.choose(target)
    assert found.kind == "binary"
    assert found.fact("positive_share") == pytest.approx(0.3)
    names = [one.name for one in found[:2]]
    assert "BinaryCrossEntropyWithLogits" in names
    assert ("SoftMargin" in names) == (labels == (-1, 1))


def test_the_word_decides_what_is_positive_and_the_rarer_one_where_none_does() -> None:
    assert "'yes' as 1 (by the word)" in losskit.choose(["yes"] * 70 + ["no"] * 30)[0].coding
    coding = losskit.choose(["left"] * 70 + ["right"] * 30)[0].coding
    assert "'right' as 1 (the rarer label, which is an assumption)" in coding


def test_one_hot_spread_over_columns_is_classes() -> None:
    rows = np.eye(4)[DRAW.integers(0, 4, 200)]
    for target in (rows, rows.astype(bool), pl.DataFrame(rows, schema=list("abcd"))):
        found = losskit.choose(target)
        assert (found.kind, found[0].name) == ("classes", "CrossEntropy")
        assert "argmax" in found[0].coding


def test_several_labels_at_once_are_not_classes() -> None:
    flags = DRAW.random((300, 5)) < 0.3
    assert first(flags) == ("multi-label", "BinaryCrossEntropyWithLogits")
    cells = ["|".join(np.asarray(list("abcde"))[row]) for row in flags]
    assert losskit.choose(cells).kind == "multi-label"
    assert losskit.choose([cell.split("|") for cell in cells if cell]).kind == "multi-label"


def test_strings_with_spaces_are_labels() -> None:
    names = ["New York", "Los Angeles ", " San Francisco", "St. John's"]
    found = losskit.choose(DRAW.choice(names, 400))
    assert (found.kind, found[0].name) == ("classes", "CrossEntropy")
    assert "Los Angeles " in found[0].code["PyTorch"]


def test_labels_in_two_spellings_are_warned_about() -> None:
    target = ["cat"] * 50 + ["Cat "] * 3 + ["dog"] * 40 + ["emu"] * 30
    found = losskit.choose(target)
    assert any("'Cat '" in warning and "'cat'" in warning for warning in found.warnings)
    smoothed = next(one for one in found if "label_smoothing" in one.spec)
    assert any("spelt" in reason.text for reason in smoothed.because)


def test_one_class_has_nearly_all_rows() -> None:
    target = np.r_[np.zeros(9990), np.ones(10)]
    found = losskit.choose(target)
    assert found.kind == "binary"
    weight = next(one for one in found[0].parameters if one.name == "pos_weight")
    assert weight.value == 100  # 999, held
    assert "held to 100" in weight.how
    assert any("nearly constant: 99.9 %" in warning for warning in found.warnings)
    assert "BinaryCrossEntropyWithLogits" in [one.spec for one in found]  # unweighted as well
    assert "average precision" in found[0].metrics


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ([None] * 12, "missing in every row"),
        ([float("nan")] * 12, "missing in every row"),
        (["", " ", ""], "missing in every row"),
        ([3.5], "constant"),
        (["a"] * 9, "constant ('a'"),
        ([7] * 50 + [None], "constant (7 in 50 rows)"),
        (np.zeros((5, 3)), "Every number of the target is 0"),
        (np.arange(40), "looks like an id"),
        (DRAW.permutation(500) + 1, "looks like an id"),
        ([f"user-{i}" for i in range(30)], "looks like an id"),
        (pl.Series("customer_id", DRAW.choice(10**6, 60, replace=False)), "looks like an id"),
        (pl.Series("date", ["2024-01-01", "2024-01-02"] * 9), "dates or times"),
        ([f"This is sentence number {i} of them" for i in range(40)], "free text"),
    ],
)
def test_what_cannot_be_learnt_is_said_and_nothing_is_recommended(
    target: object, said: str
) -> None:
    found = losskit.choose(target)
    assert said in found.problem
    assert len(found) == 0
    assert found.kind == ""
    assert found.why in str(found)


def test_an_id_that_is_a_quantity_after_all() -> None:
    assert losskit.choose(np.arange(40), kind="count").kind == "count"
    with pytest.raises(ChooseError, match="kind 'share' does not fit"):
        losskit.choose(np.arange(400), kind="share")


def test_missing_and_infinite_values_are_left_out_and_warned_about() -> None:
    target = np.r_[DRAW.normal(0, 1, 97), np.nan, np.inf, -np.inf]
    found = losskit.choose(target)
    assert found.kind == "real"
    assert (found.fact("missing"), found.fact("infinite")) == (1, 2)
    assert len(found.warnings) == 2


def test_codes_for_missing_values_are_warned_about() -> None:
    target = np.r_[DRAW.normal(40, 10, 200).round(1), [-999.0] * 5]
    assert any("exactly -999" in warning for warning in losskit.choose(target).warnings)
    assert not any("exactly" in one for one in losskit.choose(target[:200]).warnings)


def test_numbers_with_a_few_cells_of_text() -> None:
    target = [str(one) for one in DRAW.normal(5, 1, 200).round(2)] + ["see notes"]
    found = losskit.choose(target)
    assert found.kind == "real"
    assert any("'see notes'" in warning for warning in found.warnings)


def test_sequences_with_padding() -> None:
    rows = np.zeros((60, 12), dtype=int)
    for row in rows:
        length = DRAW.integers(3, 12)
        row[:length] = DRAW.integers(1, 90, length)
    found = losskit.choose(rows)
    assert found.kind == "tokens"
    assert found[0].loss == losskit.CrossEntropy(ignore_index=0)
    marked = np.where(rows == 0, -100, rows)
    assert losskit.choose(marked)[0].loss == losskit.CrossEntropy()  # -100 is the default
    assert losskit.choose([row[row > 0].tolist() for row in rows]).kind == "tokens"


def test_pictures_of_classes_and_of_masks() -> None:
    classes = DRAW.integers(0, 5, (6, 8, 8))
    classes[:, 0] = 255
    found = losskit.choose(classes)
    assert found.kind == "pixels"
    assert found[0].loss.ignore_index == 255
    assert "5 logits for each pixel" in found[0].output_layer
    mask = (DRAW.random((6, 16, 16)) < 0.04).astype(np.uint8)
    found = losskit.choose(mask * 255)
    assert (found.kind, found[0].name) == ("mask", "Dice")
    assert losskit.choose(mask, goal="calibrated")[0].name == "BinaryCrossEntropyWithLogits"


def test_rows_that_sum_to_one_or_to_a_hundred() -> None:
    shares = DRAW.dirichlet(np.ones(3), 100)
    assert first(shares) == ("distribution", "KLDivergence")
    table = pl.DataFrame((shares * 100).round(1), schema=["a", "b", "c"])
    found = losskit.choose(table)
    assert found.kind == "distribution"
    assert "divide the rows by 100" in found[0].coding


def test_grades_of_groups_and_columns_that_belong_together() -> None:
    grades = DRAW.integers(0, 4, 200)
    assert first(grades, groups=np.repeat(np.arange(20), 10)) == ("relevance", "ListNet")
    people = [f"p{i}" for i in range(40)]
    pairs = pl.DataFrame(
        {
            "left": DRAW.choice(people, 200),
            "right": DRAW.choice(people, 200),
            "same": DRAW.integers(0, 2, 200),
        }
    )
    assert first(pairs) == ("pairs", "ContrastivePair")
    triplets = pl.DataFrame(
        {name: DRAW.choice(people, 200) for name in ("anchor", "positive", "negative")}
    )
    assert first(triplets) == ("triplets", "Triplet")
    durations = pl.DataFrame({"t": DRAW.exponential(9, 200), "event": DRAW.random(200) < 0.6})
    found = losskit.choose(durations)
    assert found.kind == "duration"
    assert found[0].name == "BinaryCrossEntropyWithLogits"
    assert any("cut off" in warning for warning in found.warnings)


def test_columns_that_make_no_target_together_are_refused() -> None:
    table = pl.DataFrame({"a": ["x", "y", "z"] * 9, "b": DRAW.random(27)})
    with pytest.raises(ChooseError, match="'a', 'b' make no target together"):
        losskit.choose(table)
