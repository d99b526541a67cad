"""The variables of the environment that Losskit reads, from the command line."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from losskit import __version__


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "losskit", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | variables,
    )


def test_the_version_says_which_kernels_run():
    done = run("--version", LOSSKIT_NATIVE="baseline")
    assert done.stdout == f"losskit {__version__}\nnative kernels: in use, for baseline\n"
    done = run("--version", LOSSKIT_NATIVE="off")
    assert "switched off by LOSSKIT_NATIVE=off" in done.stdout


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("LOSSKIT_NATIVE", "fast", "one of off, "),
        ("LOSSKIT_KEEP_MEMORY", "some", "on or off"),
        ("LOSSKIT_NUM_THREADS", "0", "a whole number >= 1"),
        ("LOSSKIT_NUM_THREADS", "two", "a whole number >= 1"),
    ],
)
def test_a_wrong_value_gets_one_line_and_code_2(name, value, wanted):
    done = run("list", **{name: value})
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"Error: {name} must be {wanted}")
    assert done.stderr.count("\n") == 1
    assert repr(value) in done.stderr
