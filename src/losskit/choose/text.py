"""Recommendations in words, as they print."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from losskit.choose.recommendation import Answer, Recommendation
from losskit.reporting.wording import sentence

__all__ = ["as_text", "bias_of", "headline", "sections"]

WIDTH = 100
MOST_NUMBERS = 8


def headline(found: Answer) -> str:
    """Say in one line what was found."""
    if found.problem:
        return f"{found.source}: nothing to recommend, because {found.why}."
    goal = f", goal {found.goal}" if found.goal else ""
    why = f", because {found.why}" if found.why else ""
    return f"{found.source}: {found.meaning} ({found.kind}){why}{goal}."


def as_text(found: Answer) -> str:
    """Write all of it but the code of other libraries than PyTorch."""
    lines = [headline(found)]
    if found.problem:
        lines.append(sentence(found.problem))
    lines += [remark for remark in (found.assumption, *found.notes) if remark]
    lines += [f"Warning: {warning}" for warning in found.warnings]
    for at, item in enumerate(found.recommendations, start=1):
        lines.append("")
        lines += _one(at, item, full=at == 1)
    if found.recommendations:
        lines += [
            "",
            "PyTorch:",
            *textwrap.indent(found.recommendations[0].code["PyTorch"], "    ").splitlines(),
        ]
    return "\n".join(_wrapped(lines))


def _one(at: int, one: Recommendation, *, full: bool) -> Iterator[str]:
    yield f"{at}. {one.spec}: {one.title}"
    for name, said in sections(one, full=full):
        yield f"   {name}: {said}"


def sections(one: Recommendation, *, full: bool) -> Iterator[tuple[str, str]]:
    """Return what is to be said of a recommendation, by its heading.

    The first recommendation is told in full; of the others, what sets them apart.
    """
    for reason in one.because:
        yield "because", reason.text
    for chosen in one.parameters:
        yield chosen.name, f"{shortened(chosen.value)}: {chosen.how}"
    if one.transform is not None:
        yield "transform", f"{one.transform.text}; {one.transform.why}"
    if one.mend:
        yield "mend", one.mend
    if not full:
        yield from (("use it when", text) for text in one.use_when[:1])
        return
    if one.coding:
        yield "target", one.coding
    yield "output layer", one.output_layer
    if one.output_bias_text:
        yield "output bias", bias_of(one)
    yield "report", ", ".join(one.metrics)
    if one.threshold:
        yield "decide", one.threshold
    yield from (("mind", text) for text in one.pitfalls)
    yield from (("would change it", text) for text in one.would_change)


def bias_of(one: Recommendation) -> str:
    """Write the initial bias and what it is."""
    if isinstance(one.output_bias, list):
        return f"{shortened(one.output_bias)}, {one.output_bias_text}"
    return one.output_bias_text


def shortened(value: object) -> str:
    """Write a number or a list, and of long lists the start."""
    if isinstance(value, (list, tuple)):
        shown = ", ".join(f"{one:.4g}" for one in value[:MOST_NUMBERS])
        rest = f", … {len(value)} in all" if len(value) > MOST_NUMBERS else ""
        return f"[{shown}{rest}]"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _wrapped(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        if len(line) <= WIDTH or line.startswith("    "):
            yield line
            continue
        indent = len(line) - len(line.lstrip())
        yield from textwrap.wrap(line, WIDTH, subsequent_indent=" " * (indent + 2))
