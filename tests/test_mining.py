"""Miners against loops over all triples, written out."""

from __future__ import annotations

import itertools
import math

import array_api_strict
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import losskit
import losskit.torch as lt
from losskit import mining

LABELS = st.lists(st.integers(0, 3), min_size=1, max_size=9)
DISTANCES = {
    "norm": math.dist,
    "squared_euclidean": lambda x, y: math.dist(x, y) ** 2,
    "cosine": lambda x, y: (
        1 - math.sumprod(x, y) / math.hypot(*x) / math.hypot(*y)
        if hasattr(math, "sumprod")
        else 1 - sum(a * b for a, b in zip(x, y, strict=True)) / math.hypot(*x) / math.hypot(*y)
    ),
}


def batch(labels, seed=0, width=3):
    return np.random.default_rng(seed).normal(size=(len(labels), width))


def triples(found):
    indices = (found.anchor, found.positive, found.negative)
    return list(zip(*(np.asarray(index).tolist() for index in indices), strict=True))


def every_triple(labels):
    """All (a, p, n) by their definition."""
    return [
        (a, p, n)
        for a, p, n in itertools.product(range(len(labels)), repeat=3)
        if a != p and labels[a] == labels[p] and labels[a] != labels[n]
    ]


def left_out(labels):
    """Examples that are an anchor of no triple."""
    return len(labels) - len({a for a, _, _ in every_triple(labels)})


def distances(z, name):
    return [[DISTANCES[name](x.tolist(), y.tolist()) for y in z] for x in z]


@given(LABELS)
def test_all_triplets(labels):
    found = mining.all_triplets(np.array(labels))
    assert triples(found) == every_triple(labels)
    assert len(found) == len(every_triple(labels))
    assert found.anchors_left_out == left_out(labels)
    assert found.pairs_left_out == 0


@given(LABELS, st.integers(0, 5), st.sampled_from(sorted(DISTANCES)))
def test_batch_hard(labels, seed, name):
    z = batch(labels, seed)
    d = distances(z, name)
    expected = {}
    for a, p, n in every_triple(labels):
        farthest, nearest = expected.get(a, (p, n))
        expected[a] = (
            p if d[a][p] > d[a][farthest] else farthest,
            n if d[a][n] < d[a][nearest] else nearest,
        )
    found = mining.batch_hard(z, np.array(labels), distance=name)
    assert triples(found) == [(a, p, n) for a, (p, n) in expected.items()]
    assert found.anchors_left_out == left_out(labels)


@given(LABELS, st.integers(0, 5), st.sampled_from(sorted(DISTANCES)), st.sampled_from([None, 0.3]))
def test_semi_hard(labels, seed, name, margin):
    """The hardest negative that is still farther than the positive, for every pair."""
    z = batch(labels, seed)
    d = distances(z, name)
    expected, pairs = {}, set()
    for a, p, n in every_triple(labels):
        pairs.add((a, p))
        farther = d[a][n] > d[a][p] and (margin is None or d[a][n] < d[a][p] + margin)
        if farther and ((a, p) not in expected or d[a][n] < d[a][expected[a, p]]):
            expected[a, p] = n
    found = mining.semi_hard(z, np.array(labels), distance=name, margin=margin)
    assert triples(found) == [(a, p, n) for (a, p), n in expected.items()]
    assert found.anchors_left_out == left_out(labels)
    assert found.pairs_left_out == len(pairs) - len(expected)


@given(LABELS, st.integers(1, 4), st.integers(0, 1000))
def test_random_triplets(labels, per_anchor, seed):
    found = mining.random_triplets(np.array(labels), per_anchor=per_anchor, seed=seed)
    valid = every_triple(labels)
    anchors = sorted({a for a, _, _ in valid})
    assert set(triples(found)) <= set(valid)
    assert found.anchor.tolist() == [a for a in anchors for _ in range(per_anchor)]
    assert found.anchors_left_out == left_out(labels)
    again = mining.random_triplets(np.array(labels), per_anchor=per_anchor, seed=seed)
    assert triples(again) == triples(found)


def test_random_triplets_have_equal_chances():
    """Each of an anchor's 2 x 3 triples within five deviations of 1/6 of the draws."""
    labels, draws = [0, 0, 0, 1, 1, 1], 6000
    found = triples(mining.random_triplets(labels, per_anchor=draws, seed=1))
    deviation = math.sqrt(draws / 6 * 5 / 6)
    for triple in every_triple(labels):
        assert abs(found.count(triple) - draws / 6) < 5 * deviation
    assert found != triples(mining.random_triplets(labels, per_anchor=draws, seed=2))


@pytest.mark.parametrize("labels", [[0, 0, 0], [0, 1, 2], [5]])
def test_a_batch_without_triplets_gives_nothing(labels):
    """One class only, or nobody with company: no triplets, no NaN, no error."""
    z = torch.randn(len(labels), 4, requires_grad=True)
    labels = torch.tensor(labels)
    for found in (
        mining.all_triplets(labels),
        mining.random_triplets(labels, seed=0),
        mining.batch_hard(z, labels),
        mining.semi_hard(z, labels),
    ):
        assert len(found) == 0
        assert found.anchors_left_out == len(labels)
        assert found.pairs_left_out == 0
        loss = losskit.Triplet()
        value = loss(z[found.anchor], z[found.positive], z[found.negative])
        value.backward()
        assert value == 0
        assert found.active_share(z, loss) == 0


def test_an_empty_batch_gives_nothing():
    z, labels = np.zeros((0, 3)), np.zeros(0, int)
    for found in (
        mining.all_triplets(labels),
        mining.random_triplets(labels, seed=0),
        mining.batch_hard(z, labels),
        mining.semi_hard(z, labels),
    ):
        assert len(found) == found.anchors_left_out == 0


@pytest.mark.parametrize("convert", [torch.from_numpy, array_api_strict.asarray])
@pytest.mark.parametrize("name", sorted(DISTANCES))
def test_libraries_agree(convert, name):
    labels = np.random.default_rng(0).integers(0, 4, 40)
    z = batch(labels)
    for miner in (mining.batch_hard, mining.semi_hard):
        expected = miner(z, labels, distance=name)
        found = miner(convert(z), convert(labels), distance=name)
        assert isinstance(found.anchor, type(convert(labels)))
        assert triples(found) == triples(expected)
        loss = losskit.Triplet(margin=0.2, distance=name)
        assert found.active_share(convert(z), loss) == expected.active_share(z, loss)
    for miner in (mining.all_triplets, lambda labels: mining.random_triplets(labels, seed=3)):
        assert triples(miner(convert(labels))) == triples(miner(labels))


def test_blocks_do_not_show(monkeypatch):
    """Distances are computed in blocks of anchors; the last one is shorter."""
    labels = np.random.default_rng(0).integers(0, 4, 23)
    z = batch(labels)
    whole = triples(mining.batch_hard(z, labels))
    monkeypatch.setattr("losskit.core.pairwise.BLOCK", 5 * 23 * 3)
    assert triples(mining.batch_hard(z, labels)) == whole


def test_indices_feed_the_loss_and_its_gradient():
    torch.manual_seed(0)
    labels = torch.arange(12) % 3
    z = torch.randn(12, 2, dtype=torch.float64, requires_grad=True)
    found = mining.batch_hard(z, labels)
    assert not found.anchor.requires_grad
    loss = losskit.Triplet(margin=0.5)
    picked = z[found.anchor], z[found.positive], z[found.negative]
    loss(*picked).backward()
    assert z.grad.abs().sum() > 0
    theirs = torch.nn.functional.triplet_margin_loss(*picked, margin=0.5)
    torch.testing.assert_close(loss(*picked), theirs)


def test_the_embeddings_of_triplets_go_into_a_loss():
    """They are those at the indices, and what is lost reaches the batch."""
    z = torch.arange(6.0).reshape(3, 2).requires_grad_()
    found = mining.all_triplets(torch.tensor([0, 0, 1]))
    anchor, positive, negative = found.of(z)
    assert torch.equal(anchor, z[:2])
    assert torch.equal(positive, z[:2].flip(0))
    assert torch.equal(negative, z[2:].expand(2, 2))
    losskit.Triplet(margin=10.0)(*found.of(z)).backward()
    assert z.grad.any()
    with pytest.raises(TypeError, match="triplets: embeddings is no array"):
        found.of([[1.0], [2.0, 3.0]])


def test_active_share_of_a_module():
    z = torch.tensor([[0.0], [1.0], [3.0]])
    found = mining.all_triplets(torch.tensor([0, 0, 1]))
    for margin in (0.5, 1.5, 2.5):
        expected = found.active_share(z, losskit.Triplet(margin=margin))
        assert found.active_share(z, lt.TripletMarginLoss(margin=margin)) == expected


def test_active_share():
    """d(a, p) - d(a, n) + margin > 0 for two of four."""
    z = np.array([[0.0], [1.0], [1.5], [5.0]])
    found = mining.Triplets(
        np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0]), np.array([2, 3, 2, 3]), 0
    )
    loss = losskit.Triplet(margin=1.0, eps=0.0)
    # 1 - 1.5 + 1, 1 - 5 + 1, 1 - 0.5 + 1, 1 - 4 + 1
    assert found.active_share(z, loss) == 0.5
    assert found.active_share(z, losskit.Triplet(margin=4.5, eps=0.0)) == 1


def test_semi_hard_triplets_within_the_margin_are_all_active():
    labels = np.random.default_rng(1).integers(0, 5, 50)
    z = batch(labels, width=2)
    loss = losskit.Triplet(margin=0.4)
    within = mining.semi_hard(z, labels, margin=0.4)
    assert within.active_share(z, loss) == 1
    assert 0 < len(within) < len(mining.semi_hard(z, labels))
    rows = z[within.anchor], z[within.positive], z[within.negative]
    # Farther than the positive, so the loss stays below its margin.
    assert (loss(*rows, reduction="none") < 0.4).all()


def test_as_far_is_not_farther():
    """The negative at -1 is as far from 0 as the positive at 1; the one at 2 is semi-hard."""
    z = [[0.0], [1.0], [-1.0], [2.0]]
    found = mining.semi_hard(z, [0, 0, 1, 1], distance="squared_euclidean")
    assert triples(found)[0] == (0, 1, 3)


def test_lists_half_precision_and_bool_labels():
    z = [[0.0, 0.0], [1.0, 0.0], [3.0, 0.0], [4.0, 0.0]]
    expected = triples(mining.batch_hard(z, [0, 0, 1, 1]))
    assert expected == [(0, 1, 2), (1, 0, 2), (2, 3, 1), (3, 2, 1)]
    half = torch.tensor(z, dtype=torch.float16)
    assert triples(mining.batch_hard(half, [0, 0, 1, 1])) == expected
    assert triples(mining.batch_hard(np.array(z), np.array([0, 0, 1, 1]) > 0)) == expected


def test_a_distance_of_ones_own():
    labels = np.array([0, 0, 1, 1, 0])
    z = batch(labels)

    def manhattan(x, y):
        return abs(x - y).sum(-1)

    expected = triples(mining.batch_hard(z, labels, p=1))
    assert triples(mining.batch_hard(z, labels, distance=manhattan)) == expected
    assert triples(mining.semi_hard(z, labels, distance=manhattan)) == triples(
        mining.semi_hard(z, labels, p=1)
    )
    with pytest.raises(ValueError, match="distance of examples 0 and 0 is nan"):
        mining.batch_hard(z, labels, distance=lambda x, y: manhattan(x, y) * np.nan)
    with pytest.raises(ValueError, match="batch_hard: distance must give one number"):
        mining.batch_hard(z, labels, distance=lambda x, y: x - y)


@pytest.mark.parametrize("miner", [mining.batch_hard, mining.semi_hard])
def test_misuse_is_named(miner):
    z, labels = np.zeros((4, 2)), np.array([0, 0, 1, 1])
    holes = z.copy()
    holes[2, 1] = np.nan
    name = miner.__name__
    refused = [
        (
            ValueError,
            r"labels must hold one label per row, in shape \(4,\), got \(3,\)",
            z,
            [0, 0, 1],
        ),
        (ValueError, r"in shape \(4,\), got \(4, 1\)", z, labels[:, None]),
        (ValueError, r"one embedding per row, of shape \(B, D\), got \(4,\)", z[:, 0], labels),
        (ValueError, r"embeddings at position \(2, 1\) is nan", holes, labels),
        (ValueError, r"embeddings at position \(0, 0\) is inf", z + np.inf, labels),
        (TypeError, "labels must be integers, got dtype float64", z, labels * 1.0),
        (TypeError, "embeddings must hold real numbers, got dtype complex128", z * 1j, labels),
        (TypeError, "no array of numbers", [[1.0], [2.0, 3.0]], labels),
        (TypeError, r"torch\.from_numpy\(labels\)", torch.from_numpy(z), labels),
    ]
    for error, match, embeddings, wrong in refused:
        with pytest.raises(error, match=f"{name}: .*{match}"):
            miner(embeddings, wrong)
    with pytest.raises(ValueError, match=f"{name}: distance must be one of .* got 'l2'"):
        miner(z, labels, distance="l2")
    with pytest.raises(ValueError, match=f"{name}: p and eps belong to distance='norm'"):
        miner(z, labels, distance="cosine", p=1)


@pytest.mark.parametrize("miner", [mining.batch_hard, mining.semi_hard])
@pytest.mark.parametrize("convert", [np.array, torch.tensor, array_api_strict.asarray])
def test_distances_that_are_not_finite_are_refused(miner, convert):
    """All negatives of 0 at inf would be as near as the anchor itself, which came first."""
    z = [[1e20, 0.0], [3e20, 0.0], [0.0, 2e20], [5e20, 0.0]]
    labels = [0, 0, 1, 1]
    narrow = convert(np.array(z, dtype="float32").tolist())
    if convert is torch.tensor:
        narrow = narrow.to(torch.float32)
    else:
        narrow = (
            narrow.astype("float32")
            if convert is np.array
            else array_api_strict.astype(narrow, array_api_strict.float32)
        )
    wanted = (
        f"{miner.__name__}: the distance of examples 0 and 1 is inf, beyond the numbers of "
        ".*float32; scale the embeddings down, or pass them as float64"
    )
    with np.errstate(over="ignore"), pytest.raises(ValueError, match=wanted):
        miner(narrow, labels, distance="squared_euclidean")
    if convert is np.array:
        found = miner(np.array(z), labels, distance="squared_euclidean")
        assert set(triples(found)) <= set(every_triple(labels))
        assert len(found)
    # The norm has room for these.
    assert set(triples(miner(narrow, labels))) <= set(every_triple(labels))
    with pytest.raises(ValueError, match="the distance of examples 0 and 0 is inf"):
        miner(np.array(z), labels, distance=lambda x, y: (x - y).sum(-1) + np.inf)


@pytest.mark.parametrize("size", [1e10, 1e19, 1e30])
def test_cosines_of_long_embeddings(size):
    """Products of their squared lengths, and from 1e19 on the squares, overflow in float32."""
    labels = np.random.default_rng(0).integers(0, 3, 12)
    z = batch(labels).astype("float32")
    for miner in (mining.batch_hard, mining.semi_hard):
        expected = triples(miner(z.astype(float), labels, distance="cosine"))
        assert triples(miner(z * np.float32(size), labels, distance="cosine")) == expected


def test_settings_are_checked():
    """By the rules of the loss that the triplets are for, and in its words."""
    z, labels = np.zeros((4, 2)), [0, 0, 1, 1]
    refused = [
        (ValueError, "p must be a finite number >= 1", {"p": 0.5}),
        (ValueError, "p must be a finite number >= 1", {"p": math.inf}),
        (TypeError, "p must be a finite number", {"p": "2"}),
        (ValueError, "eps must be a finite number >= 0", {"eps": -1e-6}),
        (TypeError, "distance must be one of .* or a function, got 3", {"distance": 3}),
    ]
    for error, match, settings in refused:
        for kind in (mining.batch_hard, mining.semi_hard):
            with pytest.raises(error, match=f"{kind.__name__}: {match}"):
                kind(z, labels, **settings)
        with pytest.raises(error, match=f"Triplet: {match}"):
            losskit.Triplet(**settings)
    for error, wrong in (
        *((ValueError, number) for number in (0.0, -1.0, math.nan)),
        *((TypeError, other) for other in (True, "1")),
    ):
        with pytest.raises(error, match="semi_hard: margin must be a finite number"):
            mining.semi_hard(z, labels, margin=wrong)
    for error, wrong in ((ValueError, 0), (ValueError, -1), (TypeError, 1.5), (TypeError, True)):
        with pytest.raises(error, match="random_triplets: per_anchor must be an integer"):
            mining.random_triplets(labels, per_anchor=wrong)
    for error, wrong in ((ValueError, -1), (TypeError, 0.5), (TypeError, True)):
        with pytest.raises(error, match="random_triplets: seed must be an integer"):
            mining.random_triplets(labels, seed=wrong)
    with pytest.raises(ValueError, match=r"one label per example, got shape \(2, 2\)"):
        mining.all_triplets([[0, 1], [1, 0]])
    with pytest.raises(TypeError, match="labels must be integers"):
        mining.all_triplets([0.5, 1.0])


def test_settings_of_any_kind_of_number():
    z, labels = batch([0, 0, 1, 1]), [0, 0, 1, 1]
    for miner in (mining.batch_hard, mining.semi_hard):
        expected = triples(miner(z, labels))
        assert triples(miner(z, labels, distance=None, p=np.float64(2))) == expected
    margin = np.float32(0.5)
    assert triples(mining.semi_hard(z, labels, margin=margin)) == triples(
        mining.semi_hard(z, labels, margin=0.5)
    )
    found = mining.random_triplets(labels, per_anchor=np.int64(2), seed=np.int64(1))
    assert triples(found) == triples(mining.random_triplets(labels, per_anchor=2, seed=1))


def test_empty_lists_give_nothing():
    """They have no dtype to be wrong."""
    for found in (
        mining.all_triplets([]),
        mining.random_triplets([], seed=0),
        mining.batch_hard(np.zeros((0, 3)), []),
        mining.semi_hard(np.zeros((0, 3)), []),
    ):
        assert len(found) == found.anchors_left_out == 0
