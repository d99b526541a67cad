"""LK141: shapes will broadcast."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool
from losskit.check.lint.facts import Combined, LossCall
from losskit.check.lint.kinds import ACTIVATED, Flow, Kind
from losskit.check.lint.library.reductions import learns_actions
from losskit.check.lint.seen import Seen
from losskit.check.lint.values import Tensor

__all__ = ["RULE"]

RULE = Rule(
    code="LK141",
    name="shapes-will-broadcast",
    severity=Severity.BUG,
    summary="Input and target have shapes such as (N, 1) and (N,), which broadcast to (N, N).",
    why=(
        "Every prediction is held against every target. The model learns the mean of the "
        "targets, and the loss looks like one that has converged. The log-densities of an action "
        "are (N, components) until they are summed, and broadcast against values that are (N, 1)."
    ),
    bad="""\
from torch import nn

model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
criterion = nn.MSELoss()


def step(inputs, prices):
    return criterion(model(inputs), prices.view(-1))
""",
    good="""\
from torch import nn

model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
criterion = nn.MSELoss()


def step(inputs, prices):
    return criterion(model(inputs).squeeze(1), prices.view(-1))
""",
    mend="Bring both to one shape: squeeze(1) on the output, or unsqueeze(1) on the target.",
    sources=(
        Source(
            "PyTorch, torch.nn.MSELoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.MSELoss.html",
        ),
        Source(
            "MSELoss broadcasts silently (pytorch#16045)",
            "https://github.com/pytorch/pytorch/issues/16045",
        ),
    ),
    tools=(Tool.LINT, Tool.CHECK, Tool.WATCH),
    fixes=Fixes.NEVER,
)


def on_loss_call(call: LossCall) -> Iterator[Seen]:
    """Look at the shapes of what a loss of numbers takes."""
    if not (call.face.of_numbers or (call.face.of_labels and call.face.twin is not None)):
        return
    if call.face.library == "Keras" and (call.made is not None or not call.nodes):
        # Its objects give both the same number of axes before they compare them.
        return
    column = call.seen(call.input, _is_column)
    row = call.seen("target", _is_row)
    if column is None or row is None:
        column = call.seen("target", _is_column)
        row = call.seen(call.input, _is_row)
    if column is None and call.face.of_numbers:
        table = call.seen("target", _is_table)
        row = call.seen(call.input, lambda tensor: tensor.rank == 1 and tensor.last != 1)
        if table is not None and row is not None:
            yield Seen(
                f"{call.face.name} gets shapes (N,) and (N, columns), which do not pair row by row",
                row.trail,
                f"{call.face.name} holds (N,) against a table",
            )
    if column is not None and row is not None:
        yield Seen(
            f"{call.face.name} gets shapes (N, 1) and (N,), which "
            + ("broadcast to (N, N)" if call.face.of_numbers else "do not fit"),
            column.trail,
            f"{call.face.name} holds (N, 1) against (N,)",
        )

    yield from _unsummed(call)


def _unsummed(call: LossCall) -> Iterator[Seen]:
    """Look for (N, 1) against the log-densities of every component of an action."""
    column = call.seen(call.input, _is_column)
    spread = call.seen("target", lambda tensor: tensor.kind is Kind.DENSITIES)
    if call.face.of_numbers and column is not None and spread is not None:
        yield Seen(
            f"{call.face.name} gets shapes (N, 1) and (N, components): the log-densities of the "
            "components of an action were not summed",
            spread.trail,
            f"{call.face.name} holds (N, 1) against (N, components)",
            # An action of one component needs no sum.
            None if spread.last is not None else Severity.SUSPICIOUS,
        )


def on_combined(pair: Combined) -> Iterator[Seen]:
    """Look at the shapes of what is put together by hand."""
    for column, row in ((pair.left, pair.right), (pair.right, pair.left)):
        fit = _is_column(column) and _is_row(row) and Kind.LEARNT not in {column.kind, row.kind}
        if fit and _GRIDS.search(ast.unparse(pair.node)) is not None:
            return
        of_model = column.flow is not Flow.DATA or (
            column.rank == 2 and row.rank == 1 and row.flow in {Flow.MODEL, Flow.CUT}
        )
        if fit and learns_actions(pair.unit) and of_model:
            # The value of the action that was taken, and those of the best ones.
            yield Seen(
                "shapes (N, 1) and (N,) broadcast to (N, N)", column.trail, "(N, 1) meets (N,)"
            )
            return
        # Weights of an attention meet what was squeezed in a product, and are to broadcast.
        differ = isinstance(pair.node, ast.BinOp) and isinstance(pair.node.op, ast.Sub)
        fit = fit and (column.rank == 2 or (row.squeezed and differ))
        scores = _SCORES if differ else {Kind.RAW, Kind.DISTANCE}
        if fit and any(one.kind in scores and one.flow is Flow.MODEL for one in (column, row)):
            yield Seen(
                "shapes (N, 1) and (N,) broadcast to (N, N)", column.trail, "(N, 1) meets (N,)"
            )
            return


_GRIDS = re.compile(r"arange|linspace|supports?\b|atoms?\b")
"""Words of indices, and of the returns that a distribution has, which are to broadcast."""

_SCORES = ACTIVATED | {Kind.RAW, Kind.SIGMOID}
"""What the last layer of a model for one number gives."""


def _is_column(tensor: Tensor) -> bool:
    """Whether the last axis has length 1, and there is one for the batch."""
    return tensor.last == 1 and tensor.rank in {None, 2}


def _is_table(tensor: Tensor) -> bool:
    """Whether it has a row for each example, as a table has, however few columns there are."""
    return tensor.rank == 2 and tensor.flow is Flow.DATA and tensor.kind is Kind.UNKNOWN


def _is_row(tensor: Tensor) -> bool:
    """Whether the last axis belongs to the batch, or cannot have the length 1."""
    return (tensor.rank == 1 and tensor.last != 1) or tensor.squeezed
