"""What the index knows of experiments, as tables: how a manifest becomes their rows, a condition a question to them.

The same tables stand twice: in the file, which is never changed, and in memory, for what the file does not know. Views
show both as one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from sqlite3 import Connection
from typing import Any, NamedTuple

from workbench.documents.experiment import Manifest
from workbench.experiment.finding.query import Condition
from workbench.records import Reference

FORM = 1  # raised with the tables; a file of another form is not read
TABLES = """
CREATE TABLE {where}.kept (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, version TEXT NOT NULL, state TEXT,
    kind TEXT, status TEXT, template TEXT, author TEXT, data TEXT, metric TEXT,
    began REAL, seconds REAL, rows REAL, score REAL, loss REAL, UNIQUE (name, version)
);
CREATE TABLE {where}.told (id INTEGER PRIMARY KEY, manifest TEXT NOT NULL);
CREATE TABLE {where}.scores (key TEXT, id INTEGER, number REAL, PRIMARY KEY (key, id)) WITHOUT ROWID;
CREATE TABLE {where}.labels (key TEXT, id INTEGER, value TEXT, number REAL, PRIMARY KEY (key, id)) WITHOUT ROWID;
CREATE TABLE {where}.noted (name TEXT, version TEXT, files TEXT, tags TEXT, PRIMARY KEY (name, version)) WITHOUT ROWID;
"""
VIEWS = """
CREATE TABLE temp.gone (id INTEGER PRIMARY KEY);
CREATE TABLE temp.tags (tag TEXT, name TEXT, version TEXT, PRIMARY KEY (tag, name, version)) WITHOUT ROWID;
CREATE TEMP VIEW all_kept AS
    SELECT * FROM main.kept WHERE id NOT IN (SELECT id FROM temp.gone) UNION ALL SELECT * FROM temp.kept;
CREATE TEMP VIEW all_told AS SELECT * FROM main.told UNION ALL SELECT * FROM temp.told;
CREATE TEMP VIEW all_scores AS SELECT * FROM main.scores UNION ALL SELECT * FROM temp.scores;
CREATE TEMP VIEW all_labels AS SELECT * FROM main.labels UNION ALL SELECT * FROM temp.labels;
"""
LATEST = "substr(version, 1, 16) DESC, began DESC, version DESC"
ORDERS = {
    "started": LATEST,
    "name": "name, version",
    "score": f"metric IS NULL, metric, loss IS NULL, loss, {LATEST}",
    "seconds": f"seconds IS NULL, seconds DESC, {LATEST}",
}


class Row(NamedTuple):
    """One experiment, as it comes into the index; `state` tells its manifest from an older or newer one."""

    reference: Reference
    state: str | None
    manifest: Manifest


def add(connection: Connection, where: str, rows: Iterable[Row]) -> None:
    """Put experiments into the tables of the file being written (``main``), or of those in memory (``temp``)."""
    for row, number in zip(rows, _numbers(connection, where), strict=False):
        marks = ", ".join("?" * 15)
        cursor = connection.execute(f"INSERT OR IGNORE INTO {where}.kept VALUES ({marks})", _facts(number, row))  # noqa: S608 - of our own words
        if not cursor.rowcount:  # another has put it there
            continue
        text = json.dumps(row.manifest, separators=(",", ":"))
        connection.execute(f"INSERT INTO {where}.told VALUES (?, ?)", (number, text))  # noqa: S608
        scores = ((_text(key), number, _number(one["value"])) for key, one in row.manifest["scores"].items())
        connection.executemany(f"INSERT OR IGNORE INTO {where}.scores VALUES (?, ?, ?)", scores)  # noqa: S608
        labels = ((_text(key), number, _text(str(one)), _number(one)) for key, one in row.manifest["labels"].items())
        connection.executemany(f"INSERT OR IGNORE INTO {where}.labels VALUES (?, ?, ?, ?)", labels)  # noqa: S608


def question(conditions: Sequence[Condition]) -> tuple[str, list[Any]]:
    """Ask for experiments that meet all conditions: an expression of SQL, and the values it is asked with."""
    parts, values = ["1"], []
    for condition in conditions:
        part, value = _positive(condition)
        parts.append(f"({part}) IS NOT 1" if condition.comparison == "!=" else f"({part})")
        values += value
    return " AND ".join(parts), values


def _positive(condition: Condition) -> tuple[str, list[Any]]:
    """Ask whether it holds; for ``!=``, whether its opposite does."""
    comparison = condition.comparison.removeprefix("!")
    operator = "GLOB" if condition.is_pattern else comparison
    value = condition.value
    if isinstance(value, str):
        value = _text(_pattern(value) if condition.is_pattern else value) or ""
    table, _, key = condition.field.partition(".")
    if key:
        column = "value" if isinstance(value, str) else "number"
        return f"id IN (SELECT id FROM all_{table}s WHERE key = ? AND {column} {operator} ?)", [_text(key), value]  # noqa: S608
    if condition.field == "tag":
        return f"(name, version) IN (SELECT name, version FROM temp.tags WHERE tag {operator} ?)", [value]  # noqa: S608
    return f"{condition.field} {operator} ?", [value]


def _pattern(text: str) -> str:
    """Write a pattern as GLOB takes it: there a bracket is a mark, too."""
    return text.replace("[", "[[]")


def _numbers(connection: Connection, where: str) -> Iterator[int]:
    """Give numbers to rows: upwards in the file, downwards in memory, so that none are the same."""
    order, step = ("max", 1) if where == "main" else ("min", -1)
    (last,) = connection.execute(f"SELECT {order}(id) FROM {where}.kept").fetchone()  # noqa: S608
    return count((last or 0) + step, step)


def _facts(number: int, row: Row) -> tuple[Any, ...]:
    (name, version), manifest = (row.reference.name, row.reference.version), row.manifest
    main = manifest["scores"].get(manifest["metric"]) or {}
    score = _number(main.get("value"))
    loss = -score if score is not None and main.get("higher_is_better", True) else score
    texts = (_text(manifest[field]) for field in ("kind", "status", "template", "author"))
    data = manifest["data"]
    return (
        number, name, version, row.state, *texts, _text(data.get("digest")), _text(manifest["metric"]),
        _began(manifest["started"], version), _number(manifest["resources"].get("wall")), _number(data.get("rows")),
        score, loss,
    )  # fmt: skip


def _began(started: str, version: str) -> float | None:
    """Tell when it began, in seconds since 1970; by its version where it does not say so itself."""
    for text in (started, f"{version[:8]}T{version[9:15]}Z"):
        with suppress(ValueError, OverflowError):
            moment = datetime.fromisoformat(text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return None


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _text(value: Any) -> str | None:
    """Give a text as SQLite takes it: without halves of letters, which JSON may hold."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else None
