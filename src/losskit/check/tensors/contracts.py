"""Whether the output holds what the loss takes: logits, probabilities or their logs.

Rows that sum to 1 are probabilities whatever they are called. Single numbers in [0, 1] may be
logits by chance; there the operation that made them decides, where it is known.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from losskit.check.findings import Finding, Severity, Sight
from losskit.check.report import found
from losskit.check.signatures import sigmoid_twice_floor, softmax_twice_floor
from losskit.check.tensors.call import Call
from losskit.check.values import (
    class_count,
    in_unit_interval,
    is_binary,
    is_one_hot,
    log_sums_to_one,
    sums_to_one,
)
from losskit.core.classwise import Classification
from losskit.core.contracts import (
    BINARY,
    CLASS_INDICES,
    LOG_PROBABILITIES,
    LOGITS,
    PROBABILITIES,
    PROBABILITY_ROWS,
    REAL_VALUES,
    SHARES,
)

__all__ = ["divergences", "log_probabilities", "logits", "probabilities", "regression", "swapped"]

_FEW = 32
"""Numbers below which a pattern may be chance."""

_LINEAR = ("Addmm", "Mm", "Bmm", "Linear", "Convolution")
"""Operations whose results have no bounds."""


def logits(call: Call) -> Iterator[Finding]:
    """LK101, LK102, LK103, LK105 and LK191: activations before a loss that applies its own."""
    if not call.takes(LOGITS) or not call.output.size:
        return
    where = Sight(argument=call.output_name)
    made = call.producers.get(call.output_name, "")
    rows = call.rows
    if rows is None or not call.targets(CLASS_INDICES, PROBABILITY_ROWS):
        yield from _binary_logits(call, made, where)
        return
    classes = rows.shape[-1]
    floor = softmax_twice_floor(classes)
    if classes == 1:
        yield found(
            "LK105",
            "there is one logit for each position, so softmax gives 1 and the loss is 0 for any "
            "output",
            sight=where,
        )
    elif sums_to_one(rows) and (rows.size >= _FEW // 4 or made == "Softmax"):
        yield found(
            "LK101",
            f"rows of {call.output_name} are probabilities that sum to 1, and the loss takes "
            f"logits: it cannot go below ln(1 + {classes - 1}/e) = {floor:.4f}",
            sight=where,
            floor=floor,
            loss=call.mean,
        )
    elif made == "Sigmoid":
        yield found(
            "LK105",
            f"{call.output_name} comes from a sigmoid, and the loss takes one logit for each of "
            f"{classes} classes: it cannot go below {floor:.4f}",
            sight=where,
            floor=floor,
        )
    elif log_sums_to_one(rows, slack=0.004):
        yield found(
            "LK102",
            f"rows of {call.output_name} are log-probabilities, and the loss applies log-softmax "
            "itself",
            sight=where,
        )
    elif rows.ndim == 2 and len(rows) > 2 and sums_to_one(rows, axis=0):
        yield found(
            "LK191",
            f"{call.output_name} sums to 1 over the batch, not over the classes: a softmax went "
            "along the wrong axis, before a loss that applies its own",
            severity=Severity.BUG,
            sight=where,
        )


def _binary_logits(call: Call, made: str, where: Sight) -> Iterator[Finding]:
    values = call.output
    if not in_unit_interval(values):
        if made == "LogSigmoid":
            yield found(
                "LK103",
                f"{call.output_name} comes from a log-sigmoid, and the loss takes logits: no "
                "probability above 0.5 can be said",
                sight=where,
            )
        return
    target = call.target
    share = float(np.mean(target > 0.5)) if target is not None and target.size else 0.5
    floor = sigmoid_twice_floor(share)
    known = made in ("Sigmoid", "Softmax")
    extreme = values.size >= _FEW and values.min() < 0.02 and values.max() > 0.98
    middling = values.size >= 2 * _FEW and float(np.ptp(values)) > 0.5
    if known or (not made and (extreme or middling)):
        yield found(
            "LK103",
            f"{call.output_name} holds probabilities, from {values.min():.3g} to "
            f"{values.max():.3g}, and the loss takes logits: it cannot go below {floor:.4f} here",
            severity=None if known or extreme else Severity.SUSPICIOUS,
            sight=where,
            floor=floor,
            loss=call.mean,
        )


def probabilities(call: Call) -> Iterator[Finding]:
    """LK104: what is no probability, before a loss that takes its logarithm."""
    if not call.takes(PROBABILITIES) or not call.output.size:
        return
    outside = ((call.output < 0) | (call.output > 1)) & call.part(call.output_name)
    made = call.producers.get(call.output_name, "")
    if not outside.any():
        if made in _LINEAR:
            yield found(
                "LK104",
                f"{call.output_name} comes from a linear layer, and lies in [0, 1] by chance only",
                sight=Sight(argument=call.output_name),
            )
        return
    at = tuple(int(index) for index in np.argwhere(outside)[0])
    logs = call.output.max() <= 0 and call.output.min() < 0
    what = "log-probabilities" if logs else "raw scores"
    yield found(
        "LK104",
        f"{call.output_name} at {at} is {float(call.output[at]):.4g}, so it holds {what}; "
        f"{float(outside.mean()):.0%} of it lie outside of [0, 1]",
        sight=Sight(argument=call.output_name, sample=at[0] if at else None),
        outside=float(outside.mean()),
    )


def log_probabilities(call: Call) -> Iterator[Finding]:
    """LK111: probabilities or raw scores before a negative log-likelihood."""
    rows = call.rows
    if not call.takes(LOG_PROBABILITIES) or rows is None or not rows.size:
        return
    if not isinstance(call.loss, Classification):
        return
    where = Sight(argument=call.output_name)
    if sums_to_one(rows):
        yield found(
            "LK111",
            f"rows of {call.output_name} are probabilities that sum to 1, and the loss takes "
            f"their logarithms; it is {call.mean:.4f}, and goes down to -1",
            sight=where,
            loss=call.mean,
        )
        return
    totals = np.exp(np.minimum(rows.astype(np.float64), 50)).sum(axis=-1)
    if not log_sums_to_one(rows, slack=0.05):
        above = float(rows.max()) > 0.01
        yield found(
            "LK111",
            f"the exponentials of the rows of {call.output_name} sum to {totals.min():.4g} up to "
            f"{totals.max():.4g}, not to 1: they are raw scores, and the loss has no lowest value",
            severity=None if above else Severity.SUSPICIOUS,
            sight=where,
            least=float(totals.min()),
            most=float(totals.max()),
        )


def divergences(call: Call) -> Iterator[Finding]:
    """LK121, LK122 and LK124: what a divergence takes in log space, and how it is averaged."""
    loss, target = call.loss, call.target
    if loss is None or target is None or not call.targets(SHARES):
        return
    rows, where = call.output, Sight(argument=call.output_name)
    in_logs = bool(getattr(loss, "log_target", False))
    if rows.ndim and rows.size and rows.max() > 0.01:
        what = "probabilities" if sums_to_one(rows) else "raw scores"
        yield found(
            "LK121",
            f"{call.output_name} goes up to {rows.max():.4g}, so it holds {what}; the loss takes "
            f"log-probabilities, which are never above 0 (it is {call.mean:.4g} now)",
            sight=where,
            largest=float(rows.max()),
            loss=call.mean,
        )
    if not in_logs and target.size and target.min() < 0:
        logs = log_sums_to_one(target, slack=0.05)
        code = "LK124" if logs or target.max() <= 0 else "LK201"
        yield found(
            code,
            f"target goes down to {target.min():.4g}"
            + (
                ": its rows are log-probabilities, and the loss takes them for probabilities"
                if logs or target.max() <= 0
                else ", and a share cannot be negative"
            ),
            sight=Sight(argument="target"),
        )
    elif in_logs and sums_to_one(target):
        yield found(
            "LK124",
            "rows of target are probabilities that sum to 1, and log_target=True says that they "
            "are logarithms",
            sight=Sight(argument="target"),
            advice="Leave log_target out, or give logarithms.",
        )
    if call.criterion.reduction == "mean" and rows.ndim > 1 and rows.shape[-1] > 1:
        yield found(
            "LK122",
            f"the mean goes over samples and {rows.shape[-1]} classes alike, so the loss is "
            f"1/{rows.shape[-1]} of the divergence",
            sight=where,
            classes=rows.shape[-1],
        )


def swapped(call: Call) -> Iterator[Finding]:
    """LK142: the target where the model's output belongs, and the reverse."""
    target, name = call.target, call.output_name
    # Of a loss that nobody knows, the order is not known either.
    if target is None or call.loss is None:
        return
    if call.learns.get("target") and call.learns.get(name) is False and not _symmetric(call):
        code = "LK123" if call.targets(SHARES) else "LK142"
        yield found(
            code,
            f"target wants a gradient and {name} does not: they have changed places",
            sight=Sight(argument=name),
        )
        return
    if not call.targets(BINARY) or call.learns.get(name) or target.shape != call.output.shape:
        return
    if target.size >= 8 and is_binary(call.output) and not is_binary(target):
        yield found(
            "LK142",
            f"{name} holds nothing but 0 and 1, and target goes from {target.min():.4g} to "
            f"{target.max():.4g}: they have changed places",
            sight=Sight(argument=name),
        )


def _symmetric(call: Call) -> bool:
    """Whether the loss is the same with input and target exchanged, as commitment losses use."""
    name = call.output_name
    exchanged = dict(call.arrays) | {name: call.arrays["target"], "target": call.output}
    for _, loss in call.criterion.terms:
        there, back = call.computed(loss), call.computed(loss, exchanged)
        if there is None or back is None or there.shape != back.shape:
            return False
        if not np.allclose(there, back, rtol=1e-5, equal_nan=True):
            return False
    return True


def regression(call: Call) -> Iterator[Finding]:
    """LK181: classes before a loss of real numbers."""
    target = call.target
    if not (call.takes(REAL_VALUES) and call.targets(REAL_VALUES)) or target is None:
        return
    where = Sight(argument=call.output_name)
    output = call.output
    if is_one_hot(target) and target.shape == output.shape:
        softmaxed = sums_to_one(output)
        how = "softmax outputs" if softmaxed else "outputs"
        yield found(
            "LK181",
            f"{how} are held against one-hot rows of {target.shape[-1]} classes by a loss of real "
            "numbers",
            sight=where,
        )
        return
    classes = class_count(target)
    if classes and target.size >= _FEW:
        what = "0/1 labels" if classes == 2 else f"class indices from 0 to {classes - 1}"
        yield found(
            "LK181",
            f"target holds {what}, and the loss takes real numbers whose differences mean "
            "something",
            sight=Sight(argument="target"),
            advice="For classes take a cross-entropy on logits; where the numbers are grades or "
            "counts that are meant as such, this is no mistake.",
            classes=classes,
        )
