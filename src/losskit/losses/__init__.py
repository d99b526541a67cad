"""The losses, one file each. A new one is its file and its line here."""

from __future__ import annotations

from losskit.core.loss import Loss
from losskit.losses.binary_cross_entropy import BinaryCrossEntropy as BinaryCrossEntropy
from losskit.losses.binary_cross_entropy_with_logits import (
    BinaryCrossEntropyWithLogits as BinaryCrossEntropyWithLogits,
)
from losskit.losses.binary_focal import BinaryFocal as BinaryFocal
from losskit.losses.cross_entropy import CrossEntropy as CrossEntropy
from losskit.losses.focal import Focal as Focal
from losskit.losses.gamma_nll import GammaNLL as GammaNLL
from losskit.losses.hinge import Hinge as Hinge
from losskit.losses.huber import Huber as Huber
from losskit.losses.log_cosh import LogCosh as LogCosh
from losskit.losses.mae import MAE as MAE
from losskit.losses.mse import MSE as MSE
from losskit.losses.nll import NLL as NLL
from losskit.losses.poisson_nll import PoissonNLL as PoissonNLL
from losskit.losses.quantile import Quantile as Quantile
from losskit.losses.smooth_l1 import SmoothL1 as SmoothL1
from losskit.losses.soft_margin import SoftMargin as SoftMargin
from losskit.losses.squared_hinge import SquaredHinge as SquaredHinge
from losskit.losses.tweedie import Tweedie as Tweedie

CATALOGUE: dict[str, type[Loss]] = {
    name: item
    for name, item in list(globals().items())
    if isinstance(item, type) and issubclass(item, Loss) and item is not Loss
}
"""Name → class of every loss."""
