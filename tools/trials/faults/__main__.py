"""Trainings with one fault each, put into a healthy training drawn at random.

``python -m tools.trials.faults`` runs every kind with ten seeds, sees whether the right code is
among the first two findings, and writes the table of docs/faults.md.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import torch

from tools.trials.faults import FAULTS, Fault, healthy
from tools.trials.tasks import run

DOCS = Path(__file__).parents[3] / "docs" / "faults.md"


def found_by(fault: Fault, seed: int) -> tuple[bool, list[str], str]:
    """Run a fault; say whether it is among the first two findings, and all of their codes."""
    rng = np.random.default_rng([seed, *fault.name.encode()])
    training = fault.put(healthy(fault, rng), rng)
    outcome = run(training, seed)
    return bool(set(fault.codes) & set(outcome.codes[:2])), outcome.codes, outcome.error


def table(rows: list[tuple[Fault, int, int, Counter[str]]]) -> str:
    """Write the page."""
    total, right = sum(row[2] for row in rows), sum(row[1] for row in rows)
    seeds = rows[0][2]
    lines = [
        "# Faults, and what finds them",
        "",
        "Made by `python -m tools.trials.faults --write`. Each fault is put into a healthy",
        "training that is drawn at random (scikit-learn's data, a small network, SGD or AdamW);",
        "the batch is tried with `preflight`, the training watched with `watch`. A fault counts as",
        "found where a code that names it is among the first two findings.",
        "",
        f"**{right} of {total} found ({right / total:.0%}); {len(rows)} kinds, {seeds} seeds.**",
        "",
        "| fault | codes that name it | found | first findings |",
        "|---|---|---|---|",
    ]
    for fault, hits, tried, firsts in rows:
        shown = ", ".join(f"{code} {count}" for code, count in firsts.most_common(3)) or "none"
        lines.append(f"| {fault.name} | {', '.join(fault.codes)} | {hits}/{tried} | {shown} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run all faults with all seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="number of the first seed")
    parser.add_argument("--only", default="", help="part of a fault's name")
    parser.add_argument("--write", action="store_true", help="write docs/faults.md")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for fault in FAULTS:
        if arguments.only not in fault.name:
            continue
        hits, firsts = 0, Counter[str]()
        for seed in range(arguments.first, arguments.first + arguments.seeds):
            right, codes, error = found_by(fault, seed)
            hits += right
            firsts.update(codes[:2])
            if not right:
                sys.stdout.write(f"  missed: {fault.name}, seed {seed}: {codes} {error}\n")
        rows.append((fault, hits, arguments.seeds, firsts))
        sys.stdout.write(f"{fault.name}: {hits}/{arguments.seeds}\n")
        sys.stdout.flush()
    page = table(rows)
    sys.stdout.write(page.split("\n\n")[2] + "\n")
    if arguments.write:
        DOCS.write_text(page, encoding="utf-8")
    return int(sum(row[1] for row in rows) < 0.85 * sum(row[2] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
