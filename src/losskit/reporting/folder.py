"""The folder of a report: ``report.html`` for people, ``results.json`` for programs."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from losskit.reporting.errors import RequestError
from losskit.reporting.wording import join

__all__ = ["REPORT", "RESULTS", "Folder"]

REPORT = "report.html"
RESULTS = "results.json"


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
    RequestError
        If the report could not be written, or one stands there.
    """

    def __init__(self, path: Path, *, overwrite: bool = False) -> None:
        self.path = path
        self._made: list[Path] = []
        if path.exists() and not path.is_dir():
            raise RequestError(f"report folder {str(path)!r} is a file; name a folder")
        standing = [name for name in (REPORT, RESULTS) if (path / name).exists()]
        if standing and not overwrite:
            raise RequestError(
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
            raise RequestError(
                f"report folder {str(path)!r} cannot be written: {error.strerror or error}"
            ) from error

    def write(self, page: str, results: str) -> tuple[Path, Path]:
        """Write both files; either is whole or not there."""
        return self._write({REPORT: page, RESULTS: results})

    def _write(self, texts: Mapping[str, str]) -> tuple[Path, Path]:
        temporary: dict[str, Path] = {}
        try:
            for name, text in texts.items():
                temporary[name] = self.path / f".{name}.{os.getpid()}.tmp"
                temporary[name].write_text(text, encoding="utf-8")
            for name, file in temporary.items():
                file.replace(self.path / name)
        except OSError as error:
            raise RequestError(
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
