"""What all results are made of: these become the schemas of the JSON files."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

__all__ = ["Machine", "Model", "Number"]


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


Number = Annotated[
    float | None,
    BeforeValidator(_finite),
    Field(description="null where there is no finite number"),
]


class Model(BaseModel):
    """A part of results: it cannot be changed, and holds nothing that its schema does not name."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Machine(Model):
    """Where it ran."""

    system: str
    processor: str
    cores: int
    python: str
    versions: dict[str, str]
    seconds: float
