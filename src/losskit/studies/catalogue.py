"""The studies as data, for programs that list them."""

from __future__ import annotations

from typing import Any

from losskit.studies.base import Study

__all__ = ["entry"]


def entry(kind: type[Study]) -> dict[str, Any]:
    """Return what is known of a study before it is run."""
    study = kind()
    return {
        "name": kind.name,
        "title": kind.title,
        "question": kind.question,
        "background": kind.background,
        "settings": [
            {"name": name, "default": getattr(study, name), "meaning": declared.doc}
            for name, declared in kind.settings().items()
        ],
        "losses": sorted({arm.spec for arm in study.arms}),
        "measures": [{"name": one.name, "meaning": one.meaning} for one in kind.measures],
    }
