"""Documents as text for a terminal: what ``--json`` prints, laid out for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from workbench.cli.terminal import plain
from workbench.pages.words import count, duration, measured, money, size, spent, took

if TYPE_CHECKING:
    from workbench.comparison import Comparison, Difference

MARKS = {"note": "·", "warn": "!", "block": "✗"}
WIDTH = 160  # off a terminal lines are not wrapped to eighty columns: they are read by other programs


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=WIDTH)


def width() -> int:
    """Tell how many cells a line has room for."""
    return _console().width


def local(when: str) -> str:
    """Write a point in time as the clocks here showed it: ``2026-11-21 19:30``; nothing when it is none."""
    try:
        moment = datetime.fromisoformat(when)
    except ValueError:
        return ""
    return f"{(moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone():%Y-%m-%d %H:%M}"


def line(text: str) -> None:
    """Print one line."""
    _console().print(escape(plain(text)), soft_wrap=True)


def rows(columns: Sequence[str], cells: Iterable[Sequence[Any]]) -> None:
    """Print a plain table."""
    table = Table(*columns, box=None, pad_edge=False, header_style="bold", collapse_padding=True)
    for cell in cells:
        table.add_row(*(escape("" if value is None else plain(str(value))) for value in cell))
    _console().print(table)


def score(name: str, one: Mapping[str, Any]) -> str:
    """Write a score with its interval: ``roc_auc 0.8471 (0.8301 to 0.8642)``."""
    between = f" ({measured(one['low'])} to {measured(one['high'])})" if one.get("low") is not None else ""
    return f"{name} {measured(one['value'])}{between}"


def gallery(templates: Sequence[Mapping[str, Any]]) -> None:
    """List the templates."""
    rows(("template", "what it does", "where"), ((t["name"], t["description"], t["path"]) for t in templates))


def template(document: Mapping[str, Any]) -> None:
    """Show one template's parameters."""
    line(f"{document['name']} — {document['title']}. {document['description']}")
    shown = ((p["name"], p["takes"], p["default"] or "required", p["help"]) for p in document["parameters"])
    rows(("parameter", "type", "default", "help"), shown)


def run(document: Mapping[str, Any]) -> None:
    """Tell how a run ended; the first line is its reference alone."""
    line(document["ref"])
    time = took(document["seconds"], document["resources"].get("wall"))
    why = f": {document['reason']}" if document["reason"] else ""
    line(f"{document['status']} in {time}{paid(document)}{why}")
    if document["metric"]:
        line(score(document["metric"], document["scores"][document["metric"]]))
        if last := document["test"].get(document["metric"]):
            line(f"{score(document['metric'], last)} on {count(last.get('rows') or 0, 'row')} held back")
    checks(document["checks"])
    line(f"report: {document['report']}")


def paid(document: Mapping[str, Any]) -> str:
    """Write what a run or a batch cost, to follow how long it took; nothing when it had no price."""
    cost = document["resources"].get("cost")
    return f" for {money(cost['amount'], cost['currency'])}" if cost else ""


def checks(found: Sequence[Mapping[str, Any]]) -> None:
    """List what the data checks found that matters; notes are left to the report."""
    for check in found:
        if check["level"] != "note":
            line(f"{MARKS[check['level']]} {check['message']}")


def show(document: Mapping[str, Any]) -> None:
    """Show one experiment."""
    line(document["ref"])
    line(
        f"{document['status']}, {local(document['started'])}, by {document['author']}"
        + (f": {document['reason']}" if document["reason"] else "")
    )
    notes(document)
    if used := spent(document["resources"]):
        wall = document["resources"].get("wall")
        facts = ({} if wall is None else {"wall time": duration(wall)}) | used
        line(", ".join(f"{name} {fact}" for name, fact in facts.items()))
    for name, one in document["scores"].items():
        line(("* " if name == document["metric"] else "  ") + score(name, one))
    checks(document["checks"])
    beside(document)
    rows(
        ("parameter", "value", "from"), ((n, repr(p["value"]), p["source"]) for n, p in document["parameters"].items())
    )
    line(f"folder: {document['path']}")


def beside(document: Mapping[str, Any]) -> None:
    """Tell which tables an experiment was given, at which commit its template lay, and what is left out of it."""
    for one in document["objects"]:
        where = "kept" if one["kept"] else "not kept here"
        line(f"{one.get('parameter') or one['role']}: {one['name']}, {size(one['size'])}, {where}")
    if (git := document["git"]) and git.get("commit"):
        changed = ", with changes that were not committed" if git.get("changed") else ""
        line(f"commit: {git['commit'][:12]} on {git.get('branch') or 'no branch'}{changed}")
    if document["left_out"]:
        line(f"left out: {', '.join(document['left_out'])} (--json says why)")


def notes(document: Mapping[str, Any]) -> None:
    """Tell what was said of an experiment after it was kept, who said it and when."""
    if document["tags"]:
        line(f"tags: {' '.join(document['tags'])}")
    for note in document["notes"]:
        if note["kind"] == "note":
            said = note["text"].replace("\n", "\n    ")
            line(f"· {local(note['at'])} {note['author']}: {said}")
    for file, problem in document["damaged_notes"].items():
        line(f"! the note {file} {problem}")


def promotion(document: Mapping[str, Any]) -> None:
    """Tell what the gate decided."""
    for verdict in document["verdicts"]:
        line(f"{'✓' if verdict['passed'] else '✗'} {verdict['name']}: {verdict['because']}")
    if document["passed"]:
        line(f"{document['model']} is live: workbench predict {document['model']} DATA.csv -o predictions.csv")
        line(f"bundle: {document['path']}")
    else:
        line(f"Not promoted. {document['model']} stays as it was.")


def comparison(compared: Comparison | Difference, html: Path | None = None) -> None:
    """Show experiments side by side, and what can be said of them."""
    line(str(compared))
    if html is not None:
        line(f"page: {html}")
