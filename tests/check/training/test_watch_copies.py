"""Models are saved and copied while they are watched, and nothing of the watch goes with them."""

from __future__ import annotations

import copy
import io
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from watch_runs import batches, data, network

from losskit.torch import watch


@pytest.mark.parametrize("loss_fn", [nn.CrossEntropyLoss(), nn.functional.cross_entropy])
def test_a_watched_model_is_saved_and_copied(loss_fn: Any, tmp_path: Path) -> None:
    model, (inputs, _) = network(), data()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    file = tmp_path / "model.pt"
    with watch(model, loss_fn, every=3, on_finding=lambda finding: None) as watching:
        for inputs_now, target in batches(10):
            optimizer.zero_grad()
            output = model(inputs_now)
            torch.save(model, file)
            loss = watching.loss_fn(output, target)
            loss.backward()
            # As in PyTorch's tutorial on checkpoints; a warning would be an error here.
            torch.save({"model": model, "loss": loss}, io.BytesIO())
            optimizer.step()
            copied = copy.deepcopy(model)
            assert pickle.dumps(loss_fn)
        expected = model(inputs)
        for _ in range(3):
            assert torch.equal(copied(inputs), expected)
        assert watching.steps == 10
    assert b"losskit" not in file.read_bytes()
    for module in copied.modules():
        for hook in (*module._forward_pre_hooks.values(), *module._forward_hooks.values()):
            assert not type(hook).__module__.startswith("losskit")
    code = (
        "import sys, torch\n"
        "sys.modules['losskit'] = None\n"
        f"model = torch.load({str(file)!r}, weights_only=False)\n"
        "print(tuple(model(torch.zeros(2, 8)).shape))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(2, 3)"


def test_a_copy_is_compiled_in_one_piece() -> None:
    model, (inputs, _) = network(), data()
    with watch(model, nn.CrossEntropyLoss()):
        model(inputs)
        copied = copy.deepcopy(model)
    compiled = torch.compile(copied, backend="eager", fullgraph=True)
    assert torch.equal(compiled(inputs), model(inputs))
