"""Trainings with one fault each, put into a healthy training drawn at random.

``python -m tools.trials.faults`` runs every kind with ten seeds, sees whether the right code is
among the first two findings, and writes the table of docs/faults.md.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter

import numpy as np
import torch

from tools.trials.faults import FAULTS, Fault, healthy
from tools.trials.pages import write_section
from tools.trials.tasks import run

REPORTED = 300
"""First of the seeds that docs/faults.md reports; thresholds were chosen on those before."""


def found_by(fault: Fault, seed: int) -> tuple[bool, list[str], str]:
    """Run a fault; say whether it is among the first two findings, and all of their codes."""
    rng = np.random.default_rng([seed, *fault.name.encode()])
    training = fault.put(healthy(fault, rng), rng)
    outcome = run(training, seed)
    return bool(set(fault.codes) & set(outcome.codes[:2])), outcome.codes, outcome.error


def table(rows: list[tuple[Fault, int, int, Counter[str]]], first: int) -> str:
    """Write the result."""
    total, right = sum(row[2] for row in rows), sum(row[1] for row in rows)
    lines = [
        f"**{right} of {total} found ({right / total:.1%}): {len(rows)} kinds, {rows[0][2]} seeds "
        f"each, from {first} on.**",
        "",
        "| fault | codes that name it | found | first findings |",
        "|---|---|---|---|",
    ]
    for fault, hits, tried, firsts in rows:
        shown = ", ".join(f"{code} {count}" for code, count in firsts.most_common(3)) or "none"
        lines.append(f"| {fault.name} | {', '.join(fault.codes)} | {hits}/{tried} | {shown} |")
    return "\n".join(lines)


def main() -> int:
    """Run all faults with all seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=REPORTED, help="number of the first seed")
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
    result = table(rows, arguments.first)
    sys.stdout.write(result.splitlines()[0] + "\n")
    if arguments.write:
        write_section("faults.md", "faults", result)
    return int(sum(row[1] for row in rows) < 0.85 * sum(row[2] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
