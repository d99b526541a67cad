"""The same target, however it is held: one answer. And what cannot be read."""

from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

import losskit
from losskit.choose import ChooseError

DRAW = np.random.default_rng(3)
VALUES = np.r_[DRAW.gamma(2, 30, 300).round(2), DRAW.gamma(2, 900, 5).round(2)]
LABELS = [str(one) for one in DRAW.choice(["red", "green", "light blue"], 300)]


def answer(target: object, **options: object) -> dict:
    found = losskit.choose(target, **options).to_dict()
    del found["source"], found["notes"]
    return found


def written(folder: Path, kind: str) -> tuple[Path, dict]:
    frame = pl.DataFrame({"price": VALUES, "other": ["x"] * len(VALUES)})
    path = folder / f"data.{kind}"
    if kind == "csv":
        frame.write_csv(path)
    elif kind == "tsv":
        frame.write_csv(path, separator="\t")
    elif kind == "parquet":
        frame.write_parquet(path)
    elif kind == "jsonl":
        frame.write_ndjson(path)
    elif kind == "npz":
        np.savez(path, price=VALUES, other=np.zeros(3))
    return path, {"columns": "price"}


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet", "jsonl", "npz"])
def test_every_file_gives_the_same_answer(kind: str, tmp_path: Path) -> None:
    path, options = written(tmp_path, kind)
    named = answer(pl.Series("price", VALUES))
    found = answer(path, **options)
    if kind == "npz":  # an array has no name, which is evidence
        named = answer(VALUES)
    assert found == named
    assert answer(str(path), **options) == found


@pytest.mark.parametrize(
    "held",
    [
        VALUES,
        VALUES[:, None],
        VALUES.tolist(),
        torch.as_tensor(VALUES),
        pl.Series(VALUES),
        pl.DataFrame({"target": VALUES}),
        pl.LazyFrame({"target": VALUES}),
        pd.Series(VALUES),
        pd.DataFrame({"target": VALUES}),
        pd.Series(VALUES, dtype="Float64"),
        [str(one) for one in VALUES],
    ],
    ids=lambda held: f"{type(held).__module__}.{type(held).__name__}",
)
def test_every_container_gives_the_same_answer(held: object) -> None:
    assert answer(held) == answer(VALUES)


@pytest.mark.parametrize(
    "held",
    [
        LABELS,
        np.asarray(LABELS),
        np.asarray(LABELS, dtype=object),
        pl.Series(LABELS, dtype=pl.Categorical),
        pd.Series(LABELS),
        pd.Series(LABELS, dtype="category"),
    ],
    ids=lambda held: f"{type(held).__module__}.{type(held).__name__}",
)
def test_labels_in_every_container(held: object) -> None:
    assert answer(held) == answer(LABELS)


def test_types_that_say_more_are_listened_to() -> None:
    grades = ["low", "mid", "top"] * 40
    ordered = pd.Series(pd.Categorical(grades, ["low", "mid", "top"], ordered=True))
    assert losskit.choose(ordered).kind == "ordinal"
    assert losskit.choose(pl.Series(grades, dtype=pl.Enum(["low", "mid", "top"]))).kind == "ordinal"
    assert losskit.choose(pd.Series([True, False, None] * 30, dtype="boolean")).kind == "binary"
    half = torch.as_tensor(VALUES).to(torch.bfloat16)
    assert losskit.choose(half).kind == losskit.choose(VALUES).kind
    assert losskit.choose(VALUES.astype(np.float16)).kind == losskit.choose(VALUES).kind
    assert losskit.choose(torch.ones(9, requires_grad=True) * 2).problem


def test_a_mapped_array_is_scanned_part_by_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "y.npy", VALUES)
    whole = answer(VALUES)
    assert answer(tmp_path / "y.npy") == whole
    monkeypatch.setattr("losskit.choose.reading.BLOCK", 50)
    parted = answer(tmp_path / "y.npy")
    assert parted["recommendations"] == whole["recommendations"]
    for one, other in zip(parted["facts"], whole["facts"], strict=True):
        assert one["value"] == pytest.approx(other["value"])
    rows = DRAW.dirichlet(np.ones(3), 400)
    np.save(tmp_path / "rows.npy", rows)
    assert answer(tmp_path / "rows.npy")["kind"] == "distribution"


def test_a_long_column_is_sampled_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    target = DRAW.lognormal(3, 1, 50_000)
    monkeypatch.setattr("losskit.choose.scans.SAMPLE", 5_000)
    monkeypatch.setattr("losskit.choose.scans.EXACT", 10_000)
    found = losskit.choose(target)
    basis = {fact.name: fact.basis for fact in found.facts}
    assert basis["median"] == basis["outliers"] == "sample"
    assert basis["distinct"] == "estimate"
    assert basis["mean"] == basis["range"] == "all rows"
    assert found.fact("mean") == pytest.approx(target.mean())
    assert found.fact("distinct") == pytest.approx(50_000, rel=0.1)
    assert found.fact("median") == pytest.approx(np.median(target), rel=0.03)


REFUSED = {
    "no such file": ("missing.csv", {}, "no such file"),
    "folder": (".", {}, "is a folder"),
    "extension": ("data.xlsx", {}, "unknown extension '.xlsx'"),
    "empty file": ("empty.csv", {}, "is empty (0 bytes)"),
    "no column": ("data.csv", {"columns": "prize"}, "did you mean price"),
    "which column": ("data.csv", {}, "needs --target"),
    "no rows": ("header.csv", {"columns": "a"}, "has no rows"),
    "no Parquet": ("broken.parquet", {}, "cannot be read as parquet"),
    "no array": ("broken.npy", {}, "cannot be read as an array"),
    "pickled": ("pickled.npy", {}, "never unpickled"),
    "pickled in a zip": ("pickled.npz", {}, "never unpickled"),
    "which array": ("two.npz", {}, "holds several arrays"),
    "no such array": ("two.npz", {"columns": "c"}, "has no array 'c'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_is_refused_in_one_line(case: str, tmp_path: Path) -> None:
    name, options, said = REFUSED[case]
    written(tmp_path, "csv")
    (tmp_path / "data.xlsx").write_text("x")
    (tmp_path / "empty.csv").touch()
    (tmp_path / "header.csv").write_text("a,b\n")
    for broken in ("broken.parquet", "broken.npy"):
        (tmp_path / broken).write_text("no such thing")
    objects = np.asarray([{"a": 1}, None], dtype=object)
    np.save(tmp_path / "pickled.npy", objects, allow_pickle=True)
    np.savez(tmp_path / "pickled.npz", objects, allow_pickle=True)
    np.savez(tmp_path / "two.npz", a=VALUES, b=VALUES)
    with pytest.raises(ChooseError) as caught:
        losskit.choose(tmp_path / name, **options)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("target", "options", "said"),
    [
        (None, {}, "give a target, or the name of a task"),
        ([1, 2], {"task": "vae"}, "give a target, or the name of a task"),
        (5, {}, "target is int"),
        (np.float64(3), {}, "single number"),
        (np.ones(5, complex), {}, "complex"),
        (np.zeros((4, 0)), {}, "empty"),
        ([], {}, "no rows"),
        (VALUES, {"goal": "robustness"}, "did you mean robust"),
        (VALUES, {"goal": "quantile"}, "needs a number"),
        (VALUES, {"goal": "quantile=2"}, "between 0 and 1"),
        (VALUES, {"goal": "median=2"}, "takes no number"),
        (VALUES, {"goal": "rare-recall"}, "goals that fit: mean, median"),
        (LABELS, {"goal": "quantile=0.9"}, "does not fit"),
        (VALUES, {"kind": "cuont"}, "did you mean count"),
        (VALUES, {"kind": "count"}, "kind 'count' does not fit"),
        (VALUES, {"kind": "binary"}, "kind 'binary' does not fit"),
        (VALUES, {"output": np.zeros((3, 1))}, "output has 3 rows"),
        (VALUES, {"groups": [1, 2, 3]}, "groups has 3 rows"),
        (pl.DataFrame({"a": [[1, 2], [3]]}), {}, "has the type List"),
    ],
)
def test_what_cannot_be_meant_is_refused(target: object, options: dict, said: str) -> None:
    with pytest.raises(ChooseError) as caught:
        losskit.choose(target, **options)
    assert said in str(caught.value)


def test_data_and_names_are_never_changed() -> None:
    held = VALUES.copy()
    held.flags.writeable = False
    losskit.choose(held)
    frame = pd.DataFrame({"size": LABELS, "value": LABELS})
    before = frame.copy()
    assert losskit.choose(frame, columns="size").kind == "classes"  # a name used inside, too
    assert losskit.choose(frame, columns="value").kind == "classes"
    pd.testing.assert_frame_equal(frame, before)
