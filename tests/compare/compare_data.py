"""Tables as people have them, and one that nobody should."""

from __future__ import annotations

import datetime

import numpy as np
import polars as pl

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


def houses(rows: int = 160) -> pl.DataFrame:
    """Make a table as people have them: every type of column, holes, odd names."""
    draw = np.random.default_rng(3)
    area = draw.uniform(30, 200, rows)
    town = draw.choice(["Köln", "Aachen", 'with "quotes", and commas'], rows)
    price = 1000 * area + 30000 * (town == "Köln") + draw.normal(0, 8000, rows)
    return pl.DataFrame(
        {
            "id": list(range(1, rows + 1)),
            "Fläche in m²": [None if i % 17 == 0 else float(a) for i, a in enumerate(area)],
            "town": [None if i % 23 == 0 else str(t) for i, t in enumerate(town)],
            "garden": [bool(g) for g in draw.integers(0, 2, rows)],
            "built": [
                datetime.date(1950, 1, 1) + datetime.timedelta(days=int(d))
                for d in draw.integers(0, 25000, rows)
            ],
            "remarks": [f"a long remark on house number {i} in full" for i in range(rows)],
            "country": ["DE"] * rows,
            "price": [None if i % 40 == 0 else round(float(p), 2) for i, p in enumerate(price)],
        }
    )
