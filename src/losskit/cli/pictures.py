"""Pictures that commands write."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from losskit.cli.output import fail, patience

__all__ = ["draw_into"]

_PICTURES = ("png", "svg", "pdf")


def draw_into(path: Path, draw: Callable[[str], bytes]) -> Path:
    """Draw into a file, which is whole or not there.

    Parameters
    ----------
    path : Path
        As given with ``--plot``; its ending is the kind of picture.
    draw : callable
        Takes that kind and returns the file's bytes.

    Returns
    -------
    Path
        The path as it was given.
    """
    extension = path.suffix.lower().removeprefix(".")
    if extension not in _PICTURES:
        known = ", ".join(f".{one}" for one in _PICTURES)
        fail(f"--plot {str(path)!r}: the file's name must end with one of {known}")
    # Through a link, so that its target is replaced and the link stays.
    target = Path(os.path.realpath(path))
    if target.is_dir():
        fail(f"--plot {str(path)!r} is a folder; name a file")
    if not target.parent.is_dir():
        fail(f"--plot {str(path)!r}: there is no folder {str(path.parent)!r}")
    try:
        with patience("Drawing …"):
            _quiet()
            drawn = draw(extension)
    except ModuleNotFoundError as error:
        fail(f'--plot needs {error.name}, which is not installed: pip install "losskit[plot]"')
    except ValueError as error:
        fail(f"--plot: {error}")
    temporary = target.with_name(f".losskit-{os.getpid()}.tmp")
    try:
        temporary.write_bytes(drawn)
        temporary.replace(target)
    except OSError as error:
        fail(f"--plot {str(path)!r} cannot be written: {error.strerror or error}")
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _quiet() -> None:
    """Keep Matplotlib from telling of its font cache."""
    import logging

    logging.getLogger("matplotlib").setLevel(logging.ERROR)
