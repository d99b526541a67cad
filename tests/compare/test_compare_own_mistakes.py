"""Models and rows of one's own that cannot be compared: one line each, and nothing written."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import losskit
from losskit.cli.main import app
from losskit.compare import CompareError, compare

pytestmark = pytest.mark.usefixtures("own_project")

BAD = {
    "no colon": (["--data", "own_project"], "is not package.module:function"),
    "no module": (["--data", "nowhere:load"], "there is no module 'nowhere' in"),
    "no function": (["--data", "own_project:lod"], "own_project has no function 'lod'"),
    "raises": (["--data", "own_project:broken"], "RuntimeError in "),
    "nothing": (["--data", "own_project:nothing"], "returned NoneType; it must return inputs"),
    "parts": (["--data", "own_project:strange"], "returned parts called 'train', 'rest'"),
    "nan": (["--data", "own_project:nan"], "inputs hold NaN or infinite numbers"),
    "uneven": (["--data", "own_project:uneven"], "inputs of shape (9, 2) and targets of shape"),
    "no own model": (["--data", "own_project:load"], "need a model of your own (--model)"),
    "wide": (
        ["--data", "own_project:load", "--model", "own_project:wide"],
        "gives (4, 7) for 4 rows; it must give (4, 3), for this target",
    ),
    "frozen": (
        ["--data", "own_project:load", "--model", "own_project:frozen"],
        "has no parameters to train",
    ),
    "the same model again": (
        ["--data", "own_project:load", "--model", "own_project:same"],
        "returns the same weights each time, which would go on from what was learnt before",
    ),
    "lazy": (
        ["--data", "own_project:load", "--model", "own_project:lazy"],
        "has lazy layers, which have no weights before they run; give them their sizes",
    ),
    "a class that is never trained on": (
        ["--data", "own_project:lacking", "--model", "own_project:build"],
        "the training rows have none of the class '2'",
    ),
    "no module returned": (
        ["--data", "own_project:load", "--model", "own_project:no_model"],
        "returned int; it must return a torch.nn.Module",
    ),
    "arguments": (
        ["--data", "own_project:wants"],
        "'own_project:wants' wants path; it is called with nothing",
    ),
    "leaves": (["--data", "own_project:leaves"], "SystemExit in "),
    "softmax": (
        ["--data", "own_project:load", "--model", "own_project:sure"],
        "the losses take raw logits: leave it out",
    ),
    "log-softmax": (
        ["--data", "own_project:load", "--model", "own_project:log_sure"],
        "the losses take raw logits: leave it out",
    ),
    "syntax": (["--data", "half_written:load"], "SyntaxError in "),
    "imports": (["--data", "far_reaching:load"], "far_reaching.py:1: No module named 'nowhere'"),
    "both": (["sklearn:iris", "--data", "own_project:load"], "DATA or --data, not both"),
    "neither": ([], "compare needs data: a file, sklearn:NAME, or a function"),
    "batch": (["sklearn:iris", "--batch-size", "0"], "batch_size is 0; it must be an integer"),
    "rate": (
        ["sklearn:iris", "--learning-rate", "-1"],
        "learning_rate is -1.0; it must be a number",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_mistakes_get_one_clear_line(case: str, tmp_path: Path) -> None:
    arguments, why = BAD[case]
    result = CliRunner().invoke(app, ["compare", *arguments])
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert why in result.stderr
    assert not (tmp_path / "losskit-reports").exists()


MISTAKEN = {
    "a model": ({"model": torch.nn.Linear(4, 3)}, "model is a Linear; give a function that builds"),
    "a part of a seed": ({"seeds": 2.5}, "seeds is 2.5; it must be an integer of at least 1"),
    "yes": ({"seeds": True}, "seeds is True; it must be an integer of at least 1"),
    "a text of epochs": ({"epochs": "3"}, "epochs is '3'; it must be an integer of at least 1"),
    "a text of a rate": ({"learning_rate": "1"}, "learning_rate is '1'; it must be a number"),
    "one loss": ({"losses": "MSE"}, "losses is 'MSE'; give a list of losses"),
    "no loss": ({"losses": []}, "losses is []; give a list of losses, or leave it out"),
    "a class": ({"losses": [losskit.MSE]}, "is neither a text nor a loss; give such as"),
    "a number": ({"metric": 3}, "metric is 3; it must be a text"),
    "arrays": ({"data": np.zeros((30, 2))}, "data is a ndarray; give the path of a file"),
}


@pytest.mark.parametrize("case", MISTAKEN)
def test_arguments_of_the_wrong_type_are_named(case: str) -> None:
    arguments, why = MISTAKEN[case]
    with pytest.raises(CompareError, match=re.escape(why)):
        compare(**{"data": "sklearn:iris", **arguments})
