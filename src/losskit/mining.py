"""Triplets from a batch of labelled embeddings: random, all, hardest, semi-hard.

Each miner returns indices into the batch, in the library and on the device of what it was given:

    found = mining.semi_hard(z, labels)
    loss(z[found.anchor], z[found.positive], z[found.negative])

Which triplets are chosen is not differentiated; the loss on them is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from losskit.core.arrays import Array, as_compute, compute_dtype, constant, device_of, first_true
from losskit.core.distances import EPS, Distance, P, checked_distance
from losskit.core.engine import Engine, engine_for
from losskit.core.loss import Loss
from losskit.core.options import argument
from losskit.core.pairwise import blocks, pairwise
from losskit.core.parameters import Parameter
from losskit.core.prepared import beside

__all__ = ["Triplets", "all_triplets", "batch_hard", "random_triplets", "semi_hard"]

PER_ANCHOR = Parameter("triplets for each anchor", kind="integer", at_least=1)
SEED = Parameter("makes the draw repeatable", kind="integer", at_least=0, optional=True)
MARGIN = Parameter("by how much a negative is too far", above=0, optional=True)


@dataclass(frozen=True, eq=False)
class Triplets:
    """Indices of anchors, positives and negatives in a batch.

    Attributes
    ----------
    anchor, positive, negative : array of int
        One element for each triplet, in order of anchors.
    anchors_left_out : int
        Examples without a positive or without a negative in the batch.
    pairs_left_out : int
        Pairs of an anchor and a positive for which the miner found no negative; 0 for miners that
        take any.
    """

    anchor: Array
    positive: Array
    negative: Array
    anchors_left_out: int
    pairs_left_out: int = 0

    def __len__(self) -> int:
        return int(self.anchor.shape[0])

    def of(self, embeddings: object) -> tuple[Array, Array, Array]:
        """Return the embeddings of anchors, positives and negatives, to call a loss with.

        Parameters
        ----------
        embeddings : array (B, D)
            Of the whole batch; differentiable where its library is.
        """
        array, engine = argument("triplets", "embeddings", embeddings)
        if engine.xp is not engine_for(self.anchor)[1].xp:
            raise TypeError(
                f"triplets: embeddings is a {type(array).__name__}, not what they were found in"
            )
        try:
            anchor, positive, negative = (
                engine.xp.take(array, at, axis=0)
                for at in (self.anchor, self.positive, self.negative)
            )
        except IndexError:
            raise ValueError(
                f"triplets: embeddings has shape {tuple(array.shape)}, fewer rows than the batch"
            ) from None
        return anchor, positive, negative

    def active_share(self, embeddings: object, loss: Any) -> float:
        """Tell the share of triplets that still cost something, and so teach.

        Parameters
        ----------
        embeddings : array (B, D)
            Of the whole batch.
        loss : Loss or module of losskit.torch
            The loss of an anchor, a positive and a negative that they are for.

        Returns
        -------
        float
            In [0, 1]; 0 where there are no triplets.
        """
        array, engine = argument("triplets", "embeddings", embeddings)
        picked = self.of(constant(array))
        definition: Loss = loss.definition() if hasattr(loss, "definition") else loss
        values = definition(*picked, reduction="none")
        return int(engine.xp.count_nonzero(values > 0)) / max(len(self), 1)


def random_triplets(labels: object, *, per_anchor: int = 1, seed: int | None = None) -> Triplets:
    """Draw positives and negatives at random, each with equal chances.

    Parameters
    ----------
    labels : array of int (B,)
        The same for what belongs together.
    per_anchor : int, default 1
        Triplets for each anchor, drawn independently.
    seed : int, optional
        Makes the draw repeatable, with the same result in every array library.

    Returns
    -------
    Triplets
        ``per_anchor`` for each anchor that has a positive and a negative.

    Examples
    --------
    >>> from losskit import mining
    >>> found = mining.random_triplets([0, 0, 1], seed=0)
    >>> found.anchor.tolist(), found.positive.tolist(), found.negative.tolist()
    ([0, 1], [1, 0], [2, 2])
    >>> found.anchors_left_out  # nothing else is labelled 1
    1
    """
    name = "random_triplets"
    per_anchor = PER_ANCHOR.checked(name, "per_anchor", per_anchor)
    seed = SEED.checked(name, "seed", seed)
    array, engine = argument(name, "labels", labels)
    xp = engine.xp
    batch = _Batch.of(_labels(name, array, engine), xp)
    if not int(batch.anchors.shape[0]):
        return batch.nothing()
    draws = np.random.default_rng(seed)

    def columns(*drawn: Array) -> Array:
        return xp.reshape(xp.stack(drawn, axis=1), (-1,))

    return Triplets(
        columns(*(batch.anchors for _ in range(per_anchor))),
        columns(*(batch.at_random(batch.positives, draws) for _ in range(per_anchor))),
        columns(*(batch.at_random(batch.negatives, draws) for _ in range(per_anchor))),
        batch.left_out,
    )


def all_triplets(labels: object) -> Triplets:
    """List every triplet: each pair with one label, with everything of another one.

    There are up to B³/4 of them, and as many numbers are held: for a batch of 512 of ten labels
    12 million, which is 300 MB.

    Parameters
    ----------
    labels : array of int (B,)
        The same for what belongs together.

    Returns
    -------
    Triplets
        In the order of anchors, then positives, then negatives.

    Examples
    --------
    >>> from losskit import mining
    >>> found = mining.all_triplets([0, 0, 1, 1])
    >>> list(zip(found.anchor.tolist(), found.positive.tolist(), found.negative.tolist()))[:3]
    [(0, 1, 2), (0, 1, 3), (1, 0, 2)]
    """
    array, engine = argument("all_triplets", "labels", labels)
    xp = engine.xp
    batch = _Batch.of(_labels("all_triplets", array, engine), xp)
    anchor, positive = xp.nonzero(batch.positives)
    pair, negative = xp.nonzero(xp.take(batch.negatives, anchor, axis=0))
    return Triplets(
        xp.take(anchor, pair), xp.take(positive, pair), negative, anchors_left_out=batch.left_out
    )


def batch_hard(
    embeddings: object,
    labels: object,
    *,
    distance: str | Callable[[Array, Array], Array] | None = "norm",
    p: float = P,
    eps: float = EPS,
) -> Triplets:
    """Take for each anchor its farthest positive and its nearest negative.

    The hardest triplets of noisy labels, or early in a training, can collapse all embeddings to
    one point; start with `semi_hard` then.

    Parameters
    ----------
    embeddings : array (B, D)
        One for each example.
    labels : array of int (B,)
        The same for what belongs together.
    distance : {"norm", "squared_euclidean", "cosine"} or function, default "norm"
        As for the triplet loss: the p-norm of x - y + eps, Σ (x - y)², 1 - cosine similarity, or
        a function of two arrays (..., D) that gives (...). None is the norm.
    p, eps : float
        Settings of the norm.

    Returns
    -------
    Triplets
        One for each anchor that has a positive and a negative. Of equals the first is taken.

    References
    ----------
    Hermans, A., Beyer, L. and Leibe, B. (2017). In Defense of the Triplet Loss for Person
    Re-Identification.

    Examples
    --------
    >>> from losskit import mining
    >>> found = mining.batch_hard([[0.0], [1.0], [4.0], [6.0]], [0, 0, 0, 1])
    >>> found.positive.tolist(), found.negative.tolist()
    ([2, 2, 0], [3, 3, 3])
    """
    known = checked_distance("batch_hard", distance, p, eps)
    distances, batch = _measured("batch_hard", embeddings, labels, known)
    xp, anchor = batch.xp, batch.anchors
    if not int(anchor.shape[0]):
        return batch.nothing()
    farthest = xp.argmax(xp.where(batch.positives, distances, -xp.inf), axis=1)
    nearest = xp.argmin(xp.where(batch.negatives, distances, xp.inf), axis=1)
    return Triplets(anchor, xp.take(farthest, anchor), xp.take(nearest, anchor), batch.left_out)


def semi_hard(
    embeddings: object,
    labels: object,
    *,
    margin: float | None = None,
    distance: str | Callable[[Array, Array], Array] | None = "norm",
    p: float = P,
    eps: float = EPS,
) -> Triplets:
    """Take for each anchor and positive the hardest negative that is still farther.

    Parameters
    ----------
    embeddings : array (B, D)
        One for each example.
    labels : array of int (B,)
        The same for what belongs together.
    margin : float, optional
        Also leave out pairs whose negative is farther than the positive by that much: they cost
        nothing. By default they are kept.
    distance, p, eps
        As for `batch_hard`.

    Returns
    -------
    Triplets
        One for each pair of an anchor and a positive that has such a negative, in the order of
        anchors, then positives. Of negatives at the same distance the first is taken.

    References
    ----------
    Schroff, F. et al. (2015). FaceNet: A Unified Embedding for Face Recognition and Clustering.

    Examples
    --------
    >>> from losskit import mining
    >>> found = mining.semi_hard([[0.0], [2.0], [-1.0], [3.0], [5.0]], [0, 0, 1, 1, 1])
    >>> int(found.anchor[0]), int(found.positive[0]), int(found.negative[0])  # 3 is beyond 2
    (0, 1, 3)
    """
    margin = MARGIN.checked("semi_hard", "margin", margin)
    known = checked_distance("semi_hard", distance, p, eps)
    distances, batch = _measured("semi_hard", embeddings, labels, known)
    xp = batch.xp
    anchor, positive = xp.nonzero(batch.positives & batch.useful[:, None])
    pairs, size = int(anchor.shape[0]), int(distances.shape[0])
    if not pairs:
        return batch.nothing()
    nearest, farther_by = [], []
    # As many pairs at a time as there are examples, so that no more than B² numbers are held.
    for block in blocks(pairs, size):
        own, other = anchor[block], positive[block]
        rows = xp.take(distances, own, axis=0)
        near = xp.take_along_axis(rows, other[:, None], axis=1)
        farther = xp.take(batch.negatives, own, axis=0) & (rows > near)
        rows = xp.where(farther, rows, xp.inf)
        nearest.append(xp.argmin(rows, axis=1))
        farther_by.append(xp.min(rows, axis=1) - near[:, 0])
    limit = xp.inf if margin is None else margin
    kept = xp.nonzero(xp.concat(farther_by) < limit)[0]
    return Triplets(
        xp.take(anchor, kept),
        xp.take(positive, kept),
        xp.take(xp.concat(nearest), kept),
        batch.left_out,
        pairs - int(kept.shape[0]),
    )


@dataclass(frozen=True)
class _Batch:
    """Who is a positive and who a negative of whom."""

    positives: Array
    negatives: Array
    useful: Array
    xp: ModuleType

    @classmethod
    def of(cls, labels: Array, xp: ModuleType) -> _Batch:
        """Compare all labels."""
        same = labels[:, None] == labels[None, :]
        index = xp.arange(labels.shape[0], device=device_of(labels))
        positives, negatives = same & (index[:, None] != index[None, :]), ~same
        return cls(positives, negatives, xp.any(positives, axis=1) & xp.any(negatives, axis=1), xp)

    @property
    def anchors(self) -> Array:
        """Examples with a positive and a negative."""
        return self.xp.nonzero(self.useful)[0]

    @property
    def left_out(self) -> int:
        """Count of the others."""
        return int(self.useful.shape[0] - self.xp.count_nonzero(self.useful))

    def nothing(self) -> Triplets:
        """No triplets."""
        return Triplets(self.anchors, self.anchors, self.anchors, self.left_out)

    def at_random(self, allowed: Array, draws: np.random.Generator) -> Array:
        """For each anchor, one of those that are allowed."""
        chances = draws.random(allowed.shape, dtype=np.float32)
        keys = self.xp.asarray(chances, device=device_of(allowed))
        return self.xp.take(
            self.xp.argmax(self.xp.where(allowed, keys, -1.0), axis=1), self.anchors
        )


def _measured(
    name: str, embeddings: object, labels: object, distance: Distance
) -> tuple[Array, _Batch]:
    """Distance of each example to each, and who belongs to whom."""
    array, engine = argument(name, "embeddings", embeddings)
    xp = engine.xp
    shape = tuple(array.shape)
    if len(shape) != 2:
        raise ValueError(
            f"{name}: embeddings must hold one embedding per row, of shape (B, D), got {shape}"
        )
    if not xp.isdtype(array.dtype, ("real floating", "integral")):
        raise TypeError(f"{name}: embeddings must hold real numbers, got dtype {array.dtype}")
    array = as_compute(constant(array), compute_dtype((array,), xp), xp)
    wrong = ~xp.isfinite(array)
    if bool(xp.any(wrong)):
        at = first_true(wrong, xp)
        raise ValueError(
            f"{name}: embeddings at position {at} is {float(array[at]):g}, and has no distance to "
            "the others; look for what diverged, or leave that example out"
        )
    others = beside(name, "labels", labels, "embeddings", array, engine)
    batch = _Batch.of(_labels(name, others, engine, shape), xp)
    distances = pairwise(array, distance, xp)
    # What is no candidate is set to inf below, and could be taken for one at that distance.
    wrong = ~xp.isfinite(distances)
    if bool(xp.any(wrong)):
        at = first_true(wrong, xp)
        found, mend = float(distances[at]), ""
        if abs(found) == xp.inf:
            mend = (
                f", beyond the numbers of {distances.dtype}; scale the embeddings down, or pass "
                "them as float64"
            )
        raise ValueError(f"{name}: the distance of examples {at[0]} and {at[1]} is {found:g}{mend}")
    return distances, batch


def _labels(
    name: str, labels: Array, engine: Engine, beside_shape: tuple[int, ...] | None = None
) -> Array:
    """Refuse what is no label for each row."""
    xp, found = engine.xp, tuple(labels.shape)
    if beside_shape is not None and found != beside_shape[:1]:
        raise ValueError(
            f"{name}: embeddings has shape {beside_shape}, so labels must hold one label per row, "
            f"in shape {beside_shape[:1]}, got {found}"
        )
    if len(found) != 1:
        raise ValueError(f"{name}: labels must hold one label per example, got shape {found}")
    # An empty list has no dtype of its own.
    if found != (0,) and not xp.isdtype(labels.dtype, ("integral", "bool")):
        raise TypeError(f"{name}: labels must be integers, got dtype {labels.dtype}")
    return labels
