"""Models that are trained, and that no optimizer was given."""

from __future__ import annotations

from pathlib import Path

import pytest
from lint_runs import found

PAIR = """
import torch
import torch.nn.functional as F
from networks import Encoder, Decoder

def main(loader, device):
    encoder, other = Encoder(3), None
    encoder = encoder.to(device)
    decoder = Decoder(3)
    decoder.to(device)
    MORE
    optimizer = torch.optim.Adam(encoder.parameters(), lr=0.1)
    for epoch in range(9):
        encoder.train()
        MODE
        for x in loader:
            latent = encoder(x)
            made = DECODED
            loss = F.mse_loss(made, x)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        torch.save(decoder.state_dict(), "decoder.pt")
"""


@pytest.mark.parametrize(
    ("more", "mode", "decoded", "lines"),
    [
        ("pass", "decoder.train()", "decoder(latent)", [21]),
        ("pass", "decoder.train()", "decoder(latent).clamp(0, 1) * 2", [21]),
        ("pass", "decoder.eval()", "decoder(latent)", []),
        ("pass", "pass", "decoder(latent)", []),
        ("pass", "decoder.train()", "decoder(latent).detach() + latent", []),
        ("pass", "decoder.train()", "other.decode(latent)", []),
        ("begin(decoder)", "decoder.train()", "decoder(latent)", []),
        ("decoder.load_state_dict(other)", "decoder.train()", "decoder(latent)", []),
        (
            "second = torch.optim.Adam(decoder.parameters())",
            "decoder.train()",
            "decoder(latent)",
            [],
        ),
        ("decoder.requires_grad_(False)", "decoder.train()", "decoder(latent)", []),
        ("criterion = Criterion(3)", "criterion.train()", "criterion(latent)", []),
    ],
)
def test_a_model_in_training_needs_an_optimizer(
    more: str, mode: str, decoded: str, lines: list[int], tmp_path: Path
) -> None:
    text = PAIR.replace("MORE", more).replace("MODE", mode).replace("DECODED", decoded)
    seen = [one for one in found(tmp_path, {"go.py": text}) if one.code == "LK152"]
    assert [one.place.line for one in seen if one.place] == lines
