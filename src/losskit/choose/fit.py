"""Whether a model's output goes with a target."""

from __future__ import annotations

from collections.abc import Iterable

from losskit.choose.facts import Evidence, Reading
from losskit.choose.profile import Profile
from losskit.core import targets
from losskit.core.contracts import LOG_PROBABILITIES, PROBABILITIES, PROBABILITY_ROWS
from losskit.core.uses import Sign
from losskit.reporting.wording import percent

__all__ = ["output_signs", "output_warnings"]

DOUBTED = 0.01
"""Share of doubted labels from which on wrong ones matter."""
LABELLED = (
    targets.BINARY,
    targets.CLASSES,
    targets.MULTI_LABEL,
    targets.DISTRIBUTION,
    targets.TOKENS,
    targets.PIXELS,
    targets.MASK,
    targets.ORDINAL,
)


def output_signs(profile: Profile, reading: Reading) -> Iterable[Evidence]:
    """See what the model gives."""
    output = profile.output
    if output is None:
        return
    if output.doubted is not None and output.doubted >= DOUBTED:
        text = (
            f"Of {percent(output.doubted)} of the labels the model is sure that they are others: "
            "some of them are probably wrong."
        )
        yield Evidence(Sign.NOISY_LABELS, text, ("doubted_labels",))
    if reading.kind in LABELLED:
        if output.contract in (PROBABILITIES, PROBABILITY_ROWS):
            text = f"The model gives {output.contract.title}."
            yield Evidence(Sign.PROBABILITIES, text, ("output_contract",))
        if output.contract == LOG_PROBABILITIES:
            text = f"The model gives {output.contract.title}."
            yield Evidence(Sign.LOG_PROBABILITIES, text, ("output_contract",))
    elif reading.kind in targets.NUMBERS and output.width == 2:
        text = "The model gives two numbers per example, as a mean and a variance."
        yield Evidence(Sign.MEAN_AND_VARIANCE, text, ("output_shape",))


def output_warnings(profile: Profile, reading: Reading) -> Iterable[str]:
    """Say where shapes do not fit."""
    output = profile.output
    if output is None or reading.kind is None:
        return
    shape = " × ".join(f"{length:,}" for length in output.shape)
    wanted = _units(profile, reading)
    if wanted and output.width not in wanted:
        said = " or ".join(str(one) for one in sorted(wanted))
        yield (
            f"The output is {shape}, {output.width:,} per example, but this target needs {said}: "
            "change the last layer."
        )
    if output.width == 1 and len(output.shape) == 2 and profile.matrix is None:
        yield (
            f"The output is {shape} and the target has one axis: squeeze the output's last axis, "
            "or losses broadcast the two against each other."
        )
    if reading.kind is targets.CLASSES and output.contract == PROBABILITIES and output.width > 1:
        yield (
            "The output's rows do not sum to 1, although all values lie in [0, 1]: a sigmoid per "
            "class is for labels that can hold at once; classes that exclude each other need "
            "logits."
        )


def _units(profile: Profile, reading: Reading) -> set[int]:
    many = len(reading.coding.classes)
    if reading.kind is targets.BINARY:
        return {1, 2}
    if reading.kind in (targets.CLASSES, targets.MULTI_LABEL, targets.DISTRIBUTION):
        return {many} if many else set()
    if reading.kind is targets.ORDINAL:
        return {1, many - 1, many}
    if reading.kind in targets.NUMBERS:
        return {1, 2}
    if reading.kind is targets.SEVERAL and profile.matrix is not None:
        return {profile.matrix.width}
    return set()
