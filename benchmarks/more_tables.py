"""The workbench beside its peers on ten more tables, which no package ships.

    python benchmarks/more_tables.py            print the tables, and put them on the benchmark page

The rows in benchmarks/results/more-tables.jsonl are of whole commands, one after the other, with 70 % of a table to
learn from. The tables are public but not ours to pass on, so this cannot be measured again from here; what peers.py
does can.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sidebyside import page, table
from sidebyside.rows import RESULTS, Row, newest, read

CELL = ("data", "system", "budget", "seed")
OURS = "workbench"


def tables(rows: Sequence[Row]) -> str:
    """Write a comparison for each budget, out of the newest rows."""
    parts = []
    for budget in sorted({row["budget"] for row in rows}):
        of_it = newest([row for row in rows if row["budget"] == budget], *CELL)
        parts.append(f"### More tables, {budget:g} seconds\n\n{comparison(of_it)}")
    return "\n\n".join(parts)


def comparison(rows: Sequence[Row]) -> str:
    """Say who is better and where; the workbench's further seeds, which no peer has, stand by themselves."""
    laid = table.losses(rows)
    order = sorted(laid.columns, key=lambda name: (name != OURS, name))
    parts = [
        table.duels(laid, OURS, [name for name in order if name != OURS]),
        table.ratios(laid[laid.notna().sum(axis=1) > 1], order),
        table.lost(laid, OURS),
        by_seed(laid),
        clocks(rows, order),
        table.failures(rows),
    ]
    return "\n\n".join(part for part in parts if part)


def by_seed(laid: pd.DataFrame) -> str:
    """Show the workbench's loss on other splits of the same tables, which the peers' rows do not have."""
    ours = laid[OURS].droplevel("split").unstack("seed")
    if ours.shape[1] < 2:
        return ""
    lines = [
        [str(data), *(f"{loss:.4g}" if np.isfinite(loss) else "not measured" for loss in losses)]
        for data, losses in ours.iterrows()
    ]
    return table.markdown([f"loss of {OURS}", *(f"seed {seed}" for seed in ours.columns)], lines)


def clocks(rows: Sequence[Row], order: Sequence[str]) -> str:
    """Lay out what the whole process took, loading and predicting included."""
    lines = []
    for system in order:
        own = [row for row in rows if row["system"] == system]
        walls, seeds = [row["wall"] for row in own], len({row["seed"] for row in own})
        version = ", ".join(sorted({row["version"] for row in own}))
        lines.append(
            [
                f"{system} {version}",
                f"{len(own)} ({seeds})",
                f"{np.median(walls):.0f} s",
                f"{max(walls):.0f} s",
                f"{np.median([row['peak_mb'] for row in own]):,.0f} MB",
            ]
        )
    return table.markdown(["", "cells (seeds)", "wall, median", "wall, longest", "peak memory, median"], lines)


def main() -> None:
    text = tables(read(RESULTS / "more-tables.jsonl"))
    print(text)
    page.fill("more tables", text)


if __name__ == "__main__":
    main()
