"""A class, or inside and outside, for each pixel."""

from __future__ import annotations

from collections.abc import Iterable

from losskit.choose.facts import Coding, Evidence, Fact, Reading
from losskit.choose.matrix import Matrix
from losskit.choose.profile import Profile
from losskit.choose.rules.classes import class_facts, class_signs
from losskit.choose.rules.rule import CERTAIN, LIKELY, Rule
from losskit.core import targets
from losskit.core.loss import Loss
from losskit.core.uses import Sign
from losskit.reporting.wording import percent

__all__ = ["Mask", "Pixels"]

VOIDS = (255.0, -100.0, -1.0)
"""What marks pixels that take no part; the first of these that occurs."""
FEW = 64
"""Values up to which whole numbers in a picture are classes rather than shades."""
MOST = 256
"""Classes that a picture of bytes can hold."""
VOID = 255.0
"""What marks borders and unknown pixels in most data sets of segmentation, or all of a mask."""
SMALL = 0.1
"""Share of the pixels inside below which regions are small."""


def _pictures(matrix: Matrix | None) -> bool:
    return matrix is not None and len(matrix.shape) >= 3 and bool(matrix.whole and matrix.counts)


class Pixels(Rule):
    """Pictures of class numbers."""

    kind = targets.PIXELS
    overrule = "each pixel, or each place of an array, has a class"

    def read(self, profile: Profile, *, asked: bool = False) -> Reading | None:
        """Take arrays with three axes or more that hold few whole numbers."""
        matrix = profile.matrix
        if matrix is None or not _pictures(matrix) or not matrix.counts:
            return None
        void = next((one for one in VOIDS if one in matrix.counts), None)
        codes = [one for one in matrix.counts if one != void]
        if void is not None and void > 0 and codes and max(codes) > 0.8 * void:
            void, codes = None, list(matrix.counts)
        if len(matrix.counts) > MOST or len(codes) < 3 - (void is not None) or min(codes) < 0:
            return None
        if void == VOID and codes == [0.0]:
            return None  # a mask
        classes = int(max(codes)) + 1
        sizes = {code: matrix.counts[code] for code in codes}
        return Reading(
            self.kind,
            CERTAIN if len(codes) <= FEW or asked else 0.3,
            f"it holds {len(codes)} classes in arrays of {_size(matrix)}",
            ("classes",),
            Coding(tuple(range(classes))),
            padding=void,
            details={"sizes": sizes, "classes": classes},
        )

    def facts(self, profile: Profile, reading: Reading) -> Iterable[Fact]:
        """Say how the pixels spread over the classes."""
        sizes = reading.details.get("sizes", {})
        yield from class_facts(sizes)
        if reading.padding is not None and profile.matrix is not None and profile.matrix.counts:
            share = profile.matrix.counts[reading.padding] / sum(profile.matrix.counts.values())
            yield Fact(
                "padding",
                reading.padding,
                f"{reading.padding:g} marks {percent(share)} of the pixels as unknown.",
            )

    def signs(self, profile: Profile, reading: Reading) -> Iterable[Evidence]:
        """See how much classes differ in size."""
        yield from class_signs(reading.details.get("sizes", {}))

    def output_layer(self, loss: Loss, profile: Profile, reading: Reading) -> str:
        """Say how many channels."""
        return f"{reading.details.get('classes', 'K')} logits for each pixel, in axis 1"

    def metrics(self, loss: Loss, signs: object) -> tuple[str, ...]:
        """Report what the background does not rule."""
        return ("mean IoU", "Dice of each class", "pixel accuracy")


class Mask(Rule):
    """Pictures of inside and outside."""

    kind = targets.MASK
    overrule = "each pixel is inside or outside"

    def read(self, profile: Profile, *, asked: bool = False) -> Reading | None:
        """Take arrays with three axes or more that hold two values."""
        matrix = profile.matrix
        if matrix is None or not _pictures(matrix) or not matrix.counts or len(matrix.counts) != 2:
            return None
        low, high = sorted(matrix.counts)
        share = matrix.counts[high] / sum(matrix.counts.values())
        text = "" if (low, high) == (0, 1) else f"code {high:g} as 1 and {low:g} as 0"
        return Reading(
            self.kind,
            CERTAIN if (low, high) in ((0, 1), (0, VOID)) else LIKELY,
            f"it holds two values in arrays of {_size(matrix)}",
            ("inside",),
            Coding((low, high), high, text=text),
            details={"share": share},
        )

    def facts(self, profile: Profile, reading: Reading) -> Iterable[Fact]:
        """Say how much is inside."""
        share = reading.details.get("share")
        if share is not None:
            yield Fact("inside", share, f"{percent(share)} of the pixels are inside.")

    def signs(self, profile: Profile, reading: Reading) -> Iterable[Evidence]:
        """See whether regions are small."""
        share = reading.details.get("share", 0.5)
        if share < SMALL:
            text = f"{percent(share)} of the pixels are inside: the background outvotes them."
            yield Evidence(Sign.SMALL_REGIONS, text, ("inside",))

    def metrics(self, loss: Loss, signs: object) -> tuple[str, ...]:
        """Report what the background does not rule."""
        return ("Dice", "IoU", "recall of regions")

    def output_layer(self, loss: Loss, profile: Profile, reading: Reading) -> str:
        """Say how many channels."""
        return "one logit for each pixel, no activation"

    def threshold(self, loss: Loss, reading: Reading) -> str:
        """Say how pixels are cut."""
        return "tune the threshold on validation pictures for the overlap that counts"


def _size(matrix: Matrix) -> str:
    return " × ".join(str(length) for length in matrix.shape[1:])
