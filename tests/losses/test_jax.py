"""JAX's own gradient of the definitions agrees with the closed forms, at kinks as well."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from losskit.losses import CATALOGUE

# By hand, at the points that in_jax.py names: the subgradient that the losses' docstrings say.
AT_KINKS = {
    "BinaryCrossEntropyWithLogits": [[-0.5, -0.5, 0.5, 0.5]],
    "pos_weight": [[-1.5, -1.5, 0.5, 0.5]],
    "MultiLabelSoftMargin": [[[-0.125, -0.125, 0.125, 0.125]]],
    "MAE": [[0, 0, 0, 0]],
    "SmoothL1": [[0, 0, 0, 0]],
    "Quantile": [[0, 0, 0, 0]],
    "Hinge": [[0, 0, 0, 0]],
    "HingeEmbedding": [[1, 1, -1, -1]],
    "MarginRanking": [[-1], [1]],
    "MultiMargin": [[[0, 0]]],
    "MultiLabelMargin": [[[0, 0]]],
    "CosineEmbedding": [[[0, 0]], [[0, 0]]],
    "Triplet": [[[0, 0]], [[1, 0]], [[-1, 0]]],
}


@pytest.fixture(scope="module")
def found():
    program = Path(__file__).with_name("in_jax.py")
    done = subprocess.run([sys.executable, program], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", AT_KINKS)
def test_at_kinks(name, found):
    for home in ("jax", "closed"):
        for gradient, expected in zip(found["kinks"][name][home], AT_KINKS[name], strict=True):
            np.testing.assert_allclose(gradient, expected, atol=1e-15)


@pytest.mark.parametrize("name", CATALOGUE)
def test_everywhere_else(name, found):
    both = found["everywhere"][name]
    for gradient, closed in zip(both["jax"], both["closed"], strict=True):
        np.testing.assert_allclose(gradient, closed, rtol=1e-9, atol=1e-12)
