"""Writing a comparison down: the page for people, ``results.json`` for programs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from losskit.compare.plots import plots
from losskit.compare.results import Results
from losskit.reporting.folder import RESULTS, Folder
from losskit.reporting.page import csv_text, page

__all__ = ["render", "write"]


def render(results: Results) -> str:
    """Make the page."""
    drawn = plots(results)
    return page(
        "losskit.compare",
        "report.html.j2",
        [plot for some in drawn.values() for plot in some],
        {RESULTS: results.model_dump_json(indent=1), "numbers.csv": _table(results)},
        results=results,
        plots=drawn,
    )


def write(folder: Folder, results: Results) -> tuple[Path, Path]:
    """Write both files of a report."""
    return folder.write(render(results), results.model_dump_json(indent=1) + "\n")


def _table(results: Results) -> str:
    """Write every run's metrics and curves, one number to a row."""
    return csv_text(["loss", "seed", "quantity", "epoch", "value"], _numbers(results))


def _numbers(results: Results) -> Iterator[tuple[object, ...]]:
    for run in results.runs:
        for metric, value in run.metrics.items():
            yield run.loss, run.seed, metric, None, value
        for curve, values in run.curves:
            for epoch, value in enumerate(values, start=1):
                yield run.loss, run.seed, curve, epoch, value
