"""Losses as objectives of XGBoost, LightGBM and CatBoost."""

from __future__ import annotations

from losskit.boosting.catboost import CatBoostMulticlass as CatBoostMulticlass
from losskit.boosting.catboost import CatBoostObjective as CatBoostObjective
from losskit.boosting.objectives import BoostingObjective as BoostingObjective
from losskit.boosting.objectives import objective as objective
