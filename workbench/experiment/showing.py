"""Which page is opened for an experiment: its report where that can do no harm, else what can be shown of it.

Whoever imports an experiment imports what somebody else calls its report. The experiment is not changed: the copy that
is shown lies in the store's index, may be deleted, and is made again when it is asked for.
"""

from __future__ import annotations

from pathlib import Path

from workbench.documents.files import write_bytes
from workbench.errors import BadArtifact
from workbench.experiment.kept import Experiment
from workbench.experiment.store import Store, translated

COPIES = "reports"


def harmless_report(experiment: Experiment) -> Path | None:
    """Give the report where neither it nor the pages it leads to can do anything; None where one could."""
    from workbench.pages.harmless import is_harmless

    pages = [experiment.report, *experiment.path.glob("runs/*.html")]
    try:
        return experiment.report if all(is_harmless(path.read_bytes()) for path in pages) else None
    except OSError:
        return None


def shown(experiment: Experiment, store: Store, *, lasting: bool = True) -> Path:
    """Give the page to open: the report, or a copy in the store's index that is cleaned where it has to be.

    Parameters
    ----------
    lasting
        Whether the experiment's own folder is there for longer than this process.

    Raises
    ------
    BadArtifact
        If the report cannot be read, or is no page that could be cleaned.
    StoreError
        If the copy cannot be written.
    """
    harmless = harmless_report(experiment)
    if harmless is not None and lasting:
        return harmless
    content = _read(experiment.report) if harmless is not None else _cleaned(experiment)
    copy = store.path / "index" / COPIES / f"{experiment.reference}.html"
    with translated(store):
        copy.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(copy, content)
    return copy


def _cleaned(experiment: Experiment) -> bytes:
    from workbench.pages.harmless import cleaned

    html = _read(experiment.report).decode("utf-8", "replace")
    return cleaned(html, title=str(experiment.reference)).encode("utf-8", "replace")


def _read(report: Path) -> bytes:
    try:
        return report.read_bytes()
    except OSError as error:
        raise BadArtifact(str(report), f"cannot be read: {error.strerror or error}") from error
