"""LK133: deprecated reduction arguments."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losskit.check.findings import Fix, Fixes, Rule, Severity, Source, Tool
from losskit.check.lint.facts import Fact, LossBuilt, LossCall
from losskit.check.lint.losses import LossFace
from losskit.check.lint.names import leaf_of
from losskit.check.lint.seen import Seen, replacing

__all__ = ["RULE"]

RULE = Rule(
    code="LK133",
    name="deprecated-reduction-arguments",
    severity=Severity.SUSPICIOUS,
    summary="A loss gets size_average, reduce or elementwise_mean, which are deprecated.",
    why=(
        "size_average and reduce give way to reduction and win over it where both are given. Each "
        "of their four combinations means one of its words. elementwise_mean is what the mean was "
        "called in PyTorch 0.4.1."
    ),
    bad="""\
from torch import nn

criterion = nn.MSELoss(size_average=False)
""",
    good="""\
from torch import nn

criterion = nn.MSELoss(reduction="sum")
""",
    mend='Say reduction="mean", "sum" or "none".',
    sources=(
        Source(
            "PyTorch, torch.nn.MSELoss",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.MSELoss.html",
        ),
    ),
    tools=(Tool.LINT,),
    fixes=Fixes.SAFE,
)


_OLD = ("size_average", "reduce")


def on_loss_built(built: LossBuilt) -> Iterator[Seen]:
    """Look at what a loss is built with."""
    yield from _deprecated(built, built.face)


def on_loss_call(call: LossCall) -> Iterator[Seen]:
    """Look at what the function of a loss is called with."""
    if call.made is None:
        yield from _deprecated(call, call.face)


def _deprecated(fact: Fact, face: LossFace) -> Iterator[Seen]:
    node = fact.node
    if not isinstance(node, ast.Call) or face.library != "torch" or face.twin is None:
        return
    old = [one for one in node.keywords if one.arg in _OLD and not _is_none(one.value)]
    if old:
        words = " and ".join(str(one.arg) for one in old)
        yield Seen(f"{face.name} gets {words}; say reduction", fix=_fixed(fact, node, old))
        return
    said = [one for one in node.keywords if one.arg == "reduction"]
    if said and ast.unparse(said[0].value) == "'elementwise_mean'":
        fix = replacing(fact.unit, (said[0].value, '"mean"'), safe=True)
        yield Seen(f"{face.name} gets reduction='elementwise_mean'; say 'mean'", fix=fix)
    settings = len(face.settings)
    given = node.args
    if face.built and len(given) > settings:
        first = given[settings]
        named = isinstance(first, (ast.Name, ast.Attribute)) and leaf_of(first) == "size_average"
        if named or (isinstance(first, ast.Constant) and isinstance(first.value, bool)):
            yield Seen(f"{face.name} gets size_average by its position; say reduction")


def _is_none(node: ast.expr) -> bool:
    """Whether an argument is given and says nothing."""
    return isinstance(node, ast.Constant) and node.value is None


def _fixed(fact: Fact, node: ast.Call, old: list[ast.keyword]) -> Fix | None:
    """Put what the old arguments come to in their place."""
    said = {one.arg: one.value for one in old}
    if any(one.arg == "reduction" for one in node.keywords) or len(old) != 1:
        return None
    [keyword] = old
    value = said[keyword.arg]
    if not isinstance(value, ast.Constant) or not isinstance(value.value, bool):
        return None
    if keyword.arg == "size_average":
        word = "sum" if value.value is False else "mean"
    else:
        word = "none" if value.value is False else "mean"
    return replacing(fact.unit, (keyword, f'reduction="{word}"'), safe=True)
