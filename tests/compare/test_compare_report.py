"""The written report: whole or not there, self-contained, and harmless whatever the data say."""

import itertools
import json
import os
import re
from pathlib import Path

import jsonschema
import pytest
import torch
from compare_data import EVIL

from losskit.compare import Results, compare
from losskit.compare.report import render, write
from losskit.compare.results import main, schema
from losskit.losses import CATALOGUE
from losskit.reporting.errors import RequestError
from losskit.reporting.folder import REPORT, RESULTS, Folder

ROOT = Path(__file__).parents[2]


def test_names_from_the_data_are_only_text(evil: Results) -> None:
    page = render(evil)
    assert EVIL not in page
    assert "&lt;/script&gt;&lt;script&gt;alert(1)" in page
    assert "<img" not in page.split("<script type=")[0]
    # Four scripts of the page's own: the figures, what it saves, Plotly and the drawing.
    assert len(re.findall(r"<script[ >]", page.split("<script>")[0])) == 2
    figures = re.search(r'id="figures">(.*?)</script>', page, re.S)
    assert figures is not None
    assert "<" not in figures[1]
    assert EVIL not in json.dumps(json.loads(figures[1]))
    # Plotly understands some markup of its own, which a class label must not become.
    title = json.loads(figures[1])["calibration"]["layout"]["xaxis"]["title"]["text"]
    assert title == 'probability of yes &amp; &lt;b&gt;so&lt;/b&gt; "on"'


@pytest.mark.parametrize("which", ["regression", "binary", "multiclass"])
def test_the_page_says_what_the_numbers_say(which: str, request: pytest.FixtureRequest) -> None:
    results: Results = request.getfixturevalue(which)
    page = render(results)
    text = re.sub(r"<wbr>", "", page)
    assert results.verdict.headline in text
    for arm in results.losses:
        assert arm.title in text
    for metric in results.metrics:
        assert metric.meaning.split(";")[0].replace("'", "&#39;")[:20] in text
    for count, heading in ((1, "h1"), (1, "main")):
        assert len(re.findall(rf"<{heading}[ >]", page)) == count
    levels = [int(level) for level in re.findall(r"<h([1-6])[ >]", page.split("<script")[0])]
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_the_page_needs_no_network(regression: Results) -> None:
    page = render(regression)
    own = page.split("<script>")[0]
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", own)
    assert "default-src 'none'" in own


@pytest.mark.parametrize("which", ["regression", "binary", "multiclass"])
def test_the_program_runs(which: str, request: pytest.FixtureRequest) -> None:
    results: Results = request.getfixturevalue(which)
    assert results.verdict.leader is not None
    assert results.arm(results.verdict.leader).code.module in results.code
    exec(compile(results.code, "program", "exec"), {})


@pytest.mark.parametrize("data", ["sklearn:diabetes", "sklearn:breast_cancer", "sklearn:wine"])
def test_the_program_of_every_loss_runs(data: str) -> None:
    from losskit.compare import plan
    from losskit.compare.pairing import fits

    target = plan(data).target
    task = target.task
    names = [name for name, kind in CATALOGUE.items() if fits(kind, target)]
    if task == "binary":
        names.append("BinaryCrossEntropyWithLogits:pos_weight=balanced")
    if task != "regression":
        names.append("CrossEntropy:class_weight=balanced,label_smoothing=0.1")
    for name in names:
        results = compare(data, losses=[name], seeds=1, epochs=1)
        names_after: dict[str, object] = {}
        torch.manual_seed(0)  # a hinge can be met by every row of a batch
        exec(compile(results.code, name, "exec"), names_after)
        assert float(names_after["loss"].detach()) > 0  # type: ignore[attr-defined]


def test_the_program_converts_parameters_into_the_unit_it_trains_in() -> None:
    results = compare("sklearn:diabetes", losses=["Huber:delta=100"], seeds=1, epochs=1)
    mean, scale = re.search(r"mean, scale = ([\d.]+), ([\d.]+)", results.code).groups()
    delta = re.search(r"HuberLoss\(delta=([\d.]+)\)", results.code)[1]
    assert float(delta) == pytest.approx(100 / float(scale), rel=1e-4)
    assert float(mean) == pytest.approx(results.target.mean, rel=0.1)


def test_results_follow_the_documented_schema(tmp_path: Path, evil: Results) -> None:
    _, file = write(Folder(tmp_path / "out"), evil)
    content = json.loads(file.read_text(encoding="utf-8"))
    jsonschema.validate(content, json.loads(schema()))
    assert Results.model_validate_json(file.read_text(encoding="utf-8")) == evil


def test_the_documented_schema_is_up_to_date() -> None:
    assert main(["--check", "--file", str(ROOT / "docs" / "results-schema.json")]) == 0


def test_the_schema_check_notices(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "docs" / "schema.json"
    assert main(["--check", "--file", str(file)]) == 1
    assert main(["--write", "--file", str(file)]) == 0
    assert main(["--check", "--file", str(file)]) == 0
    file.write_text(file.read_text().replace('"Results"', '"Other"'))
    assert main(["--check", "--file", str(file)]) == 1
    assert "--write" in capsys.readouterr().err


def test_no_number_is_null_in_json(regression: Results) -> None:
    run = regression.runs[0]
    broken = run.model_validate(
        run.model_dump() | {"metrics": {"mae": float("nan"), "rmse": float("inf")}}
    )
    assert json.loads(broken.model_dump_json())["metrics"] == {"mae": None, "rmse": None}


def test_both_files_are_written_and_nothing_else(tmp_path: Path, regression: Results) -> None:
    out = tmp_path / "a" / "b"
    folder = Folder(out)
    assert write(folder, regression) == (out / REPORT, out / RESULTS)
    assert sorted(file.name for file in out.iterdir()) == [REPORT, RESULTS]


def test_a_write_that_fails_leaves_the_old_report(
    tmp_path: Path, regression: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(Folder(tmp_path), regression)
    before = (tmp_path / REPORT).read_bytes()
    written = Path.write_text

    def fail(self: Path, text: str, **options: str) -> int:
        if RESULTS in self.name:
            written(self, text[:100], **options)
            raise OSError(28, "No space left on device")
        return written(self, text, **options)

    monkeypatch.setattr(Path, "write_text", fail)
    with pytest.raises(RequestError, match="cannot be written: No space left"):
        write(Folder(tmp_path, overwrite=True), regression)
    assert (tmp_path / REPORT).read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == [REPORT, RESULTS]


def test_a_report_is_not_replaced_unasked(tmp_path: Path, regression: Results) -> None:
    write(Folder(tmp_path), regression)
    with pytest.raises(RequestError, match=r"already holds report.html and results.json.*--overw"):
        Folder(tmp_path)
    write(Folder(tmp_path, overwrite=True), regression)


def test_folders_that_cannot_be_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(RequestError, match="is a file"):
        Folder(file)
    with pytest.raises(RequestError, match="cannot be written"):
        Folder(file / "below")
    # Not even root can write here.
    with pytest.raises(RequestError, match="cannot be written"):
        Folder(Path("/proc/losskit"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(RequestError, match="cannot be written"):
        Folder(tmp_path / "out")


def test_folders_made_in_vain_are_removed(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    folder.discard()
    assert list(tmp_path.iterdir()) == []
