"""The results as tables and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from benchmarks.contenders import CONTENDERS, COPY, EAGER, LOSSKIT, NUMPY, UNKEPT

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["absent", "show", "write"]

NONE = "–"

EXPLAINED = (
    "Columns with ÷ are Losskit's time (or memory) divided by the other's, the median over the "
    "rounds: below 1 is less. “Best” is the fastest of PyTorch with huge pages, eager and "
    "compiled. The limit is the bytes that have to be moved, at the speed of copying the first "
    "array, measured in the same rounds. "
    "~ marks what differed between rounds by half and more: measure it again on a quiet machine."
)


def write(results: dict[str, Any], path: Path) -> None:
    """Write the results as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(results, indent=1, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def show(results: dict[str, Any], console: Console) -> None:
    """Print the machine, the tables and what they mean."""
    console.print(_machine(results))
    rows = [
        (case, which, found) for case in results["cases"] for which, found in case["passes"].items()
    ]
    for table, subject in ((_pytorch(), LOSSKIT), (_arrays(), NUMPY)):
        for case, which, found in rows:
            if subject in found["ratios"]:
                cells = _pytorch_cells if subject == LOSSKIT else _array_cells
                timing, ratios = found["contenders"][subject], found["ratios"][subject]
                table.add_row(case["name"], which, *cells(timing, ratios))
        if table.row_count:
            console.print()
            console.print(table)
    console.print()
    console.print(EXPLAINED)
    for line in _troubles(results):
        console.print(line)


def _troubles(results: dict[str, Any]) -> Iterator[str]:
    for case in results["cases"]:
        for name in case["disagreeing"]:
            ours = case["values"].get(LOSSKIT, case["values"].get(NUMPY))
            yield f"Not comparable: {case['name']}: {name} has {case['values'][name]}, not {ours}"
        for name, reason in case["failed"].items():
            yield f"Failed: {case['name']}: {name}: {reason}"
    for name in results["skipped"]:
        yield f"Skipped: {name}: this machine has too little memory"


def _machine(results: dict[str, Any]) -> str:
    machine = results["machine"]
    parts = [
        machine["processor"] or machine["architecture"],
        f"{machine['cores']} cores",
        machine["system"],
        f"huge pages: {machine['huge_pages'] or 'unknown'}",
        *(f"{name} {version}" for name, version in results["versions"].items() if version),
        results["date"],
    ]
    speed = copy_speed(results)
    if speed is not None:
        parts.append(f"copies {speed / 1e9:.1f} GB/s (read and written)")
    return "; ".join(parts)


def copy_speed(results: dict[str, Any]) -> float | None:
    """Bytes read and written per second by the copy of the largest array."""
    found = [
        (found["limit_bytes"], found["limit_bytes"] / found["limit_seconds"])
        for case in results["cases"]
        for found in case["passes"].values()
        if found["limit_seconds"] and not case["boosting"]
    ]
    return max(found)[1] if found else None


def _pytorch() -> Table:
    return _table(
        "Under PyTorch", "÷ eager", "÷ best", "best is", "÷ unkept", "÷ limit", "memory ÷ eager"
    )


def _pytorch_cells(timing: dict[str, Any], ratios: dict[str, Any]) -> list[str]:
    return [
        _seconds(timing["median_seconds"]),
        _versus(ratios, EAGER),
        _versus(ratios, ratios["best_is"]),
        ratios["best_is"] or NONE,
        _versus(ratios, UNKEPT),
        _versus(ratios, "limit"),
        _ratio(ratios["memory"]),
    ]


def _arrays() -> Table:
    return _table("On NumPy arrays", "÷ scikit-learn", "÷ optax", "÷ limit", "peak memory")


def _array_cells(timing: dict[str, Any], ratios: dict[str, Any]) -> list[str]:
    return [
        _seconds(timing["median_seconds"]),
        _versus(ratios, "scikit-learn"),
        _versus(ratios, "optax"),
        _versus(ratios, "limit"),
        _bytes(timing["peak_bytes"]),
    ]


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("case", no_wrap=True)
    table.add_column("pass", no_wrap=True)
    table.add_column("losskit", justify="right", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="left" if column == "best is" else "right", no_wrap=True)
    return table


def _seconds(seconds: float) -> str:
    """Three digits, in the unit that suits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}" if seconds < 1000 * size else f"{seconds:.0f} s"
    return f"{seconds / 1e-6:.3g} µs"


def _versus(ratios: dict[str, Any], other: str | None) -> str:
    value = ratios["limit"] if other == "limit" else ratios["time"].get(other)
    return ("~" if other in ratios["unsteady"] else "") + _ratio(value)


def _ratio(value: float | None) -> str:
    if value is None:
        return NONE
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}" if value < 10 else f"{value:.1f}"


def _bytes(size: int | None) -> str:
    if size is None:
        return "n/a"
    return f"{size / 2**20:.0f} MiB" if size >= 2**20 else "< 1 MiB"


def absent(results: dict[str, Any]) -> list[str]:
    """Say which contenders took no part at all."""
    took_part = {
        name
        for case in results["cases"]
        for found in case["passes"].values()
        for name in found["contenders"]
    }
    return [one.title for name, one in CONTENDERS.items() if name not in took_part | {COPY}]
