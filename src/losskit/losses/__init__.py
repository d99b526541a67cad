"""The losses, one file each. A new one is its file and its line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from losskit.core.cards import Card
from losskit.core.loss import Loss as Loss
from losskit.core.parameters import parameters_of
from losskit.core.spec import known_names, names_of
from losskit.losses.approx_ndcg import ApproxNDCG as ApproxNDCG
from losskit.losses.asymmetric import Asymmetric as Asymmetric
from losskit.losses.binary_cross_entropy import BinaryCrossEntropy as BinaryCrossEntropy
from losskit.losses.binary_cross_entropy_with_logits import (
    BinaryCrossEntropyWithLogits as BinaryCrossEntropyWithLogits,
)
from losskit.losses.binary_focal import BinaryFocal as BinaryFocal
from losskit.losses.clip import CLIP as CLIP
from losskit.losses.contrastive_pair import ContrastivePair as ContrastivePair
from losskit.losses.cosine_embedding import CosineEmbedding as CosineEmbedding
from losskit.losses.cross_entropy import CrossEntropy as CrossEntropy
from losskit.losses.dice import Dice as Dice
from losskit.losses.distillation import Distillation as Distillation
from losskit.losses.focal import Focal as Focal
from losskit.losses.gamma_nll import GammaNLL as GammaNLL
from losskit.losses.gaussian_kl import GaussianKL as GaussianKL
from losskit.losses.gaussian_nll import GaussianNLL as GaussianNLL
from losskit.losses.generalized_cross_entropy import (
    GeneralizedCrossEntropy as GeneralizedCrossEntropy,
)
from losskit.losses.hinge import Hinge as Hinge
from losskit.losses.hinge_embedding import HingeEmbedding as HingeEmbedding
from losskit.losses.huber import Huber as Huber
from losskit.losses.info_nce import InfoNCE as InfoNCE
from losskit.losses.jensen_shannon import JensenShannon as JensenShannon
from losskit.losses.kl_divergence import KLDivergence as KLDivergence
from losskit.losses.list_net import ListNet as ListNet
from losskit.losses.log_cosh import LogCosh as LogCosh
from losskit.losses.mae import MAE as MAE
from losskit.losses.margin_ranking import MarginRanking as MarginRanking
from losskit.losses.mse import MSE as MSE
from losskit.losses.multi_label_margin import MultiLabelMargin as MultiLabelMargin
from losskit.losses.multi_label_soft_margin import MultiLabelSoftMargin as MultiLabelSoftMargin
from losskit.losses.multi_margin import MultiMargin as MultiMargin
from losskit.losses.nll import NLL as NLL
from losskit.losses.pairwise_logistic import PairwiseLogistic as PairwiseLogistic
from losskit.losses.poisson_nll import PoissonNLL as PoissonNLL
from losskit.losses.policy_kl import PolicyKL as PolicyKL
from losskit.losses.poly1 import Poly1 as Poly1
from losskit.losses.quantile import Quantile as Quantile
from losskit.losses.relative_entropy import RelativeEntropy as RelativeEntropy
from losskit.losses.sig_lip import SigLIP as SigLIP
from losskit.losses.smooth_l1 import SmoothL1 as SmoothL1
from losskit.losses.soft_margin import SoftMargin as SoftMargin
from losskit.losses.squared_hinge import SquaredHinge as SquaredHinge
from losskit.losses.sup_con import SupCon as SupCon
from losskit.losses.triplet import Triplet as Triplet
from losskit.losses.tversky import Tversky as Tversky
from losskit.losses.tweedie import Tweedie as Tweedie

CATALOGUE: dict[str, type[Loss]] = {
    name: item
    for name, item in list(globals().items())
    if isinstance(item, type) and issubclass(item, Loss) and item is not Loss
}
"""Name → class of every loss."""
for _kind in CATALOGUE.values():
    parameters_of(_kind)  # torch.compile can follow what is known, should it make the first loss

if not TYPE_CHECKING:
    # Type checkers take the lines above for it, and could not follow this.
    __all__ = tuple(sorted({"CATALOGUE", "Loss", "register_loss", *CATALOGUE}))

    def __dir__() -> list[str]:
        """Name the losses, and what makes one."""
        return sorted({*__all__, *CATALOGUE})


def register_loss(kind: type[Loss]) -> type[Loss]:
    """Add a loss of one's own to the catalogue; goes before a class as a decorator.

    From then on it is found wherever losses are: ``losskit.torch`` makes its module and its
    function, ``losskit list`` and ``losskit explain`` show it, `find_loss` knows its names.

    Parameters
    ----------
    kind : type of Loss
        A frozen dataclass of one of the kinds, with a card, that can be made without arguments.

    Returns
    -------
    type of Loss
        The same class.

    Raises
    ------
    TypeError
        If it is no such class, or what it lacks is abstract.
    ValueError
        If another loss has one of its names.
    """
    if not (isinstance(kind, type) and issubclass(kind, Loss)):
        raise TypeError(f"register_loss takes a subclass of a kind of loss, got {kind!r}")
    if "__dataclass_params__" not in vars(kind):
        raise TypeError(
            f"{kind.__name__} is no dataclass, so its parameters would be ignored; put "
            "@dataclass(frozen=True) before it"
        )
    lacking = sorted(getattr(kind, "__abstractmethods__", ()))
    if not isinstance(getattr(kind, "card", None), Card):
        lacking.append("card")
    if lacking:
        raise TypeError(f"{kind.__name__} cannot be registered without {', '.join(lacking)}")
    kind()
    others = {name: one for name, one in CATALOGUE.items() if not _is_same(one, kind)}
    for name in names_of(kind):
        taken = known_names(others).get(name)
        if taken is not None:
            raise ValueError(
                f"{kind.__name__} cannot be registered: {taken.__name__} is called {name!r} too"
            )
    CATALOGUE[kind.__name__] = kind
    return kind


def _is_same(one: type[Loss], other: type[Loss]) -> bool:
    """Whether a class is the other's earlier self, as when a notebook's cell runs again."""
    return (one.__module__, one.__qualname__) == (other.__module__, other.__qualname__)
