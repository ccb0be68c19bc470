"""What the pages of a site say of an experiment, read from its documents.

They may be anybody's: what cannot be read is said, and never keeps the other experiments from being shown.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from workbench.documents.files import MALFORMED, read_json
from workbench.errors import WorkbenchError
from workbench.records import Check, Reference, Score

if TYPE_CHECKING:
    from workbench.experiment import Experiment
    from workbench.experiment.notes import Noted
    from workbench.pages.experiment import Details, File, Parameter
    from workbench.pages.site import Entry, Way

T = TypeVar("T")
UNREADABLE = (WorkbenchError, OSError, *MALFORMED)
# What a reader of the site may want as a file. What may hold values of the data stands in the second line.
COPIED = ("scores.json", "leaderboard.csv", "importance.csv")
WITH_DATA = ("template.ipynb", "winner.ipynb", "parameters.json", "runs.csv")
# What the page of an experiment tells besides its manifest and its task.
READ = (
    "scores.json", "checks.json", "parameters.json", "parameters.schema.json", "environment/python.json",
    "environment/workbench.json",
)  # fmt: skip
REPORT = "report.html"
HOME = "../../../index.html"  # the first page, seen from that of an experiment
WITHHELD = (
    "Its report, its predictions, what the checks say in words, free texts among the parameters and why a run failed "
    "are not in this site: they may hold values of the data."
)
IN_A_COPY = (
    "Its tables, its model, its predictions, the executed notebook, what the checks say in words and why a run failed "
    "are not in this copy: they may hold values of the data."
)
RUN_LINK = re.compile(r'<a href="runs/([^"@]+)@([^"]+)\.html"')


@dataclass(frozen=True, slots=True)
class Around:
    """What an experiment has around it in the site: the entries of all by reference, and the comparisons it is in.

    With `alone` there is no site: the page goes along with a copy without its data, and tells what that does.
    """

    entries: Mapping[str, Entry]
    comparisons: Sequence[Way]
    without_data: bool
    alone: bool = False

    @property
    def left_out(self) -> str:
        """What a page says is not there."""
        return IN_A_COPY if self.alone else WITHHELD if self.without_data else ""


def folder_of(reference: Reference) -> str:
    """Where an experiment has its pages in a site."""
    return f"experiments/{reference.name}/{reference.version}"


def entry_of(experiment: Experiment, tags: Sequence[str], *, without_data: bool) -> Entry:
    """Read what the table says of an experiment."""
    from workbench.pages.site import Entry
    from workbench.pages.words import template_name

    manifest, task = experiment.manifest, experiment.task()
    source, rows = (task.get("data") or {}).get("source"), task.get("rows")
    runs = manifest.get("children")
    return Entry(
        ref=str(experiment.reference),
        page=f"{folder_of(experiment.reference)}/index.html",
        status=experiment.status,
        started=manifest["started"],
        reason="" if without_data else experiment.reason,
        score=sound({"": experiment.score}).get("") if experiment.score else None,
        template=template_name(manifest["template"], manifest["kind"]),
        author=manifest["author"],
        target=str(task.get("target") or ""),
        data=str(source).partition("?")[0].rstrip("/").rpartition("/")[2] if source else "",
        rows=rows if isinstance(rows, int) else None,
        runs=len(runs) if manifest["kind"] == "batch" and isinstance(runs, list) else None,
        labels=manifest["labels"],
        tags=tags,
    )


def sound(scores: Mapping[str, Score]) -> dict[str, Score]:
    """Leave out scores whose numbers are none."""
    return {
        name: score
        for name, score in scores.items()
        if _is_number(score.value) and all(end is None or _is_number(end) for end in (score.low, score.high))
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def details_of(experiment: Experiment, said: Noted, around: Around) -> Details:
    """Read what the page of an experiment tells besides."""
    from workbench.documents import outbox
    from workbench.pages.experiment import Details, Note

    reader, hide = _Reader(), around.without_data and not around.alone
    read = reader.read
    nothing: dict[str, Any] = {}
    packages = read("its packages", experiment.environment, nothing)
    return Details(
        facts=read("its resources", lambda: _facts(experiment), {}),
        scores=read("its scores", lambda: sound(experiment.scores()), {}),
        test=read("its scores", lambda: sound(outbox.read_scores(experiment.path, test=True)), {}),
        checks=read("its checks", lambda: _checks(experiment, without_data=around.without_data), []),
        parameters=read("its parameters", lambda: [*_parameters(experiment, hide=hide)], []),
        notes=[Note(one.text, one.author, one.at.isoformat()) for one in said.notes if one.kind == "note"],
        environment=read("its environment", lambda: _environment(experiment), {}),
        packages=read("its packages", lambda: {str(k): str(v) for k, v in packages.get("packages", {}).items()}, {}),
        files=read("its files", lambda: _files(experiment, without_data=around.without_data), []),
        report=REPORT if has_report(experiment) and not around.without_data else "",
        parents=read("what it belongs to", lambda: _parents(experiment, around), []),
        children=read("its runs", lambda: _children(experiment, around), []),
        comparisons=around.comparisons,
        left_out=around.left_out,
        problem=reader.told(),
    )


class _Reader:
    """Reads documents that may be damaged, and remembers which were."""

    def __init__(self) -> None:
        self.damaged: list[str] = []

    def read(self, what: str, document: Callable[[], T], otherwise: T) -> T:
        try:
            return document()
        except UNREADABLE:
            self.damaged.append(what)
            return otherwise

    def told(self) -> str:
        from workbench.pages.words import listing, sentence

        damaged = list(dict.fromkeys(self.damaged))
        return f"{sentence(listing(damaged))} cannot be read." if damaged else ""


def has_report(experiment: Experiment) -> bool:
    """Whether an experiment has a report that was kept with it."""
    return any(entry["name"] == REPORT for entry in experiment.manifest["files"])


def copied(experiment: Experiment, *, without_data: bool) -> list[dict[str, Any]]:
    """Name the files of an experiment that the site holds, too, with their digests."""
    wanted = COPIED if without_data else COPIED + WITH_DATA
    return [entry for entry in experiment.manifest["files"] if entry["name"] in wanted]


def _facts(experiment: Experiment) -> dict[str, Any]:
    from workbench.pages.words import spent

    used = experiment.manifest["resources"]
    return {"seconds": used.get("wall"), **spent(used)}


def _checks(experiment: Experiment, *, without_data: bool) -> list[Check]:
    from workbench.pages.blocks import LOOKS

    found = [check for check in experiment.checks() if check.level in LOOKS]
    return [Check(one.name, one.level, "", one.columns) for one in found] if without_data else found


def _parameters(experiment: Experiment, *, hide: bool) -> Iterator[Parameter]:
    """Read what was chosen; with `hide`, free texts are not told but for the template's own, and metrics it scored."""
    from workbench.pages.experiment import Parameter

    kinds, scored = (_kinds(experiment), [*experiment.scores()]) if hide else ({}, [])
    for name, one in experiment.parameters().items():
        is_free = hide and one["source"] != "default" and _is_free(one["value"], kinds.get(name, {}))
        yield Parameter(name, one["value"], str(one["source"]), not is_free or one["value"] in scored)


def _kinds(experiment: Experiment) -> Mapping[str, Any]:
    """Read what kinds of values the parameters take; nothing is known of an experiment without a schema."""
    file = experiment.path / "parameters.schema.json"
    return read_json(file)["properties"] if file.is_file() else {}


def _is_free(value: Any, kind: Mapping[str, Any]) -> bool:
    """Whether a parameter is a text that may be a value of the data, and not a file, a column or a time."""
    is_told = any("x-workbench" in one or "enum" in one for one in [kind, *kind.get("anyOf", [])])
    return not is_told and not isinstance(value, int | float | None)


def _environment(experiment: Experiment) -> dict[str, str]:
    environment, ours = experiment.environment(), experiment.workbench()
    commit = f" ({str(ours['commit'])[:12]})" if ours.get("commit") else ""
    told = {
        "Python": environment.get("python"),
        "platform": environment.get("platform"),
        "workbench": f"{ours['version']}{commit}" if ours.get("version") else None,
    }
    return {name: str(value) for name, value in told.items() if value}


def _files(experiment: Experiment, *, without_data: bool) -> list[File]:
    from workbench.pages.experiment import File

    here = {entry["name"] for entry in copied(experiment, without_data=without_data)}
    here |= set() if without_data or not has_report(experiment) else {REPORT}
    return [
        File(one["name"], one["size"], one["digest"].partition(":")[2], one["name"] if one["name"] in here else "")
        for one in experiment.manifest["files"]
    ]


def _parents(experiment: Experiment, around: Around) -> list[Way]:
    known = [around.entries[ref] for ref in map(str, experiment.manifest["parents"]) if ref in around.entries]
    return [_way(one, f"{one.short}, which it belongs to") for one in known]


def _children(experiment: Experiment, around: Around) -> list[tuple[Way, Entry]]:
    known = [around.entries[ref] for ref in map(str, experiment.manifest.get("children", [])) if ref in around.entries]
    return [(_way(one, one.short), one) for one in known]


def _way(entry: Entry, text: str) -> Way:
    from workbench.pages.site import Way

    return Way(text, f"../../../{entry.page}")


def page_of(experiment: Experiment, entry: Entry, said: Noted, around: Around, *, home: str = "") -> str:
    """Make the page of one experiment; `home` is where the first page of its site lies, seen from it."""
    from workbench.pages.experiment import Details, experiment_page

    try:
        return experiment_page(entry, details_of(experiment, said, around), home=home)
    except UNREADABLE:  # each document could be read, and something in them is not what it is in ours
        problem = "Some of its documents hold what they never do."
        return experiment_page(entry, Details(problem=problem, left_out=around.left_out), home=home)


def page_without_data(experiment: Experiment) -> str:
    """Make the page that a copy without its data brings in place of its report: what the copy tells, and no more.

    Free texts among the parameters are told: they stand in the copy.
    """
    from workbench.experiment.notes import Noted

    entry = entry_of(experiment, (), without_data=True)
    return page_of(experiment, entry, Noted(), Around({}, (), without_data=True, alone=True))


def report_of(experiment: Experiment, around: Around) -> bytes:
    """Take over the report of an experiment; one that could do something is cleaned, as when it is opened."""
    from workbench.pages.harmless import cleaned, is_shielded

    html = read_bytes(experiment.path / REPORT).decode(errors="replace")
    content = RUN_LINK.sub(lambda found: _run_link(found, around), html).encode(errors="replace")
    title = str(experiment.reference)
    try:
        return content if is_shielded(content) else cleaned(html, title=title).encode(errors="replace")
    except WorkbenchError:
        return cleaned("It cannot be shown here.", title=title).encode()


def _run_link(found: re.Match[str], around: Around) -> str:
    """Lead from the page of a batch to a run's page in the site, or nowhere if it has none."""
    entry = around.entries.get(f"{found[1]}@{found[2]}")
    return "<a" if entry is None else f'<a href="../../../{quote(entry.page)}"'


def read_bytes(file: Path) -> bytes:
    """Read a file of an experiment; one that is missing, or a link to elsewhere, is empty here."""
    try:
        return b"" if file.is_symlink() else file.read_bytes()
    except OSError:
        return b""
