"""The page of a report: one file that needs nothing else and no network."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup, escape
from plotly.offline import get_plotlyjs

from losskit.reporting.picture import Plot
from losskit.reporting.wording import count, join, number, percent, sentence

__all__ = ["csv_text", "page"]


def page(
    package: str, template: str, pictures: Iterable[Plot], downloads: dict[str, str], **context: Any
) -> str:
    """Fill a template that extends ``page.html.j2``.

    Parameters
    ----------
    package
        Where the template is.
    template
        Its name.
    pictures
        Every picture that the template draws.
    downloads
        What the page's buttons save: texts by the name of their file.
    **context
        What the template reads.
    """
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [jinja2.PackageLoader(package), jinja2.PackageLoader("losskit.reporting")]
        ),
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
    return environment.get_template(template).render(
        figures={plot.name: plot.figure for plot in pictures},
        downloads=downloads,
        css=_own("page.css"),
        script=_own("page.js"),
        plotly=Markup(get_plotlyjs()),
        **context,
    )


def _own(name: str) -> Markup:
    text = resources.files("losskit.reporting").joinpath("templates", name).read_text("utf-8")
    return Markup(text)


def _breakable(text: str) -> Markup:
    """Allow a line break before each inner capital, underscore and bracket of a long name."""
    parts = re.split(r"(?<=[a-z])(?=[A-Z])|(?=[_(])", text)
    return Markup("<wbr>").join(escape(part) for part in parts)


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write a table as CSV; an empty cell where there is no number."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(["" if cell is None else cell for cell in row] for row in rows)
    return text.getvalue()
