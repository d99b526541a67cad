"""``python -m losskit``."""

from losskit.cli.main import run

run()
