"""The search for NaN ends no training: not of several processes, and not by an error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from watch_runs import batches, codes, data

from losskit.check.findings import Finding
from losskit.torch import watch

# One of two processes has NaN in its activations at step 2, and only there.
TRAINING = """
import datetime, sys, torch
from torch import distributed, nn
from losskit.torch import watch

rank, kind, file = int(sys.argv[1]), sys.argv[2], sys.argv[3]
torch.set_num_threads(1)
distributed.init_process_group(
    "gloo", init_method=f"file://{file}", rank=rank, world_size=2,
    timeout=datetime.timedelta(seconds=30),
)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(8, 16), nn.BatchNorm1d(16), nn.Linear(16, 3)
        self.step = 0

    def forward(self, x):
        hidden = self.norm(self.first(x)).relu()
        if kind == "talking":
            mean = hidden.detach().mean(0)
            distributed.all_reduce(mean)
            hidden = hidden - mean
        return self.last((hidden * 0 - 1).log() if self.step == 2 and rank == 1 else hidden)

torch.manual_seed(0)
net = Net()
if kind == "sync":
    # It runs on GPUs only, so that here it is never called.
    net.unused = nn.SyncBatchNorm(3, affine=False)
model = net if kind == "sync" else nn.parallel.DistributedDataParallel(net)
loss_fn, optimizer = nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=0.1)
torch.manual_seed(rank)
inputs, target = torch.randn(32, 8), torch.arange(32) % 3
with watch(model, loss_fn, on_finding=lambda finding: None) as watching:
    for step in range(6):
        net.step = step
        optimizer.zero_grad()
        loss_fn(model(inputs), target).backward()
        optimizer.step()
    print(watching.steps, *[f.message for f in watching.findings if f.code == "LK202"], sep="|")
"""


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("plain", "module.last is the first module whose output is not finite at step 2"),
        ("talking", "where it began could not be searched for: RuntimeError: the model waits for "),
        ("sync", "was not searched for, since SyncBatchNorm runs in all processes"),
    ],
)
def test_other_processes_are_not_waited_for(kind: str, said: str, tmp_path: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", TRAINING, str(rank), kind, str(tmp_path / "meeting")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    outputs = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    steps, message = outputs[1][0].strip().split("|")
    assert (steps, said in message) == ("6", True), message


class Moody(nn.Module):
    """Gives NaN once, and then raises an error, or counts its calls in a buffer."""

    def __init__(self, raises: bool) -> None:
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(8, 16), nn.BatchNorm1d(16), nn.Linear(16, 3)
        self.raises, self.calls = raises, 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        if self.raises and self.calls > 1:
            raise OSError("no more data")
        return self.last(self.norm(self.first(x))) * (torch.nan if self.calls < 3 else 1)


@pytest.mark.parametrize("raises", [True, False])
def test_the_step_goes_on_after_the_search(raises: bool) -> None:
    model, loss_fn = Moody(raises), nn.CrossEntropyLoss()
    inputs, target = data(32)
    found: list[Finding] = []
    with watch(model, loss_fn, on_finding=found.append):
        loss = loss_fn(model(inputs), target)
        assert codes(found) == ["LK202"]
        statistics = [buffer.clone() for buffer in model.buffers()]
        # Which batch normalisation refuses where its statistics were written to in between.
        loss.backward()
    assert model.norm.num_batches_tracked == 1
    for one, other in zip(statistics, model.buffers(), strict=True):
        assert torch.equal(one, other)
    if raises:
        assert found[0].message.endswith("could not be searched for: OSError: no more data")


def test_a_masked_target_is_not_what_began_it() -> None:
    from losskit.torch import MSELoss

    model = nn.Linear(8, 1)
    nn.init.constant_(model.weight, 1e30)
    loss_fn: Any = MSELoss()
    found: list[Finding] = []
    with watch(model, loss_fn, on_finding=found.append):
        for inputs, _ in batches(1):
            mask = torch.arange(32)[:, None] % 2 == 0
            target = torch.where(mask, 1.0, torch.nan)
            loss_fn(model(inputs), target, mask=mask)
    assert "the loss of finite arguments is not finite" in found[-1].message
