"""``losskit check`` as people and programs call it."""

from __future__ import annotations

import json
import os
import pickle
import struct
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

from losskit.cli.main import app

SCHEMA = Path(__file__).parents[2] / "docs" / "findings-schema.json"


def losskit(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["check", *arguments])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(32, 4))
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = rng.integers(0, 4, 32)
    monkeypatch.chdir(tmp_path)
    np.save("logits.npy", logits)
    np.save("shares.npy", shares)
    np.save("labels.npy", labels)
    np.savez("both.npz", logits=logits, shares=shares)
    torch.save(torch.tensor(logits), "logits.pt")
    torch.save({"logits": torch.tensor(logits), "step": 3}, "state.pt")
    write_safetensors(Path("all.safetensors"), {"shares": shares.astype("<f4"), "labels": labels})
    return tmp_path


def write_safetensors(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write the format as its specification has it: length, header, bytes."""
    names = {"<f4": "F32", "<i8": "I64", "<u2": "BF16"}
    header, body = {"__metadata__": {"by": "a test"}}, b""
    for name, array in arrays.items():
        raw = array.tobytes()
        offsets = [len(body), len(body) + len(raw)]
        kind = names[array.dtype.str]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": offsets}
        body += raw
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


@pytest.mark.parametrize("shares", ["shares.npy", "both.npz:shares", "all.safetensors:shares"])
def test_findings_exit_1_and_come_first(folder: Path, shares: str) -> None:
    result = losskit("--loss", "cross-entropy", "--input", shares, "--target", "labels.npy")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[0] == "CrossEntropy: 1 finding (1 bug)"
    assert "LK101 bug: softmax-before-cross-entropy" in result.stdout


@pytest.mark.parametrize("logits", ["logits.npy", "both.npz:logits", "logits.pt", "state.pt"])
def test_a_sound_batch_exits_0(folder: Path, logits: str) -> None:
    result = losskit("--loss", "cross-entropy", "--input", logits, "--target", "labels.npy")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == "CrossEntropy: nothing found"


def test_bfloat16_is_read(folder: Path) -> None:
    exact = torch.tensor([[0.5, 0.25, 0.25]] * 8, dtype=torch.bfloat16)
    bits = exact.view(torch.uint16).numpy().astype("<u2")
    write_safetensors(folder / "half.safetensors", {"x": bits})
    np.save("zeros.npy", np.zeros(8, np.int64))
    result = losskit("--loss", "ce", "--input", "half.safetensors", "--target", "zeros.npy")
    assert "LK101" in result.stdout


def test_json_follows_the_documented_schema(folder: Path) -> None:
    schema = json.loads(SCHEMA.read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    for given, code in (("shares.npy", 1), ("logits.npy", 0)):
        arguments = ("--loss", "ce", "--input", given, "--target", "labels.npy")
        result = losskit(*arguments, "--format", "json")
        assert result.exit_code == code
        jsonschema.validate(json.loads(result.stdout), schema)


def test_settings_and_named_arrays_reach_the_loss(folder: Path) -> None:
    arrays = ("--array", "input=logits.npy", "--array", "target=labels.npy")
    set_range = ("--set", "class_weight=[1,1,1]")
    result = losskit("--loss", "cross-entropy", *arrays, *set_range)
    assert result.exit_code == 2
    assert "class_weight must hold one weight for each of the 4 classes" in result.stderr
    result = losskit("--loss", "mse", "--input", "logits.npy", "--target", "shares.npy",
                     "--reduction", "sum")  # fmt: skip
    assert "LK213" in result.stdout


class Payload:
    """Unpickled, it makes a file."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch unpickled",)


def test_a_malicious_file_is_refused_unexecuted(folder: Path) -> None:
    torch.save(Payload(), "zip.pt")
    torch.save({"x": torch.zeros(2), "y": Payload()}, "hidden.pt")
    Path("bare.pt").write_bytes(pickle.dumps(Payload()))
    np.save("objects.npy", np.array([Payload()], dtype=object), allow_pickle=True)
    np.savez("objects.npz", x=np.array([Payload()], dtype=object))
    for name in ("zip.pt", "hidden.pt", "bare.pt", "objects.npy", "objects.npz"):
        result = losskit("--loss", "mse", "--input", name, "--target", "labels.npy")
        assert (result.exit_code, result.stdout) == (2, "")
        assert "can run any code" in result.stderr, name
        assert len(result.stderr.splitlines()) == 1
    assert not Path("unpickled").exists()
    pickle.loads(pickle.dumps(Payload()))
    assert Path("unpickled").exists(), "the payload does nothing, so the test shows nothing"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--loss", "nothing", "--input", "logits.npy"], "no loss is called 'nothing'"),
        (["--loss", "mse", "--input", "none.npy"], "'none.npy' is no file"),
        (["--loss", "mse", "--input", "logits.txt"], "arrays are read from .npy"),
        (["--loss", "mse", "--input", "both.npz"], "holds logits, shares; name one"),
        (["--loss", "mse", "--input", "both.npz:x"], "has no array 'x'; it has logits, shares"),
        (["--loss", "mse", "--input", "cut.npy"], "cannot be read"),
        (["--loss", "mse", "--input", "cut.safetensors"], "its header is cut off"),
        (["--loss", "mse", "--input", "cut.npz"], "cannot be read"),
        (["--loss", "mse", "--input", "logits.npy:x"], "holds one array, and no names; drop :x"),
        (["--loss", "mse", "--input", "logits.pt:x"], "holds one tensor, and no names; drop :x"),
        (["--loss", "mse", "--input", "empty.npy"], "'empty.npy' is empty"),
        (["--loss", "mse", "--input", "huge.npy"], "is damaged, or holds more than fits in memory"),
        (["--loss", "mse", "--input", "logits.npy"], "target is missing"),
        (["--loss", "mse", "--array", "logits.npy"], "write NAME=FILE"),
        (
            ["--loss", "mse", "--reduction", "max"],
            "MSE: reduction must be one of mean, sum, none, got 'max'",
        ),
        (["--loss", "mse", "--reduction", "batchmean"], "one of mean, sum, none, got 'batchmean'"),
    ],
)
def test_wrong_usage_gets_one_line_and_code_2(folder: Path, arguments: list[str], why: str) -> None:
    for name in ("cut.npy", "cut.safetensors", "cut.npz"):
        Path(name).write_bytes(b"\x93NUMPY\x01\x00")
    Path("empty.npy").touch()
    with Path("huge.npy").open("wb") as file:
        header = {"descr": "<f8", "fortran_order": False, "shape": (10**13,)}
        np.lib.format.write_array_header_1_0(file, header)
    result = losskit(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1
    assert why in result.stderr
