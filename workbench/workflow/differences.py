"""Experiments side by side: ranked, and what was done differently; as text, or as a page."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from workbench.errors import BadOutput
from workbench.workflow.place import Where, experiment_of

if TYPE_CHECKING:
    from workbench.comparison import Comparison, Difference
    from workbench.experiment import Experiment


def compare(*refs: str, store: Where = None, html: Path | None = None) -> Comparison:
    """Rank experiments, and say which differences are real; with `html`, write the comparison as a page as well."""
    from workbench import comparison
    from workbench.documents.files import write_bytes

    found = {ref: experiment_of(ref, store) for ref in refs}
    compared = comparison.compare([*found.values()])
    if html is not None:
        from workbench.pages.comparison import comparison_page

        document = compared.as_document()
        reports = _reports(found, html)
        board = [row | {"report": reports.get(row["ref"])} for row in document["leaderboard"]]
        try:
            write_bytes(html, comparison_page(document | {"leaderboard": board}).encode())
        except OSError as error:
            raise BadOutput(str(html), f"cannot be written: {error.strerror or error}", "Name another file.") from error
    return compared


def _reports(found: Mapping[str, Experiment], page: Path) -> dict[str, str]:
    """Say where reports lie, seen from a page; an experiment of a zip has one for as long as this command only."""
    lasting = [one for ref, one in found.items() if one.report.is_file() and not Path(ref).is_file()]
    here = page.absolute().parent
    return {str(one.reference): quote(os.path.relpath(one.report.absolute(), here)) for one in lasting}


def diff(one: str, other: str, *, store: Where = None) -> Difference:
    """Tell what differs between two experiments: parameters, data, code, environment, scores."""
    from workbench import comparison

    return comparison.diff(experiment_of(one, store), experiment_of(other, store))
