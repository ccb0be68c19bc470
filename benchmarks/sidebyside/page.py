"""The benchmark page: what scripts fill in stands between two markers, and the rest is written by hand."""

from __future__ import annotations

from pathlib import Path

from sidebyside.rows import RESULTS

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
NOTHING = "*Nothing was measured yet on a machine at rest: there is no table to show.*"


def filled(page: str, name: str, text: str) -> str:
    """Put a text between the markers of that name.

    Raises
    ------
    ValueError
        If the page has no such markers.
    """
    begin, end = f"<!-- {name}: filled in by a script -->", f"<!-- end of {name} -->"
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"The page has no place for {name!r}: it takes {begin} and {end}.")
    return f"{before}{begin}\n{text}\n{end}{after}"


def fill(name: str, text: str, page: Path = PAGE) -> None:
    page.write_text(filled(page.read_text(), name, text))


def show(name: str, text: str, results: Path) -> None:
    """Print a table, and put it on the page when its rows are the repository's own."""
    print(f"\n{text}")
    if results.resolve().parent == RESULTS.resolve():
        fill(name, text)
