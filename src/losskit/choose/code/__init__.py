"""Code to paste, library by library."""

from __future__ import annotations

from losskit.choose.code.plan import Plan as Plan
from losskit.choose.code.pytorch import pytorch
from losskit.choose.code.tables import boosted, keras, scikit_learn

__all__ = ["Plan", "snippets"]


def snippets(plan: Plan) -> dict[str, str]:
    """Return code for each library that has the loss."""
    found = {
        "PyTorch": pytorch(plan),
        "Keras": keras(plan),
        "scikit-learn": scikit_learn(plan),
        "XGBoost": boosted(plan, "XGBoost"),
        "LightGBM": boosted(plan, "LightGBM"),
    }
    return {library: code for library, code in found.items() if code is not None}
