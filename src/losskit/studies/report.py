"""Writing a study down: the page for people, ``results.json`` for programs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from losskit.reporting.folder import RESULTS, Folder
from losskit.reporting.page import csv_text, page
from losskit.studies.base import Study
from losskit.studies.pictures import effects, loss_curves
from losskit.studies.results import StudyResults

__all__ = ["render", "write"]


def render(study: Study, results: StudyResults) -> str:
    """Make the page."""
    sections = list(study.sections(results))
    shapes = loss_curves(results)
    differences = effects(results)
    pictures = [plot for section in sections for plot in section.plots]
    pictures += [plot for pair in shapes for plot in pair]
    if differences is not None:
        pictures.append(differences)
    with_numbers = {one.arm for one in results.values}
    return page(
        "losskit.studies",
        "study.html.j2",
        pictures,
        {RESULTS: results.model_dump_json(indent=1), "numbers.csv": _table(results)},
        results=results,
        sections=sections,
        shapes=shapes,
        shown=[
            [results.arm(one.arm) for one in results.shapes if one.along == along]
            for along in dict.fromkeys(one.along for one in results.shapes)
        ],
        effects=differences,
        measured=[arm for arm in results.arms if arm.label in with_numbers],
        cells={(one.arm, one.measure): one for one in results.summary},
    )


def write(folder: Folder, study: Study, results: StudyResults) -> tuple[Path, Path]:
    """Write both files of a report."""
    return folder.write(render(study, results), results.model_dump_json(indent=1) + "\n")


def _table(results: StudyResults) -> str:
    """Write every measure and curve, one number to a row."""
    return csv_text(["arm", "seed", "quantity", "part", "at", "value"], _numbers(results))


def _numbers(results: StudyResults) -> Iterator[tuple[object, ...]]:
    for one in results.values:
        yield one.arm, one.seed, one.measure, "", None, one.value
    for curve in results.curves:
        for x, y in zip(curve.x, curve.y, strict=True):
            yield curve.arm, curve.seed, curve.quantity, curve.part, x, y
