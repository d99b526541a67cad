"""Keeping the documented JSON schemas true to the models that they describe."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["keep", "schema_of"]


def schema_of(model: type[BaseModel]) -> str:
    """Return the JSON schema of what a model writes."""
    return json.dumps(model.model_json_schema(mode="serialization"), indent=2) + "\n"


def keep(
    model: type[BaseModel], standard: Path, module: str, arguments: list[str] | None = None
) -> int:
    """Write a schema, or check that it is up to date; the main function of a model's module.

    Parameters
    ----------
    model
        What is described.
    standard
        Where its schema stands.
    module
        The module that is run to write it, for the message.
    arguments
        The command line.
    """
    parser = argparse.ArgumentParser(description=f"Keep {standard} up to date.")
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", action="store_true", help="write the schema")
    action.add_argument("--check", action="store_true", help="exit 1 if it is out of date")
    parser.add_argument("--file", type=Path, default=standard)
    options = parser.parse_args(arguments)
    file: Path = options.file
    text = schema_of(model)
    if options.write:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return 0
    if file.exists() and file.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write(f"{file} is out of date: python -m {module} --write\n")
    return 1
