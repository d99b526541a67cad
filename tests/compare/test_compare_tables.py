"""Tables as people have them, and files that are none."""

import re
from pathlib import Path

import polars as pl
import pytest

from losskit.compare.errors import CompareError
from losskit.compare.tables import READERS, read_table

FRAME = pl.DataFrame({"größe": [1.5, 2.25, None], "name, first": ['a"b', "c;d", "ü"]})


@pytest.mark.parametrize("extension", READERS)
def test_every_format_comes_back_as_it_was(tmp_path: Path, extension: str) -> None:
    file = tmp_path / f"data{extension}"
    if extension in (".csv", ".tsv"):
        FRAME.write_csv(file, separator="\t" if extension == ".tsv" else ",")
    elif extension in (".parquet", ".pq"):
        FRAME.write_parquet(file)
    else:
        FRAME.write_ndjson(file)
    table = read_table(file)
    assert table.frame.equals(FRAME)
    assert table.name == "data"


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_other_separators_are_seen_and_said(tmp_path: Path, separator: str) -> None:
    file = tmp_path / "data.csv"
    FRAME.write_csv(file, separator=separator)
    table = read_table(str(file))
    assert table.frame.equals(FRAME)
    assert "separated" in table.notes[0]


def test_decimal_commas(tmp_path: Path) -> None:
    file = tmp_path / "data.csv"
    file.write_text("preis;ort\n1,5;Köln\n2,25;Bonn\n", encoding="utf-8-sig")
    table = read_table(file)
    assert table.frame.columns == ["preis", "ort"]
    assert table.frame["preis"].to_list() == [1.5, 2.25]
    assert "decimal point" in table.notes[1]


def test_times_as_databases_write_them(tmp_path: Path) -> None:
    file = tmp_path / "data.csv"
    file.write_text("when,a\n2024-05-01 13:30:00,1\n2024-05-02 07:00:00,2\n", encoding="utf-8")
    assert read_table(file).frame["when"].dtype.is_temporal()


def test_words_for_missing(tmp_path: Path) -> None:
    file = tmp_path / "data.csv"
    file.write_text("a,b\n1,x\nNA,y\n?,\n", encoding="utf-8")
    frame = read_table(file).frame
    assert frame["a"].to_list() == [1, None, None]
    assert frame["b"].to_list() == ["x", "y", None]


BROKEN = {
    "empty.csv": (b"", "is empty (0 bytes)"),
    "header.csv": (b"a,b\n", "has a header but no rows"),
    "single.csv": (b"a\n1\n2\n", "has only one column"),
    "ragged.csv": (b"a,b\n1,2\n1,2,3\n", "cannot be read as csv: found more fields"),
    "blank.csv": (b"\n\n", "cannot be read as csv: empty CSV"),
    "latin.csv": (
        "a,b\nä,1\n".encode("latin-1"),
        "byte 4 is no UTF-8; save it as UTF-8, such as by iconv",
    ),
    "text.parquet": (b"not a parquet file", "cannot be read as parquet: .*PAR1"),
    "broken.jsonl": (b'{"a": 1, "b": 2}\n{"a": 1,\n', "cannot be read as jsonl"),
    "list.jsonl": (b"[1, 2]\n", "cannot be read as jsonl"),
    "table.xlsx": (b"PK", "unknown extension '.xlsx'; these can be read: .csv"),
    "noextension": (b"a,b\n1,2\n", "unknown extension ''"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_read_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    content, why = BROKEN[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CompareError) as caught:
        read_table(tmp_path / name)
    message = str(caught.value)
    assert re.search(why if ".*" in why else re.escape(why), message)
    assert name in message
    assert "\n" not in message


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(CompareError, match="no such file"):
        read_table(tmp_path / "nothing.csv")
    with pytest.raises(CompareError, match="is a folder"):
        read_table(tmp_path)


def test_bundled_data() -> None:
    diabetes = read_table("sklearn:diabetes")
    assert diabetes.frame.shape == (442, 11)
    assert diabetes.target == "target"
    # As measured, not squeezed to unit length.
    assert diabetes.frame["age"].max() > 50
    iris = read_table("sklearn:iris")
    assert set(iris.frame["target"]) == {"setosa", "versicolor", "virginica"}
    linnerud = read_table("sklearn:linnerud")
    assert linnerud.targets == ("Weight", "Waist", "Pulse")
    with pytest.raises(CompareError, match="'irys' along; did you mean iris"):
        read_table("sklearn:irys")
    with pytest.raises(CompareError, match="there is breast_cancer, diabetes, digits, iris"):
        read_table("sklearn:boston!")
