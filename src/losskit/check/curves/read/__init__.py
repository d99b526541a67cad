"""Readers of logs: each gives chunks of columns, so that a log of any length fits in memory."""

from __future__ import annotations

from losskit.check.curves.read.chunks import Chunk as Chunk
from losskit.check.curves.read.chunks import LogError as LogError
from losskit.check.curves.read.files import open_log as open_log
