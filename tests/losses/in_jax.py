"""Gradients that JAX finds by itself, beside the closed forms; a program, whose output is JSON.

JAX has threads of its own, and warns where a process with them is copied: it is kept out of the
process of the tests.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import jax
import numpy as np

import losskit

sys.path.insert(0, str(Path(__file__).parents[1]))
from cases import as_tuple, one_case

ZEROS = [0.0] * 4
LABELS = [1.0, 1.0, 0.0, 0.0]
SIGNS = [1.0, 1.0, -1.0, -1.0]
# At 0, or where a margin is met exactly.
KINKS = {
    "BinaryCrossEntropyWithLogits": (losskit.BinaryCrossEntropyWithLogits(), ZEROS, LABELS),
    "pos_weight": (losskit.BinaryCrossEntropyWithLogits(pos_weight=3.0), ZEROS, LABELS),
    "MultiLabelSoftMargin": (losskit.MultiLabelSoftMargin(), [ZEROS], [LABELS]),
    "MAE": (losskit.MAE(), ZEROS, ZEROS),
    "SmoothL1": (losskit.SmoothL1(beta=0), ZEROS, ZEROS),
    "Quantile": (losskit.Quantile(quantile=0.3), ZEROS, ZEROS),
    "Hinge": (losskit.Hinge(), SIGNS, SIGNS),
    "HingeEmbedding": (losskit.HingeEmbedding(), [1.0] * 4, SIGNS),
    "MarginRanking": (losskit.MarginRanking(margin=1.0), [1.0], [0.0], [1.0]),
    "MultiMargin": (losskit.MultiMargin(margin=1.0), [[1.0, 0.0]], [0]),
    "MultiLabelMargin": (losskit.MultiLabelMargin(), [[1.0, 0.0]], [[0, -1]]),
    "CosineEmbedding": (losskit.CosineEmbedding(), [[1.0, 0.0]], [[0.0, 1.0]], [-1.0]),
    "Triplet": (
        losskit.Triplet(p=1.0, eps=0.0),
        [[0.0, 0.0]],
        [[1.0, 0.0]],
        [[1.5, 0.0]],
    ),
}


def gradients(loss: losskit.Loss, arrays: tuple[object, ...], reduction: str) -> dict[str, object]:
    """Both, and JAX's in every output."""
    given = [jax.numpy.asarray(np.asarray(array)) for array in arrays]
    outputs = loss.outputs(tuple(given))
    found = jax.grad(lambda *given: loss(*given, reduction=reduction), outputs)(*given)
    closed = as_tuple(loss.value_and_gradient(*given, reduction=reduction)[1])
    return {
        "jax": [one.tolist() for one in found],
        "closed": [one.tolist() for one in closed],
    }


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    cases = [one_case(kind) for kind in losskit.CATALOGUE.values()]
    print(  # noqa: T201
        json.dumps(
            {
                "kinks": {
                    name: gradients(loss, tuple(arrays), "sum")
                    for name, (loss, *arrays) in KINKS.items()
                },
                "everywhere": {
                    case.loss.name: gradients(case.loss, case.arrays, "mean") for case in cases
                },
            }
        )
    )
