"""One experiment as a page of a site: how good it is, what was odd, how it was made, what was said of it since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import quote

from markupsafe import Markup

from workbench.pages.blocks import check_notice, folded, join, key_facts, notice, paragraph, table
from workbench.pages.heading import heading
from workbench.pages.outcome import scores_table
from workbench.pages.page import page
from workbench.pages.site import Entry, Way, chips, pill, style, when
from workbench.pages.words import SOURCES, count, score_sentence, size, typed
from workbench.records import Check, Score


class Note(NamedTuple):
    """What somebody said of an experiment after it was kept."""

    text: str
    author: str
    at: str


class File(NamedTuple):
    """One file of an experiment; `page` is empty where the site does not hold it."""

    name: str
    size: int
    digest: str
    page: str = ""


class Parameter(NamedTuple):
    """One choice of a run; `value` is as it was given, and None may be one."""

    name: str
    value: Any
    source: str
    told: bool = True


@dataclass(frozen=True, slots=True)
class Details:
    """What the page of one experiment tells besides its line of the table.

    `facts` are further ones for its head, `left_out` says what the site was not to hold, `problem` what could not be
    read. `parents`, `children` and `comparisons` lead to other pages of the site; `report` to the report.
    """

    facts: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, Score] = field(default_factory=dict)
    test: Mapping[str, Score] = field(default_factory=dict)
    checks: Sequence[Check] = ()
    parameters: Sequence[Parameter] = ()
    notes: Sequence[Note] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    packages: Mapping[str, str] = field(default_factory=dict)
    files: Sequence[File] = ()
    report: str = ""
    parents: Sequence[Way] = ()
    children: Sequence[tuple[Way, Entry]] = ()
    comparisons: Sequence[Way] = ()
    left_out: str = ""
    problem: str = ""


def experiment_page(entry: Entry, details: Details, *, home: str = "") -> str:
    """Make the page of one experiment; `home` is where the first page of its site lies, seen from it."""
    facts = {
        "status": entry.status,
        "reason": entry.reason,
        "score": entry.score,
        "template": entry.template,
        "target": entry.target,
        "data": entry.data,
        "rows": entry.rows,
        "started": entry.started,
        "author": entry.author,
        "reference": entry.ref,
        **details.facts,
    }
    way = Markup('<nav class="way"><a href="{}">All experiments</a></nav>').format(quote(home))
    header = join([*([way] if home else []), heading(entry.short, facts), _chips(entry)])
    body = [
        *([notice("warn", "Not all of it can be shown", details.problem)] if details.problem else []),
        *([notice("note", "Without the data", details.left_out)] if details.left_out else []),
        *_report(details.report),
        *_children(details.children),
        *_scores(details),
        *_checks(details.checks),
        *_parameters(details.parameters),
        *_notes(details.notes),
        *_related(details),
        *_environment(details),
        *_files(details.files),
    ]
    return page(entry.ref, header=header, body=join(body), style=style())


def _chips(entry: Entry) -> Markup:
    return Markup('<div style="margin-top:14px">{}</div>').format(chips(entry.labels, entry.tags))


def _report(report: str) -> list[Markup]:
    if not report:
        return []
    return [Markup('<p class="report"><a href="{}">Read the report</a></p>').format(quote(report))]


def _children(children: Sequence[tuple[Way, Entry]]) -> list[Markup]:
    """Show the runs of a batch, with the columns that say anything."""
    if not children:
        return []
    columns: dict[str, list[Any]] = {
        "run": [_link(way) for way, _ in children],
        "status": [pill(one.status) for _, one in children],
        "score": ["" if one.score is None else score_sentence(one.score) for _, one in children],
        "labels": [chips(one.labels, one.tags) for _, one in children],
        "why": [one.reason for _, one in children],
    }
    told = {name: cells for name, cells in columns.items() if any(cells)}
    return [_head("Its runs"), table(list(told), zip(*told.values(), strict=True))]


def _scores(details: Details) -> list[Markup]:
    return [_head("Scores"), scores_table(details.scores, details.test)] if details.scores else []


def _checks(checks: Sequence[Check]) -> list[Markup]:
    if not checks:
        return []
    shown = [check_notice(check) for check in checks if check.level != "note"]
    notes = [check_notice(check) for check in checks if check.level == "note"]
    more = [folded(count(len(notes), "note"), join(notes))] if notes else []
    return [_head("What was odd about the data"), *shown, *more]


def _parameters(parameters: Sequence[Parameter]) -> list[Markup]:
    """Show what was chosen; what stayed as the template has it is folded."""
    if not parameters:
        return []
    chosen = [one for one in parameters if one.source != "default"]
    stayed = [one for one in parameters if one.source == "default"]
    more = [folded(f"{len(stayed)} more, as the template has them", _values(stayed))] if stayed else []
    return [_head("Parameters"), *([_values(chosen)] if chosen else []), *more]


def _values(parameters: Sequence[Parameter]) -> Markup:
    rows = [
        [one.name, typed(one.value) if one.told else "not told", SOURCES.get(one.source, one.source)]
        for one in parameters
    ]
    return table(["parameter", "value", "from"], rows)


def _notes(notes: Sequence[Note]) -> list[Markup]:
    if not notes:
        return []
    each = [
        Markup('<p class="said">{}, {}</p><p class="text">{}</p>').format(one.author, when(one.at), one.text)
        for one in notes
    ]
    return [_head("Notes"), *each]


def _related(details: Details) -> list[Markup]:
    ways = [*details.parents, *details.comparisons]
    each = Markup().join(Markup("<li>{}</li>").format(_link(way)) for way in ways)
    return [_head("Beside it"), Markup("<ul>{}</ul>").format(each)] if ways else []


def _environment(details: Details) -> list[Markup]:
    if not details.environment:
        return []
    lines = "\n".join(f"{name} {version}" for name, version in details.packages.items())
    packages = folded(count(len(details.packages), "package"), Markup("<pre>{}</pre>").format(lines))
    return [_head("Made with"), key_facts(details.environment), *([packages] if details.packages else [])]


FILES = Markup(
    '<div class="wb-scroll" tabindex="0" role="group" aria-label="Files"><table><thead><tr><th>file</th>'
    '<th style="text-align:right">size</th><th>SHA-256</th></tr></thead><tbody>{}</tbody></table></div>'
)
FILE = Markup('<tr><td>{}</td><td style="text-align:right">{}</td><td class="digest">{}</td></tr>')


def _files(files: Sequence[File]) -> list[Markup]:
    if not files:
        return []
    lines = Markup("\n").join(FILE.format(_file(one), size(one.size), one.digest) for one in files)
    told = paragraph("Those with a link are in this site; the others stay with the experiment.")
    return [_head("Files"), told, folded(count(len(files), "file"), FILES.format(lines))]


def _file(file: File) -> Markup | str:
    return _link(Way(file.name, file.page)) if file.page else file.name


def _link(way: Way) -> Markup:
    return Markup('<a href="{}">{}</a>').format(quote(way.page), way.text)


def _head(text: str) -> Markup:
    return Markup("<h2>{}</h2>").format(text)
