"""Studies: what is said about losses, run for real, with several seeds.

A new one is its file and its line here.

Needs the extra ``losskit[compare]``.
"""

from __future__ import annotations

from losskit.core.packages import needs
from losskit.core.spec import parse_parameters
from losskit.reporting.errors import RequestError, closest

with needs("compare", "losskit.studies"):
    from losskit.studies.base import SEEDS, Study
    from losskit.studies.circle import Circle
    from losskit.studies.collapse import Collapse
    from losskit.studies.gradients import Gradients
    from losskit.studies.imbalance import Imbalance
    from losskit.studies.kl import KL
    from losskit.studies.landscapes import Landscapes
    from losskit.studies.one_half import OneHalf
    from losskit.studies.outliers import Outliers
    from losskit.studies.record import Progress
    from losskit.studies.results import StudyResults
    from losskit.studies.smoothing import Smoothing
    from losskit.studies.triplets import Triplets

__all__ = ["SEEDS", "STUDIES", "Progress", "Study", "StudyResults", "study"]

STUDIES: dict[str, type[Study]] = {
    kind.name: kind
    for kind in (
        Circle,
        OneHalf,
        Gradients,
        Outliers,
        Imbalance,
        Triplets,
        KL,
        Smoothing,
        Landscapes,
        Collapse,
    )
}
"""Name → class of every study."""


def study(text: str, **settings: float) -> Study:
    """Prepare a study.

    Parameters
    ----------
    text : str
        Its name, and what of its data is changed, as on the command line: ``"outliers:share=0"``.
    **settings
        The same by keyword.

    Returns
    -------
    Study
        Its ``run()`` gives results, whose ``headline`` says what came out.

    Raises
    ------
    losskit.reporting.errors.RequestError
        If there is no such study or setting, or a value is out of its range.

    Examples
    --------
    >>> from losskit.studies import study
    >>> study("circle:bias=0")
    Circle(bias=0)
    """
    name, _, rest = text.partition(":")
    kind = STUDIES.get(name.strip())
    if kind is None:
        raise RequestError(f"study {name.strip()!r} is unknown; {closest(name.strip(), STUDIES)}")
    declared = kind.settings()
    try:
        given = parse_parameters(text, rest, kind.name, declared)
    except ValueError as error:
        raise RequestError(f"study {error}") from error
    for key in settings:
        if key not in declared or key in given:
            takes = ", ".join(declared)
            why = "is given twice" if key in given else f"is no setting of it; it takes {takes}"
            raise RequestError(f"study {kind.name!r}: {key} {why}")
    return kind(**given, **settings)
