"""docs/reference/conformance.md shows the table, whole and as it is."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "reference" / "conformance.md"
HEADINGS = {
    "papermill": "papermill's own notebooks",
    "nbclient": "What nbclient's notebooks prove",
    "own": "Additions of our own",
    "parameters": "Parameters",
}
COLUMNS = ["notebook", "what it shows", "ends here", "ends in papermill", "why they differ"]


def numbers(cells):
    return f"cell{'s' if len(cells) > 1 else ''} {', '.join(map(str, cells))}"


def marks(failed, pending):
    return [f"cell {failed} failed"] * bool(failed) + [f"{numbers(pending)} pending"] * bool(pending)


def here(case):
    if case.by:
        return f"[tested](../../tests/conformance/{case.by.partition('::')[0]})"
    reason = [f"“{case.reason}”"] if case.reason else []
    return "; ".join([f"**{case.status}**", *reason, *marks(case.failed, case.pending)])


def there(case):
    if case.by or case.papermill is None:
        return "" if case.by else "the same"
    told = case.in_papermill
    raised = f"raises {told['raises']}" if "raises" in told else "**completed**"
    unmarked = ["no cell marked failed"] if "raises" in told and "failed" not in told else []
    return "; ".join([raised, *unmarked, *marks(told.get("failed"), told.get("pending", []))])


def rows(cases, section):
    head = [COLUMNS, ["---"] * len(COLUMNS)]
    body = [[case.name, case.proves, here(case), there(case), case.why] for case in cases if case.section == section]
    return "\n".join(f"| {' | '.join(row)} |" for row in head + body)


@pytest.mark.parametrize("section", HEADINGS)
def test_the_page_shows_the_table(cases, section):
    """When this fails, what it expects is what the page is to say."""
    chapters = PAGE.read_text(encoding="utf-8").split("\n## ")
    (chapter,) = (text for text in chapters if text.startswith(HEADINGS[section] + "\n"))
    told = "\n".join(line for line in chapter.splitlines() if line.startswith("|"))
    assert told == rows(cases, section)


def test_the_page_names_the_version_it_speaks_of(papermill_version):
    assert f"papermill {papermill_version}" in PAGE.read_text(encoding="utf-8")


def test_a_test_that_the_table_names_exists(elsewhere):
    file, _, name = elsewhere.by.partition("::")
    functions = [node.name for node in ast.parse((HERE / file).read_text()).body if isinstance(node, ast.FunctionDef)]
    assert name in functions
