"""``losskit.check``: all questions, asked of one call of a loss."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from losskit.check.criterion import Criterion, criterion_of
from losskit.check.findings import Finding
from losskit.check.report import Report
from losskit.check.tensors import (
    beginning,
    composition,
    contracts,
    gradients,
    outputs,
    shapes,
    targets,
)
from losskit.check.tensors.call import Call, call_of
from losskit.check.tensors.leakage import leakage

__all__ = ["QUESTIONS", "ask", "check"]

QUESTIONS: tuple[Callable[[Call], Iterator[Finding]], ...] = (
    shapes.broadcasts,
    shapes.axes,
    shapes.dtypes,
    outputs.not_finite,
    contracts.swapped,
    contracts.logits,
    contracts.probabilities,
    contracts.log_probabilities,
    contracts.divergences,
    targets.out_of_range,
    targets.several_labels,
    contracts.regression,
    outputs.loss_not_finite,
    composition.negative,
    gradients.finite,
    targets.padding,
    targets.ignored,
    targets.weights,
    outputs.collapse,
    outputs.active,
    outputs.constant,
    outputs.saturated,
    gradients.none,
    beginning.scale,
    beginning.initial_loss,
    composition.dominance,
    composition.summed,
    targets.imbalance,
    targets.one_hot,
)
"""In the order of what explains most: a later finding may be the consequence of an earlier."""

_NO_MORE = frozenset({"LK123", "LK141", "LK142", "LK202", "LK203", "LK204"})
"""What makes values meaningless: NaN, and numbers in the wrong places, have no range."""


def check(
    loss: object,
    *arrays: Any,
    model: Any = None,
    batch: Any = None,
    batch_axis: int | None = None,
    weight: Any = None,
    mask: Any = None,
    reduction: str | None = None,
    untrained: bool = False,
    **named: Any,
) -> Report:
    """Check from its numbers whether a loss is used rightly.

    Parameters
    ----------
    loss : object
        A loss of Losskit or ``torch.nn``, a module, a function of ``torch.nn.functional`` (with
        its settings in ``functools.partial``), a weighted sum, or a name such as
        ``"huber:delta=2"``. Of other callables only the outputs are judged.
    *arrays, **named : array
        What the loss is called with, by position or by name: mostly ``input``, the model's
        output, and ``target``. NumPy, PyTorch or anything that NumPy takes. Tensors are best
        given as the model made them, with their gradient function: it names the operation that
        made them.
    model, batch : callable and its input, optional
        With both, one sample of the batch is changed, and the outputs of the others have to stay.
        The model runs in evaluation mode; it is left as it was.
    batch_axis : {0, 1}, optional
        On which axis of the batch the samples are. Without it on axis 0; outputs that only keep
        apart what axis 1 does are taken for those of recurrent layers, which have time first.
    weight, mask : array, optional
        As the loss takes them: weights of the samples, or of the classes where a function of
        ``torch.nn.functional`` means those.
    reduction : {"mean", "sum", "none", "batchmean"}, optional
        That of the call, where the loss does not know it.
    untrained : bool, default False
        Whether the model is as it was initialised; then the loss is held against that of a model
        that knows nothing.

    Returns
    -------
    Report
        Findings, the worst first; notes, such as the bias to start the last layer from; and
        numbers. False where nothing was found.

    Raises
    ------
    ValueError
        If there is no loss of that name, the arrays are empty or cannot go together in any way, or
        a weight or mask does not fit them.
    TypeError
        If an array is missing or holds no numbers.

    Examples
    --------
    >>> import losskit
    >>> rows = [[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.2, 0.6, 0.2]]
    >>> report = losskit.check("cross-entropy", rows, [0, 2, 1])
    >>> report.codes
    ('LK101',)
    """
    criterion, weight = _weighed(loss, weight)
    criterion = criterion.with_reduction(reduction)
    if (model is None) != (batch is None):
        lacking = "batch" if batch is None else "model"
        raise TypeError(f"check needs model and batch together; {lacking} is missing")
    if batch_axis not in (None, 0, 1):
        raise ValueError(f"batch_axis must be 0, 1 or None, got {batch_axis!r}")
    call = call_of(
        criterion,
        arrays,
        named,
        weight=weight,
        mask=mask,
        untrained=untrained,
        of_torch=_is_torchs(loss),
    )
    _refuse_empty(call)
    findings = ask(call)
    if not {one.code for one in findings} & _NO_MORE:
        _refuse_misfit(call)
    notes = [*beginning.notes(call)]
    if model is not None:
        leaks, said = leakage(model, batch, axis=batch_axis)
        findings += leaks
        notes += said
    known = {"loss": call.mean} if np.isfinite(call.mean) else {}
    return Report.of(criterion.name, findings, notes, known)


def ask(call: Call) -> list[Finding]:
    """Ask all questions; none about values where the arrays are in each other's places."""
    findings: list[Finding] = []
    for question in QUESTIONS:
        if {one.code for one in findings} & _NO_MORE and question not in _ALWAYS:
            continue
        findings += question(call)
    return findings


_ALWAYS = (shapes.axes, shapes.dtypes, outputs.not_finite, contracts.swapped)


def _refuse_empty(call: Call) -> None:
    """Refuse a batch of which nothing can be said."""
    for name, array in call.arrays.items():
        if not array.size:
            raise ValueError(f"{name} has shape {array.shape} and holds no numbers to check")


def _refuse_misfit(call: Call) -> None:
    """Let the definition refuse arrays that cannot go together, in its own words."""
    if call.loss is not None:
        # An index out of range has been reported.
        with np.errstate(all="ignore"), contextlib.suppress(IndexError):
            call.loss(*call.arrays.values(), weight=call.weight, mask=call.mask, validate=False)
    if call.weight is None:
        return
    wrong = ~(np.isfinite(call.weight) & (call.weight >= 0))
    if call.mask is not None and call.mask.shape == wrong.shape:
        wrong &= call.mask.astype(bool)
    if wrong.any():
        at = tuple(int(index) for index in np.argwhere(wrong)[0])
        raise ValueError(
            f"weight at {at} is {call.weight[at]}; weights must be finite and not negative"
        )


def _weighed(loss: object, weight: Any) -> tuple[Criterion, Any]:
    """Say what a loss computes with a weight, and what is left of the weight."""
    plain = criterion_of(loss)
    if weight is None or getattr(plain.loss, "class_weight", None) is not None:
        return plain, weight
    settled = criterion_of(loss, {"weight": weight})
    taken = getattr(settled.loss, "class_weight", None) is not None
    return (settled, None) if taken else (plain, weight)


def _is_torchs(loss: object) -> bool:
    while isinstance(loss, functools.partial):
        loss = loss.func
    home = getattr(type(loss) if not hasattr(loss, "__name__") else loss, "__module__", "")
    return str(home).startswith("torch.")
