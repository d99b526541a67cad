"""Figures in pages of the docs, each written by the command that measures it."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["DOCS", "write_section"]

DOCS = Path(__file__).parents[2] / "docs"


def write_section(page: str, name: str, text: str) -> None:
    """Replace what stands between the two comments of a section of a page.

    Raises
    ------
    ValueError
        If the page has no such section.
    """
    path = DOCS / page
    begin, end = f"<!-- {name}, measured -->\n", f"<!-- end of {name} -->\n"
    whole = path.read_text("utf-8")
    parts = re.split(f"({re.escape(begin)}|{re.escape(end)})", whole)
    if len(parts) != 5:
        raise ValueError(f"{path} has no section {name!r}")
    parts[2] = f"\n{text.strip()}\n\n"
    path.write_text("".join(parts), encoding="utf-8")
