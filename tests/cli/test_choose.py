"""``losskit choose`` and ``losskit prompt`` as people and programs call them."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import jsonschema
import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner, Result

from losskit.cli.main import app
from losskit.core.targets import KINDS

DOCS = Path(__file__).parents[2] / "docs"
DRAW = np.random.default_rng(1)


def choose(*arguments: object, **env: str) -> Result:
    return CliRunner().invoke(app, ["choose", *map(str, arguments)], env=env)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "shop.csv"
    pl.DataFrame(
        {
            "price": DRAW.lognormal(3, 1, 300).round(2),
            "visits": DRAW.poisson(1.2, 300),
            "bought": DRAW.choice(["no", "yes"], 300),
            "query": np.repeat(np.arange(30), 10),
            "stars": DRAW.choice([1, 2, 3, 4, 5], 300, p=[0.1, 0.1, 0.2, 0.3, 0.3]),
            "row": np.arange(300),
            "[red]odd[/red]": DRAW.choice(["[bold]a[/bold]", ":smile:"], 300),
        }
    ).write_csv(path)
    return path


@pytest.mark.parametrize(
    ("target", "kind", "loss"),
    [
        ("price", "amount", "MSE"),
        ("visits", "count", "PoissonNLL"),
        ("bought", "binary", "BinaryCrossEntropyWithLogits"),
        ("stars", "ordinal", "BinaryCrossEntropyWithLogits"),
    ],
)
def test_the_first_line_says_what_was_found(table: Path, target: str, kind: str, loss: str) -> None:
    result = choose(table, "--target", target)
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0].startswith("shop.csv: ")
    assert f"({kind}), because" in lines[0]
    assert f"1. {loss}" in result.output
    for part in (
        "output layer",
        "output bias",
        "report",
        "mind",
        "would change it",
        "import torch",
    ):
        assert part in result.output
    assert "\x1b" not in result.output


def test_json_follows_the_documented_schema(table: Path) -> None:
    schema = json.loads((DOCS / "choose-schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    for arguments in (
        (table, "-t", "price"),
        (table, "-t", "bought", "--goal", "calibrated"),
        (table, "-t", "stars", "--groups", "query"),
        (table, "-t", "row"),
        ("--task", "segmentation"),
    ):
        content = json.loads(choose(*arguments, "--format", "json").stdout)
        jsonschema.validate(content, schema)
        assert content["schema_version"] == 1
    assert (
        json.loads(choose(table, "-t", "stars", "--groups", "query", "--format", "json").stdout)[
            "kind"
        ]
        == "relevance"
    )


def test_a_target_from_which_nothing_can_be_learnt_is_a_finding(table: Path) -> None:
    result = choose(table, "-t", "row")
    assert result.exit_code == 1
    assert "nothing to recommend" in result.output.splitlines()[0]
    assert "looks like an id" in result.output


def test_the_model_s_output_is_looked_at(table: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "out.npy", DRAW.random(300))
    result = choose(table, "-t", "bought", "--output", tmp_path / "out.npy")
    assert "mend: the output looks like probabilities" in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.csv", "-t", "a"], "no such file"),
        (["{table}", "-t", "prize"], "did you mean price?"),
        (["{table}"], "needs --target"),
        (["{table}", "-t", "price", "--goal", "rare-recall"], "does not fit"),
        (["{table}", "-t", "price", "--kind", "binary"], "does not fit"),
        (["{table}", "-t", "price", "--task", "vae"], "not both"),
        (["--task", "vae", "--target", "x"], "--target goes with DATA"),
        (["--task", "cooking"], "task 'cooking' is unknown"),
        (["{table}", "-t", "price", "--code", "Fortran"], "--code 'Fortran' is unknown"),
        (["{table}", "-t", "price", "--output", "missing.npy"], "no such file"),
        (["sklearn:nothing"], "brings no data set"),
        ([], "give DATA, or --task NAME"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(
    table: Path, arguments: list[str], said: str
) -> None:
    result = choose(*(one.format(table=table) for one in arguments))
    assert result.exit_code == 2, result.output
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("Error: ")
    assert said in result.stderr


@pytest.mark.parametrize("library", ["Keras", "scikit-learn", "xgboost", "LightGBM"])
def test_code_of_other_libraries(table: Path, library: str) -> None:
    result = choose(table, "-t", "visits", "--code", library)
    assert result.exit_code == 0
    assert f"import {'sklearn' if library == 'scikit-learn' else library.lower()}" in result.output


def test_text_of_the_data_is_text(table: Path) -> None:
    result = choose(table, "-t", "[red]odd[/red]", FORCE_COLOR="1", COLUMNS="120")
    assert "'[bold]a[/bold]'" in result.output
    assert ":smile:" in result.output


@pytest.mark.parametrize("answers", [(1, 1, "real"), (3, 2, "distribution"), (6, 4, "views")])
def test_questions_on_a_terminal(answers: tuple[int, int, str]) -> None:
    """On a real terminal, as nothing else is one."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "losskit", "choose"],
        stdin=theirs, stdout=theirs, stderr=theirs, env=os.environ | {"COLUMNS": "200"},
    )  # fmt: skip
    os.close(theirs)
    # A wrong answer first, which is asked again.
    os.write(ours, f"99\n{answers[0]}\n{answers[1]}\n".encode())
    seen = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:
            break
        if not part:
            break
        seen += part
    os.close(ours)
    assert child.wait(timeout=60) == 0
    text = seen.decode()
    assert "What is the model to give?" in text
    assert "select one of the available options" in text
    assert KINDS[answers[2]].title in text
    assert "output layer" in text


@pytest.mark.parametrize("name", ["choose", "debug"])
def test_prompts_are_the_committed_ones(name: str) -> None:
    result = CliRunner().invoke(app, ["prompt", name])
    assert result.exit_code == 0
    assert result.output == (DOCS / "prompts" / f"{name}.md").read_text("utf-8")
    assert CliRunner().invoke(app, ["prompt", "cook"]).exit_code == 2


def test_words_and_prompts_need_neither_polars_nor_pytorch() -> None:
    code = (
        "import sys\n"
        "for name in ('polars', 'torch', 'sklearn'): sys.modules[name] = None\n"
        "from typer.testing import CliRunner\n"
        "from losskit.cli.main import app\n"
        "for line in (['choose', '--task', 'vae'], ['prompt', 'choose']):\n"
        "    result = CliRunner().invoke(app, line)\n"
        "    assert result.exit_code == 0, result.output\n"
        "result = CliRunner().invoke(app, ['choose', 'x.csv'])\n"
        "print(result.stderr)\n"
        "assert result.exit_code == 2"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert 'pip install "losskit[choose]"' in done.stdout
