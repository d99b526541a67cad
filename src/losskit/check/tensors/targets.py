"""Whether the target is what it should be: range, padding, one-hot rows, weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from losskit.check.findings import Finding, Severity, Sight
from losskit.check.report import found
from losskit.check.tensors.call import Call
from losskit.check.values import is_binary, is_one_hot, label_shares
from losskit.core.contracts import BINARY, CLASS_INDICES, PROBABILITY_ROWS

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "ignored",
    "imbalance",
    "one_hot",
    "out_of_range",
    "padding",
    "several_labels",
    "weights",
]

_HERE = Sight(argument="target")

RARE = 0.05
"""Share of a label below which it is called rare."""


def out_of_range(call: Call) -> Iterator[Finding]:
    """LK201: values that the loss has no meaning for."""
    target, loss = call.target, call.loss
    if target is None or loss is None or not target.size:
        return
    indices = call.indices
    if indices is not None and call.targets(CLASS_INDICES):
        rows = call.rows
        classes = 0 if rows is None else rows.shape[-1]
        outside = (indices < 0) | (indices >= classes)
        if outside.any():
            worst = int(indices[outside][0])
            most = int(indices.max())
            if worst < 0 or worst in (255, 65535):
                advice = f"Say ignore_index={worst} if it marks what takes no part."
            elif most > 10 * classes + 100:
                advice = "See whether the target holds classes at all, and count them from 0."
            else:
                advice = f"Give the model {most + 1} outputs, or count classes from 0."
            yield found(
                "LK201",
                f"target holds the class {worst}, and there are {classes} classes, 0 to "
                f"{classes - 1}",
                sight=_HERE,
                advice=advice,
                classes=classes,
                value=worst,
            )
        return
    whole = target.dtype.kind in "iu"
    fitting = [one for one in loss.card.targets if one.integral == whole]
    contract = next(iter((*fitting, *loss.card.targets)), None)
    if contract is None or contract.integral or contract.sums_to_one or target.dtype.kind == "b":
        return
    if "target" in call.parts:
        target = np.where(call.part("target"), target, contract.fill(target))
    broken = contract.violation(target, np)
    if (
        broken is not None
        and "nan" not in broken.found
        and not (
            # Told apart from a target in log space.
            contract.name == "Shares" and target.min() < 0
        )
    ):
        yield found(
            "LK201",
            f"target at {broken.position} is {broken.found}, and the loss takes {contract.title}",
            sight=Sight(argument="target", sample=broken.position[0] if broken.position else None),
            advice=f"{contract.mend[:1].upper()}{contract.mend[1:]}." if contract.mend else "",
        )


def several_labels(call: Call) -> Iterator[Finding]:
    """LK182: rows with several ones before a softmax."""
    target = call.target
    if target is None or target.dtype.kind != "f" or not call.targets(PROBABILITY_ROWS):
        return
    if target.shape != call.output.shape or not is_binary(target):
        return
    axis = call.class_axis or 0
    ones = target.sum(axis=axis)
    if (ones > 1).any():
        yield found(
            "LK182",
            f"{float((ones > 1).mean()):.0%} of the rows of target have several ones, up to "
            f"{int(ones.max())}, and softmax lets one class win",
            sight=_HERE,
            most=float(ones.max()),
        )


def one_hot(call: Call) -> Iterator[Finding]:
    """LK205: rows where an index says the same."""
    target = call.target
    if target is None or not call.targets(CLASS_INDICES) or target.dtype.kind != "f":
        return
    if target.shape != call.output.shape or call.class_axis is None or target.ndim < 2:
        return
    if is_one_hot(np.moveaxis(target, call.class_axis, -1)):
        count = target.shape[call.class_axis]
        yield found(
            "LK205",
            f"target holds one-hot rows of {count} classes; indices take an eighth or less of "
            "the memory"
            if count > 15
            else f"target holds one-hot rows of {count} classes, for which indices do",
            sight=_HERE,
            classes=count,
        )


def ignored(call: Call) -> Iterator[Finding]:
    """LK206: hardly anything takes part."""
    target, indices = call.target, call.indices
    if target is None or not target.size:
        return
    if indices is not None:
        share = 1 - indices.size / target.size
    elif call.mask is not None and call.mask.size:
        share = 1 - float(np.mean(call.mask.astype(bool)))
    else:
        return
    if share == 1:
        yield found(
            "LK206",
            "no position takes part: the loss is NaN in torch.nn, and teaches nothing",
            severity=Severity.BUG,
            sight=_HERE,
            ignored=share,
        )
    elif share > 0.9:
        yield found(
            "LK206",
            f"{share:.1%} of the positions take no part in the loss",
            sight=_HERE,
            ignored=share,
        )


def padding(call: Call) -> Iterator[Finding]:
    """LK143: rows that end in runs of one value, which counts."""
    target = call.target
    if call.indices is None or target is None or target.ndim != 2 or call.mask is not None:
        return
    length = target.shape[1]
    if length < 4 or len(target) < 4:
        return
    values, counts = np.unique(target[:, -1], return_counts=True)
    pad = values[int(np.argmax(counts))]
    if pad == getattr(call.loss, "ignore_index", None):
        return
    runs = _runs(target, int(pad))
    elsewhere = int((target == pad).sum() - runs.sum())
    padded = float(np.mean(runs >= 2))
    # A class that is merely frequent stands in the middle of rows as well.
    if padded >= 0.5 and np.unique(runs).size > 1 and elsewhere <= 0.1 * runs.sum():
        yield found(
            "LK143",
            f"{padded:.0%} of the rows of target end in runs of {int(pad)}, which stands hardly "
            f"anywhere else; {float(runs.sum() / target.size):.0%} of what is counted is padding",
            sight=_HERE,
            advice=f"Say ignore_index={int(pad)}, or pad targets with -100.",
            padding=float(runs.sum() / target.size),
        )


def _runs(target: NDArray[Any], value: int) -> NDArray[np.int64]:
    """Return how many of a value each row ends with."""
    other = (target != value)[:, ::-1]
    lengths = np.where(other.any(axis=1), np.argmax(other, axis=1), target.shape[1])
    return np.asarray(lengths, dtype=np.int64)


def _positives(call: Call) -> float | None:
    """Return the share of positive labels, where there are enough to tell."""
    target = call.target
    if target is None or target.size < 50 or not call.targets(BINARY):
        return None
    return float(np.mean(target > 0.5))


def imbalance(call: Call) -> Iterator[Finding]:
    """LK210: a label that is rare, and nothing that makes up for it."""
    loss, indices = call.loss, call.indices
    if loss is None or call.weight is not None or call.criterion.per_value is not None:
        return
    if indices is not None and call.rows is not None:
        if getattr(loss, "class_weight", None) is not None or "gamma" in loss.parameters():
            return
        shares = label_shares(indices, call.rows.shape[-1])
        occurring = shares[shares > 0]
        if indices.size < 50 or len(occurring) < 2 or len(shares) > 20:
            return
        rarest = float(occurring.min())
        if rarest * len(shares) < 2 * RARE and float(occurring.max()) > 0.5:
            yield _rare(rarest, f"class {int(np.argmin(np.where(shares > 0, shares, 2)))}")
        return
    share = _positives(call)
    if share is None or getattr(loss, "pos_weight", 0) is not None:
        return
    if 0 < min(share, 1 - share) < RARE:
        label = "the label 1" if share < 0.5 else "the label 0"
        ratio = (1 - share) / share
        yield _rare(min(share, 1 - share), label, f"pos_weight={ratio:.3g} would balance them.")


def _rare(share: float, label: str, advice: str = "") -> Finding:
    return found(
        "LK210",
        f"{label} makes up {share:.2%} of the targets, and the loss weighs all alike",
        sight=_HERE,
        advice=advice,
        share=share,
    )


def weights(call: Call) -> Iterator[Finding]:
    """LK183: weights that make an imbalance worse."""
    loss, indices = call.loss, call.indices
    given = getattr(loss, "class_weight", None)
    if indices is not None and given is not None and call.rows is not None:
        weighted = np.asarray(given, dtype=np.float64)
        shares = label_shares(indices, call.rows.shape[-1])
        seen = shares > 0
        if seen.sum() < 2 or indices.size < 20 or weighted.shape != shares.shape:
            return
        most, least = int(np.argmax(shares)), int(np.argmin(np.where(seen, shares, 2)))
        if shares[most] > 2 * shares[least] and weighted[most] > 1.5 * weighted[least]:
            yield found(
                "LK183",
                f"class {most} has {shares[most]:.0%} of the targets and the weight "
                f"{weighted[most]:.3g}; class {least} has {shares[least]:.0%} and the weight "
                f"{weighted[least]:.3g}",
                advice="Weights should fall with frequency: 1 / share, or its square root.",
                share=float(shares.max()),
            )
        return
    positive = getattr(loss, "pos_weight", None)
    share = _positives(call)
    if positive is None or share is None or np.asarray(positive).size != 1:
        return
    factor = float(np.asarray(positive).reshape(-1)[0])
    if 0 < share < 1 and ((share < 0.33 and factor < 0.67) or (share > 0.67 and factor > 1.5)):
        yield found(
            "LK183",
            f"pos_weight={factor:.3g} weighs the positives, which are {share:.0%} of the targets: "
            "it makes the imbalance worse",
            advice=f"pos_weight is negatives / positives, {(1 - share) / share:.3g} here.",
            share=share,
            pos_weight=factor,
        )
