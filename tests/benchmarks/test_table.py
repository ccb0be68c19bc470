"""What the tables of the benchmark page say follows from the rows, failures and gaps included."""

from __future__ import annotations

import pytest


@pytest.fixture
def table(script):
    return script("sidebyside.table")


def test_a_duel_counts_wins_ties_and_the_geometric_mean(table, row):
    pairs = [("a", 0.10, 0.20), ("b", 0.20, 0.10), ("c", 0.30, 0.30), ("d", 0.10, 0.40)]
    rows = [row(who, data, loss) for data, one, other in pairs for who, loss in (("ours", one), ("peer", other))]
    duel = table.duel(table.losses(rows), "ours", "peer")
    assert (duel.wins, duel.cells, duel.datasets) == (2.5, 4, 4)
    assert duel.ratio == pytest.approx((1 / 2 * 2 * 1 * 1 / 4) ** 0.25)
    assert duel.low < duel.ratio < duel.high


def test_a_data_set_counts_once_however_many_seeds_it_has(table, row):
    rows = [row("ours", "a", 0.1, seed=seed) for seed in range(9)] + [row("ours", "b", 0.4)]
    rows += [row("peer", "a", 0.2, seed=seed) for seed in range(9)] + [row("peer", "b", 0.1)]
    duel = table.duel(table.losses(rows), "ours", "peer")
    assert duel.ratio == pytest.approx((0.5 * 4) ** 0.5)
    assert (duel.wins, duel.cells, duel.datasets) == (9, 10, 2)


def test_a_failure_counts_as_a_constant_guess_and_is_named(table, row):
    rows = [row("workbench", "a", 0.2), row("peer", "a", None)]
    assert table.duel(table.losses(rows), "workbench", "peer").ratio == pytest.approx(0.2 / 0.5)
    text = table.comparison(rows)
    assert "peer on a (ended with 1)" in text
    assert "1 of 1" in text


def test_what_was_not_measured_is_no_failure_and_no_win(table, row):
    rows = [row("workbench", "a", 0.2), row("peer", "a", 0.1), row("workbench", "b", 0.2)]
    duel = table.duel(table.losses(rows), "workbench", "peer")
    assert (duel.wins, duel.cells) == (0, 1)
    assert "not measured" in table.comparison(rows)
    assert table.duel(table.losses(rows), "workbench", "nobody") is None


def test_only_the_same_rows_of_a_table_are_compared(table, row):
    rows = [row("ours", "a", 0.2, split="old"), row("peer", "a", 0.1, split="new")]
    assert table.duel(table.losses(rows), "ours", "peer") is None


def test_losses_too_small_to_compare_are_equal(table, row):
    rows = [row("ours", "a", 0.0), row("peer", "a", 0.00005)]
    duel = table.duel(table.losses(rows), "ours", "peer")
    assert (duel.wins, duel.ratio) == (0.5, 1)


def test_the_table_shows_ratios_to_the_best_and_says_where_we_lose(table, row):
    losses = {"workbench": (0.3, 0.1), "flaml": (0.2, 0.4), "mljar": (0.25, 0.2)}
    rows = [row(who, data, loss) for who, two in losses.items() for data, loss in zip("ab", two, strict=True)]
    text = table.comparison(rows)
    assert "| a | 0.2 | 1.500 | **1.000** | 1.250 |" in text
    assert "| b | 0.1 | **1.000** | 4.000 | 2.000 |" in text
    assert "**1.225** | 2.000 | 1.581 |" in text  # geometric means: sqrt 1.5, sqrt 4, sqrt 2.5
    assert "behind the best of its peers, with how much larger its loss is: a (50.0 %)" in text
    assert "| flaml | 50 % (1 of 2) |" in text


def test_rows_of_a_busy_machine_stay_out_and_newer_rows_replace_older_ones(script, row):
    peers = script("peers")
    rows = [
        row("workbench", "a", 0.4),
        row("workbench", "a", 0.2, version="2.0"),
        row("workbench", "b", 0.1, others=0.6),
    ]
    text = peers.tables(rows)
    assert "Left out: 1 rows" in text
    assert "workbench 2.0 (1 rows)" in text
    assert "| a | 0.2 |" in text
    assert "| b |" not in text


def test_without_rows_the_page_says_so(script):
    assert "Nothing was measured yet" in script("peers").tables([])
    assert "Nothing was measured yet" in script("scaling").tables([])


def test_a_work_tree_is_set_beside_the_last_commit_that_has_rows(script, row):
    peers = script("peers")
    stored = [
        row("workbench", "a", loss, version=version) for version, loss in (("aaa", 0.4), ("bbb", 0.2), ("zzz", 0.9))
    ]
    stored.append(row("flaml", "a", 0.1))
    text = peers.beside([row("workbench", "a", 0.1, version="ccc+12")], stored, ["ccc0", "bbb0", "aaa0"])
    assert "| workbench bbb | 100 % (1 of 1) | 0.500" in text
    assert "| flaml | 50 % (0.5 of 1) | 1.000" in text
    assert "zzz" not in text


def test_rows_are_kept_of_a_commit_and_of_a_machine_at_rest_only(script, row, tmp_path):
    peers, rows = script("peers"), script("sidebyside.rows")
    kept = tmp_path / "rows.jsonl"
    with pytest.raises(SystemExit, match="no commit"):
        peers.keep([row("workbench", "a", 0.1, version="abc+12")], [], kept)
    with pytest.raises(SystemExit, match="at rest"):
        peers.keep([row("workbench", "a", 0.1, others=0.5)], [], kept)
    for _ in range(2):
        peers.keep([row("workbench", "a", 0.1)], rows.read(kept), kept)
    assert len(rows.read(kept)) == 1


def test_an_interval_needs_some_data_sets(script, row):
    table = script("sidebyside.table")
    rows = [row(who, data, loss) for data in "abcde" for who, loss in (("workbench", 0.1), ("flaml", 0.2))]
    assert "0.500 (0.500 to 0.500) | 5 |" in table.comparison(rows)
    assert "| 0.500 | 4 |" in table.comparison(rows[:-2])
    assert "behind the best of its peers on no data set" in table.comparison(rows)


def test_the_page_is_filled_between_its_markers_and_nowhere_else(script):
    page = script("sidebyside.page")
    written = page.PAGE.read_text()
    for name in ("peers", "scaling"):
        once = page.filled(written, name, "| new |")
        assert once.count("| new |") == 1
        assert page.filled(once, name, "| newer |").replace("| newer |", "| new |") == once
    with pytest.raises(ValueError, match="no place for 'nothing'"):
        page.filled(written, "nothing", "text")
