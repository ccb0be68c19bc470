"""Documents as text for a terminal: what ``--json`` prints, laid out for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from workbench.cli.plain import plain
from workbench.pages.words import count, duration, measured, moment, money, spent

if TYPE_CHECKING:
    from workbench.comparison import Comparison

MARKS = {"note": "·", "warn": "!", "block": "✗"}
WIDTH = 160  # off a terminal lines are not wrapped to eighty columns: they are read by other programs


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=WIDTH)


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
    line(
        f"{document['status']} in {document['seconds']:.0f} s{paid(document)}"
        + (f": {document['reason']}" if document["reason"] else "")
    )
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


def listing(experiments: Sequence[Mapping[str, Any]], store: Path) -> None:
    """List experiments."""
    if not experiments:
        line(f"No experiments in {store} yet. Make one with: workbench demo")
        return
    shown = []
    for e in experiments:
        main = e["scores"].get(e["metric"]) if e["metric"] else None
        labels = " ".join(f"{key}={value}" for key, value in e["labels"].items())
        shown.append((e["ref"], e["status"], e["template"], score(e["metric"], main) if main else "", labels))
    rows(("experiment", "status", "template", "score", "labels"), shown)


def show(document: Mapping[str, Any]) -> None:
    """Show one experiment."""
    line(document["ref"])
    line(
        f"{document['status']}, {moment(document['started'])}, by {document['author']}"
        + (f": {document['reason']}" if document["reason"] else "")
    )
    if used := spent(document["resources"]):
        took = document["resources"].get("wall")
        facts = ({} if took is None else {"wall time": duration(took)}) | used
        line(", ".join(f"{name} {fact}" for name, fact in facts.items()))
    for name, one in document["scores"].items():
        line(("* " if name == document["metric"] else "  ") + score(name, one))
    checks(document["checks"])
    rows(
        ("parameter", "value", "from"), ((n, repr(p["value"]), p["source"]) for n, p in document["parameters"].items())
    )
    line(f"folder: {document['path']}")


def promotion(document: Mapping[str, Any]) -> None:
    """Tell what the gate decided."""
    for verdict in document["verdicts"]:
        line(f"{'✓' if verdict['passed'] else '✗'} {verdict['name']}: {verdict['because']}")
    if document["passed"]:
        line(f"{document['model']} is live: workbench predict {document['model']} DATA.csv -o predictions.csv")
        line(f"bundle: {document['path']}")
    else:
        line(f"Not promoted. {document['model']} stays as it was.")


def comparison(compared: Comparison, html: Path | None = None) -> None:
    """Show experiments in order, and what can be said of them."""
    line(str(compared))
    if html is not None:
        line(f"page: {html}")
