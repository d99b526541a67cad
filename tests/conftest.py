"""What holds for all tests."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def pytest_collection_finish(session: pytest.Session) -> None:
    """Take the collected tests out of the garbage collector's rounds.

    There are nearly twenty thousand, beside the imported libraries, and to go through them again
    and again takes time that no test needs. What tests compile makes much that lives on as well.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
