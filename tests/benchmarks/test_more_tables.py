"""The page's tables of data that is not here: what is compared, and what stands by itself."""

from __future__ import annotations


def test_each_budget_compares_cells_that_several_systems_have_and_shows_further_seeds(script, row):
    rows = [row("workbench", "wine", 0.8), row("flaml", "wine", 0.9), row("workbench", "wine", 0.7, seed=1)]
    rows += [row("workbench", "wine", 0.6, budget=300.0), row("flaml", "wine", 0.5, budget=300.0)]
    short, long = script("more_tables").tables(rows).split("### More tables, 300 seconds")
    assert "| flaml | 100 % (1 of 1) | 0.889 | 1 |" in short
    assert "| wine | 0.8 | **1.000** | 1.125 |" in short
    assert "| wine | 0.8 | 0.7 |" in short
    assert "is behind the best of its peers" in long
    assert "wine (20.0 %)" in long


def test_the_newest_row_of_a_cell_counts(script, row):
    rows = [row("workbench", "wine", 0.9), row("workbench", "wine", 0.8), row("flaml", "wine", 0.8)]
    assert "50 % (0.5 of 1)" in script("more_tables").tables(rows)
