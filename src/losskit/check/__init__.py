"""Checks that losses are used rightly: in source, in tensors, in trainings and in logs.

``losskit.check(loss, input, target)`` itself is `losskit.check.tensors.check`.
"""

from __future__ import annotations

from losskit.core.packages import make_callable

make_callable(__name__, "losskit.check.tensors")
