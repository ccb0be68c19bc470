"""What each column is, found by looking at its values: pure, quick, and with a reason in plain words."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.dataset.dates import date_notation, month_first
from workbench.dataset.look import SAMPLE, Look, is_text, look
from workbench.dataset.numbers import Notation, has_decimal_comma, number_notation
from workbench.dataset.reading import MOSTLY, Reading, read_as, sentinel
from workbench.dataset.words import (
    ENOUGH_ROWS,
    are_names_of_rows,
    are_sentences,
    is_named_id,
    is_namibia,
    missing_without,
    yes_and_no,
)
from workbench.estimators.coerce import coerce
from workbench.records import ColumnSchema, Kind

DATE_WORDS = {"date", "day", "datum", "dt", "ymd", "time", "timestamp", "datetime", "yyyymmdd"}
SAME = "every row has the same value"
MANY_LEVELS = 100
MANY_SPELLINGS = 12  # of yes and no


@dataclass(frozen=True, slots=True)
class Habits:
    """How the table as a whole writes what a single column may leave open."""

    comma_is_decimal: bool
    month_is_first: bool | None


def columns_of(frame: pd.DataFrame, unknown: Sequence[str] = ()) -> tuple[tuple[ColumnSchema, ...], tuple[str, ...]]:
    """Find the kind of every column.

    Parameters
    ----------
    frame : DataFrame
        Raw: text from CSV, typed from parquet.
    unknown : sequence of str
        Values that stand for a missing one.

    Returns
    -------
    columns : tuple of ColumnSchema
        With kind, coercion, distinct and missing counts, and a note. Identifiers have the role `id`, others `feature`.
    remarks : tuple of str
        What concerns several columns.
    """
    looks = [look(str(name), frame[name], unknown) for name in frame.columns]
    habits = _habits([seen for seen in looks if is_text(seen.series)])
    columns = tuple(decide(seen, habits) for seen in looks)
    if unknown:
        said = {"unknown": list(unknown)}
        columns = tuple(replace(column, coercion={**column.coercion, **said}) for column in columns)
    return columns, tuple(_remarks(columns))


def decide(seen: Look, habits: Habits) -> ColumnSchema:
    """Find the kind of one column: the first of a few readings that fits."""
    if not seen.present:
        return _column(seen, "empty", note="no row has a value")
    readings: tuple[Callable[[Look, Habits], ColumnSchema | None], ...] = (
        (_as_typed, _as_date_number, _as_number)
        if not is_text(seen.series)
        else (_as_boolean, _as_code, _as_date_number, _as_number, _as_date)
    )
    found = next((column for reading in readings if (column := reading(seen, habits))), None)
    return found or _words(seen, "", {})


def _habits(looks: Sequence[Look]) -> Habits:
    samples = [seen.sample[:200] for seen in looks]
    orders = [order for texts in samples if (order := month_first(texts)) is not None]
    return Habits(any(map(has_decimal_comma, samples)), orders[0] if len(set(orders)) == 1 else None)


def _as_typed(seen: Look, habits: Habits) -> ColumnSchema | None:  # noqa: ARG001 (one of several readings)
    if pd.api.types.is_bool_dtype(seen.series):
        return _constant(seen) or _column(seen, "boolean")
    if pd.api.types.is_numeric_dtype(seen.series) or pd.api.types.is_timedelta64_dtype(seen.series):
        return None
    return _dates(seen, {}, "")


def _as_boolean(seen: Look, habits: Habits) -> ColumnSchema | None:  # noqa: ARG001 (one of several readings)
    coercion = yes_and_no(seen.sample) if len(seen.distinct) <= MANY_SPELLINGS else None
    if coercion is None:
        return None
    distinct = coerce(seen.distinct, {"name": seen.name, "kind": "boolean", **coercion}).nunique()
    return _constant(seen) or _column(seen, "boolean", coercion=coercion, distinct=distinct)


def _as_code(seen: Look, habits: Habits) -> ColumnSchema | None:  # noqa: ARG001 (one of several readings)
    """Digits that are no number: leading zeros would be lost, and a double holds only 15 digits."""
    digits = [text for text in seen.sample if text.isdecimal()]
    if len(digits) < MOSTLY * len(seen.sample):
        return None
    lengths = {len(text) for text in digits}
    if any(text.startswith("0") and len(text) > 1 for text in digits):
        coercion = {"width": lengths.pop()} if len(lengths) == 1 else {}
        return _words(seen, "a code of digits; its leading zeros are kept", coercion)
    if sum(len(text) > 15 for text in digits) > len(digits) / 2:
        return _words(seen, "a code of more digits than a number can hold; read as text", {})
    return None


def _as_date_number(seen: Look, habits: Habits) -> ColumnSchema | None:  # noqa: ARG001 (one of several readings)
    """Recognise 20260131, in a column whose name speaks of dates."""
    if not DATE_WORDS & set(seen.words):
        return None
    if not all(re.fullmatch(r"(19|20)\d{6}", text) for text in seen.sample):
        return None
    return _dates(seen, {"formats": ["%Y%m%d"]}, "written as YYYYMMDD")


def _as_number(seen: Look, habits: Habits) -> ColumnSchema | None:
    found = _numbers(seen, habits) if is_text(seen.series) else (read_as(seen, "number", {}), Notation({}, 1.0))
    if found is None:
        return None
    reading, notation = found
    if why := _why_id(seen, reading):
        return _column(seen, "id", note=why, distinct=reading.distinct)
    if reading.distinct > 1 and seen.words[-1:] == ["id"] and _whole(reading.values):
        return _words(seen, "identifiers that repeat; if rows of one belong together, name it as group=", {})
    notes = [notation.note, reading.about_odd("numbers"), *_about_numbers(seen, reading)]
    return _read_column(seen, "number", reading, notation.coercion, notes)


def _numbers(seen: Look, habits: Habits) -> tuple[Reading, Notation] | None:
    """Read text as numbers; what was not among the sample has its say too."""
    notation = number_notation(seen.sample, comma_is_decimal=habits.comma_is_decimal)
    if notation.share < 0.5:
        return None
    reading = read_as(seen, "number", notation.coercion)
    if reading.odd and len(seen.distinct) > len(seen.sample):
        texts = [*seen.sample, *list(reading.odd)[:SAMPLE]]
        notation = number_notation(texts, comma_is_decimal=habits.comma_is_decimal)
        reading = read_as(seen, "number", notation.coercion)
    return (reading, notation) if reading.enough else None


def _why_id(seen: Look, reading: Reading) -> str:
    """Say why numbers only name their rows; a blank when they may measure something."""
    rows, values = len(seen.series), reading.values
    if reading.distinct < max(ENOUGH_ROWS, 0.99 * rows) or not _whole(values):
        return ""
    if reading.distinct == rows and values.max() - values.min() + 1 == rows:
        return "counts the rows one by one"
    steps = np.diff(values)  # of distinct values in file order: when none repeats, of the rows
    if reading.distinct == rows and (steps > 0).all() and (steps == 1).mean() >= 0.5:
        return "counts the rows, with gaps"
    return "named like an identifier, and its values do not repeat" if is_named_id(seen.words) else ""


def _as_date(seen: Look, habits: Habits) -> ColumnSchema | None:
    if not any(any(letter.isdigit() for letter in text) for text in seen.sample[:50]):
        return None
    found = date_notation(seen.sample, month_is_first=habits.month_is_first)
    return _dates(seen, found.coercion, found.note) if found.share >= 0.8 else None


def _dates(seen: Look, coercion: dict[str, Any], note: str) -> ColumnSchema | None:
    reading = read_as(seen, "date", coercion)
    if not reading.enough:
        return None
    return _read_column(seen, "date", reading, coercion, [note, reading.about_odd("dates")])


def _read_column(
    seen: Look, kind: Kind, reading: Reading, coercion: dict[str, Any], notes: Sequence[str]
) -> ColumnSchema:
    if reading.distinct == 1 and not reading.missing:
        return _column(seen, "constant", note=SAME, distinct=1)
    distinct, missing = reading.distinct, reading.missing
    return _column(seen, kind, coercion=coercion, distinct=distinct, missing=missing, note=_joined(notes))


def _about_numbers(seen: Look, reading: Reading) -> list[str]:
    notes = [f"{seen.blank:,} blank text(s) count as missing"] if seen.blank else []
    if seen.present >= ENOUGH_ROWS and (suspect := sentinel(reading)) is not None:
        notes.append(f"{suspect[0]:g} stands in {suspect[1]:,} rows and may mean 'unknown'")
    return notes


def _words(seen: Look, note: str, coercion: dict[str, Any]) -> ColumnSchema:
    """Tell apart what only names a row, what is read as sentences, and what sorts rows into groups."""
    if is_namibia(seen):
        seen = seen.with_value("NA")
        note = _joined([note, "'NA' is kept as a value, as the others are codes of two letters too"])
        coercion = {**coercion, "missing": missing_without("NA")}
    distinct, notes = len(seen.distinct), [note, _about_tokens(seen)]
    if constant := _constant(seen, coercion):
        return constant
    if distinct >= max(ENOUGH_ROWS, 0.99 * seen.present) and are_names_of_rows(seen.sample):
        nearly = "" if distinct == len(seen.series) else "nearly "
        notes.append(f"{nearly}every row has a value of its own")
        return _column(seen, "id", coercion=coercion, note=_joined(notes))
    if are_sentences(seen.sample, distinct / seen.present):
        return _column(seen, "text", coercion=coercion, note=_joined([*notes, "read as text, word by word"]))
    if distinct > MANY_LEVELS:
        notes.append("many different values")
    return _column(seen, "category", coercion=coercion, note=_joined(notes))


def _about_tokens(seen: Look) -> str:
    said = [f"{token!r} in {rows:,} row(s) counts as missing" for token, rows in list(seen.tokens.items())[:3]]
    said += [f"{text!r} is kept as a value of its own" for text in ("None", "none") if (seen.distinct == text).any()]
    return "; ".join(said)


def _constant(seen: Look, coercion: dict[str, Any] | None = None) -> ColumnSchema | None:
    """One value in every row; one value in some rows says something."""
    alone = len(seen.distinct) == 1 and not seen.missing
    return _column(seen, "constant", coercion=coercion, note=SAME) if alone else None


def _whole(values: npt.NDArray[np.float64]) -> bool:
    return bool((values == np.floor(values)).all())


def _column(
    seen: Look,
    kind: Kind,
    *,
    coercion: dict[str, Any] | None = None,
    note: str = "",
    distinct: int | None = None,
    missing: int | None = None,
) -> ColumnSchema:
    return ColumnSchema(
        name=seen.name,
        kind=kind,
        role="id" if kind == "id" else "feature",
        dtype=str(seen.series.dtype),
        coercion=coercion or {},
        distinct=len(seen.distinct) if distinct is None else distinct,
        missing=seen.missing if missing is None else missing,
        note=note,
    )


def _joined(notes: Sequence[str]) -> str:
    return "; ".join(filter(None, notes))


def _remarks(columns: Sequence[ColumnSchema]) -> list[str]:
    """Gather what several columns have in common."""
    commas = [column.name for column in columns if column.coercion.get("decimal") == ","]
    unknown = [column.name for column in columns if "may mean 'unknown'" in column.note]
    remarks = [f"Numbers are written with decimal commas in {_listed(commas)}."] if commas else []
    if unknown:
        remark = f"A value that may mean 'unknown' stands in {_listed(unknown)}; see the notes on these columns."
        remarks.append(f"{remark} If it does, name it as `missing`.")
    return remarks


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, names[:5]))
    return shown if len(names) <= 5 else f"{len(names)} columns ({shown}, …)"
