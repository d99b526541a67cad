"""Settings of the linter, from pyproject.toml and the command line."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from losskit.check.catalogue import rules_by_code
from losskit.check.findings import Finding
from losskit.check.lint.files import DEFAULT_EXCLUDE, matches

__all__ = ["Settings", "SettingsError", "configured"]

_KEYS = ("select", "ignore", "exclude", "extend-exclude", "per-file-ignores")


class SettingsError(ValueError):
    """A setting that is not known, or does not mean anything."""


@dataclass(frozen=True)
class Settings:
    """What is looked for, and where.

    Attributes
    ----------
    select : tuple of str
        Codes, or beginnings of codes, that are reported.
    ignore : tuple of str
        Those of them that are not.
    exclude : tuple of str
        Patterns of files and folders that are left out.
    per_file_ignores : mapping
        Pattern of a file → codes that are not reported there.
    """

    select: tuple[str, ...] = ("LK",)
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = tuple(DEFAULT_EXCLUDE)
    per_file_ignores: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def chosen(self, select: Iterable[str] | None, ignore: Iterable[str] | None) -> Settings:
        """Return these settings with what the command line says.

        Raises
        ------
        SettingsError
            If no rule has such a code.
        """
        selected = self.select if not select else _codes("--select", select)
        ignored = self.ignore if not ignore else _codes("--ignore", ignore)
        return replace(self, select=selected, ignore=ignored)

    def wants(self, finding: Finding) -> bool:
        """Whether a finding is to be reported."""
        code = finding.code
        if not code.startswith(self.select) or (self.ignore and code.startswith(self.ignore)):
            return False
        if finding.place is None:
            return True
        path = os.path.abspath(finding.place.path)
        name = os.path.basename(path)
        return not any(
            code.startswith(codes) and matches(path, name, (pattern,))
            for pattern, codes in self.per_file_ignores.items()
        )


def configured(start: Path) -> Settings:
    """Return the settings in the pyproject.toml of a folder, or of the nearest above it.

    Raises
    ------
    SettingsError
        If it holds something else than settings.
    """
    for folder in (start, *start.parents):
        path = folder / "pyproject.toml"
        if not path.is_file():
            continue
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise SettingsError(f"{path}: {error}") from None
        table = content.get("tool", {}).get("losskit", {}).get("lint")
        return Settings() if table is None else _read(path, table)
    return Settings()


def _read(path: Path, table: object) -> Settings:
    where = f"{path}: [tool.losskit.lint]"
    if not isinstance(table, dict):
        raise SettingsError(f"{where} must be a table")
    for key in table:
        if key not in _KEYS:
            raise SettingsError(f"{where} has no setting {key!r}; there is {', '.join(_KEYS)}")
    ignores = table.get("per-file-ignores", {})
    if not isinstance(ignores, dict):
        raise SettingsError(f"{where} per-file-ignores must be a table of patterns and codes")
    settings = Settings(
        per_file_ignores={
            pattern: _codes(f"{where} per-file-ignores", _texts(where, pattern, codes))
            for pattern, codes in ignores.items()
        },
    )
    if "select" in table:
        codes = _codes(f"{where} select", _texts(where, "select", table["select"]))
        settings = replace(settings, select=codes)
    if "ignore" in table:
        codes = _codes(f"{where} ignore", _texts(where, "ignore", table["ignore"]))
        settings = replace(settings, ignore=codes)
    if "exclude" in table:
        settings = replace(settings, exclude=_texts(where, "exclude", table["exclude"]))
    if "extend-exclude" in table:
        more = _texts(where, "extend-exclude", table["extend-exclude"])
        settings = replace(settings, exclude=(*settings.exclude, *more))
    return settings


def _texts(where: str, key: str, value: object) -> tuple[str, ...]:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return tuple(value)
    raise SettingsError(f"{where} {key} must be a list of texts, got {value!r}")


def _codes(where: str, given: Iterable[str]) -> tuple[str, ...]:
    """Return codes, or beginnings of codes, that some rule has."""
    codes = [code.strip().upper() for part in given for code in part.split(",") if code.strip()]
    known = rules_by_code()
    for code in codes:
        if not any(rule.startswith(code) for rule in known):
            raise SettingsError(
                f"{where}: no rule has the code {code!r}; there is {', '.join(known)}"
            )
    if not codes:
        raise SettingsError(f"{where}: no code is given")
    return tuple(codes)
