"""Losses of whole batches by plain loops."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as theirs


def cosine(a, b):
    """By the definition, with Python's own sums."""
    lengths = math.sqrt(math.fsum(x * x for x in a)) * math.sqrt(math.fsum(x * x for x in b))
    return math.fsum(x * y for x, y in zip(a, b, strict=True)) / lengths if lengths else 0.0


def contrast(anchor, positive, negatives, t):
    """-log of the positive's share, as it stands in the papers."""
    own = math.exp(cosine(anchor, positive) / t)
    return -math.log(own / (own + math.fsum(math.exp(cosine(anchor, k) / t) for k in negatives)))


def others(rows, *left_out):
    return [row for at, row in enumerate(rows) if at not in left_out]


def cross_by_loops(first, second, t):
    return [contrast(first[i], second[i], others(second, i), t) for i in range(len(first))]


def symmetric_by_loops(first, second, t):
    there, back = cross_by_loops(first, second, t), cross_by_loops(second, first, t)
    return [(a + b) / 2 for a, b in zip(there, back, strict=True)]


def all_by_loops(first, second, t):
    both, count = [*first, *second], len(first)
    anchors = [
        contrast(
            both[i], both[(i + count) % (2 * count)], others(both, i, (i + count) % (2 * count)), t
        )
        for i in range(2 * count)
    ]
    return [(anchors[i] + anchors[i + count]) / 2 for i in range(count)]


def labels_by_loops(rows, labels, t):
    values = []
    for i, label in enumerate(labels):
        positives = [rows[j] for j in range(len(rows)) if labels[j] == label and j != i]
        negatives = [rows[k] for k in range(len(rows)) if labels[k] != label]
        each = [contrast(rows[i], positive, negatives, t) for positive in positives]
        values.append(math.fsum(each) / len(each) if each else 0.0)
    return values


def sup_con_by_loops(rows, labels, t):
    values = []
    for i, label in enumerate(labels):
        total = math.fsum(math.exp(cosine(rows[i], row) / t) for row in others(rows, i))
        each = [
            -math.log(math.exp(cosine(rows[i], rows[p]) / t) / total)
            for p in range(len(rows))
            if labels[p] == label and p != i
        ]
        values.append(math.fsum(each) / len(each) if each else 0.0)
    return values


def sig_lip_by_loops(image, text, scale, bias):
    return [
        math.fsum(
            math.log1p(math.exp((-1 if i == j else 1) * (scale * cosine(u, v) + bias)))
            for j, v in enumerate(text)
        )
        for i, u in enumerate(image)
    ]


def unit_tensors(*arrays):
    return [theirs.normalize(torch.from_numpy(array), dim=-1) for array in arrays]


def on_circle(*degrees):
    angles = np.deg2rad(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=-1)
