"""Calls by type and by deed: ``make check`` has mypy read this file, and here it runs.

mypy is told of every wrong call (``type: ignore``), and says so where it finds nothing wrong.
"""

from __future__ import annotations

from typing import assert_type

import pytest

import losskit
import losskit.torch as lt
from losskit.check.report import Report
from losskit.choose import ChooseError, Recommendations
from losskit.core.weighted_sum import WeightedSum
from losskit.losses import CATALOGUE
from losskit.studies import Study


def test_positions_are_those_of_what_is_no_keyword() -> None:
    """Each loss says which of its parameters may stand without a name, and in which order."""
    assert losskit.CrossEntropy(0.1).label_smoothing == 0.1
    assert losskit.Focal(3.0, class_axis=-1).gamma == 3
    assert losskit.GeneralizedCrossEntropy(0.5, ignore_index=0).q == 0.5
    assert losskit.Poly1(2.0).epsilon == 2
    assert losskit.Distillation(3.0, 0.1, class_weight=[1.0, 2.0]).alpha == 0.1
    assert losskit.KLDivergence("reverse", class_axis=1).direction == "reverse"
    assert losskit.MultiMargin(2, 0.5).margin == 0.5
    assert losskit.Dice(0.5, per="batch").smooth == 0.5
    assert losskit.Tversky(0.4, 0.6, skip_absent=True).beta == 0.6


def test_what_is_a_keyword_has_no_position() -> None:
    with pytest.raises(TypeError, match="positional"):
        losskit.CrossEntropy(0.1, None)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="positional"):
        losskit.NLL(1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="positional"):
        losskit.MultiLabelSoftMargin([1.0])  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="positional"):
        losskit.Dice(1.0, "batch")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected"):
        losskit.Focal(gama=2.0)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="must be a finite number"):
        losskit.Huber("1")  # type: ignore[arg-type]


def test_packages_are_called() -> None:
    with pytest.raises(ChooseError, match="give a target"):
        losskit.choose()
    assert_type(losskit.choose([0, 0, 1] * 20), Recommendations)
    assert_type(losskit.check("huber", [1.0], [2.0]), Report)
    assert_type(losskit.study("outliers"), Study)
    with pytest.raises(TypeError):
        losskit.choose([0, 1], goall="mean")  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        losskit.compare("sklearn:wine", losses=["Focal"], seed=1)  # type: ignore[call-arg]


def test_sums_are_of_their_kind() -> None:
    assert_type(0.5 * losskit.MSE() + losskit.MAE(), WeightedSum)
    assert_type(0.5 * lt.MSELoss() + lt.L1Loss(), lt.WeightedSumLoss)
    with pytest.raises(TypeError):
        losskit.MSE() + lt.MSELoss()  # type: ignore[operator]


def test_names_are_known() -> None:
    with pytest.raises(AttributeError, match="'Hubber'"):
        losskit.Hubber()  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="'diagnoze'"):
        losskit.diagnoze  # type: ignore[attr-defined] # noqa: B018
    assert losskit.register_loss(losskit.MSE) is CATALOGUE["MSE"]
    assert isinstance(losskit.MSE(), losskit.Loss)
