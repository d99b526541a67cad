"""Targets that say what they are in other ways than plain numbers and labels."""

import datetime
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

import losskit
from losskit.choose import ChooseError

DRAW = np.random.default_rng(5)
PRICES = DRAW.lognormal(8, 1, 300)
FLAGS = DRAW.integers(0, 2, 300)
CODES = DRAW.integers(0, 5, 300)


def marked(values: np.ndarray, code: float) -> np.ndarray:
    return np.where(np.arange(len(values)) % 9 == 4, code, values)


@pytest.mark.parametrize("form", ["{:,.2f}", "${:,.2f}", " {:,.2f} €"])
def test_numbers_with_separated_thousands_and_currencies(form: str) -> None:
    plain = losskit.choose(PRICES.round(2))
    found = losskit.choose([form.format(one) for one in PRICES])
    assert (found.kind, found[0].spec) == (plain.kind, plain[0].spec)
    for name in ("mean", "deviation", "median", "distinct"):
        assert found.fact(name) == pytest.approx(plain.fact(name), rel=1e-9)
    assert any("signs and separators were left out" in one for one in found.warnings)


@pytest.mark.parametrize("rows", [300, 12_000])
def test_decimal_commas_are_named(rows: int) -> None:
    cells = [f"{one:.4f}".replace(".", ",") for one in DRAW.normal(2, 1, rows)]
    assert "decimal=','" in losskit.choose(cells).problem


def test_few_and_many_different_texts_are_read_the_same() -> None:
    """Up to 5,000 different cells, what they hold is seen from a table of them."""
    many = DRAW.normal(3, 1, 12_000).round(6)
    few = np.repeat(many[:3_000], 4)
    for values in (many, few):
        plain = losskit.choose(values)
        text = losskit.choose([f" {one!r}" for one in values.tolist()] + ["", "x"])
        for name in ("mean", "deviation", "range", "distinct", "skewness"):
            assert text.fact(name) == pytest.approx(plain.fact(name), rel=1e-9)
        assert text.fact("missing") == 2
    days = [str(datetime.date(1990, 1, 1) + datetime.timedelta(one)) for one in range(7_000)]
    assert "dates" in losskit.choose(days).problem
    assert "dates" in losskit.choose(["24.12.2023", "31.12.2023"] * 20).problem


@pytest.mark.parametrize(
    ("values", "code", "kind"),
    [
        (FLAGS, -999, "binary"),
        (FLAGS, -100, "binary"),
        (CODES, -100, "classes"),
        (DRAW.poisson(3, 300), 9999, "count"),
        (DRAW.normal(3, 1, 9_000), -999, "real"),
    ],
)
def test_codes_for_missing_values_far_from_the_rest_are_left_out(
    values: np.ndarray, code: int, kind: str
) -> None:
    found = losskit.choose(marked(values, code))
    assert found.kind == kind
    assert any(f"exactly {code:g}" in one and "taken for missing" in one for one in found.warnings)
    kept = values[marked(values, code) == values]
    assert found.fact("mean" if kind != "classes" else "missing") == pytest.approx(
        kept.mean() if kind != "classes" else len(values) - len(kept)
    )


def test_a_code_near_the_rest_is_asked_about_and_kept() -> None:
    found = losskit.choose(marked(CODES, -1))
    assert found.kind == "classes"
    assert any("exactly -1" in one and "does it stand" in one for one in found.warnings)
    assert losskit.choose(np.r_[DRAW.poisson(30, 300), 99]).fact("missing") == 0


def test_whole_numbers_that_floats_round() -> None:
    assert "beyond 2^53" in losskit.choose([2**60 + at for at in range(50)]).problem
    assert "beyond 2^53" in losskit.choose([10**40 + at for at in range(50)]).problem
    assert "beyond 2^53" in losskit.choose(DRAW.integers(0, 2**63, 50).astype(np.uint64)).problem
    repeated = losskit.choose(DRAW.choice([2**60, 2**61, 2**62], 90))
    assert any("floats round" in one for one in repeated.warnings)


def test_types_that_libraries_have() -> None:
    days = pl.Series(["mon", "tue", "wed"] * 20, dtype=pl.Enum(["mon", "tue", "wed"]))
    kinds = {
        "amount": [Decimal(f"{one:.2f}") for one in PRICES],
        "ordinal": days,
        "classes": pl.Series(["a", "b", "c"] * 20, dtype=pl.Categorical),
        "binary": pd.Series([1, None, 0, 1] * 20, dtype="Int64"),
        "real": DRAW.normal(2, 1, 99).astype(np.longdouble),
        "several": {"x": DRAW.normal(size=60), "y": DRAW.normal(size=60)},
        "mask": torch.rand(4, 1, 8, 8) > 0.5,
    }
    assert {name: losskit.choose(one).kind for name, one in kinds.items()} == {
        name: name for name in kinds
    }
    assert losskit.choose([True, 0, 1, False] * 9).kind == "binary"


def test_what_libraries_have_and_no_target_is_is_refused() -> None:
    for target, said in (
        (torch.eye(5).to_sparse(), "give tensor.to_dense()"),
        (pd.DataFrame(np.eye(2)[[0, 1] * 9], columns=["a", "a"]), "two columns of this name"),
        (torch.complex(torch.rand(9), torch.rand(9)), "complex"),
        ({"a": [1, 2], "b": [1]}, "cannot be read as a table"),
    ):
        with pytest.raises(ChooseError, match=said.replace("(", r"\(").replace(")", r"\)")):
            losskit.choose(target)


def test_pictures_of_shades_and_class_maps_with_unknown_pixels() -> None:
    shades = DRAW.integers(0, 256, (9, 12, 12, 3)).astype(np.uint8)
    assert losskit.choose(shades).kind == "several"
    assert losskit.choose(shades, kind="pixels").kind == "pixels"
    for void, classes in ((-1, 4), (-1, 2), (255, 2)):
        places = DRAW.integers(0, classes, (9, 12, 12))
        found = losskit.choose(np.where(DRAW.random(places.shape) < 0.1, void, places))
        assert (found.kind, found[0].loss.ignore_index) == ("pixels", void)


def test_scales_in_words_numbered_labels_and_competing_events() -> None:
    scale = ["Very Low", "Fairly Low", "Average", "Fairly High", "Very High"]
    assert losskit.choose(scale * 20).kind == "ordinal"
    numbered = losskit.choose(["1. < HS", "2. HS", "3. College"] * 20)
    assert [one.target for one in numbered[:2]] == ["classes", "ordinal"]
    events = pl.DataFrame({"time": DRAW.exponential(9, 90), "status": DRAW.integers(0, 3, 90)})
    found = losskit.choose(events)
    assert found.kind == "duration"
    assert found.fact("events") == pytest.approx((events["status"] > 0).mean())
    assert any("2 kinds of events" in one for one in found.warnings)
    ends = pl.Series("event", ["censored", "death", "transplant"] * 30)
    named = losskit.choose(events.with_columns(ends).select("time", "event"))
    assert (named.kind, named.fact("events")) == ("duration", pytest.approx(2 / 3))


@pytest.mark.parametrize(
    "scale",
    [
        "strongly disagree, disagree, neutral, agree, strongly agree",
        "not too happy, pretty happy, very happy",
        "very bad, bad, indifferent, good, very good",
        "not at all, somewhat, very",
        "S, M, L, XL",
    ],
)
def test_words_of_a_scale_are_numbered_in_its_order(scale: str) -> None:
    words = scale.split(", ")
    found = losskit.choose(np.repeat(words, range(5, 5 + len(words))).tolist())
    assert found.kind == "ordinal"
    assert f"classes = {words!r}".replace("'", '"') in found[0].code["PyTorch"].replace("'", '"')
    above = 1 - np.cumsum(range(5, 5 + len(words)))[:-1] / sum(range(5, 5 + len(words)))
    assert found[0].output_bias == pytest.approx(np.log(above / (1 - above)).tolist(), rel=1e-4)


def test_an_order_that_is_asked_for_and_unknown_is_said_to_be_unknown() -> None:
    found = losskit.choose(["b", "a", "c"] * 20, kind="ordinal")
    assert "the data do not tell" in found.why
    assert "that is the alphabet's order" in found[0].coding


def test_infinite_numbers_in_columns_warn_of_nothing_else() -> None:
    table = pl.DataFrame({"low": [1.0, 2, 3, 4] * 9, "high": [2.5, np.inf, 4, 5] * 9})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert losskit.choose(table).kind == "several"


def test_wild_values_do_not_rule_how_a_target_is_standardised() -> None:
    target = np.r_[DRAW.normal(50, 2, 400), 1e6, 2e6]
    found = losskit.choose(target)
    assert found[0].name == "Huber"
    assert found[0].transform.scale == pytest.approx(2, rel=0.2)
    assert found[0].loss.delta == pytest.approx(1.345, rel=0.01)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"groups": np.arange(60) // 6}, "groups go with"),
        ({"kind": "views"}, "is not seen in data"),
        ({"columns": ("target", "target")}, "names a column twice"),
    ],
)
def test_what_would_change_nothing_is_refused(given: dict[str, object], said: str) -> None:
    target = pl.DataFrame({"target": ["a", "b", "c"] * 20})
    with pytest.raises(ChooseError, match=said):
        losskit.choose(target, **given)  # type: ignore[arg-type]


def test_skew_that_chance_makes_is_no_tail() -> None:
    facts = {one.name: one.text for one in losskit.choose(DRAW.normal(0, 1, 400)).facts}
    assert "no more than chance" in facts["skewness"]
    facts = {one.name: one.text for one in losskit.choose(DRAW.gamma(1, 1, 400)).facts}
    assert "tail is to the right" in facts["skewness"]
