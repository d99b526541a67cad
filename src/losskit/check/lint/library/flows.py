"""Values as tensors, and where what is made of several of them comes from."""

from __future__ import annotations

from losskit.check.lint.containers import Made
from losskit.check.lint.kinds import Flow
from losskit.check.lint.names import LIBRARIES
from losskit.check.lint.values import Const, Tensor, Trail, Unknown, Value, flow_of

__all__ = ["as_tensor", "combined_flow", "data_tensor"]


def as_tensor(value: Value) -> Tensor | None:
    """Return a value as a tensor, as far as it may be one."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, Unknown):
        return Tensor(flow=value.flow, name=value.name)
    if isinstance(value, Made) and value.leaf[:1].islower() and value.root not in LIBRARIES:
        # What a function of a module gives that is not seen.
        return Tensor()
    return None


def data_tensor(value: Tensor) -> Tensor:
    """Return something of which only its source is known."""
    return Tensor(flow=value.flow, cut=value.cut)


def combined_flow(values: list[Value]) -> tuple[Flow, Trail | None]:
    """Where what is made of several values comes from, and what cuts the gradient."""
    flows = []
    trail: Trail | None = None
    for value in values:
        if isinstance(value, Const):
            continue
        flows.append(flow_of(value))
        if isinstance(value, Tensor) and value.cut is not None:
            trail = trail or value.cut
    for flow in (Flow.MODEL, Flow.UNKNOWN, Flow.CUT):
        if flow in flows:
            return flow, trail if flow is Flow.CUT else None
    return (Flow.DATA if flows else Flow.UNKNOWN), None
