"""``losskit lint`` as people, pre-commit and programs call it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from lint_runs import written
from test_lint_files import MODEL, TRAIN, notebook
from typer.testing import CliRunner, Result

from losskit.check.catalogue import rules_by_code
from losskit.cli.main import app

DOCS = Path(__file__).parents[3] / "docs"
FIXABLE = """\
import torch.nn.functional as F  # unchanged:   spaces	and tabs


def step(model, x, y):
    return F.cross_entropy( F.log_softmax( model(x) ,dim = 1 ), y )
"""


def losskit(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["lint", *arguments])


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return written(tmp_path, {"net.py": MODEL, "train.py": TRAIN.format(module="net")})


def test_the_first_line_says_what_was_found(project: Path) -> None:
    result = losskit()
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "1 finding in 2 files: 1 bug",
        "train.py:8:12: LK101 bug: CrossEntropyLoss applies softmax itself, and gets the output of "
        "a softmax",
    ]
    clean = losskit("net.py")
    assert (clean.exit_code, clean.stdout) == (0, "no findings in 1 file\n")


def test_full_shows_how_the_value_travels(project: Path) -> None:
    lines = losskit("--format", "full").stdout.splitlines()
    places = [line.split()[0] for line in lines if line.startswith("  ") and ".py:" in line]
    assert places == ["net.py:8:24", "net.py:11:16", "net.py:11:9", "train.py:8:12"]
    assert "    | return self.softmax(self.last(x))" in lines
    assert "    |        ^^^^^^^^^^^^^^^^^^^^^^^^^^" in lines


def test_json_keeps_to_its_schema(project: Path) -> None:
    written(project, {"old.py": 'print "nn.CrossEntropyLoss"\n', "fix.py": FIXABLE})
    content = json.loads(losskit("--format", "json").stdout)
    jsonschema.validate(content, json.loads((DOCS / "lint-schema.json").read_text()))
    assert {one["code"] for one in content["findings"]} == {"LK101", "LK102"}
    assert [one["path"] for one in content["notes"]] == ["old.py"]


def test_sarif_is_what_code_hosts_read(project: Path) -> None:
    """The parts of SARIF 2.1.0 that GitHub asks for, as its documentation has them."""
    log = json.loads(losskit("--format", "sarif").stdout)
    text = {"type": "object", "required": ["text"]}
    location = {
        "type": "object",
        "required": ["physicalLocation"],
        "properties": {
            "physicalLocation": {
                "type": "object",
                "required": ["artifactLocation", "region"],
                "properties": {
                    "region": {
                        "type": "object",
                        "required": ["startLine", "startColumn", "endLine", "endColumn"],
                        "additionalProperties": {"type": "integer", "minimum": 1},
                    }
                },
            }
        },
    }
    schema = {
        "type": "object",
        "required": ["$schema", "version", "runs"],
        "properties": {
            "version": {"const": "2.1.0"},
            "runs": {
                "items": {
                    "required": ["tool", "results"],
                    "properties": {
                        "tool": {
                            "properties": {
                                "driver": {
                                    "required": ["name", "semanticVersion", "rules"],
                                    "properties": {
                                        "rules": {
                                            "items": {
                                                "required": [
                                                    "id",
                                                    "shortDescription",
                                                    "fullDescription",
                                                    "helpUri",
                                                ],
                                                "properties": {
                                                    "shortDescription": text,
                                                    "fullDescription": text,
                                                },
                                            }
                                        }
                                    },
                                }
                            }
                        },
                        "results": {
                            "minItems": 1,
                            "items": {
                                "required": [
                                    "ruleId",
                                    "ruleIndex",
                                    "level",
                                    "message",
                                    "locations",
                                ],
                                "properties": {
                                    "level": {"enum": ["error", "warning", "note"]},
                                    "message": text,
                                    "locations": {"minItems": 1, "items": location},
                                },
                            },
                        },
                    },
                }
            },
        },
    }
    jsonschema.validate(log, schema)
    [run] = log["runs"]
    [result] = run["results"]
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "LK101"
    [flow] = result["codeFlows"][0]["threadFlows"]
    assert len(flow["locations"]) == 4


def test_github_gets_remarks(project: Path) -> None:
    [line] = losskit("--format", "github").stdout.splitlines()
    assert line.startswith("::error file=train.py,line=8,col=12,endLine=8,endColumn=34,title=")
    assert "LK101 (bug)::CrossEntropyLoss applies" in line


def test_statistics_count(project: Path) -> None:
    first, second = losskit("--statistics").stdout.splitlines()
    assert first == "1 finding in 2 files: 1 bug"
    assert second.split() == ["1", "LK101", *rules_by_code()["LK101"].summary.split()]


def test_codes_are_chosen(project: Path) -> None:
    assert losskit("--select", "LK102").exit_code == 0
    assert losskit("--select", "LK1").exit_code == 1
    assert losskit("--ignore", "lk101,LK102").exit_code == 0
    result = losskit("--select", "LK999")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: --select: no rule has the code 'LK999'; there is LK101")


@pytest.mark.parametrize(
    ("comment", "code"),
    [("noqa", 0), ("noqa: LK101", 0), ("NOQA:E501,LK101", 0), ("noqa: LK102", 1), ("", 1)],
)
def test_comments_keep_findings_back(comment: str, code: int, project: Path) -> None:
    text = TRAIN.format(module="net").rstrip() + f"  # {comment}\n"
    written(project, {"train.py": text})
    assert losskit().exit_code == code


def test_settings_of_a_project(project: Path) -> None:
    pyproject = project / "pyproject.toml"
    for text, code in (
        ('ignore = ["LK101"]', 0),
        ('select = ["LK102"]', 0),
        ('exclude = ["train.py"]', 0),
        ('per-file-ignores = { "train.py" = ["LK1"] }', 0),
        ('per-file-ignores = { "net.py" = ["LK1"] }', 1),
    ):
        pyproject.write_text(f"[tool.losskit.lint]\n{text}\n")
        assert losskit().exit_code == code, text
    for text, said in (
        ('selct = ["LK101"]', "has no setting 'selct'"),
        ("select = 3", "must be a list of texts"),
        ('ignore = ["LK999"]', "no rule has the code"),
        ("select = [", "pyproject.toml"),
    ):
        pyproject.write_text(f"[tool.losskit.lint]\n{text}\n")
        result = losskit()
        assert result.exit_code == 2
        assert said in result.stderr
        assert result.stderr.count("\n") == 1


def test_wrong_usage_is_told_in_a_line(project: Path) -> None:
    for arguments in (
        ("nowhere.py",),
        ("--fix", "--diff"),
        ("--unsafe-fixes",),
        ("--format", "json", "--statistics"),
        ("--explain", "LK999"),
    ):
        result = losskit(*arguments)
        assert result.exit_code == 2
        assert result.stderr.startswith("Error: ")
        assert result.stderr.count("\n") == 1


def test_fixes_keep_all_else(tmp_path: Path) -> None:
    path = (
        written(tmp_path, {"a.py": b"\xef\xbb\xbf" + FIXABLE.replace("\n", "\r\n").encode()})
        / "a.py"
    )
    path.chmod(0o750)
    shown = losskit("--diff")
    assert shown.exit_code == 1
    assert "-    return F.cross_entropy( F.log_softmax( model(x) ,dim = 1 ), y )" in shown.stdout
    assert "+    return F.cross_entropy( model(x), y )" in shown.stdout
    result = losskit("--fix")
    assert (result.exit_code, result.stdout) == (0, "1 finding mended; no findings in 1 file\n")
    wanted = FIXABLE.replace("F.log_softmax( model(x) ,dim = 1 )", "model(x)")
    assert path.read_bytes() == b"\xef\xbb\xbf" + wanted.replace("\n", "\r\n").encode()
    assert path.stat().st_mode & 0o777 == 0o750
    assert [one.name for one in tmp_path.iterdir() if one.name.endswith(".tmp")] == []


def test_unsafe_fixes_are_made_only_where_asked_for(tmp_path: Path) -> None:
    text = FIXABLE.replace("log_softmax", "softmax")
    path = written(tmp_path, {"a.py": text}) / "a.py"
    assert losskit("--fix").exit_code == 1
    assert path.read_text() == text
    assert losskit("--fix", "--unsafe-fixes").exit_code == 0
    assert "F.cross_entropy( model(x), y )" in path.read_text()


def test_fixes_of_notebooks_go_into_their_cells(tmp_path: Path) -> None:
    first = "import torch.nn.functional as F\n"
    second = "é = 1\nloss = F.cross_entropy(F.log_softmax(model(x), 1), y)"
    text = notebook(first, second).replace(
        '"metadata": {},\n "nbformat"', '"metadata": {"a": [1]},\n "nbformat"'
    )
    path = written(tmp_path, {"a.ipynb": text}) / "a.ipynb"
    before = json.loads(text)
    assert losskit("--fix").exit_code == 0
    after = json.loads(path.read_text())
    assert after["cells"][1]["source"] == ["é = 1\n", "loss = F.cross_entropy(model(x), y)"]
    after["cells"][1]["source"] = before["cells"][1]["source"]
    assert after == before


def test_what_has_not_changed_is_not_analysed_again(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from losskit.check.lint import run

    first = losskit("--jobs", "1")
    assert (project / ".losskit_cache" / ".gitignore").read_text() == "*\n"
    looked: list[str] = []
    analyse = run.analyse

    def counted(project, unit, tell, **options):
        looked.append(unit.shown)
        return analyse(project, unit, tell, **options)

    monkeypatch.setattr(run, "analyse", counted)
    assert losskit("--jobs", "1").stdout == first.stdout
    assert looked == []
    # The finding stands in train.py, and goes when net.py changes.
    written(project, {"net.py": MODEL.replace("self.softmax(self.last(x))", "self.last(x)")})
    assert losskit("--jobs", "1").exit_code == 0
    assert set(looked) == {"net.py", "train.py"}
    written(project, {"net.py": MODEL})
    assert losskit("--no-cache").exit_code == 1


def test_a_new_file_can_answer_an_import(project: Path) -> None:
    (project / "net.py").rename(project / "other.py")
    assert losskit().exit_code == 0
    (project / "other.py").rename(project / "net.py")
    assert losskit().exit_code == 1


def test_imports_count_from_when_they_lead_to_a_model(project: Path) -> None:
    """A file that had nothing to do with models, and has as soon as what it imports has."""
    unstable = "from own import softmax\nimport numpy as np\nloss = -np.log(softmax(x)).mean()\n"
    written(project, {"go.py": unstable, "own.py": "def softmax(x): return x\n"})
    before = losskit().stdout
    own = "import torch.nn.functional as F\ndef softmax(x): return F.softmax(x, dim=1)\n"
    written(project, {"own.py": own})
    after = losskit().stdout
    assert "go.py:3" not in before
    assert "go.py:3" in after


def test_a_broken_cache_is_as_good_as_none(project: Path) -> None:
    losskit()
    (project / ".losskit_cache" / "lint.json").write_text('{"stamp"')
    assert losskit().exit_code == 1


def test_several_processes_find_the_same(project: Path) -> None:
    written(project, {f"copy{i}/net.py": MODEL for i in range(15)})
    written(project, {f"copy{i}/train.py": TRAIN.format(module="net") for i in range(15)})
    command = [sys.executable, "-m", "losskit", "lint", "--no-cache"]
    runs = [
        subprocess.run(
            [*command, "--jobs", jobs],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env=os.environ | {"PYTHONIOENCODING": "utf-8"},
        )
        for jobs in ("1", "2")
    ]
    assert runs[0].stdout == runs[1].stdout
    assert runs[0].stdout.startswith("16 findings in 32 files: 16 bugs")
    assert [one.returncode for one in runs] == [1, 1]
    assert [one.stderr for one in runs] == ["", ""]


@pytest.mark.parametrize("code", rules_by_code())
def test_rules_are_explained(code: str) -> None:
    rule = rules_by_code()[code]
    lines = losskit("--explain", code.lower()).stdout.splitlines()
    assert lines[0] == f"{code} {rule.name}  {rule.severity}"
    assert all(f"  {line}".rstrip() in lines for line in rule.bad.splitlines())
    content = json.loads(losskit("--explain", code, "--format", "json").stdout)
    assert content["code"] == code
    assert content["sources"]


def test_no_pytorch_is_needed_and_no_code_is_run(project: Path) -> None:
    written(
        project, {"evil.py": "import torch.nn as nn\nnn.CrossEntropyLoss()\nopen('ran', 'w')\n"}
    )
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from losskit.cli.main import app\napp(['lint', '.'], standalone_mode=False)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.stdout.startswith("1 finding in 3 files")
    assert not (project / "ran").exists()
