"""What the curves of one training show."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from losskit.check.causes import consequences
from losskit.check.curves.held_out import metric_stays, overfits, validation_below
from losskit.check.curves.log import Log
from losskit.check.curves.names import words
from losskit.check.curves.places import (
    as_epoch,
    as_step,
    bucket_of_block,
    place,
    said_at,
    sight_of,
)
from losskit.check.curves.series import Curve
from losskit.check.curves.shapes import Shape, scatter
from losskit.check.curves.standstill import FEWEST, nothing_general, stuck
from losskit.check.findings import Finding, Sight
from losskit.check.report import found

__all__ = ["QUESTIONS", "ask"]


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
        f"{curve.name} is not finite from {place(step, epoch)} on, "
        f"{curve.broken:,} times in {curve.points:,}",
        sight=Sight(series=curve.name, step=as_step(step), epoch=as_epoch(epoch)),
        advice="Run the steps before it under losskit.torch.watch, which names the module and the "
        "sample where it begins; then mend the data, a logarithm, root or division of 0, or lower "
        "the learning rate.",
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
            f"{curve.name} is below 0 from {said_at(curve, at)} on, and goes down to "
            f"{float(curve.low.min()):.4g}",
            sight=sight_of(curve, at),
            least=float(curve.low.min()),
        )


_SIGNED = {"nll", "elbo", "objective", "reward", "gaussian", "gamma", "tweedie", "poisson"}
_UNSIGNED = {"ce", "bce", "xent", "entropy", "cross", "mse", "mae", "l1", "l2", "huber", "hinge"}


def _never_negative(log: Log, curve: Curve) -> bool:
    """Whether a loss cannot be negative, by what is known of it or by its name."""
    if log.never_negative:
        return True
    found_words = set(words(curve.name))
    return bool(found_words & _UNSIGNED) and not found_words & _SIGNED


def diverges(log: Log) -> Iterator[Finding]:
    """LK402: most of what was gained is lost again."""
    curve = log.train
    if curve is None or len(curve) < FEWEST:
        return
    shape = Shape(curve)
    lost = shape.end - shape.best
    noise = shape.noise if curve.whole_epochs else max(shape.noise, shape.usual_error)
    worst = float(shape.blocks[-max(len(shape.blocks) // 4, 2) :].max())
    scale = max(abs(shape.best), 1e-3 * abs(shape.start), 1e-12)
    risen = shape.end > shape.start + max(0.25 * abs(shape.start), 6 * noise)
    relapsed = (
        lost > 0.5 * shape.gain
        and lost > max(scale, 6 * noise)
        and (shape.end > 2 * shape.best or shape.best < 0)
    )
    leapt = worst > 4 * max(shape.start, shape.end) and worst > shape.best + 20 * noise
    if risen or relapsed or (leapt and shape.end > shape.best + 0.5 * shape.gain):
        at = bucket_of_block(curve, shape, int(np.argmin(shape.blocks)))
        yield found(
            "LK402",
            f"{curve.name} rises from {shape.best:.4g} at {said_at(curve, at)} to "
            f"{shape.end:.4g}; it began at {shape.start:.4g}",
            sight=sight_of(curve, at),
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
    if (
        leaps
        and unsteady > 0.4
        and trend < 0.5 * (high - low)
        and _beyond_noise(shape, low, middle, high)
    ):
        at = bucket_of_block(curve, shape, len(shape.blocks) // 2)
        yield found(
            "LK403",
            f"{curve.name}, averaged over stretches, goes up and down between {low:.4g} and "
            f"{high:.4g} from {said_at(curve, at)} on; it has fallen by {gained:.4g} in all",
            sight=sight_of(curve, at),
            low=low,
            high=high,
            gained=gained,
        )


def _beyond_noise(shape: Shape, low: float, middle: float, high: float) -> bool:
    """Whether the blocks of the second half leap, or lie, where batches drawn anew would not.

    Means over whole epochs have no such noise: each is of the same samples.
    """
    curve = shape.curve
    if curve.whole_epochs:
        return True
    error = scatter(curve.mean[len(curve) // 2 :]) * math.sqrt(len(shape.blocks) / len(curve))
    # In noise, these quantiles are 2.56 errors apart.
    return high - low > 3 * 2.56 * error or (low > shape.start and middle > shape.start + 3 * error)


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
            sight=sight_of(curve, len(curve) - 1),
            start=shape.start,
            end=shape.end,
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
                f"{float(np.median(after)):.4g} where it is taken up again, {said_at(curve, at)}",
                sight=sight_of(curve, at),
                before=float(np.median(before)),
                after=float(np.median(after)),
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
            sight=sight_of(curve, at),
            first=first,
            last=last,
        )


QUESTIONS: tuple[Callable[[Log], Iterator[Finding]], ...] = (
    not_finite,
    negative,
    exploding,
    diverges,
    stuck,
    nothing_general,
    resumed,
    overfits,
    oscillates,
    metric_stays,
    too_slow,
    validation_below,
)
"""In the order of what explains most."""


def ask(log: Log) -> list[Finding]:
    """Ask all questions; what follows from another finding is left out."""
    findings: list[Finding] = []
    for question in QUESTIONS:
        findings += question(log)
    hidden = consequences({one.code for one in findings})
    return [one for one in findings if one.code not in hidden]
