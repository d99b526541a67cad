"""What the curves of one training show."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from losskit.check.curves.log import Log
from losskit.check.curves.names import rises, words
from losskit.check.curves.series import Curve
from losskit.check.curves.shapes import Shape
from losskit.check.findings import Finding, Severity, Sight
from losskit.check.report import found
from losskit.check.signatures import (
    Signature,
    entropy,
    near,
    sigmoid_twice_floor,
    softmax_twice_floor,
    well_known,
)

__all__ = ["QUESTIONS"]

FEWEST = 8
"""Points below which a curve has no shape."""


def not_finite(log: Log) -> Iterator[Finding]:
    """LK202: NaN and infinity in a loss, in a norm, in a metric."""
    watched = [log.train, log.validation, log.gradient, *log.metrics]
    curves = [curve for curve in watched if curve is not None]
    # Where the loss breaks, so does all else; the first is what matters.
    broken = [(curve.first_broken, curve) for curve in curves if curve.first_broken is not None]
    if not broken:
        return
    (step, epoch), curve = min(broken, key=lambda pair: pair[0])
    share = curve.broken / curve.points
    yield found(
        "LK202",
        f"{curve.name} is not finite from {_place(step, epoch)} on, "
        f"{curve.broken:,} times in {curve.points:,}",
        sight=Sight(series=curve.name, step=_step(step), epoch=_epoch(epoch)),
        share=share,
    )


def negative(log: Log) -> Iterator[Finding]:
    """LK218: a loss below 0 that cannot be."""
    curve = log.train or log.validation
    if curve is None or not len(curve) or not _never_negative(log, curve):
        return
    if float(np.median(curve.mean[-max(len(curve) // 10, 1) :])) < -1e-3:
        at = int(np.argmax(curve.mean < -1e-3))
        yield found(
            "LK218",
            f"{curve.name} is below 0 from {_at(curve, at)} on, and goes down to "
            f"{float(curve.low.min()):.4g}",
            sight=_sight(curve, at),
            least=float(curve.low.min()),
        )


_SIGNED = {"nll", "elbo", "objective", "reward", "gaussian", "gamma", "tweedie", "poisson"}
_UNSIGNED = {"ce", "bce", "xent", "entropy", "cross", "mse", "mae", "l1", "l2", "huber", "hinge"}


def _never_negative(log: Log, curve: Curve) -> bool:
    """Whether a loss cannot be negative, by what is known of it or by its name."""
    if log.loss:
        from losskit.check.criterion import criterion_of  # noqa: PLC0415 - with a name only

        its = criterion_of(log.loss).loss
        return its is not None and its.card.never_negative
    found_words = set(words(curve.name))
    return bool(found_words & _UNSIGNED) and not found_words & _SIGNED


def diverges(log: Log) -> Iterator[Finding]:
    """LK402: most of what was gained is lost again."""
    curve = log.train
    if curve is None or len(curve) < FEWEST:
        return
    shape = Shape(curve)
    lost = shape.end - shape.best
    worst = float(shape.blocks[-max(len(shape.blocks) // 4, 2) :].max())
    scale = max(abs(shape.best), 1e-3 * abs(shape.start), 1e-12)
    risen = shape.end > shape.start + max(0.25 * abs(shape.start), 6 * shape.noise)
    relapsed = (
        lost > 0.5 * shape.gain
        and lost > max(scale, 6 * shape.noise)
        and (shape.end > 2 * shape.best or shape.best < 0)
    )
    leapt = worst > 4 * max(shape.start, shape.end) and worst > shape.best + 20 * shape.noise
    if risen or relapsed or (leapt and shape.end > shape.best + 0.5 * shape.gain):
        at = _bucket_of_block(curve, shape, int(np.argmin(shape.blocks)))
        yield found(
            "LK402",
            f"{curve.name} rises from {shape.best:.4g} at {_at(curve, at)} to {shape.end:.4g}; it "
            f"began at {shape.start:.4g}",
            sight=_sight(curve, at),
            start=shape.start,
            best=shape.best,
            end=shape.end,
        )


def oscillates(log: Log) -> Iterator[Finding]:
    """LK403: leaps that are larger than what was gained."""
    curve = log.train
    if curve is None or len(curve) < 16:
        return
    shape = Shape(curve)
    last = shape.blocks[len(shape.blocks) // 2 :]
    middle = float(np.median(last))
    gained = shape.start - middle
    high, low = float(np.quantile(last, 0.9)), float(np.quantile(last, 0.1))
    moves = np.abs(np.diff(last))
    unsteady = float(np.mean(moves > 0.25 * max(high - low, 1e-12)))
    leaps = high - low > 0.5 * max(gained, 0.1 * abs(shape.start)) and high > 1.3 * low
    # A drift is a fall, however far it goes.
    trend = abs(float(np.median(last[: len(last) // 2]) - np.median(last[len(last) // 2 :])))
    if leaps and unsteady > 0.4 and trend < 0.5 * (high - low):
        at = _bucket_of_block(curve, shape, len(shape.blocks) // 2)
        yield found(
            "LK403",
            f"{curve.name} goes up and down between {low:.4g} and {high:.4g} from {_at(curve, at)}"
            f" on, averages of stretches as they are; it has fallen by {gained:.4g} in all",
            sight=_sight(curve, at),
            low=low,
            high=high,
            gained=gained,
        )


def stuck(log: Log) -> Iterator[Finding]:
    """LK401, LK101, LK103 and LK405: a loss that stands still at a telling value, or at any."""
    curve = log.train
    if curve is None or len(curve) < FEWEST:
        return
    shape = Shape(curve)
    moved = shape.gain > max(0.05 * abs(shape.start), 4 * shape.noise)
    signature = _signature(log, shape, moved=moved)
    if signature is not None:
        at = _bucket_of_block(curve, shape, int(np.argmax(shape.blocks <= shape.end * 1.02)))
        yield found(
            signature.code,
            f"{curve.name} stays at {shape.end:.4f} from {_at(curve, at)} on, which is "
            f"{signature.name}: the model {signature.meaning}",
            severity=None if signature.code == "LK401" else Severity.SUSPICIOUS,
            sight=_sight(curve, at),
            level=shape.end,
            signature=signature.value,
        )
    elif not moved and shape.end > shape.start - max(0.03 * abs(shape.start), 2 * shape.noise):
        if not shape.flat(1.0, within=0.05) and shape.end > shape.start:
            return
        yield found(
            "LK405",
            f"{curve.name} begins at {shape.start:.4g} and ends at {shape.end:.4g} after "
            f"{curve.points:,} points",
            sight=_sight(curve, len(curve) - 1),
            start=shape.start,
            end=shape.end,
        )


def _signature(log: Log, shape: Shape, *, moved: bool) -> Signature | None:
    """Return the value that the curve stands at, if it tells something."""
    if not shape.flat(0.4, within=0.01) or shape.noise > 0.05 * abs(shape.end):
        return None
    floor = _floor(log, shape)
    if floor is not None:
        return floor
    if log.constant_loss is not None:
        best = log.constant_loss
        if shape.end > 0.97 * best and shape.end < 1.15 * best:
            name = f"the best constant answer's loss, {best:.4f}"
            meaning = "predicts only the frequencies, or the mean, of the targets"
            return Signature(best, name, meaning)
    if log.label_shares is not None:
        value = entropy(log.label_shares)
        if near(shape.end, value, 0.02):
            meaning = "predicts only the frequencies of the classes"
            return Signature(value, f"the entropy of the labels, {value:.4f}", meaning)
    known = [one for one in well_known(log.classes) if one.code == "LK401"]
    slack = 0.02 if log.classes else 0.004
    # Without the number of classes, some value is always near; one that never was left tells.
    if log.classes is None and moved:
        known = [one for one in known if near(one.value, math.log(2), 1e-6)]
    return next((one for one in known if near(shape.end, one.value, slack)), None)


def _floor(log: Log, shape: Shape) -> Signature | None:
    """Return the floor of an activation before a loss that has its own.

    Where a softmax comes before cross-entropy, each right answer costs the floor and each wrong
    one 1 more, once the first softmax is certain.
    """
    accuracy = next(
        (
            metric
            for metric in log.metrics
            if {"acc", "accuracy"} & set(words(metric.name)) and len(metric)
        ),
        None,
    )
    right = None
    if accuracy is not None:
        right = float(np.median(accuracy.mean[-max(len(accuracy) // 10, 1) :]))
        right = right / 100 if right > 1.5 else right
    counts = [log.classes] if log.classes else [2, 3, 5, 10, 100, 1000]
    for count in counts:
        floor = softmax_twice_floor(count)
        expected = floor + (1 - right) if right is not None else floor
        below = float(shape.curve.low.min()) < floor * 0.999
        sure = right is not None and right > 1 / count + 0.3
        if below or not (sure or (log.classes and right is None)):
            continue
        slack = 0.04 if log.classes else 0.01
        if near(shape.end, expected, slack) and shape.gain > 0:
            return Signature(
                expected,
                f"ln(1 + {count - 1}/e) = {floor:.4f}"
                + (f" and 1 for each of {1 - right:.1%} wrong answers" if right else ""),
                f"has a softmax before the cross-entropy of {count} classes, which goes no lower",
                "LK101",
            )
    if log.classes == 2 and log.label_shares is not None and right is not None and right > 0.8:
        floor = sigmoid_twice_floor(float(log.label_shares[1]))
        if float(shape.curve.low.min()) > 0.999 * floor and near(shape.end, floor, 0.05):
            return Signature(
                floor, f"{floor:.4f}", "has a sigmoid before a loss on logits", "LK103"
            )
    return None


def too_slow(log: Log) -> Iterator[Finding]:
    """LK404: an even fall to the very end, far from done."""
    curve = log.train
    if curve is None or len(curve) < 16:
        return
    shape = Shape(curve)
    if shape.start <= 0 or shape.gain <= max(0.002 * shape.start, 3 * shape.noise):
        return
    thirds = np.array_split(shape.blocks, 3)
    first = shape.blocks[0] - thirds[0][-1]
    last = thirds[2][0] - shape.blocks[-1]
    falling = float(np.mean(np.diff(shape.blocks) < 0))
    if shape.end > 0.5 * shape.start and last > 0.6 * first > 0 and falling > 0.85:
        yield found(
            "LK404",
            f"{curve.name} falls evenly from {shape.start:.4g} to {shape.end:.4g}: by "
            f"{first:.3g} in the first third and by {last:.3g} in the last",
            sight=_sight(curve, len(curve) - 1),
            start=shape.start,
            end=shape.end,
        )


def overfits(log: Log) -> Iterator[Finding]:
    """LK406: validation that rises while training falls."""
    train, held = log.train, log.validation
    if train is None or held is None or len(held) < 6 or len(train) < 6:
        return
    y = held.blocks(80)
    best = int(np.argmin(y))
    tail = y[-max(len(y) // 10, 2) :]
    end = float(np.median(tail))
    rise = end - float(y[best])
    steps = np.abs(np.diff(y[max(best - 1, 0) :]))
    wobble = float(np.median(steps)) if len(steps) else 0.0
    if best >= len(y) - 3 or rise <= max(0.2 * abs(float(y[best])), 2 * wobble):
        return
    share = (best + 1) / len(y)
    shape = Shape(train)
    at_best = float(np.median(train.mean[max(train.at(share) - 2, 0) : train.at(share) + 3]))
    if not shape.end < at_best - 0.05 * abs(at_best):
        return
    at = held.at(best / len(y))
    step, epoch = held.where(at)
    when = f"epoch {epoch:g}" if epoch is not None else f"step {step}"
    yield found(
        "LK406",
        f"{held.name} is lowest at {when}, {float(y[best]):.4g}, and {end:.4g} at the end, while "
        f"{train.name} falls from {at_best:.4g} to {shape.end:.4g}",
        sight=_sight(held, at),
        lowest=float(y[best]),
        end=end,
    )


def resumed(log: Log) -> Iterator[Finding]:
    """LK407: a jump where steps or epochs go back, or a file begins."""
    curve = log.train
    if curve is None:
        return
    for at in curve.breaks:
        before, after = curve.mean[max(at - 5, 0) : at], curve.mean[at : at + 5]
        if len(before) < 3 or len(after) < 3:
            continue
        around = np.concatenate([np.diff(before), np.diff(after)])
        noise = float(np.median(np.abs(around)))
        jump = float(np.median(after) - np.median(before))
        if jump > max(0.2 * abs(float(np.median(before))), 4 * noise):
            yield found(
                "LK407",
                f"{curve.name} jumps from {float(np.median(before)):.4g} to "
                f"{float(np.median(after)):.4g} where the training goes on, at {_at(curve, at)}",
                sight=_sight(curve, at),
                before=float(np.median(before)),
                after=float(np.median(after)),
            )


def validation_below(log: Log) -> Iterator[Finding]:
    """LK408: a validation loss far below the training loss."""
    gap = _gap(log)
    if gap is None or log.validation is None:
        return
    share, ratio = gap
    if share > 0.8 and ratio < 0.5:
        yield found(
            "LK408",
            f"the validation loss is {ratio:.0%} of the training loss, in the median of the "
            "second half",
            sight=_sight(log.validation, len(log.validation) - 1),
            ratio=ratio,
        )


def _gap(log: Log) -> tuple[float, float] | None:
    """Return how often validation is below training in the second half, and their ratio."""
    train, held = log.train, log.validation
    if train is None or held is None or len(held) < 6 or len(train) < 6:
        return None
    count = min(len(held), len(train), 40)
    ours, theirs = train.blocks(count), held.blocks(count)
    if len(ours) != len(theirs):
        return None
    half = len(ours) // 2
    ours, theirs = ours[half:], theirs[half:]
    if not (ours > 0).all():
        return None
    return float(np.mean(theirs < 0.98 * ours)), float(np.median(theirs / ours))


def metric_stays(log: Log) -> Iterator[Finding]:
    """LK409: a loss that falls, and a metric that does not move."""
    for metric in log.metrics[:1]:
        held = log.validation if "val" in metric.name.lower() else None
        curve = held or log.train
        if curve is None or len(curve) < 6 or len(metric) < 6:
            continue
        shape, other = Shape(curve), Shape(metric)
        fallen = shape.start - shape.end
        if shape.start <= 0 or fallen < 0.2 * shape.start:
            continue
        values = other.blocks
        top = 100.0 if float(values.max()) > 1.5 else 1.0
        saturated = rises(metric.name) and float(np.median(values)) > 0.9 * top
        spread = float(np.ptp(values[1:]))
        drift = abs(float(np.median(values[-len(values) // 4 :])) - float(values[0]))
        if not saturated and drift < 0.01 * top and spread < 0.03 * top and rises(metric.name):
            yield found(
                "LK409",
                f"{curve.name} falls from {shape.start:.4g} to {shape.end:.4g}, and {metric.name} "
                f"stays at {float(np.median(values)):.4g}",
                sight=_sight(metric, len(metric) - 1),
                fallen=fallen,
                metric=float(np.median(values)),
            )


def exploding(log: Log) -> Iterator[Finding]:
    """LK301: norms of gradients that grow by orders of magnitude."""
    curve = log.gradient
    if curve is None or len(curve) < FEWEST:
        return
    first = float(np.median(curve.mean[: max(len(curve) // 5, 3)]))
    last = float(np.median(curve.mean[-max(len(curve) // 10, 2) :]))
    if first > 0 and last > 100 * first:
        at = int(np.argmax(curve.mean > 10 * first))
        yield found(
            "LK301",
            f"{curve.name} grows from {first:.3g} to {last:.3g}",
            sight=_sight(curve, at),
            first=first,
            last=last,
        )


QUESTIONS: tuple[Callable[[Log], Iterator[Finding]], ...] = (
    not_finite,
    negative,
    exploding,
    diverges,
    stuck,
    resumed,
    overfits,
    oscillates,
    metric_stays,
    too_slow,
    validation_below,
)
"""In the order of what explains most."""


def below_note(log: Log) -> Iterator[str]:
    """Say why validation may well be below training."""
    gap = _gap(log)
    if gap is not None and gap[0] > 0.8 and gap[1] >= 0.5:
        yield (
            f"the validation loss is below the training loss ({gap[1]:.0%} of it); that is right "
            "where dropout or augmentation burden the training, and where the training loss is "
            "the mean over an epoch in which the model still got better"
        )


def _bucket_of_block(curve: Curve, shape: Shape, block: int) -> int:
    return curve.at(block / len(shape.blocks))


def _sight(curve: Curve, at: int) -> Sight:
    step, epoch = curve.where(at)
    return Sight(series=curve.name, step=step, epoch=epoch)


def _at(curve: Curve, at: int) -> str:
    return _place(float(curve.step[at]), float(curve.epoch[at]))


def _place(step: float, epoch: float) -> str:
    return f"epoch {epoch:g}" if math.isfinite(epoch) else f"step {step:,.0f}"


def _step(step: float) -> int | None:
    return int(step) if math.isfinite(step) else None


def _epoch(epoch: float) -> float | None:
    return epoch if math.isfinite(epoch) else None
