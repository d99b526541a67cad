"""Writing a comparison down: ``report.html`` for people, ``results.json`` for programs."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import jinja2
from markupsafe import Markup, escape
from plotly.offline import get_plotlyjs

from losskit.choose.wording import count, join, number, percent, sentence
from losskit.compare.errors import CompareError
from losskit.compare.plots import plots
from losskit.compare.results import Results

__all__ = ["REPORT", "RESULTS", "Folder", "render"]

REPORT = "report.html"
RESULTS = "results.json"


def render(results: Results) -> str:
    """Make the page: one file that needs nothing else and no network."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("losskit.compare"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": number,
        "percent": percent,
        "sentence": sentence,
        "breakable": _breakable,
        "count": count,
        "join_words": join,
    }
    drawn = plots(results)
    return environment.get_template("report.html.j2").render(
        results=results,
        plots=drawn,
        figures={plot.name: plot.figure for some in drawn.values() for plot in some},
        css=_own("report.css"),
        script=_own("report.js"),
        plotly=Markup(get_plotlyjs()),
    )


def _own(name: str) -> Markup:
    text = resources.files("losskit.compare").joinpath("templates", name).read_text("utf-8")
    return Markup(text)


def _breakable(text: str) -> Markup:
    """Allow a line break before each inner capital, underscore and bracket of a long name."""
    parts = re.split(r"(?<=[a-z])(?=[A-Z])|(?=[_(])", text)
    return Markup("<wbr>").join(escape(part) for part in parts)


class Folder:
    """The folder of a report, checked before anything is trained for it.

    Parameters
    ----------
    path
        Where it is; made if need be.
    overwrite
        Whether a report that stands there may be replaced.

    Raises
    ------
    CompareError
        If the report could not be written, or one stands there.
    """

    def __init__(self, path: Path, *, overwrite: bool = False) -> None:
        self.path = path
        self._made: list[Path] = []
        if path.exists() and not path.is_dir():
            raise CompareError(f"report folder {str(path)!r} is a file; name a folder")
        standing = [name for name in (REPORT, RESULTS) if (path / name).exists()]
        if standing and not overwrite:
            raise CompareError(
                f"report folder {str(path)!r} already holds {join(standing)}; "
                "name another with --out or replace them with --overwrite"
            )
        missing = [one for one in (path, *path.parents) if not one.exists()]
        try:
            for one in reversed(missing):
                one.mkdir()
                self._made.insert(0, one)
            with tempfile.TemporaryFile(dir=path):
                pass
        except OSError as error:
            self.discard()
            raise CompareError(
                f"report folder {str(path)!r} cannot be written: {error.strerror or error}"
            ) from error

    def write(self, results: Results) -> tuple[Path, Path]:
        """Write both files; either is whole or not there."""
        json = results.model_dump_json(indent=1) + "\n"
        return self._write({REPORT: render(results), RESULTS: json})

    def _write(self, texts: Mapping[str, str]) -> tuple[Path, Path]:
        temporary: dict[str, Path] = {}
        try:
            for name, text in texts.items():
                temporary[name] = self.path / f".{name}.{os.getpid()}.tmp"
                temporary[name].write_text(text, encoding="utf-8")
            for name, file in temporary.items():
                file.replace(self.path / name)
        except OSError as error:
            raise CompareError(
                f"report folder {str(self.path)!r} cannot be written: {error.strerror or error}"
            ) from error
        finally:
            for file in temporary.values():
                file.unlink(missing_ok=True)
        return self.path / REPORT, self.path / RESULTS

    def discard(self) -> None:
        """Remove the folders that were made, if nothing has been written into them."""
        for one in self._made:
            try:
                one.rmdir()
            except OSError:
                return
