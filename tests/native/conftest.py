"""The kernels' own tests, which are left out where somebody switched the kernels off."""

from __future__ import annotations

import pytest

from losskit.engines.native import STATUS, native

# Where the kernels are missing for any other reason, the tests fail.
if STATUS.startswith("switched off"):
    collect_ignore_glob = ["*"]
else:
    from losskit.engines.native import plans

    @pytest.fixture(params=native.targets())
    def target(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
        """Every instruction set that this machine runs, one after the other."""
        monkeypatch.setattr(plans, "KERNELS", native.Kernels(request.param))
        monkeypatch.setattr(plans, "_plans", {})
        return str(request.param)
