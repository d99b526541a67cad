"""Choose a loss for a target: look at how it is distributed, and say why.

Data need the extra ``losskit[choose]``; tasks that are named in words need nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from losskit.choose.errors import ChooseError
from losskit.choose.recommendation import Recommendation, Recommendations, Recommended
from losskit.core.packages import make_callable, needs

__all__ = [
    "ChooseError",
    "Recommendation",
    "Recommendations",
    "Recommended",
    "choose",
]


def choose(
    target: object = None,
    *,
    columns: str | Sequence[str] = (),
    output: object = None,
    groups: object = None,
    goal: str | None = None,
    kind: str | None = None,
    task: str | None = None,
) -> Recommendations:
    """Recommend losses for a target, the best first, with parameters computed from it.

    Parameters
    ----------
    target
        What the model is to predict: an array of NumPy or PyTorch, a series or frame of Polars or
        pandas or whatever exports Arrow, a list, or the path of a CSV, Parquet, JSONL, .npy or
        .npz file, which may be larger than memory.
    columns
        The target's columns of a table, or the array of an .npz file.
    output
        What the model gives for the same examples, or the path of an .npy file.
    groups
        Which examples belong together, as a query's documents do: one label per example, or the
        name of a column of the same table.
    goal
        What is wanted besides a good fit: "mean", "median", "quantile=0.9", "intervals",
        "robust", "calibrated", "rare-recall" or "overlap".
    kind
        What the target is, where it is taken for something else: a name of
        `losskit.core.targets.KINDS`.
    task
        Instead of a target: what there is to learn, such as "segmentation".

    Returns
    -------
    Recommendations
        A sequence. Printed, it is an answer in words; ``to_dict()`` is the same as data, and
        ``[0].loss`` the loss itself.

    Raises
    ------
    ChooseError
        If the target cannot be read, or the goal or kind does not fit it.

    Examples
    --------
    >>> import losskit
    >>> found = losskit.choose([0, 0, 0, 0, 1] * 20)
    >>> found.kind
    'binary'
    >>> found[0].spec
    'BinaryCrossEntropyWithLogits'
    """
    if (target is None) == (task is None):
        raise ChooseError("give a target, or the name of a task")
    if task is not None:
        from losskit.choose.words import choose_from_words  # noqa: PLC0415

        given: dict[str, Any] = {"output": output, "groups": groups, "kind": kind}
        for name, value in given.items():
            if value is not None:
                raise ChooseError(f"{name} goes with a target, not with a task in words")
        return choose_from_words(task, goal)
    with needs("choose", "losskit.choose", "to read data"):
        from losskit.choose.from_data import choose_from_data  # noqa: PLC0415 - heavy imports
    wanted = (columns,) if isinstance(columns, str) else tuple(columns)
    return choose_from_data(target, wanted, output=output, groups=groups, goal=goal, kind=kind)


make_callable(__name__, __name__)
