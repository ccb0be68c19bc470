"""Experiments side by side: ranked, and what was done differently; as text, or as a page."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from workbench.errors import BadOutput
from workbench.workflow.place import Where, experiment_of

if TYPE_CHECKING:
    from workbench.comparison import Comparison, Difference
    from workbench.experiment import Experiment


def compare(*refs: str, store: Where = None, metric: str | None = None, html: Path | None = None) -> Comparison:
    """Rank experiments, and say which differences are real; with `html`, write the comparison as a page as well.

    Each stands with the metric its search went by, or all with `metric`.
    """
    from workbench import comparison
    from workbench.experiment import reading

    found = {ref: experiment_of(ref, store) for ref in refs}
    with reading(*found.values()):
        compared = comparison.compare([*found.values()], metric)
    if html is not None:
        from workbench.pages.comparison import comparison_page

        _write(html, comparison_page(_with_reports(compared.as_document(), found, html)))
    return compared


def diff(one: str, other: str, *, store: Where = None, html: Path | None = None) -> Difference:
    """Tell what differs between two experiments; with `html`, write it as a page as well."""
    from workbench import comparison
    from workbench.experiment import reading

    found = {ref: experiment_of(ref, store) for ref in (one, other)}
    with reading(*found.values()):
        differs = comparison.diff(found[one], found[other])
    if html is not None:
        from workbench.pages.difference import difference_page

        _write(html, difference_page(_with_reports(differs.as_document(), found, html)))
    return differs


def _write(html: Path, page: str) -> None:
    from workbench.documents.files import write_bytes

    try:
        write_bytes(html, page.encode("utf-8", "replace"))  # a lone surrogate in a stranger's text is no UTF-8
    except OSError as error:
        raise BadOutput(str(html), f"cannot be written: {error.strerror or error}", "Name another file.") from error


def _with_reports(document: dict[str, Any], found: Mapping[str, Experiment], page: Path) -> dict[str, Any]:
    """Say where reports lie, seen from a page; an experiment of a zip has one for as long as this command only."""
    from workbench.experiment.showing import harmless_report

    lasting = [one for ref, one in found.items() if harmless_report(one) is not None and not Path(ref).is_file()]
    here = page.absolute().parent
    reports = {str(one.reference): quote(os.path.relpath(one.report.absolute(), here)) for one in lasting}
    return document | {"leaderboard": [row | {"report": reports.get(row["ref"])} for row in document["leaderboard"]]}
