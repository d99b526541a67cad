"""From columns to numbers."""

import datetime

import numpy as np
import polars as pl
import pytest
from compare_data import houses

from losskit.compare.errors import CompareError
from losskit.compare.features import Encoder, read_features

ROWS = np.arange(100)


def test_every_column_is_taken_for_what_it_is() -> None:
    features = read_features(houses(), "price")
    assert features.kinds == {
        "Fläche in m²": "number",
        "town": "category",
        "garden": "boolean",
        "built": "date",
    }
    assert {name: why.split(" (")[0] for name, why in features.dropped.items()} == {
        "id": "it numbers the rows, like an id",
        "remarks": "it is free text",
        "country": "it is constant",
    }


def test_encoding_is_finite_and_learnt_from_the_training_rows_only() -> None:
    features = read_features(houses(), "price")
    encoded = Encoder(features, ROWS)(np.arange(160))
    assert encoded.dtype == np.float32
    assert np.isfinite(encoded).all()
    # Standardised over the training rows, so not over all rows.
    assert encoded[:100, 0].mean() == pytest.approx(0, abs=1e-6)
    assert encoded[:, 0].mean() != pytest.approx(0, abs=1e-6)
    # Rows that are not trained on leave no trace.
    other = houses().with_columns(
        pl.when(pl.int_range(pl.len()) < 100).then(pl.col("Fläche in m²")).otherwise(1e6)
    )
    assert np.array_equal(Encoder(read_features(other, "price"), ROWS)(ROWS), encoded[:100])


def test_missing_numbers_get_the_median_and_say_so() -> None:
    frame = pl.DataFrame({"x": [1.0, 3.0, None, 100.0] * 5, "y": [0.0] * 20})
    encoded = Encoder(read_features(frame, "y"), np.arange(20))(np.arange(4))
    assert encoded.shape == (4, 2)
    assert encoded[2, 0] == encoded[1, 0]
    assert encoded[2, 1] > 0 > encoded[0, 1]


def test_categories_unknown_and_rare_share_a_column() -> None:
    town = ["a"] * 10 + ["b"] * 8 + ["rare"] + ["later"]
    frame = pl.DataFrame({"town": town, "y": range(20)})
    encoded = Encoder(read_features(frame, "y"), np.arange(19))(np.arange(20))
    assert encoded.shape == (20, 3)
    assert np.array_equal(encoded[18], encoded[19])
    assert (encoded.sum(axis=1) == 1).all()


def test_infinite_features_count_as_missing() -> None:
    frame = pl.DataFrame({"x": [1.0, float("inf"), 3.0, 4.0], "y": range(4)})
    features = read_features(frame, "y")
    assert features.notes == ("Infinite values in 'x' count as missing (1).",)
    assert np.isfinite(Encoder(features, np.arange(4))(np.arange(4))).all()


def test_times_of_every_sort() -> None:
    moment = datetime.datetime(2024, 5, 1, 13, 30)
    frame = pl.DataFrame(
        {
            "when": [moment + datetime.timedelta(hours=7 * i) for i in range(20)],
            "text": [f"2024-05-{1 + i:02d}" for i in range(20)],
            "took": [datetime.timedelta(minutes=i) for i in range(20)],
            "clock": [datetime.time(i) for i in range(20)],
            "y": [0.0] * 20,
        }
    )
    features = read_features(frame, "y")
    assert set(features.kinds.values()) == {"date"}
    assert np.isfinite(Encoder(features, np.arange(10))(np.arange(20))).all()


def test_columns_that_hold_more_than_a_value_are_left_out() -> None:
    frame = pl.DataFrame(
        {"list": [[1, 2]] * 4, "none": [None] * 4, "x": [1, 5, 2, 2], "y": [0] * 4}
    )
    features = read_features(frame, "y")
    assert set(features.dropped) == {"list", "none"}


def test_an_id_is_seen_through_gaps_and_disorder() -> None:
    draw = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "gaps": [1000 + i + i // 7 for i in range(60)],
            "disorder": draw.permutation(60),
            "year": draw.integers(1950, 2020, 60),
            "income": draw.permutation(100_000)[:60],
            "y": range(60),
        }
    )
    features = read_features(frame, "y")
    assert set(features.dropped) == {"gaps", "disorder"}


def test_no_usable_column_is_refused_with_reasons() -> None:
    frame = pl.DataFrame({"id": range(30), "same": [1] * 30, "y": [0.5] * 30})
    with pytest.raises(CompareError, match=r"no feature column .*'id': it numbers.*'same'"):
        read_features(frame, "y")


def test_other_targets_are_no_features() -> None:
    frame = pl.DataFrame({"a": [1, 5, 5], "b": [2, 2, 7], "y": [0, 1, 2]})
    features = read_features(frame, "y", ("y", "b"))
    assert list(features.kinds) == ["a"]
    assert features.dropped == {"b": "it is another target of this data set"}
